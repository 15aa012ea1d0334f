"""Figures of merit on full-size photos, and their means.

A picture of a sample (`data.whole_samples.photos`) is measured in four ways:

    scaled   the paper's protocol for levels 1 to 3: output clipped to [0, 1], target resized to
             the level (antialiased bicubic), 32 pixels off every edge of both
    full     the protocol of later papers: 8-bit output at full size against the full-size
             target, no border removed; levels 2 and 3 are enlarged by bicubic interpolation
    exposed  PSNR as `full`, of the picture at the exposure of the target: the shots of a pair
             are never exposed quite alike, which hides how well the blur is met
    whole    PSNR at the level's own size, no border removed, for all seven levels

A photo's last rows and columns that do not fill a pixel of a coarse level are left out there, so
that output and target cover the same ground. Figures that do not exist, such as MS-SSIM of a
small photo, are nan. PSNR is `MOST_PSNR` at most: 8-bit targets are no nearer to the truth, and one
picture that equals its target would make a mean of all infinite.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from pynet_tf import metrics
from pynet_tf.lens import optics

# Pixels that the paper's protocol cuts off every edge.
BORDER = 32
# The levels that the paper's protocol measures.
SCALED_LEVELS = (1, 2, 3)
METRICS = ("psnr", "ssim", "ms_ssim")
FIGURES = (
    *(f"scaled_{m}" for m in METRICS),
    *(f"full_{m}" for m in METRICS),
    "exposed_psnr",
    "whole_psnr",
)
# Part of every stored result's key: raise it when a measurement changes its meaning.
VERSION = 4
# In dB: the PSNR of what differs only by the rounding to 8 bit, a twelfth of a squared level.
MOST_PSNR = 10 * math.log10(12 * 255**2)


@dataclasses.dataclass(frozen=True)
class Picture:
    """What a method makes of a sample.

    Attributes:
        level: `[h, w, 3]` of `level_size`, uint8, or float32 that is not clipped.
        full: `[H, W, 3]` uint8, at the photo's size. At level 1 it may be the same object as
            `level`: then it is measured once.
    """

    level: np.ndarray
    full: np.ndarray


def level_size(height: int, width: int, level: int) -> tuple[int, int]:
    """Returns rows and columns of a level's picture of a `height` x `width` photo."""
    return height >> (level - 1), width >> (level - 1)


def target(bokeh: np.ndarray, level: int) -> np.ndarray:
    """Resizes a full-size target to a level.

    Args:
        bokeh: `[H, W, 3]` uint8.
        level: 7 to 1.

    Returns:
        float32 `[h, w, 3]` in [0, 1], of `level_size`.
    """
    height, width = level_size(*bokeh.shape[:2], level)
    scale = 2 ** (level - 1)
    covered = bokeh[: height * scale, : width * scale] / np.float32(255)
    if level == 1:
        return covered
    resized = tf.image.resize(covered, [height, width], "bicubic", antialias=True)
    return np.clip(resized.numpy(), 0, 1)


def measure(picture: Picture, bokeh: np.ndarray, level: int) -> dict[str, float]:
    """Measures a picture.

    Args:
        picture: of the level.
        bokeh: `[H, W, 3]` uint8, the full-size target.
        level: 7 to 1.

    Returns:
        `FIGURES`; all but `whole_psnr` are nan for levels 4 to 7.
    """
    figures = dict.fromkeys(FIGURES, math.nan)
    whole, inside = _measure(picture.level, bokeh if level == 1 else target(bokeh, level))
    figures["whole_psnr"] = whole[0]
    if level in SCALED_LEVELS:
        full = whole if picture.full is picture.level else _measure(picture.full, bokeh)[0]
        for prefix, values in (("scaled", inside), ("full", full)):
            figures |= {f"{prefix}_{m}": v for m, v in zip(METRICS, values, strict=True)}
        figures["exposed_psnr"] = _psnr_exposed_alike(picture.full, bokeh)
    return figures


def _measure(output: np.ndarray, wanted: np.ndarray) -> list[list[float]]:
    """Returns `METRICS` of the whole picture, and of what is inside the border."""
    pair = (_in_unit_range(image) for image in (output, wanted))
    values = metrics.of_whole_and_inside(*pair, BORDER).numpy().tolist()
    return [[min(psnr, MOST_PSNR), *others] for psnr, *others in values]


def _psnr_exposed_alike(output: np.ndarray, wanted: np.ndarray) -> float:
    """Measures a picture `[H, W, 3]` uint8 once its colours have the target's amounts of light.

    What is clipped in one of the two may have been any brighter, and does not count for them.
    """
    light, usable = optics.to_light(output), optics.unclipped(output, wanted)
    if usable.any():
        gain = optics.exposure_gain(light, optics.to_light(wanted), usable, np.float64)
        light = light * gain.astype(np.float32)
    exposed = optics.to_srgb(light, np.float32)
    return min(float(metrics.psnr(exposed[None], _in_unit_range(wanted))[0]), MOST_PSNR)


def _in_unit_range(image: np.ndarray) -> tf.Tensor:
    """Returns uint8 or float `[H, W, 3]` as float32 `[1, H, W, 3]` in [0, 1]."""
    if image.dtype == np.uint8:
        return tf.cast(image[None], tf.float32) * (1 / 255)
    return tf.clip_by_value(image[None], 0.0, 1.0)


def mean_interval(values: Sequence[float], seed: int = 0) -> tuple[float, float, float]:
    """Returns the mean with its bootstrap 95 % interval.

    Percentiles of the means of 10,000 samples drawn with replacement, always the same ones.

    Args:
        values: one per photo; nan (not available) are left out.
        seed: of the drawing.

    Returns:
        Mean, lower and upper end. All nan without values; the ends nan for a single value.
    """
    values = np.asarray(values, np.float64)
    values = values[~np.isnan(values)]
    if len(values) < 2 or not np.isfinite(values).all():
        mean = float(values.mean()) if len(values) else math.nan
        return mean, math.nan, math.nan
    draws = np.random.default_rng(seed).integers(0, len(values), (10_000, len(values)))
    low, high = np.percentile(values[draws].mean(axis=1), [2.5, 97.5])
    return float(values.mean()), float(low), float(high)
