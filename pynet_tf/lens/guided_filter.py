"""Edge-aware smoothing: the guided filter with a colour guide (He, Sun and Tang, 2010).

Around every pixel the result is the best linear function of the guide's colour, so that its
edges lie where the photo's edges are. The functions vary slowly: found on a small photo, they
may be enlarged and applied to the large one (He and Sun, 2015), which sharpens a small map.
"""

from collections.abc import Sequence

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
    colours = np.moveaxis(np.asarray(guide, np.float32), -1, 0)
    values = np.asarray(values, np.float32)
    means, values_mean = _mean(colours, radius), _mean(values, radius)
    pairs = [(a, b) for a in range(3) for b in range(a, 3)]
    variance = [_mean(colours[a] * colours[b], radius) - means[a] * means[b] for a, b in pairs]
    covariance = _mean(colours * values, radius) - means * values_mean
    slope = solved(variance, covariance, smoothness)
    offset = values_mean - sum(s * mean for s, mean in zip(slope, means, strict=True))
    slope = _mean(np.stack(slope), radius)
    return np.moveaxis(slope, 0, -1), _mean(offset, radius)


def solved(variance: Sequence, covariance: Sequence, smoothness: float) -> list:
    """Solves the three equations of every pixel; planes of NumPy and TensorFlow alike.

    Args:
        variance: of the colours: red with red, green and blue, green with both, blue with blue.
        covariance: of the three colours and the values.
        smoothness: added to the variance of each colour.

    Returns:
        The three slopes.
    """
    rr, rg, rb, gg, gb, bb = variance
    rr, gg, bb = rr + smoothness, gg + smoothness, bb + smoothness
    r, g, b = covariance
    # By the adjugate of a symmetric matrix: several times quicker than solving pixel by pixel.
    first, second, third = gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg
    fourth, fifth, sixth = rr * bb - rb * rb, rg * rb - rr * gb, rr * gg - rg * rg
    one = 1 / (rr * first + rg * second + rb * third)
    return [
        one * (first * r + second * g + third * b),
        one * (second * r + fourth * g + fifth * b),
        one * (third * r + fifth * g + sixth * b),
    ]


def _mean(planes: np.ndarray, radius: int) -> np.ndarray:
    """Takes means over windows of planes `[..., h, w]`."""
    sides = (1,) * (planes.ndim - 2) + (2 * radius + 1, 2 * radius + 1)
    return uniform_filter(planes, sides, mode="nearest")
