"""Small clipped lights: how bright they were is not in the photo, so a person may say."""

import numpy as np
from scipy import ndimage

# Light from the first on begins to count as clipped, and fully this much above.
_CLIPPED = (0.85, 0.12)
# Of the window around, in radii of the largest disc to each side: where more than a quarter of it
# is clipped, no light is small.
_WINDOW, _LARGE = 6.0, 0.25


def highlight_gain(light: np.ndarray, highlights: float, radius: float) -> np.ndarray:
    """Returns how much brighter than it shows each pixel is taken to be.

    Only small lights gain: a white sky is as bright as it looks.

    Args:
        light: `[h, w, 3]` linear light, 0..1.
        highlights: how many times brighter a small clipped light is, beyond the first.
        radius: of the largest disc, in pixels.

    Returns:
        `[h, w]` float32, 1 and more.
    """
    clipped = np.clip((light.max(axis=-1) - _CLIPPED[0]) / _CLIPPED[1], 0, 1)
    window = 2 * round(_WINDOW * radius / 2) + 1
    around = ndimage.uniform_filter(clipped, window, mode="nearest")
    return 1 + highlights * clipped * np.clip(1 - around / _LARGE, 0, 1)
