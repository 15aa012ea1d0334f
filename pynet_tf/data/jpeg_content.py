"""The JPEG that a sample keeps of a picture file.

The file's own bytes are kept where a plain decoder makes the wanted pixels of them. Where the last
row or column is cut off, the size in the JPEG's header is made smaller by one. So nothing is
encoded again, and the pixels stay the camera's. That works unless a whole block of 8 falls away.
All other files (PNG, CMYK, a rotation in the EXIF data, a colour profile, a damaged end mark) are
encoded once, as RGB at quality 100.
"""

import io
import struct
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

# JPEG's marks. Pillow reads photos whose end mark is damaged; TensorFlow does not.
_PIXELS, _END = b"\xff\xda", b"\xff\xd9"
# Headers of a frame, which hold the size: baseline, extended and progressive.
_FRAMES = (0xC0, 0xC1, 0xC2)
# Levels by which a decoded value may be off; encoding at quality 100 costs as much.
_NEARLY = 2


def of_file(path: Path, pixels: np.ndarray) -> bytes:
    """Returns a JPEG that a plain decoder makes `pixels` of, to two levels.

    Args:
        path: of a picture file.
        pixels: `[H, W, 3]` uint8, as they were read of it, perhaps without the last row or
            column.
    """
    content = path.read_bytes()
    if content.rfind(_END) > content.rfind(_PIXELS):
        for own in (content, _cut(content, *pixels.shape[:2])):
            if own and _shows(own, pixels):
                return own
    encoded = io.BytesIO()
    # Without the way through YCbCr and its rounding, which costs up to four levels.
    Image.fromarray(pixels).save(encoded, "JPEG", quality=100, keep_rgb=True)
    return encoded.getvalue()


def _shows(content: bytes, pixels: np.ndarray) -> bool:
    """Tells whether a decoder that knows nothing of orientation and profiles finds the pixels."""
    try:
        with warnings.catch_warnings(action="ignore"):
            picture = Image.open(io.BytesIO(content), formats=["JPEG"])
            if picture.mode not in ("RGB", "L") or picture.size != pixels.shape[1::-1]:
                return False
            found = np.asarray(picture.convert("RGB"))
    # Pillow reports what is no JPEG by almost any exception.
    except Exception:
        return False
    return int((np.maximum(found, pixels) - np.minimum(found, pixels)).max()) <= _NEARLY


def _cut(content: bytes, height: int, width: int) -> bytes | None:
    """Gives a JPEG another size in its header; None where it cannot be smaller by so little."""
    place = 2
    while content[place : place + 1] == b"\xff" and place + 9 <= len(content):
        mark, length = content[place + 1], struct.unpack_from(">H", content, place + 2)[0]
        if mark in _FRAMES:
            size = struct.unpack_from(">HH", content, place + 5)
            wanted = (height, width)
            same_blocks = all(-(-a // 8) == -(-b // 8) for a, b in zip(size, wanted, strict=True))
            if size == wanted or not same_blocks:
                return None
            return content[: place + 5] + struct.pack(">HH", *wanted) + content[place + 9 :]
        place += 2 + length
    return None
