"""What the page shows of a photo besides the picture: the focus, what is sharp, the depth.

picture    [h, w, 3] uint8
defocus    [h/2, w/2] float32, in pixels of the picture; 0 where it is sharp
"""

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from pynet_tf.io import images

# Of the focus' ring, in parts of the picture's longer side.
_RING = 1 / 60
_FINER = 4
# Up to the first, in percent of the longer side, nobody sees that a thing is out of focus; from
# the second on everybody does.
_SHARP, _NOT_SHARP = 0.15, 0.4
# How bright that is shown.
_DIMMED = 0.3


def with_focus(picture: np.ndarray, point: tuple[float, float], chosen: bool) -> Image.Image:
    """Draws a ring around the focus.

    Args:
        picture: see the module.
        point: (x, y) in 0..1.
        chosen: whether it was clicked; an automatic focus is a ring in four parts.
    """
    height, width = picture.shape[:2]
    radius = max(height, width) * _RING
    side = math.ceil(2 * radius + 16)
    middle, radius, line = side * _FINER / 2, radius * _FINER, max(2, radius * _FINER / 8)
    box = [middle - radius, middle - radius, middle + radius, middle + radius]
    ring = Image.new("L", (side * _FINER, side * _FINER))
    draw = ImageDraw.Draw(ring)
    arcs = [(0, 360)] if chosen else [(start + 15, start + 75) for start in range(0, 360, 90)]
    for start, end in arcs:
        draw.arc(box, start, end, fill=255, width=round(line))
    dot = line * 0.8
    draw.ellipse([middle - dot, middle - dot, middle + dot, middle + dot], fill=255)
    ring = ring.resize((side, side), Image.Resampling.LANCZOS)
    shade = ring.filter(ImageFilter.GaussianBlur(1.5)).point(lambda value: min(255, 2 * value))
    result = Image.fromarray(picture)
    corner = round(point[0] * width - side / 2), round(point[1] * height - side / 2)
    result.paste((0, 0, 0), corner, shade.point(lambda value: value * 6 // 10))
    result.paste((255, 255, 255), corner, ring)
    return result


def what_is_sharp(picture: np.ndarray, defocus: np.ndarray) -> np.ndarray:
    """Dims what is out of focus: `[h, w, 3]` uint8."""
    height, width = picture.shape[:2]
    radius = 100 * np.abs(defocus) / max(height, width)
    sharp = (_NOT_SHARP - radius) / (_NOT_SHARP - _SHARP)
    sharp = np.rint(255 * np.clip(sharp, 0, 1)).astype(np.uint8)
    sharp = images.resize(sharp, height, width).astype(np.float32)[..., None] / 255
    grey = _DIMMED * picture.mean(axis=-1, keepdims=True, dtype=np.float32)
    return np.rint(sharp * picture + (1 - sharp) * grey).astype(np.uint8)


def depth_picture(depth: np.ndarray, height: int, width: int) -> np.ndarray:
    """Returns a depth map as a grey picture of a size: `[height, width, 3]` uint8."""
    return np.repeat(images.resize(depth, height, width)[..., None], 3, axis=-1)
