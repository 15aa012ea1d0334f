"""Reads the maps of iPhones: depth images of HEIC photos, and frames of portrait JPEGs (MPO)."""

import io
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from pynet_tf.depth.embedded import jpeg
from pynet_tf.depth.embedded.found import BrokenDepthError, EmbeddedDepth, read_grey, stretched

_PIXELS = "http://ns.apple.com/pixeldatainfo/1.0/"
# The values of a HEIC's depth image are inverse distances (0), disparities (1, 3), or distances:
_DISTANCE = 2
# The index of an MPO: the number of the tag that lists its frames, and how it begins.
_MPF_ENTRIES, _MPF_HEADER = 0xB002, b"MPF\0"


def heic(path: Path) -> tuple[EmbeddedDepth | None, tuple[int, int] | None, int]:
    """Reads the depth image of a HEIC photo.

    Args:
        path: of the photo.

    Returns:
        The map, None if there is none; width and height of the photo as it is seen; and the
        orientation of EXIF that it had before it was opened, which turns it upright.

    Raises:
        BrokenDepthError: it has one that cannot be read.
    """
    try:
        import pillow_heif
    except ImportError:
        # Whoever opens the photo says what is missing.
        return None, None, 1
    pillow_heif.register_heif_opener()
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as photo:
            size, stored = photo.size, photo.info.get("depth_images") or []
            orientation = photo.info.get("original_orientation") or 1
            if not stored:
                return None, size, orientation
            image = stored[0].to_pillow()
            about = image.info.get("metadata") or {}
            values = np.asarray(image.convert("L") if image.mode not in ("L", "I;16") else image)
    except Exception as error:
        raise BrokenDepthError(
            f"its depth image cannot be read ({' '.join(str(error).split())[:80]})"
        ) from error
    values = values.astype(np.float64)
    if about.get("representation_type") == _DISTANCE:
        low, high = float(about.get("d_min") or 0), float(about.get("d_max") or 0)
        if not 0 < low < high:
            raise BrokenDepthError("its depth image does not say how near and far it reaches")
        values = 1 / (low + values / values.max() * (high - low))
    depth = stretched(values, "its depth image")
    # The file says of each image alone how it is turned when it is opened; iPhones' say it of both.
    upright = (depth.shape[0] > depth.shape[1]) == (size[1] > size[0])
    source = "the phone's depth image in the photo"
    return EmbeddedDepth(depth, source, upright=upright), size, orientation


def mpo(content: bytes) -> EmbeddedDepth | None:
    """Reads the disparity frame of an iPhone's portrait JPEG; None if there is none.

    Args:
        content: of the file.

    Raises:
        BrokenDepthError: there is one that cannot be read.
    """
    for frame in _frames(content):
        about = jpeg.properties(jpeg.xmp_documents(frame), _PIXELS)
        kind = " ".join(about.values()).lower()
        # The matte of a person calls itself depth, too.
        if "matte" in kind or not ("disparity" in kind or "depth" in kind):
            continue
        depth = stretched(read_grey(frame, "its disparity map"), "its disparity map")
        return EmbeddedDepth(depth, "the phone's disparity map in the photo")
    return None


def _frames(content: bytes) -> list[bytes]:
    """Returns the images that follow the first one in an MPO file."""
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(content)) as photo:
            if photo.format != "MPO":
                return []
            entries = photo.mpinfo[_MPF_ENTRIES]
    # Whoever opens the photo itself says what is wrong with it.
    except Exception:
        return []
    # Offsets count from the index's own header.
    base = content.find(_MPF_HEADER) + len(_MPF_HEADER)
    frames = []
    for entry in entries[1:]:
        begin = base + entry["DataOffset"]
        frames.append(content[begin : begin + entry["Size"]])
    return frames
