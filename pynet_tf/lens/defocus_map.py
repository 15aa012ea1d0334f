"""How far every pixel of a photo is out of focus: settings, law and sharpened depth in one call."""

import numpy as np

from pynet_tf.lens.depth_edges import sharpened
from pynet_tf.lens.focus import LensSettings, defocus, focus_of, largest_radius


def defocus_map(photo: np.ndarray, depth: np.ndarray, settings: LensSettings) -> np.ndarray:
    """Returns the defocus of a photo at half its size.

    Args:
        photo: `[H, W, 3]`, uint8 or float in [0, 1].
        depth: `[h, w]`, uint8 or float in [0, 1], near = 1, of any size.
        settings: focus, blur and sharp range.

    Returns:
        `[H/2, W/2]`, rounded up, float32: signed radius of the circle of confusion in pixels of
        the photo, positive nearer than the focus.

    Raises:
        InputError: the depth map has the wrong type, shape or range.
    """
    largest = largest_radius(settings.blur, *photo.shape[:2])
    focus = focus_of(depth, settings)
    return defocus(sharpened(depth, photo), focus, largest, settings.sharp_range)
