"""Brings depth maps to the size and the range that they all have here.

depth   uint8 [H/2, W/2] of a photo [H, W, 3], near = bright, stretched to 0..255
"""

import numpy as np
from PIL import Image


def map_size(height: int, width: int) -> tuple[int, int]:
    """Returns the size (rows, columns) of the depth map of a photo: half the photo's."""
    return max(height // 2, 1), max(width // 2, 1)


def stretch(values: np.ndarray) -> np.ndarray:
    """Stretches a map to 0..255.

    Single outliers must not take the contrast from all others: where the outermost thousandth
    of the pixels at both ends spans more than half of the range, it is clipped. A map that is
    the same everywhere becomes 0.

    Args:
        values: `[h, w]` finite, large = near.

    Returns:
        `[h, w]` uint8.
    """
    values = np.asarray(values, np.float64)
    low, high = values.min(), values.max()
    if low == high:
        return np.zeros(values.shape, np.uint8)
    inner_low, inner_high = np.percentile(values, (0.1, 99.9))
    if 0 < inner_high - inner_low < (high - low) / 2:
        low, high = inner_low, inner_high
    return np.round(np.clip((values - low) / (high - low), 0, 1) * 255).astype(np.uint8)


def resize_map(values: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resizes a map with antialiased bicubic: `[h, w]` -> `[height, width]` float32."""
    values = np.asarray(values, np.float32)
    if values.shape == (height, width):
        return values
    return np.asarray(Image.fromarray(values).resize((width, height), Image.Resampling.BICUBIC))
