"""Reads depth maps from files, with suspicion.

Maps of other programs are coloured, turned, 16-bit with millimetres, or no maps at all. What can be
put right is, and said; the rest is refused in one sentence.
"""

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from pynet_tf.errors import InputError
from pynet_tf.io import photo_metadata
from pynet_tf.io.opening import open_image

# In pixels: fewer on a side show no depth.
SMALLEST_SIDE = 4
# A map may be this much longer or shorter than the photo's proportions ask for, besides one pixel
# of rounding.
TOLERANCE = 0.05
# One whose shorter side is so many pixels off, and this part of it, may be another photo's;
# estimators make maps of whole blocks.
_BLOCK, _DOUBTFUL = 16, 0.02
# The colour maps that Depth Anything's, MiDaS' and others' own scripts write.
COLOUR_MAPS = ("Spectral_r", "inferno", "magma", "plasma", "viridis", "turbo", "jet")
# Colours this far from a colour map, on average, of 255, are none of it: JPEG moves them a little.
_FAR_FROM_MAP = 6.0
# Levels of 255: channels that differ by less, in 99 of 100 pixels, are grey; JPEG colours the rest.
_GREY = 4
# In parts of the range of levels: a map whose lower third is this much farther than its upper one
# seems to be turned over, since ground is nearer at the bottom.
_UPSIDE_DOWN = 0.2
# 16-bit values that reach no higher than this part of the type are not stretched: another unit.
_LOW_RANGE = 0.25


def read_map(file: Path, photo: Path, photo_shape: Sequence[int]) -> tuple[np.ndarray, str]:
    """Reads a photo's depth map.

    Args:
        file: of the map.
        photo: of the photo, for messages.
        photo_shape: height and width of the photo.

    Returns:
        `[h, w]` uint8, near = bright; and how it was read, in words, empty if as it is.

    Raises:
        InputError: the file is no picture, or shows no depth of this photo.
    """
    picture = open_image(file)
    # First: estimators' own scripts write coloured maps beside their photos.
    refuse_other_view(photo, photo_shape, file, picture.size[::-1])
    values, read = _grey_of(picture, file)
    read += "".join(f"; {sentence}" for sentence in photo_metadata.other_pictures(picture))
    if values.min() == values.max():
        raise InputError(f"{file} is the same everywhere, so it is no depth map; make it anew")
    shorter = min(values.shape)
    off = abs(shorter - max(values.shape) * min(photo_shape) / max(photo_shape))
    if off > max(_BLOCK, _DOUBTFUL * shorter):
        read += (
            f"; its proportions are {off / shorter:.0%} off the photo's: if it is another photo's, "
            "make it again with python -m pynet_tf.depth"
        )
    if looks_upside_down(values):
        read += (
            "; its lower part is farther than its upper part, which is rare: if near is dark in "
            "it, turn it over with python -m pynet_tf.depth --normalize FOLDER --invert levels"
        )
    return values, read


def refuse_other_view(
    photo: Path, photo_shape: Sequence[int], depth: Path, depth_shape: Sequence[int]
) -> None:
    """Checks that a depth map has its photo's proportions.

    Args:
        photo: for the message.
        photo_shape: height and width.
        depth: for the message.
        depth_shape: height and width.

    Raises:
        InputError: it is turned, or cropped, or of another photo, or hardly has a pixel.
    """
    (height, width), (rows, columns) = photo_shape, depth_shape
    if min(rows, columns) < SMALLEST_SIDE:
        raise InputError(
            f"{depth} has {columns}x{rows} pixels, too few to be a depth map; make it again with "
            "python -m pynet_tf.depth"
        )
    expected_rows, expected_columns = columns * height / width, rows * width / height
    if (
        abs(rows - expected_rows) > 1 + TOLERANCE * rows
        and abs(columns - expected_columns) > 1 + TOLERANCE * columns
    ):
        beside = abs(columns - 2 * expected_columns) < 0.1 * columns
        hint = "; it seems to stand beside its photo: cut it out" if beside else ""
        raise InputError(
            f"{depth} is {columns}x{rows} and {photo} is {width}x{height}; a depth map has its "
            f"photo's proportions, so make it again from the photo as it is now{hint}"
        )


def looks_upside_down(depth: np.ndarray) -> bool:
    """Tells whether near seems to be dark: ground is nearer at the bottom of most photos."""
    third = max(depth.shape[0] // 3, 1)
    lower, upper = depth[-third:].mean(), depth[:third].mean()
    return bool(upper - lower > _UPSIDE_DOWN * 255)


def uncoloured(picture: np.ndarray) -> tuple[np.ndarray, str] | None:
    """Turns a colour-mapped map back to the values that were coloured.

    Args:
        picture: `[h, w, 3]` uint8.

    Returns:
        `[h, w]` uint8 and the colour map's name; None if it is none of `COLOUR_MAPS`.
    """
    sample = picture[:: max(picture.shape[0] // 64, 1), :: max(picture.shape[1] // 64, 1)]
    distances = {}
    for name in COLOUR_MAPS:
        difference = sample.reshape(-1, 1, 3).astype(np.int32) - _colours(name)[None]
        distances[name] = float(np.sqrt((difference**2).sum(axis=-1).min(axis=1)).mean())
    name = min(distances, key=distances.get)
    if distances[name] > _FAR_FROM_MAP:
        return None
    colours = _colours(name)
    flat, places = np.unique(picture.reshape(-1, 3), axis=0, return_inverse=True)
    values = np.empty(len(flat), np.uint8)
    for start in range(0, len(flat), 4096):
        part = flat[start : start + 4096, None].astype(np.int32) - colours[None]
        away = (part**2).sum(axis=-1)
        # Some colours stand for several values beside each other: the one in the middle.
        last = len(colours) - 1 - away[:, ::-1].argmin(axis=1)
        values[start : start + 4096] = (away.argmin(axis=1) + last) // 2
    return values[places.reshape(-1)].reshape(picture.shape[:2]), name


def grey_of_eight_bits(picture: Image.Image, file: Path) -> tuple[np.ndarray, str]:
    """Reads a map of 8 bits, grey or coloured.

    Args:
        picture: of any mode of 8 bits.
        file: for the message.

    Returns:
        `[h, w]` uint8, and the name of the colour map that was turned back, empty if none was.

    Raises:
        InputError: it is coloured by no colour map that is known.
    """
    if picture.mode not in ("L", "LA", "1"):
        colours = np.asarray(picture.convert("RGB"))
        if np.percentile(np.ptp(colours, axis=-1), 99) > _GREY:
            found = uncoloured(colours)
            if found is None:
                raise InputError(
                    f"{file} is coloured, and not by a colour map that is known "
                    f"({', '.join(COLOUR_MAPS)}); give the map in grey"
                )
            return found
    return np.asarray(picture.convert("L")), ""


def _grey_of(picture: Image.Image, file: Path) -> tuple[np.ndarray, str]:
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        values = np.asarray(picture).astype(np.float64)
        if not np.isfinite(values).all():
            raise InputError(
                f"{file} holds values that are no numbers; turn it into a map with "
                "python -m pynet_tf.depth --normalize"
            )
        low, high = values.min(), values.max()
        if picture.mode == "F":
            if low >= 0 and high <= 1:
                return np.rint(values * 255).astype(np.uint8), ""
        elif high > _LOW_RANGE * 65535:
            return (np.clip(values, 0, 65535) / 257).round().astype(np.uint8), ""
        raise InputError(
            f"{file} has values from {low:g} to {high:g}, which may be a distance; turn it into a "
            "map with python -m pynet_tf.depth --normalize (--invert distance if it is one)"
        )
    values, colour_map = grey_of_eight_bits(picture, file)
    return values, f", read back from the colours of {colour_map}" if colour_map else ""


@functools.cache
def _colours(name: str) -> np.ndarray:
    import matplotlib

    colours = matplotlib.colormaps[name](np.arange(256), bytes=True)[:, :3]
    return colours.astype(np.int32)
