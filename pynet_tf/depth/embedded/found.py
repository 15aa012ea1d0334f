"""What the readers of photo files share: their result, their error, and how they read a map.

Maps are uint8 `[h, w]`, near = bright, linear in inverse distance.
"""

import io
import warnings
from dataclasses import dataclass

import numpy as np
from PIL import Image

from pynet_tf.errors import InputError

# Of an image inside a photo: phones store a few hundred to a few thousand pixels a side. What is
# larger was made to fill the memory.
LARGEST_PIXELS = 60_000_000
# In pixels: a map of fewer on a side shows nothing.
SMALLEST_SIDE = 8


class BrokenDepthError(InputError):
    """A photo says that it holds a depth map, and the map cannot be read."""


@dataclass(frozen=True)
class EmbeddedDepth:
    """A depth map from inside a photo.

    Attributes:
        depth: `[h, w]` uint8, near = bright.
        source: where it was found, in words.
        unblurred: the file of the photo from before the phone blurred it; None if there is none.
        upright: whether map and focus lie as the photo is seen, and not as it is stored.
        focus: the point (x, y) that the camera focused on, 0..1; None if nothing says.
    """

    depth: np.ndarray
    source: str
    unblurred: bytes | None = None
    upright: bool = False
    focus: tuple[float, float] | None = None


def read_grey(content: bytes, name: str) -> np.ndarray:
    """Reads a map that is stored as an image file.

    Args:
        content: of the image file.
        name: of the map, for messages.

    Returns:
        `[h, w]` uint8 or uint16, as stored.

    Raises:
        BrokenDepthError: it is no image, or too large or too small for a map.
    """
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(content)) as image:
            width, height = image.size
            if width * height > LARGEST_PIXELS:
                raise BrokenDepthError(f"{name} has {width}x{height} pixels, too many for a map")
            if min(width, height) < SMALLEST_SIDE:
                raise BrokenDepthError(f"{name} has {width}x{height} pixels, too few for a map")
            if image.mode.startswith("I"):
                return np.asarray(image).astype(np.uint16)
            return np.asarray(image.convert("RGB"))[..., 0]
    except BrokenDepthError:
        raise
    # Pillow reports damaged files by almost any exception.
    except Exception as error:
        reason = " ".join(str(error).split())[:80]
        raise BrokenDepthError(f"{name} cannot be read ({reason})") from error


def stretched(nearness: np.ndarray, name: str) -> np.ndarray:
    """Stretches a map to 0..255.

    Args:
        nearness: `[h, w]`, near = large.
        name: of the map, for messages.

    Returns:
        `[h, w]` uint8, near = bright.

    Raises:
        BrokenDepthError: it is the same everywhere, or holds what is no number.
    """
    nearness = nearness.astype(np.float64)
    if not np.isfinite(nearness).all():
        raise BrokenDepthError(f"{name} holds values that are no numbers")
    low, high = nearness.min(), nearness.max()
    if high <= low:
        raise BrokenDepthError(f"{name} is the same everywhere")
    return np.rint(255 * (nearness - low) / (high - low)).astype(np.uint8)
