"""Finds the focus and the blur of a pair: of which lens is the bokeh shot?

Nobody wrote down where a shot was focused, and a network that is not told can only learn the
average of all foci. The photo is blurred with discs of many radii. Where the depth hardly changes,
the shot is most like the photo that was blurred with its own disc. Focus and blur are those whose
discs, at all depths, fit best by `focus.defocus`. Many foci fit as well where few depths are seen;
then that one is taken where most things are, since photographers focus on things.

    photo   [H, W, 3] uint8, everything sharp
    depth   [h, w], uint8 or float in [0, 1], near = 1, sharpened (`depth_edges`)
    bokeh   [H, W, 3] uint8, the shot, aligned with the photo
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage

from pynet_tf.lens.focus import as_depth, defocus, largest_radius
from pynet_tf.lens.optics import blurs, to_light

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
# A pixel counts at most so many times what pixels are off on the average with their best disc:
# where the map is wrong, no focus fits.
_MOST = 10.0
# Values from here on may be clipped light.
_CLIPPED = 250
# Foci that explain a fiftieth less of the difference are e times less likely, and those with e
# times fewer pixels e squared times. Depths count together within so many steps.
_TOLERANCE, _BY_PIXELS, _TOGETHER = 0.02, 2.0, 1.5
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
    pixels = ndimage.gaussian_filter1d(pixels, _TOGETHER)
    here = np.interp(_FOCI, np.linspace(0, 1, _STEPS), pixels / max(pixels.max(), 1e-9))
    best = pair.errors.min(axis=1, keepdims=True)
    off = np.minimum(pair.errors - best, _MOST * best.mean()) if best.size else pair.errors
    costs = _costs(pair.by_depth(off), [pair.discs(focus) for focus in _FOCI])
    nothing = costs[:, 0].min()
    gain = nothing - costs.min()
    if gain <= _NO_BLUR * nothing:
        return round(float(_FOCI[np.argmax(here)]), 2), 0.0
    lost = (costs.min(axis=1) - costs.min()) / gain
    chosen = np.argmax(_BY_PIXELS * np.log(here + 1e-3) - lost / _TOLERANCE)
    return round(float(_FOCI[chosen]), 2), round(float(_BLURS[np.argmin(costs[chosen])]), 3)


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
    usable = ((photo < _CLIPPED) & (bokeh < _CLIPPED)).all(axis=-1)
    light, target = to_light(photo), to_light(bokeh)
    # The two shots are never exposed quite alike.
    gain = target[usable].sum(axis=0) / np.maximum(light[usable].sum(axis=0), 1e-6)
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


def _costs(totals: np.ndarray, discs: list[np.ndarray]) -> np.ndarray:
    """Returns the error of each focus and blur, `[F, B]`; see `_Comparison`."""
    return np.array([[_cost(totals, blur * radii) for blur in _BLURS] for radii in discs])


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
