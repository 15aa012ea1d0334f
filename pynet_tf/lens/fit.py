"""Finds the focus and the blur of a pair: of which lens is the bokeh shot?

Nobody wrote down where a shot was focused, and a network that is not told can only learn the
average of all foci. The photo is blurred with discs of many radii. Where the depth hardly changes,
the shot is most like the photo that was blurred with its own disc; how much more than with the
others is the evidence for that disc at that depth. Focus and blur are those whose discs
(`focus.defocus`) the evidence of all depths allows best, where every depth may be somewhat off,
since maps are estimated, and none counts for much if it contradicts. Many foci fit as well where
few depths are seen; of those, one is taken where most things are, since photographers focus on
things.

    photo   [H, W, 3] uint8, everything sharp
    depth   [h, w], uint8 or float in [0, 1], near = 1, sharpened (`depth_edges`)
    bokeh   [H, W, 3] uint8, the shot, aligned with the photo
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage

from pynet_tf.lens.focus import as_depth, defocus, largest_radius
from pynet_tf.lens.optics import SHARP, aperture, blurs, exposure_gain, to_light, unclipped

# Pairs are compared at this longer side: discs of small blurs are larger than a pixel there.
_SIDE = 1152
# Of the discs, in pixels at that size; up to what 3 percent are.
_RADII = (
    *(0, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.2, 1.4, 1.7, 2, 2.4, 2.8, 3.4, 4),
    *(4.8, 5.6, 6.7, 8, 9.5, 11.3, 13.5, 16, 19, 22.6, 27, 32, 38),
)
_FOCI = np.linspace(0, 1, 101)
# In percent. A pair that comes out at the largest may have no lens that explains it.
LARGEST_BLUR_TRIED = 3.0
_BLURS = np.concatenate([[0], np.geomspace(0.05, LARGEST_BLUR_TRIED, 120)])
# Depths are told apart in so many steps.
_STEPS = 64
# The depth around a pixel is even where it varies by less than this within so many pixels.
_EVEN, _AROUND = 0.06, 10
# Errors are means over windows of this side: single pixels hold noise.
_WINDOW = 5
# All that follows was chosen on eighty synthetic pairs and three real ones.
# What a pixel's noise is at most, in medians of all.
_MOST_NOISE = 2.0
# Errors count by their ratios from so many times the median on, for the focus and for the blur.
_FLOOR, _BLUR_FLOOR = 1.0, 80.0
# How far a depth's disc may be off: pixels, parts of itself, and parts of the largest.
_OFF = (0.1, 0.15, 0.1)
# A depth that contradicts costs at most this, and a depth counts by the root of its pixels, but
# hardly where it has fewer than this part of all.
_MOST_COST, _FEW_PIXELS = 4.0, 0.002
# Foci that cost so much more are e times less likely, and more where all cost much; those with e
# times fewer pixels are e squared times less likely, down to this part of the most. Depths count
# together within so many steps.
_TOLERANCE, _BY_PIXELS, _FEWEST, _TOGETHER = (1.0, 0.2), 2.0, 1e-4, 1.5
# Foci that are e to this less likely by their cost are out, however many pixels they have.
_OUT = 3.0
# A lens that explains less than this part of the difference is none.
_NO_BLUR = 0.01


@dataclass(frozen=True)
class _Comparison:
    """How far the shot is from the photo blurred with each disc, where the depth is even.

    Attributes:
        errors: `[N, R]`, of each pixel with the disc of each of `_RADII`.
        step: `[N]`, of the pixel's depth, 0 to `_STEPS - 1`.
        largest: disc of a blur of 1 percent, in pixels.
    """

    errors: np.ndarray
    step: np.ndarray
    largest: float

    def discs(self, focus: float) -> np.ndarray:
        """Returns the radii `[_STEPS]` at a blur of 1 percent, of each depth."""
        depths = np.linspace(0, 1, _STEPS, dtype=np.float32)[None]
        return np.abs(defocus(depths, focus, self.largest)[0])

    def by_depth(self, errors: np.ndarray) -> np.ndarray:
        """Adds the errors up, `[_STEPS, R]`."""
        sums = [np.bincount(self.step, column, _STEPS) for column in errors.T]
        return np.stack(sums, axis=-1)


def fitted(photo: np.ndarray, depth: np.ndarray, bokeh: np.ndarray) -> tuple[float, float]:
    """Returns the focus, a depth 0..1, and the blur, in percent of the longer side.

    Args:
        photo: see the module.
        depth: see the module.
        bokeh: see the module.
    """
    pair = _compared(photo, as_depth(depth), bokeh)
    pixels = np.bincount(pair.step, minlength=_STEPS).astype(np.float64)
    if not pixels.any():
        return 0.0, 0.0
    discs = np.stack([pair.discs(focus) for focus in _FOCI])
    together = ndimage.gaussian_filter1d(pixels, _TOGETHER)
    here = np.interp(_FOCI, np.linspace(0, 1, _STEPS), together / together.max())
    costs = _costs(pair, pixels, discs).min(axis=1)
    dearer = (costs - costs.min()) / (_TOLERANCE[0] + _TOLERANCE[1] * costs.min())
    likely = (here + _FEWEST) ** _BY_PIXELS * np.exp(-dearer) * (dearer <= _OUT)
    chosen = np.searchsorted(np.cumsum(likely), likely.sum() / 2)
    worse = pair.by_depth(_ratios(pair.errors, _BLUR_FLOOR))
    by_blur = np.array([_cost(worse, blur * discs[chosen]) for blur in _BLURS])
    found = int(np.argmin(by_blur))
    blur = 0.0 if by_blur[0] - by_blur[found] <= _NO_BLUR * by_blur[0] else _BLURS[found]
    return round(float(_FOCI[chosen]), 2), round(float(blur), 3)


def unexplained(
    photo: np.ndarray, depth: np.ndarray, bokeh: np.ndarray, focus: float, blur: float
) -> float:
    """Returns the share of the difference between photo and shot that a lens does not explain.

    Args:
        photo: see the module.
        depth: see the module.
        bokeh: see the module.
        focus: a depth, 0..1.
        blur: percent of the longer side.

    Returns:
        1 and more where no lens of this focus and blur makes the shot of the photo; 1 without
        blur.
    """
    pair = _compared(photo, as_depth(depth), bokeh)
    totals = pair.by_depth(pair.errors)
    left = _cost(totals, blur * pair.discs(focus))
    return left / max(float(totals[:, 0].sum()), 1e-12)


def _compared(photo: np.ndarray, depth: np.ndarray, bokeh: np.ndarray) -> _Comparison:
    photo, bokeh = (_reduced(image, _SIDE) for image in (photo, bokeh))
    height, width = photo.shape[:2]
    depth = np.asarray(Image.fromarray(depth).resize((width, height), Image.Resampling.BILINEAR))
    usable = unclipped(photo, bokeh)
    light, target = to_light(photo), to_light(bokeh)
    # The two shots are never exposed quite alike.
    gain = exposure_gain(light, target, usable)
    grey, target = (light * gain.astype(np.float32)).mean(axis=-1), target.mean(axis=-1)
    window = 2 * _AROUND + 1
    varies = ndimage.maximum_filter(depth, window) - ndimage.minimum_filter(depth, window)
    usable &= varies < _EVEN
    # Roots of light have about as much noise in dark places as in bright ones.
    target = np.sqrt(target)
    errors = []
    for blurred in blurs(grey[None], list(_RADII)):
        square = (np.sqrt(blurred[0]) - target) ** 2
        errors.append(ndimage.uniform_filter(square, _WINDOW)[usable])
    step = np.rint(depth[usable] * (_STEPS - 1)).astype(int)
    return _Comparison(np.stack(errors, axis=-1), step, largest_radius(1.0, height, width))


def _costs(pair: _Comparison, pixels: np.ndarray, discs: np.ndarray) -> np.ndarray:
    """Returns what each focus and blur cost, `[F, B]`.

    Args:
        pair: see `_Comparison`.
        pixels: `[_STEPS]`, their number.
        discs: `[F, _STEPS]`, radii at a blur of 1 percent.
    """
    evidence = pair.by_depth(_ratios(_evenly_noisy(pair.errors), _FLOOR)) / 2
    evidence -= evidence.min(axis=1, keepdims=True)
    counts = pixels / (pixels + _FEW_PIXELS * pixels.sum())
    counts *= np.sqrt(pixels / pixels.mean())
    seen = pixels > 0
    costs = []
    for blur in _BLURS:
        radii = blur * discs[:, seen, None]
        off = np.square(_OFF[0]) + (_OFF[1] * radii) ** 2 + (_OFF[2] * blur * pair.largest) ** 2
        each = (evidence[seen] + (np.array(_RADII) - radii) ** 2 / (2 * off)).min(axis=-1)
        costs.append(np.minimum(each, _MOST_COST) @ counts[seen])
    return np.stack(costs, axis=-1)


def _evenly_noisy(errors: np.ndarray) -> np.ndarray:
    """Makes up for the photo's noise, which a disc takes out of it, in errors `[N, R]`."""
    power = np.array([1.0 if r < SHARP else np.square(aperture(r)).sum() for r in _RADII])
    noise = errors.min(axis=1) / (1 + power[errors.argmin(axis=1)])
    noise = np.minimum(noise, _MOST_NOISE * np.median(noise))
    return errors + noise[:, None] * (1 - power)


def _ratios(errors: np.ndarray, floor: float) -> np.ndarray:
    """Returns the logarithms of errors `[N, R]` to the least, from so many medians of it on."""
    least = errors.min(axis=1, keepdims=True)
    lowest = floor * np.median(least) + 1e-12
    return np.log((errors + lowest) / (least + lowest))


def _cost(totals: np.ndarray, radii: np.ndarray) -> float:
    """Adds up the errors `[_STEPS, R]` at one radius for each depth, between those tried."""
    place = np.interp(radii, _RADII, np.arange(len(_RADII)))
    below = np.minimum(place.astype(int), len(_RADII) - 2)
    part = place - below
    rows = np.arange(len(totals))
    return float(np.sum(totals[rows, below] * (1 - part) + totals[rows, below + 1] * part))


def _reduced(image: np.ndarray, side: int) -> np.ndarray:
    height, width = image.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return image
    size = max(round(width * scale), 2), max(round(height * scale), 2)
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX))
