"""Brings depth maps of other estimators and sensors into this project's form.

    given   PNG or TIFF of 8, 16 or 32 bits or .npy, any size; near = bright, near = dark, or
            distances
    depth   uint8, near = bright, stretched to 0..255

A file does not show what its values mean: the user says it with `invert`. What was guessed, filled
or left as it was goes to `say`, a sentence each.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from pynet_tf.depth.map_form import map_size, resize_map, stretch
from pynet_tf.errors import InputError, refuse_unreadable
from pynet_tf.io import depth_map_files, photo_metadata
from pynet_tf.io.opening import MAX_PIXELS, open_image
from pynet_tf.io.photo_paths import PHOTO_SUFFIXES, find_by_stem

MAP_SUFFIXES = (".npy", *PHOTO_SUFFIXES)
# Zeros of a map that is dark where it is near are holes where what is beside them is this far from
# 0, in parts of the largest value: a real map comes near its nearest place step by step.
_HOLE_STEP = 0.1

Say = Callable[[str], None]


def _silent(_: str) -> None:
    pass


def read_map(path: Path, say: Say = _silent) -> np.ndarray:
    """Reads a depth map with all its bits.

    Args:
        path: a picture, grey or coloured by one of `depth_map_files.COLOUR_MAPS`; or an array
            `[h, w]`, `[h, w, 1]` or `[1, h, w]` in a `.npy` file.
        say: takes what was done beyond reading.

    Returns:
        `[h, w]` of the file's own integer or float type.

    Raises:
        InputError: the file is missing, cut short, in other colours or of another shape or type.
    """
    path = Path(path)
    if path.suffix.lower() != ".npy":
        picture = open_image(path)
        for sentence in photo_metadata.other_pictures(picture):
            say(sentence)
        return _grey_levels(picture, path, say)
    refuse_unreadable(path)
    try:
        # Mapped, so that a false size in the header cannot ask for the memory.
        values = np.lib.format.open_memmap(path, mode="r")
    # NumPy reports a damaged header by almost any exception.
    except Exception as error:
        raise InputError(
            f"{path} cannot be read as an array of numbers; save it anew with numpy.save"
        ) from error
    if values.size > MAX_PIXELS:
        raise InputError(f"{path} has more than {MAX_PIXELS // 1_000_000} million values")
    shape = values.shape
    values = values.squeeze()
    if values.ndim != 2 or not values.size or values.dtype.kind not in "buif":
        raise InputError(
            f"{path} holds {values.dtype} of shape {shape}; wanted are numbers of shape "
            "[height, width]"
        )
    return np.array(values)


def normalize_map(
    values: np.ndarray,
    invert: str | None = None,
    photo_size: tuple[int, int] | None = None,
    say: Say = _silent,
) -> np.ndarray:
    """Brings a map into the form that training and rendering take.

    Args:
        values: `[h, w]`, integers or floats. Holes are filled from the nearest value: what is not
            finite, distances of 0 or less, and zeros that are to be turned over and are far from
            what is beside them. An infinite distance is as far as can be.
        invert: None if near = bright (large) already; `levels` if near = dark on a relative
            scale, which is turned over; `distance` if the values are distances, of which the
            inverse is taken; `auto` for `distance` if they are floats and `levels` if integers.
        photo_size: rows and columns of the photo; the map becomes half of that. None: the map
            keeps its size.
        say: takes what was filled.

    Returns:
        `[h, w]` uint8, near = bright, stretched to 0..255.

    Raises:
        InputError: the map is the same everywhere or has no valid value.
    """
    near = _nearness(values, invert, say)
    # The difference of two numbers may be too large for a number; that of their halves is not.
    near = near / 2
    low, high = near.min(), near.max()
    if low == high:
        raise InputError("it is the same everywhere, or has no valid value; nothing to stretch")
    # In 0..1 first: the resizing is in float32, which distances in other units may exceed.
    near = (near - low) / (high - low)
    if photo_size is not None:
        near = resize_map(near, *map_size(*photo_size))
    return stretch(near)


def _nearness(values: np.ndarray, invert: str | None, say: Say) -> np.ndarray:
    """Returns values that are large where it is near, all finite; constant if none is valid."""
    if invert == "auto":
        invert = "distance" if values.dtype.kind == "f" else "levels"
    values = values.astype(np.float64)
    if invert == "distance":
        # Below the smallest normal number the inverse is no number any more.
        valid = values >= np.finfo(np.float64).tiny
        near = np.divide(1, values, out=np.zeros_like(values), where=valid)
    else:
        valid = np.isfinite(values)
        near = -values if invert == "levels" else values
        if invert == "levels":
            valid &= ~_holes(values)
    if not valid.any():
        return np.zeros_like(values)
    if not valid.all():
        from scipy.ndimage import distance_transform_edt

        what = {"levels": "0, far from those beside them,", "distance": "no distances"}
        say(
            f"{max(1 - valid.mean(), 1e-4):.2%} of its values are {what.get(invert, 'no numbers')} "
            "and taken for holes, which are filled from beside"
        )
        rows, columns = distance_transform_edt(~valid, return_distances=False, return_indices=True)
        near = near[rows, columns]
    return near


def _holes(values: np.ndarray) -> np.ndarray:
    """Returns which zeros are holes, and not the nearest place of a map where near is dark."""
    zero = values == 0
    if not zero.any() or values.min() < 0 or zero.all():
        return np.zeros(values.shape, bool)
    from scipy import ndimage

    step = _HOLE_STEP * values[np.isfinite(values)].max()
    # A sensor's values begin far from 0.
    if np.percentile(values[~zero & np.isfinite(values)], 0.5) > step:
        return zero
    places, count = ndimage.label(zero, np.ones((3, 3)))
    # What is beside each region: the smallest value there is of the region's number.
    grown = ndimage.grey_dilation(places, (3, 3))
    beside = (grown > 0) & ~zero
    medians = ndimage.median(values, np.where(beside, grown, 0), np.arange(1, count + 1))
    return np.isin(places, 1 + np.flatnonzero(np.asarray(medians) > step))


def _grey_levels(picture: Image.Image, path: Path, say: Say) -> np.ndarray:
    if picture.mode.startswith("I;16"):
        return np.asarray(picture).astype(np.uint16)
    if picture.mode in ("I", "F"):
        return np.asarray(picture)
    values, colour_map = depth_map_files.grey_of_eight_bits(picture, path)
    if colour_map:
        say(f"read back from the colours of {colour_map}")
    return values


def normalize_files(
    paths: Iterable[Path],
    invert: str | None = None,
    photos: Path | None = None,
    say: Say = _silent,
) -> Iterator[tuple[Path, np.ndarray | InputError]]:
    """Normalizes map files, see `normalize_map`.

    Args:
        paths: the maps.
        invert: see `normalize_map`.
        photos: a folder with photos of the maps' stems; a map becomes half its photo's size. A
            map without photo keeps its own.
        say: takes what is worth knowing of a map, with the map's name.

    Yields:
        For every path, in order, its map, or the error for a file that is of no use.
    """
    for path in paths:
        try:
            yield path, _normalize_file(path, invert, photos, say)
        except InputError as error:
            yield path, error


def _normalize_file(path: Path, invert: str | None, photos: Path | None, say: Say) -> np.ndarray:
    def say_of_it(sentence: str) -> None:
        say(f"{path}: {sentence}")

    values = read_map(path, say_of_it)
    photo = find_by_stem(photos, path.stem) if photos else None
    photo_size = None
    if photo:
        photo_size = open_image(photo).size[::-1]
        depth_map_files.refuse_other_view(photo, photo_size, path, values.shape)
    elif photos:
        say_of_it(
            f"{photos} holds no photo of this name, so it keeps its size, "
            f"{values.shape[1]}x{values.shape[0]}"
        )
    try:
        depth = normalize_map(values, invert, photo_size, say_of_it)
    except InputError as error:
        raise InputError(f"{path} is of no use: {error}") from error
    if depth_map_files.looks_upside_down(depth):
        remedy = (
            "is near bright in it, leave --invert out"
            if invert
            else "is near dark in it, give --invert levels, or --invert distance for distances"
        )
        say_of_it(f"its lower part is farther than its upper part, which is rare; {remedy}")
    return depth
