"""Edge-aware smoothing: the guided filter with a colour guide (He, Sun and Tang, 2010).

Around every pixel the result is the best linear function of the guide's colour, so that its
edges lie where the photo's edges are. The functions vary slowly: found on a small photo, they
may be enlarged and applied to the large one (He and Sun, 2015), which sharpens a small map.
"""

import numpy as np
from scipy.ndimage import uniform_filter


def guided_coefficients(
    values: np.ndarray, guide: np.ndarray, radius: int, smoothness: float
) -> tuple[np.ndarray, np.ndarray]:
    """Fits `values` by linear functions of the guide's colour, one around every pixel.

    Args:
        values: `[h, w]` float, e.g. a depth map.
        guide: `[h, w, 3]` float in [0, 1], the photo.
        radius: half the window's side in pixels.
        smoothness: the variance of the guide's colour below which a window counts as flat.

    Returns:
        slope `[h, w, 3]` and offset `[h, w]`, float32: the filtered values are
        `sum(slope * guide, axis=-1) + offset`.
    """
    guide = np.asarray(guide, np.float32)
    values = np.asarray(values, np.float32)

    def mean(picture: np.ndarray) -> np.ndarray:
        sides = (2 * radius + 1, 2 * radius + 1) + (1,) * (picture.ndim - 2)
        return uniform_filter(picture, sides, mode="nearest")

    guide_mean, values_mean = mean(guide), mean(values)
    outer = guide[..., :, None] * guide[..., None, :]
    variance = mean(outer) - guide_mean[..., :, None] * guide_mean[..., None, :]
    covariance = mean(guide * values[..., None]) - guide_mean * values_mean[..., None]
    ridge = smoothness * np.eye(3, dtype=np.float32)
    slope = np.linalg.solve(variance + ridge, covariance[..., None])[..., 0]
    offset = values_mean - np.sum(slope * guide_mean, axis=-1)
    return mean(slope), mean(offset)
