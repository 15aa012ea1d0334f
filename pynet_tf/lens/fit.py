"""Finds the focus and the blur of a pair: of which lens is the bokeh shot?

Nobody wrote down where a shot was focused, and a network that is not told can only learn the
average of all foci. Focus and blur are those at which the thin lens comes nearest to the shot,
whose exposure is matched. Neighbouring foci differ little in that; between them the detail
decides that the shot has kept of the photo.

    photo   [H, W, 3] uint8, everything sharp
    depth   [h, w], uint8 or float in [0, 1], near = 1, sharpened (`depth_edges`)
    bokeh   [H, W, 3] uint8, the shot, aligned with the photo
"""

import numpy as np
from PIL import Image
from scipy import ndimage

from pynet_tf.lens.focus import LensSettings, as_depth
from pynet_tf.lens.optics import to_light, to_srgb
from pynet_tf.lens.thin_lens import refocus

# Longer sides: of the grid of foci and blurs, of the search between its values, and of the search
# for kept detail.
_GRID_SIDE, _FINE_SIDE, _DETAIL_SIDE = 256, 768, 1024
_FOCI = np.linspace(0.05, 0.95, 10)
_BLURS = (0.25, 0.5, 0.8, 1.2, 1.8, 2.6)
# Foci whose error is this near to the least explain the shot as well; kept detail decides.
_AS_WELL = 1.03
# A blur that changes the error by less than this part of it is none.
_NO_BLUR = 0.02


def fitted(photo: np.ndarray, depth: np.ndarray, bokeh: np.ndarray) -> tuple[float, float]:
    """Returns the focus, a depth 0..1, and the blur, in percent of the longer side.

    Args:
        photo: see the module.
        depth: see the module.
        bokeh: see the module.
    """
    depth = as_depth(depth)
    small = _reduced(photo, _GRID_SIDE), depth, _reduced(bokeh, _GRID_SIDE)
    errors = np.array([[_error(*small, f, b) for b in _BLURS] for f in _FOCI])
    kept = _kept_detail(photo, depth, bokeh)
    focus, blur = _between(errors, kept)
    # The fine search: blur, focus beside it, and blur again.
    large = _reduced(photo, _FINE_SIDE), depth, _reduced(bokeh, _FINE_SIDE)
    blur = _best(lambda b: _error(*large, focus, b), np.geomspace(blur / 1.5, blur * 1.5, 7))
    nothing = _error(*large, focus, 0.0)
    if _error(*large, focus, blur) > (1 - _NO_BLUR) * nothing:
        return focus, 0.0
    return focus, round(blur, 3)


def _between(errors: np.ndarray, kept: np.ndarray) -> tuple[float, float]:
    """Chooses focus and blur from the grid's errors and the detail kept at each depth."""
    least = errors.min(axis=1)
    foci = np.linspace(_FOCI[0], _FOCI[-1], 91)
    error = np.interp(foci, _FOCI, least)
    as_well = error <= _AS_WELL * error.min()
    sharp = np.interp(foci, np.linspace(0, 1, len(kept)), kept)
    weight = np.where(as_well, (sharp + 1e-3) ** 4, 0)
    focus = float(np.sum(weight * foci) / weight.sum())
    row = errors[int(np.argmin(np.abs(_FOCI - focus)))]
    return focus, _BLURS[int(np.argmin(row))]


def _best(error, values) -> float:
    return float(min(map(float, values), key=error))


def unexplained(
    photo: np.ndarray, depth: np.ndarray, bokeh: np.ndarray, focus: float, blur: float
) -> float:
    """Returns the share of the difference between photo and shot that a lens does not explain.

    1 and more: no lens of this focus and blur makes the shot of the photo.
    """
    small = _reduced(photo, _GRID_SIDE), as_depth(depth), _reduced(bokeh, _GRID_SIDE)
    nothing = _error(*small, focus, 0.0)
    return _error(*small, focus, blur) / max(nothing, 1e-9)


def _kept_detail(photo: np.ndarray, depth: np.ndarray, bokeh: np.ndarray) -> np.ndarray:
    """Returns the share of the photo's fine detail that the shot has kept, by depth: `[32]`."""
    photo, bokeh = (_reduced(image, _DETAIL_SIDE) for image in (photo, bokeh))
    before, after = (_detail(image) for image in (photo, _exposed_like(bokeh, photo)))
    height, width = before.shape
    place = np.asarray(Image.fromarray(depth).resize((width, height), Image.Resampling.BILINEAR))
    # Only where there is much detail: elsewhere the noise of both shots is compared.
    much = before > np.quantile(before, 0.8)
    bins = np.rint(place[much] * 31).astype(int)
    energy = np.bincount(bins, before[much], 32)
    common = np.bincount(bins, np.minimum(before, after)[much], 32)
    energy, common = (ndimage.gaussian_filter1d(sums, 1.0) for sums in (energy, common))
    return np.sqrt(common / (energy + 1e-3 * energy.max() + 1e-12))


def _error(
    photo: np.ndarray, depth: np.ndarray, bokeh: np.ndarray, focus: float, blur: float
) -> float:
    made = refocus(photo, depth, LensSettings(focus=focus, blur=blur))
    difference = _exposed_like(made, bokeh).astype(np.float32) - bokeh
    return float(np.mean(difference**2))


def _exposed_like(image: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Scales each colour's light to the other's, where neither is clipped."""
    light, target = to_light(image), to_light(other)
    usable = ((image < 250) & (other < 250)).all(axis=-1)
    if not usable.any():
        return image
    gain = target[usable].sum(axis=0) / np.maximum(light[usable].sum(axis=0), 1e-6)
    return to_srgb(light * gain.astype(np.float32))


def _detail(image: np.ndarray) -> np.ndarray:
    """Returns `[H, W]`: the energy of the finest structure around each pixel."""
    grey = image.astype(np.float32).mean(axis=-1)
    return ndimage.uniform_filter((grey - ndimage.gaussian_filter(grey, 1.0)) ** 2, 9)


def _reduced(image: np.ndarray, side: int) -> np.ndarray:
    height, width = image.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return image
    size = max(round(width * scale), 2), max(round(height * scale), 2)
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BOX))
