"""Reads the maps of Huawei's wide-aperture photos (P9 to P30, Mate): raw bytes behind the JPEG.

Two things lie behind the photo: the one from before it was blurred, a JPEG too, and a block with
the word `edof` between zeros. The trailer is named `DepthEn`. All this is known from others'
readers, and was not tried on a phone's own file.
"""

import io
import warnings

import numpy as np
from PIL import Image

from pynet_tf.depth.embedded.found import SMALLEST_SIDE, BrokenDepthError, EmbeddedDepth, stretched

_TRAILER, _MARK, _JPEG = b"DepthEn\0", b"\0edof\0", b"\xff\xd8\xff"
# Where things are in the block, in bytes from the zero before its name.
_TURN, _WIDTH, _HEIGHT, _VALUES = 12, 21, 23, 73
# Quarter turns against the clock that turn the values upright.
_QUARTERS = {0x10: 0, 0x11: 1, 0x12: 2, 0x13: 3}
# Images behind the photo that are looked at: two or three are there, thumbnails among them.
_MOST_IMAGES = 16


def wide_aperture(content: bytes, photo_size: tuple[int, int]) -> EmbeddedDepth | None:
    """Reads the map of a wide-aperture photo; None if it has none.

    Args:
        content: of the file.
        photo_size: width and height of the photo as it is stored.

    Raises:
        BrokenDepthError: it has one that cannot be read.
    """
    place = content.find(_MARK)
    if place < 0 or _TRAILER not in content:
        return None
    header = content[place : place + _VALUES]
    if len(header) < _VALUES or header[_TURN] not in _QUARTERS:
        raise BrokenDepthError("the header of its depth map is cut or damaged")
    width, height = (int.from_bytes(header[at : at + 2], "little") for at in (_WIDTH, _HEIGHT))
    if min(width, height) < SMALLEST_SIDE:
        raise BrokenDepthError(f"its depth map has {width}x{height} pixels, too few for a map")
    raw = np.frombuffer(content[place + _VALUES :][: width * height], np.uint8)
    if raw.size < width * height:
        raise BrokenDepthError("the lengths in its trailer do not fit the file")
    # Near is dark.
    depth = 255 - np.rot90(raw.reshape(height, width), _QUARTERS[header[_TURN]])
    return EmbeddedDepth(
        stretched(depth, "its depth map"),
        "Huawei's depth map in the photo",
        _unblurred(content[:place], photo_size),
        upright=True,
    )


def _unblurred(content: bytes, photo_size: tuple[int, int]) -> bytes | None:
    """Returns the first JPEG behind the photo that is as large as it."""
    begin = content.find(_JPEG, 2)
    for _ in range(_MOST_IMAGES):
        if begin < 0:
            return None
        try:
            with warnings.catch_warnings(action="ignore"):
                size = Image.open(io.BytesIO(content[begin:])).size
        # Three bytes may be anything.
        except Exception:
            size = None
        if size == photo_size:
            return content[begin:]
        begin = content.find(_JPEG, begin + 2)
    return None
