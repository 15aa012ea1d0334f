"""Finds the depth map of a photo file: a given file, the map inside the photo, or an estimate.

Maps are uint8 `[h, w]`, near = bright, of the photo's proportions. TensorFlow and KerasHub are
imported only where an estimator needs them.
"""

import functools
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pynet_tf.depth import embedded
from pynet_tf.depth.camera_focus import Point, camera_focus
from pynet_tf.errors import InputError, refuse_missing
from pynet_tf.io import depth_map_files, images, photo_paths


@dataclass(frozen=True)
class PhotoWithDepth:
    """A photo, read from its file, and its depth map.

    Attributes:
        photo: as `images.read` reads it, uint8 or uint16; the one from before the phone blurred it,
            where the file holds that.
        options: what a picture of it keeps, see `images.write_image`.
        depth: `[h, w]` uint8, near = bright.
        source: where the map comes from, in words.
        focus: the point that the camera focused on, and what says so; None if nothing does.
        remarks: what of the file is left out, see `images.Photo`.
    """

    photo: np.ndarray
    options: dict
    depth: np.ndarray
    source: str
    focus: tuple[Point, str] | None
    remarks: tuple[str, ...] = ()


Source = Callable[[Path], PhotoWithDepth]


def given(photos: Sequence[Path], depth: Path) -> Source:
    """Takes depth maps from files.

    Args:
        photos: that will be asked for.
        depth: the map of the only photo, or a folder of maps that have the photos' names with
            any suffix of a picture.

    Raises:
        InputError: there is no such file or folder, or one file for several photos. The source
            raises it for a map that is missing, unreadable, or of another view.
    """
    refuse_missing(depth, f"--depth {depth} is not there; check the name")
    own = os.path.realpath(depth)
    if not depth.is_dir() and any(own == os.path.realpath(photo) for photo in photos):
        raise InputError(
            f"--depth {depth} is the photo itself; give its depth map, or leave --depth out"
        )
    if not depth.is_dir() and len(photos) > 1:
        raise InputError(
            f"--depth {depth} is one file for {len(photos)} photos; give the folder of their maps"
        )

    def find(path: Path) -> PhotoWithDepth:
        shot = images.read(path)
        file = depth
        if depth.is_dir():
            file = photo_paths.find_by_stem(depth, path.stem, (".png", *photo_paths.PHOTO_SUFFIXES))
        if file is None or os.path.realpath(file) == os.path.realpath(path):
            # A folder of the photos themselves has no maps.
            raise InputError(
                f"{path} has no depth map: {depth} holds no {path.stem}.png; make one with "
                "python -m pynet_tf.depth, or leave --depth out"
            )
        values, read = depth_map_files.read_map(file, path, shot.pixels.shape[:2])
        focus = camera_focus(path, shot.pixels.shape)
        return PhotoWithDepth(
            shot.pixels, shot.options, values, f"{file}{read}", focus, shot.remarks
        )

    return find


def automatic(estimator: Callable[[], object]) -> Source:
    """Takes the map inside a photo, or else estimates one.

    Args:
        estimator: loads what estimates, an object with `name` and `estimate(photo)`; called once,
            with the first photo that needs it. What it raises is raised for all that need it.

    Raises:
        InputError: the source raises it for a photo that cannot be read, or where there is neither
            a map in it nor an estimator.
    """
    load = _once(estimator)

    def find(path: Path) -> PhotoWithDepth:
        shot = images.read(path)
        photo, options = shot.pixels, shot.options
        focus, broken = camera_focus(path, photo.shape), ""
        try:
            found = embedded.find(path)
        except embedded.BrokenDepthError as error:
            found, broken = None, str(error)
        if found is not None:
            source, depth = found.source, found.depth
            if found.unblurred:
                sharp = images.read_unblurred(found.unblurred, path, photo.shape[:2])
                if sharp is not None:
                    photo, options = sharp.pixels, options | sharp.options
                    source = f"{source}, with the photo before it was blurred"
            focus = (found.focus, "where the camera focused") if found.focus else focus
            return PhotoWithDepth(photo, options, depth, source, focus, shot.remarks)
        try:
            depth = load().estimate(images.eight_bit(photo))
        except InputError as error:
            holds = f"holds a depth map of no use ({broken})" if broken else "holds no depth map"
            # Of its own class, by which callers know what failed.
            raise type(error)(f"{path} {holds}, and none can be estimated: {error}") from error
        source = f"estimated by {load().name}"
        if broken:
            source += f", since the photo's own is of no use: {broken}"
        return PhotoWithDepth(photo, options, depth, source, focus, shot.remarks)

    return find


def _once(estimator: Callable[[], object]) -> Callable[[], object]:
    """Returns a function that loads the estimator once, or fails with the same error again."""

    @functools.cache
    def result() -> tuple[object, InputError | None]:
        try:
            return estimator(), None
        except InputError as error:
            return None, error

    def load() -> object:
        loaded, error = result()
        if error is not None:
            raise error
        return loaded

    return load
