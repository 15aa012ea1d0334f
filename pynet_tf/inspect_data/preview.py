"""Rows of panels to look at before training: what the network will see, and suspicious pairs."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import tensorflow as tf

from pynet_tf.data import pipeline, whole_samples
from pynet_tf.data.shards import Split
from pynet_tf.io import image_grid, images
from pynet_tf.io.image_grid import Panel

# Rows of the panels that show whole photos.
_THUMBNAIL = 320


def training_rows(
    split: Split, level: int, window: int, count: int, seed: int = 0
) -> Iterator[list[Panel]]:
    """Yields the first training samples, as `pipeline.training` makes them.

    Args:
        split: from `open_split`.
        level: of the targets, 7 (smallest) to 1.
        window: side of the window in pixels of the half-size photo.
        count: of samples.
        seed: of order, windows and augmentation.

    Yields:
        Photo with the window drawn in | depth map | window as the network sees it | its depth |
        its target | both laid over each other.
    """
    batches = pipeline.training(split, level, window, 1, seed).take(count)
    for number, (image, target) in enumerate(batches.as_numpy_iterator()):
        key = tf.constant(number, tf.int64)
        sample = next(whole_samples.photos(split, [int(pipeline.drawn_photo(split, key, seed))]))
        size = sample["image"].shape[:2]
        corner, turns, flip = pipeline.drawn_window(tf.constant(size), key, window, seed)
        top, left = (2 * int(place) for place in corner)
        height, width = (2 * min(window, side) for side in size)
        boxed = image_grid.outline(sample["photo"], top, left, height, width, size[0] // 60)
        image, target = (
            np.rint(np.clip(picture[0], 0, 1) * 255).astype(np.uint8) for picture in (image, target)
        )
        seen, side = image[..., :3], target.shape[0]
        overlaid = _overlay(seen, images.resize(target, window, window))
        yield [
            Panel(_thumbnail(boxed), f"photo {sample['name']}", f"window at {left}, {top}"),
            Panel(sample["image"][..., 3], "depth", "near = bright"),
            Panel(seen, "input", _augmentation(int(turns), bool(flip))),
            Panel(image[..., 3], "its depth"),
            Panel(target, "target", f"level {level}: {side}x{side}\n{_lens(sample)}"),
            Panel(overlaid, "laid over", "red: input, cyan: target"),
        ]


def suspicious_row(sample: Mapping, reasons: Sequence[str]) -> list[Panel]:
    """Makes the row of a suspicious pair.

    Args:
        sample: see `whole_samples.photos`.
        reasons: what is suspicious about it.

    Returns:
        Photo | depth map | bokeh shot | both shots laid over each other.
    """
    photo, bokeh = (_thumbnail(sample[shot]) for shot in ("photo", "bokeh"))
    return [
        Panel(photo, sample["name"], "; ".join(reasons), warning=True),
        Panel(_thumbnail(sample["image"][..., 3]), "depth", "near = bright"),
        Panel(bokeh, "bokeh shot", _lens(sample)),
        Panel(_overlay(photo, bokeh), "laid over", "red: photo, cyan: bokeh"),
    ]


def _lens(sample: Mapping) -> str:
    """Says with which focus and blur the bokeh shot was taken."""
    return f"focus {sample['focus']:.2f}, blur {sample['blur']:.2f} %"


def _augmentation(turns: int, flip: bool) -> str:
    turned = f"turned by {90 * turns}°" if turns else "not turned"
    return f"{turned}, {'flipped' if flip else 'not flipped'}"


def _overlay(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Lays two pictures of one size over each other, the first in red, the second in cyan."""
    red, cyan = (picture.mean(axis=-1).astype(np.uint8) for picture in (first, second))
    return np.stack([red, cyan, cyan], axis=-1)


def _thumbnail(picture: np.ndarray) -> np.ndarray:
    factor = min(1.0, _THUMBNAIL / picture.shape[0])
    return images.resize(picture, *(round(side * factor) for side in picture.shape[:2]))
