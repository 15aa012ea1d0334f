"""Small copies of the pictures that were measured, for the report's figures.

With them in memory, about 50 kB each, no picture is rendered twice.
"""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from pynet_tf.evaluate.protocol import Picture
from pynet_tf.io import images

# Rows of the panels in the report's figures. Lower pictures are kept as they are.
HEIGHT = 340


@dataclass(frozen=True)
class Preview:
    """A picture's two forms (see `Picture`), reduced and compressed."""

    level: bytes
    full: bytes


def preview(picture: Picture) -> Preview:
    """Makes the preview of a picture."""
    full = _compressed(picture.full)
    if picture.level is picture.full:
        return Preview(full, full)
    level = picture.level
    if level.dtype != np.uint8:
        level = np.rint(np.clip(level, 0, 1) * 255).astype(np.uint8)
    return Preview(_compressed(level), full)


def decoded(content: bytes) -> np.ndarray:
    """Returns a preview's pixels, `[h, w, 3]` uint8."""
    return np.asarray(Image.open(io.BytesIO(content), formats=["JPEG", "PNG"]))


def _compressed(picture: np.ndarray) -> bytes:
    height, width = picture.shape[:2]
    stream = io.BytesIO()
    if height <= HEIGHT:
        # Panels show the pixels of coarse levels enlarged: no trace of compression in them.
        Image.fromarray(picture).save(stream, "PNG")
    else:
        small = images.resize(picture, HEIGHT, max(1, round(width * HEIGHT / height)))
        Image.fromarray(small).save(stream, "JPEG", quality=95, subsampling=0)
    return stream.getvalue()
