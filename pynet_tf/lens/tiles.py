"""Work on an image tile by tile, side by side on all processors.

What a tile needs beside itself is cut out with a frame (`around`), so that memory holds little
beside the image. The same inside graphs: `inference.tile_graph`.
"""

import itertools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

# Rows and columns.
Window = tuple[slice, slice]


def in_tiles(
    tile: Callable[[Window], None], shape: tuple[int, int], sides: tuple[int, int]
) -> None:
    """Calls a function with every tile.

    Args:
        tile: takes a tile's rows and columns; several run at a time. What it raises is raised.
        shape: of the image, `(h, w)`.
        sides: of a tile; those at the far edges may be smaller.
    """
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for _ in pool.map(tile, _tiles(shape, sides)):
            pass


def doubled(window: Window) -> Window:
    """Returns the same window of an image of twice the size."""
    return tuple(slice(2 * part.start, 2 * part.stop) for part in window)


def grown(window: Window, by: int, shape: tuple[int, ...]) -> Window:
    """Returns a window with a frame around it, as far as the image of this shape goes."""
    return tuple(
        slice(max(0, part.start - by), min(side, part.stop + by))
        for part, side in zip(window, shape, strict=False)
    )


def within(part: Window, whole: Window) -> Window:
    """Returns where a window lies in another one that holds it."""
    return tuple(
        slice(inner.start - outer.start, inner.stop - outer.start)
        for inner, outer in zip(part, whole, strict=True)
    )


def around(image: np.ndarray, window: Window, frame: int = 1) -> np.ndarray:
    """Cuts a window out with a frame around it; beyond the edges, the edge's."""
    for axis, part in enumerate(window):
        first, stop = part.start - frame, part.stop + frame
        if first >= 0 and stop <= image.shape[axis]:
            image = image[(slice(None),) * axis + (slice(first, stop),)]
        else:
            places = np.clip(np.arange(first, stop), 0, image.shape[axis] - 1)
            image = np.take(image, places, axis=axis)
    return image


def _tiles(shape: tuple[int, int], sides: tuple[int, int]) -> Iterator[Window]:
    along = [
        [slice(first, min(first + side, length)) for first in range(0, length, side)]
        for length, side in zip(shape, sides, strict=True)
    ]
    yield from itertools.product(*along)
