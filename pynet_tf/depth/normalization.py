"""Depth maps of other estimators and sensors, brought into this project's form.

    given   PNG or TIFF of 8, 16 or 32 bits or .npy, any size; near = bright, near = dark, or
            distances
    depth   uint8, near = bright, stretched to 0..255

What a value means cannot be read off the file: the user says so with `invert`.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from pynet_tf.depth.map_form import map_size, resize_map, stretch
from pynet_tf.errors import InputError
from pynet_tf.io.images import MAX_PIXELS, open_image
from pynet_tf.io.photo_paths import PHOTO_SUFFIXES, find_by_stem

MAP_SUFFIXES = (".npy", *PHOTO_SUFFIXES)


def read_map(path: Path) -> np.ndarray:
    """Reads a depth map with all its bits.

    Args:
        path: a grey picture, or an array `[h, w]`, `[h, w, 1]` or `[1, h, w]` in a `.npy` file.

    Returns:
        `[h, w]` of the file's own integer or float type.

    Raises:
        InputError: the file is missing, cut short, in colour or of another shape or type.
    """
    path = Path(path)
    if path.suffix.lower() != ".npy":
        return _grey_levels(open_image(path), path)
    if not path.is_file():
        raise InputError(f"{path} is not there; check the name")
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
    values: np.ndarray, invert: str | None = None, photo_size: tuple[int, int] | None = None
) -> np.ndarray:
    """Brings a map into the form that training and rendering take.

    Args:
        values: `[h, w]`, integers or floats. Values that are not finite are missing, as are
            distances of 0 or less; missing ones are filled from the nearest that is there. An
            infinite distance is as far as can be.
        invert: None if near = bright (large) already; `levels` if near = dark on a relative
            scale, which is turned over; `distance` if the values are distances, of which the
            inverse is taken; `auto` for `distance` if they are floats and `levels` if integers.
        photo_size: rows and columns of the photo; the map becomes half of that. None: the map
            keeps its size.

    Returns:
        `[h, w]` uint8, near = bright, stretched to 0..255.

    Raises:
        InputError: the map is the same everywhere, has no valid value, or lies across the photo.
    """
    near = _nearness(values, invert)
    # The difference of two numbers may be too large for a number; that of their halves is not.
    near = near / 2
    low, high = near.min(), near.max()
    if low == high:
        raise InputError("it is the same everywhere, or has no valid value; nothing to stretch")
    # In 0..1 first: the resizing is in float32, which distances in other units may exceed.
    near = (near - low) / (high - low)
    if photo_size is not None:
        if _lies_across(near.shape, photo_size):
            raise InputError(
                f"it has {near.shape[1]}x{near.shape[0]} pixels and its photo "
                f"{photo_size[1]}x{photo_size[0]}; turn it, or check that the photo is its own"
            )
        near = resize_map(near, *map_size(*photo_size))
    return stretch(near)


def _nearness(values: np.ndarray, invert: str | None) -> np.ndarray:
    """Large = near, all finite; constant if no value is valid."""
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
    if not valid.any():
        return np.zeros_like(values)
    if not valid.all():
        from scipy.ndimage import distance_transform_edt

        rows, columns = distance_transform_edt(~valid, return_distances=False, return_indices=True)
        near = near[rows, columns]
    return near


def _grey_levels(picture: Image.Image, path: Path) -> np.ndarray:
    if picture.mode.startswith("I;16"):
        return np.asarray(picture).astype(np.uint16)
    if picture.mode in ("I", "F"):
        return np.asarray(picture)
    if picture.mode in ("1", "L", "LA"):
        return np.asarray(picture.convert("L"))
    colours = np.asarray(picture.convert("RGB"))
    # JPEG makes grey slightly coloured; false-colour maps differ by far more.
    if np.mean(colours.max(axis=-1) - colours.min(axis=-1)) > 4:
        raise InputError(
            f"{path} is in colour, from which depth cannot be read; export it as a grey map"
        )
    return np.asarray(picture.convert("L"))


def _lies_across(shape: tuple[int, int], photo_size: tuple[int, int]) -> bool:
    """Whether one is clearly a portrait and the other clearly a landscape."""
    ratios = sorted((shape[0] / shape[1], photo_size[0] / photo_size[1]))
    return ratios[0] < 1 / 1.1 and ratios[1] > 1.1


def normalize_files(
    paths: Iterable[Path], invert: str | None = None, photos: Path | None = None
) -> Iterator[tuple[Path, np.ndarray | InputError]]:
    """Normalizes map files, see `normalize_map`.

    Args:
        paths: the maps.
        invert: see `normalize_map`.
        photos: a folder with photos of the maps' stems; a map becomes half its photo's size. A
            map without photo keeps its own.

    Yields:
        For every path, in order, its map, or the error for a file that is of no use.
    """
    for path in paths:
        try:
            yield path, _normalize_file(path, invert, photos)
        except InputError as error:
            yield path, error


def _normalize_file(path: Path, invert: str | None, photos: Path | None) -> np.ndarray:
    values = read_map(path)
    photo = find_by_stem(photos, path.stem) if photos else None
    photo_size = open_image(photo).size[::-1] if photo else None
    try:
        return normalize_map(values, invert, photo_size)
    except InputError as error:
        raise InputError(f"{path} is of no use: {error}") from error
