"""Large photos in bounded memory: the coarse levels whole, the fine levels in tiles, exactly.

Instance norm takes its statistics over the whole picture, so levels 7 to 4 and the encoder blocks
that feed them are computed whole. Levels 3, 2 and 1 have no norm: their outputs depend on a
bounded neighbourhood only, and a tile with that much of its surroundings (its halo) gives what
the whole picture gives, up to float rounding. The pyramid is cut behind level 4's last features:

    coarse  image -> features [1, H/4, W/4, 64 * width] and, for level 3's picture, what the head
            has made at level 4: of `residual` level_4 [1, H/4, W/4, 3] and mask [1, H/4, W/4, 1],
            of `defocus` changes [1, H/4, W/4, 7], reach and largest [1, H/4, W/4, 1]
    fine    image, maps: all these -> level_1, level_2, level_3, all from windows of one place

The halo, in pixels of level 3 (half the image's), follows the longest way back from level 1:

    level 1's convolution, its enlargement, level 2's convolutions and its enlargement     2
    f12, f10, f9, f8, f7, f6, f5, f4, f3: two convolutions each of radius
    1, 2, 3, 4, 4, 4, 4, 3, 2                                                             54
    e3: two convolutions of radius 1                                                        2
                                                                                    sum = 58

that is 29 pixels of level 4, 116 of the image and 232 of the photo. Where a tile ends at the
picture's edge it has no halo there: the zero padding of the whole picture is its own.
"""

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from pynet_tf.inference import signatures
from pynet_tf.inference.loading import RenderModel
from pynet_tf.lens.focus import LensSettings

# In pixels of level 4, the unit in which tiles are cut.
HALO = 29
# The image and the photo have this many pixels, along each side, for one of level 4.
CUT = 4
PHOTO_CUT = 8
# A tile's largest area with its halo, in pixels of level 4. At full width level 3 then takes
# about as much memory as the whole of level 4 does for a photo of 24 megapixels.
TILE_AREA = 120_000

FINE_LEVELS = (3, 2, 1)
LAST_COARSE_LAYER = "level_4_d9_conv3_2_relu"


@dataclass(frozen=True)
class Window:
    """Rows or columns of a tile, in pixels of level 4, without and with the halo."""

    start: int
    stop: int
    outer_start: int
    outer_stop: int

    def __len__(self) -> int:
        return self.outer_stop - self.outer_start

    def inner(self, scale: int) -> slice:
        """Where the tile lies in a picture of `scale` times level 4's size."""
        return slice(self.start * scale, self.stop * scale)

    def outer(self, scale: int = 1) -> slice:
        """Where the tile with its halo lies."""
        return slice(self.outer_start * scale, self.outer_stop * scale)

    def inner_of_outer(self, scale: int) -> slice:
        """Where the tile lies in itself with its halo."""
        begin = self.start - self.outer_start
        return slice(begin * scale, (begin + self.stop - self.start) * scale)


def cut_pyramid(pyramid: keras.Model, level: int = 1) -> tuple[Callable, Callable]:
    """Cuts a pyramid behind level 4; the two graphs share its layers.

    They are graphs, since a Keras model called directly keeps all its maps until it returns.
    Both take any picture size and can be exported as the signatures of a SavedModel.

    Args:
        pyramid: from `model.pynet`, of any width and head.
        level: the finest that `fine` gives, 3, 2 or 1.

    Returns:
        `coarse(image)` gives a dict of maps, see the module; `fine(image, maps)` a dict of
        `level_3` and, as far as asked for, `level_2` and `level_1`.
    """
    maps = _maps(pyramid)
    levels = [f"level_{number}" for number in FINE_LEVELS if number >= level]
    coarse = keras.Model(pyramid.input, maps, name="coarse")
    fine = keras.Model(
        [pyramid.input, *maps.values()],
        {name: pyramid.output[name] for name in levels},
        name="fine",
    )
    image = tf.TensorSpec((None, None, None, pyramid.input.shape[-1]), tf.float32, name="image")
    specs = {
        name: tf.TensorSpec((None, None, None, tensor.shape[-1]), tensor.dtype, name=name)
        for name, tensor in maps.items()
    }
    return (
        tf.function(lambda image: coarse(image), input_signature=[image], autograph=False),
        tf.function(
            lambda image, maps: fine([image, *(maps[name] for name in specs)]),
            input_signature=[image, specs],
            autograph=False,
        ),
    )


def _maps(pyramid: keras.Model) -> dict:
    """Returns what level 3 needs of the coarser levels, see the module."""
    made = {layer.name: layer.output for layer in pyramid.layers}
    maps = {"features": made[LAST_COARSE_LAYER]}
    if "level_4_reach" in made:
        maps |= {"changes": made["level_4_layers"][0], "reach": made["level_4_reach"]}
        return maps | {"largest": made["level_4_largest_radius"]}
    if "level_4_mask" in made:
        return maps | {"level_4": made["level_4"], "mask": made["level_4_mask"]}
    return maps


def evaluate(
    coarse: Callable[..., dict],
    fine: Callable[..., dict],
    image: tf.Tensor,
    level: int = 1,
    area: int = TILE_AREA,
    halo: int = HALO,
    progress: Callable[[Iterable, int], Iterable] | None = None,
) -> np.ndarray:
    """Computes the output of level 1, 2 or 3 with the fine levels in tiles.

    Args:
        coarse: see `cut_pyramid`.
        fine: likewise.
        image: `[1, H, W, C]` float32 in [0, 1], H and W multiples of 32.
        level: 3, 2 or 1.
        area: the largest tile with its halo, in pixels of level 4.
        halo: in pixels of level 4; less than `HALO` is not exact.
        progress: called with the tiles and their number, returns the tiles and shows how far
            it is.

    Returns:
        `[h, w, 3]` float32 in the level's size, not clipped.

    Raises:
        ValueError: the level is not one of those computed in tiles, or a side of the image is
            not a multiple of 32.
    """
    if level not in FINE_LEVELS:
        raise ValueError(f"level is {level}, but only levels 3 to 1 are computed in tiles")
    height, width = image.shape[1:3]
    if height % 32 or width % 32:
        raise ValueError(f"the image is {width}x{height}, but both have to be multiples of 32")
    maps = coarse(image=image)
    scale = 2 ** (4 - level)
    tiles = list(cut(height // CUT, width // CUT, area, halo))
    output = np.empty((height // CUT * scale, width // CUT * scale, 3), np.float32)
    for rows, columns in progress(tiles, len(tiles)) if progress else tiles:
        windows = {name: part[:, rows.outer(), columns.outer()] for name, part in maps.items()}
        outer = fine(image[:, rows.outer(CUT), columns.outer(CUT)], windows)[f"level_{level}"]
        output[rows.inner(scale), columns.inner(scale)] = outer[
            0, rows.inner_of_outer(scale), columns.inner_of_outer(scale)
        ]
    return output


def renderer(
    model: RenderModel,
    area: int = TILE_AREA,
    progress: Callable[[Iterable, int], Iterable] | None = None,
) -> Callable[..., np.ndarray]:
    """Makes a function that renders photos of any size, large ones in tiles.

    Args:
        model: from `loading.load_model`; a SavedModel as well as a run directory.
        area: photos above this size are tiled, see `evaluate`.
        progress: see `evaluate`.

    Returns:
        A function like `model.render`, with the same results but for rounding.
    """
    parts = functools.cache(lambda: cut_pyramid(model.pyramid(), model.level))

    def render(
        photo: np.ndarray, depth: np.ndarray | None = None, settings: LensSettings | None = None
    ) -> np.ndarray:
        height, width = photo.shape[:2]
        whole = height * width <= area * PHOTO_CUT**2
        if whole or model.level not in FINE_LEVELS or model.pyramid is None:
            return model.render(photo, depth, settings)
        planes = [tf.constant(plane[None]) for plane in model.plane(photo, depth, settings)]
        image = signatures.to_image(
            tf.constant(photo[None]), *(planes or [None]), model.input_format
        )
        output = evaluate(*parts(), image, model.level, area, progress=progress)
        return signatures.to_bokeh(output[None], height, width, model.level)[0].numpy()

    return render


def output_of(
    model: RenderModel, progress: Callable[[Iterable, int], Iterable] | None = None
) -> Callable[[np.ndarray], np.ndarray]:
    """Makes a function image -> raw output of the model's level, large images in tiles.

    Args:
        model: as for `renderer`, with a pyramid.
        progress: see `evaluate`.
    """
    parts = functools.cache(lambda: cut_pyramid(model.pyramid(), model.level))

    def output(image: np.ndarray) -> np.ndarray:
        height, width = image.shape[1:3]
        if height * width <= TILE_AREA * CUT**2 or model.level not in FINE_LEVELS:
            return model.network(image)[f"level_{model.level}"].numpy()
        return evaluate(*parts(), tf.constant(image), model.level, progress=progress)[None]

    return output


def cut(
    height: int, width: int, area: int = TILE_AREA, halo: int = HALO
) -> Iterator[tuple[Window, Window]]:
    """Cuts a picture into the grid of tiles that costs least to compute.

    Args:
        height: of the picture, in pixels of level 4.
        width: likewise.
        area: the largest tile with its halo. Without its halo a tile is at least 16 pixels high
            and wide, so where the halo alone is larger than `area`, so is the tile.
        halo: what a tile has around it within the picture.

    Yields:
        Rows and columns of each tile.
    """
    choices = []
    for n_rows in range(1, max(1, height // 16) + 1):
        rows = _divide(height, n_rows, halo)
        for n_columns in range(1, max(1, width // 16) + 1):
            columns = _divide(width, n_columns, halo)
            largest = max(map(len, rows)) * max(map(len, columns))
            cost = sum(map(len, rows)) * sum(map(len, columns))
            choices.append((max(largest, area), cost, rows, columns))
            if largest <= area:
                break
    _, _, rows, columns = min(choices, key=lambda choice: choice[:2])
    for row in rows:
        for column in columns:
            yield row, column


def _divide(length: int, parts: int, halo: int) -> list[Window]:
    ends = [round(part * length / parts) for part in range(parts + 1)]
    return [
        Window(start, stop, max(0, start - halo), min(length, stop + halo))
        for start, stop in itertools.pairwise(ends)
    ]
