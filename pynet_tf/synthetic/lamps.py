"""Lamps, glints and gaps to the sky: small, and far brighter than the white a photo shows.

Through a lens each becomes an even disc with a crisp rim, as large as the circle of confusion at
its own place. Light is linear, `[3, H, W]` float32; white is 1.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from pynet_tf.lens.optics import SHARP, spread

# How many times white lamps are: log-uniform between the two.
LEAST_LIGHT, MOST_LIGHT = 5.0, 100.0
# Radii of lamps, in parts of the picture's height.
_RADII = (0.8 / 700, 3.0 / 700)
# On what is lighter than this a lamp would not show: on a sunlit wall, or in the sky.
_BRIGHT = 0.4
# The share of scenes whose lamps are all of one kind.
_ALIKE = 0.6
_TINTS = np.array([[1, 0.9, 0.7], [1, 1, 1], [1, 0.6, 0.25], [0.7, 0.85, 1], [1, 0.25, 0.2]])


@dataclass(frozen=True)
class Lamp:
    """One lamp: the light that it adds to what is behind it, `[3, h, w]`, and where."""

    light: np.ndarray
    top: int
    left: int


def lamps(
    rng: np.random.Generator, backdrop: np.ndarray, count: int, lowest: int
) -> tuple[Lamp, ...]:
    """Makes up lamps before a backdrop.

    Args:
        rng: the source of chance.
        backdrop: `[3, H, W]`; where it is bright, lamps are left out.
        count: of lamps, with those left out.
        lowest: row above which all are.
    """
    height, width = backdrop.shape[1:]
    alike, made = rng.random() < _ALIKE, []
    tint, bright = _tint(rng), _brightness(rng)
    for _ in range(count):
        radius = rng.uniform(*_RADII) * height
        y, x = rng.uniform(0, lowest), rng.uniform(0, width)
        if backdrop[:, int(y), int(x)].mean() > _BRIGHT:
            continue
        reach = int(radius) + 2
        top, left = max(0, int(y) - reach), max(0, int(x) - reach)
        rows = np.arange(top, min(height, int(y) + reach + 1))[:, None]
        columns = np.arange(left, min(width, int(x) + reach + 1))
        share = np.clip(radius + 0.5 - np.hypot(rows - y, columns - x), 0, 1)
        if not alike:
            tint, bright = _tint(rng), _brightness(rng)
        light = share.astype(np.float32) * (bright * tint).astype(np.float32)[:, None, None]
        made.append(Lamp(light, top, left))
    return tuple(made)


def add(light: np.ndarray, lit: Iterable[Lamp], radius: np.ndarray | None = None) -> None:
    """Adds lamps to a picture, in place.

    Args:
        light: `[3, H, W]`.
        lit: the lamps.
        radius: `[H, W]`, of the circle of confusion, in pixels; None where all is sharp.
    """
    for lamp in lit:
        seen, (tall, wide) = lamp.light, lamp.light.shape[1:]
        out = 0.0 if radius is None else radius[lamp.top + tall // 2, lamp.left + wide // 2]
        margin = 0
        if out >= SHARP:
            seen = spread(seen, out)
            margin = (seen.shape[1] - tall) // 2
        top, left = lamp.top - margin, lamp.left - margin
        window = light[:, max(0, top) : top + seen.shape[1], max(0, left) : left + seen.shape[2]]
        window += seen[:, max(0, -top) :, max(0, -left) :][:, : window.shape[1], : window.shape[2]]


def _tint(rng: np.random.Generator) -> np.ndarray:
    return _TINTS[rng.integers(len(_TINTS))]


def _brightness(rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(np.log(LEAST_LIGHT), np.log(MOST_LIGHT))))
