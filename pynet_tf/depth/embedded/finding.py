"""Looks for a depth map inside a photo file, whatever phone made it."""

import io
import warnings
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from pynet_tf.depth.embedded import apple, google, huawei, samsung
from pynet_tf.depth.embedded.found import BrokenDepthError, EmbeddedDepth
from pynet_tf.io.channels import upright

_HEIF = {".heic", ".heif", ".hif"}
# A larger file is no phone's photo.
_LARGEST_FILE = 400 << 20
# How far a map's proportions may be from the photo's: maps are cut to whole blocks.
_TOLERANCE = 0.06
# Orientations that make a portrait of a stored landscape.
_ACROSS = (5, 6, 7, 8)


def find(path: Path) -> EmbeddedDepth | None:
    """Returns the depth map inside a photo, turned upright as the photo is seen.

    Args:
        path: of the photo.

    Returns:
        The map and its focus, both upright, and the photo from before the phone blurred it, as
        it is stored. None if the file holds no map.

    Raises:
        BrokenDepthError: the file says that it holds one, and it cannot be read.
    """
    path = Path(path)
    if path.suffix.lower() in _HEIF:
        found, size, orientation = apple.heic(path)
    else:
        if path.stat().st_size > _LARGEST_FILE:
            return None
        content = path.read_bytes()
        if not content.startswith(b"\xff\xd8"):
            return None
        size, orientation = _about(content)
        found = google.gdepth(content) or google.dynamic_depth(content) or apple.mpo(content)
        if found is None and size:
            found = samsung.live_focus(content, size) or huawei.wide_aperture(content, size)
        if size and orientation in _ACROSS:
            size = size[::-1]
    if found is None:
        return None
    depth, focus = found.depth, found.focus
    if not found.upright:
        depth = upright(depth, orientation)
        focus = turned_point(focus, orientation) if focus else None
    if size:
        _refuse_other_view(depth, size)
    return EmbeddedDepth(depth, found.source, found.unblurred, upright=True, focus=focus)


def turned_point(point: tuple[float, float], orientation: int) -> tuple[float, float]:
    """Returns where a point of a stored photo lies once it is turned upright.

    Args:
        point: (x, y), 0..1.
        orientation: of EXIF, 1 to 8.
    """
    x, y = point
    places = {
        1: (x, y),
        2: (1 - x, y),
        3: (1 - x, 1 - y),
        4: (x, 1 - y),
        5: (y, x),
        6: (1 - y, x),
        7: (1 - y, 1 - x),
        8: (y, 1 - x),
    }
    return places.get(orientation, point)


def _about(content: bytes) -> tuple[tuple[int, int] | None, int]:
    """Returns the stored width and height, and the orientation."""
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(content)) as photo:
            return photo.size, photo.getexif().get(ExifTags.Base.Orientation, 1)
    # Whoever opens the photo itself says what is wrong with it.
    except Exception:
        return None, 1


def _refuse_other_view(depth: np.ndarray, size: tuple[int, int]) -> None:
    # Both upright; the size is width and height.
    proportion = (depth.shape[1] / depth.shape[0]) / (size[0] / size[1])
    if not 1 - _TOLERANCE < proportion < 1 + _TOLERANCE:
        raise BrokenDepthError(
            f"its depth map is {depth.shape[1]}x{depth.shape[0]}, the photo {size[0]}x{size[1]}: "
            "they show different views"
        )
