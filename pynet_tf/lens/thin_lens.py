"""A thin lens for flat pictures: photo + depth map + focus + aperture -> bokeh.

    photo   [H, W, 3], sRGB, uint8 or float in [0, 1]
    depth   [h, w], near = bright, uint8 or float in [0, 1]; read as inverse depth

Focus, blur and the radius that they give every pixel: `focus.py`.

The depth map is cut into layers of nearly equal blur. Each layer is continued behind the
nearer ones, blurred in linear light together with its coverage, and laid over the farther ones.
"""

import os

import numpy as np
from scipy import fft, ndimage

from pynet_tf.errors import InputError
from pynet_tf.lens.depth_edges import resized, sharpened
from pynet_tf.lens.focus import (
    LARGEST_BLUR,
    SHARP_RANGE,
    LensSettings,
    as_depth,
    check_number,
    check_values,
    defocus,
    focus_of,
    largest_radius,
)
from pynet_tf.lens.highlights import highlight_gain
from pynet_tf.lens.optics import SHARP, aperture, blur, to_light, to_srgb

# Layers are this far apart in blur, in full-size pixels, near the focus; farther off the
# distance grows with the blur, since the eye compares relative sizes.
STEP = 1.3
STEP_GROWTH = 20.0
# What a place that may hold some light of a nearer thing counts where a layer is continued.
MIXED = 0.01


def render(
    photo: np.ndarray,
    depth: np.ndarray,
    focus: float | None = None,
    max_blur: float = 10.0,
    *,
    blades: int = 0,
    highlights: float = 0.0,
    sharp_range: tuple[float, float] = SHARP_RANGE,
) -> np.ndarray:
    """Renders what a wide aperture would have made of a sharp photo.

    Args:
        photo: `[H, W, 3]`, uint8 or float in [0, 1].
        depth: `[h, w]`, uint8 or float in [0, 1], near = bright, of the photo's proportions.
        focus: the depth that stays sharp, 0 (far) to 1 (near); None for the nearest subject.
        max_blur: radius in half-size pixels of the blur of the depth, 0 or 1, that is farthest
            from the focus.
        blades: 0 for a round aperture, else the number of its blades, at least 3.
        highlights: how many times brighter than the photo shows it a small clipped light is
            taken to be, beyond the first; 0 leaves the photo's brightness alone.
        sharp_range: how far behind and before the focus, in depth, things stay sharp.

    Returns:
        `[H, W, 3]` of the photo's dtype.

    Raises:
        InputError: a value out of range, or a picture of the wrong type or shape.
    """
    photo, depth = _check_photo(photo), as_depth(depth)
    max_blur = check_number("max_blur", max_blur, 0.0, 1000.0)
    # In pixels of the half-size photo; `LensSettings` count percent.
    blur = 100 * 2 * max_blur / max(photo.shape[:2])
    settings = LensSettings(focus, min(blur, LARGEST_BLUR), sharp_range, highlights)
    return _render(photo, depth, settings, 2 * max_blur, blades)


def refocus(
    photo: np.ndarray, depth: np.ndarray, settings: LensSettings, *, blades: int = 0
) -> np.ndarray:
    """Renders what a lens of these settings would have made of a sharp photo.

    Args:
        photo: `[H, W, 3]`, uint8 or float in [0, 1].
        depth: `[h, w]`, uint8 or float in [0, 1], near = bright, of the photo's proportions.
        settings: focus, blur in percent of the longer side, sharp range, highlights.
        blades: 0 for a round aperture, else the number of its blades, at least 3.

    Returns:
        `[H, W, 3]` of the photo's dtype.

    Raises:
        InputError: a value out of range, or a picture of the wrong type or shape.
    """
    photo, depth = _check_photo(photo), as_depth(depth)
    largest = largest_radius(settings.blur, *photo.shape[:2])
    return _render(photo, depth, settings, largest, blades)


def _render(
    photo: np.ndarray, depth: np.ndarray, settings: LensSettings, largest: float, blades: int
) -> np.ndarray:
    """Renders with the largest radius given in pixels of the photo."""
    _check_match(photo, depth)
    aperture(1.0, blades)
    if largest == 0:
        return photo.copy()
    focus = focus_of(depth, settings)
    radius = defocus(sharpened(depth, photo), focus, largest, settings.sharp_range)
    light = to_light(photo)
    boosted = light
    if settings.highlights:
        boosted = light * highlight_gain(light, settings.highlights, largest)[..., None]
    return to_srgb(_refocused(light, boosted, radius, blades), photo.dtype)


def through(photo: np.ndarray, defocus: np.ndarray, blades: int = 0) -> np.ndarray:
    """Renders a photo whose defocus is known.

    Args:
        photo: `[H, W, 3]` float in [0, 1].
        defocus: `[H/2, W/2]`, rounded up: signed radius of every pixel's circle of confusion, in
            pixels of the photo, positive nearer than the focus.
        blades: see `render`.

    Returns:
        `[H, W, 3]` float32 in [0, 1].
    """
    light = to_light(photo)
    return to_srgb(_refocused(light, light, defocus, blades), np.float32)


def _refocused(
    light: np.ndarray, boosted: np.ndarray, radius: np.ndarray, blades: int
) -> np.ndarray:
    """Blurs `[H, W, 3]` light: `boosted` where it is blurred, `light` where it is sharp."""
    height, width = light.shape[:2]
    # Layers are filled in at a quarter of the size.
    frame = [(0, 0), (0, -height % 4), (0, -width % 4)]
    planes = np.pad(np.moveaxis(light, -1, 0), frame, mode="edge")
    bright = planes
    if boosted is not light:
        bright = np.pad(np.moveaxis(boosted, -1, 0), frame, mode="edge")
    missing = [
        (0, full // 2 - part) for full, part in zip(planes.shape[1:], radius.shape, strict=True)
    ]
    radius = np.pad(radius, missing, mode="edge")
    with fft.set_workers(os.cpu_count()):
        result = _compose(planes, bright, radius, blades)[:, :height, :width]
    return np.ascontiguousarray(np.moveaxis(result, 0, -1))


def _compose(light: np.ndarray, boosted: np.ndarray, radius: np.ndarray, blades: int) -> np.ndarray:
    """Cuts the picture into layers, blurs each and lays them over each other, far to near.

    Args:
        light: `[3, H, W]` linear light, for what is in focus; H and W multiples of 4.
        boosted: `[3, H, W]` the same with its highlights, for what is blurred.
        radius: `[H/2, W/2]` signed blur in full-size pixels; near is positive.
        blades: see `aperture`.

    Returns:
        `[3, H, W]` linear light.
    """
    height, width = light.shape[1:]
    step = np.sign(radius) * np.log1p(np.abs(radius) / STEP_GROWTH) * STEP_GROWTH / STEP
    label = np.rint(step).astype(np.int32)
    halves = {id(source): _halve(source) for source in (light, boosted)}
    result = np.zeros_like(light)
    planes = np.empty((4, height, width), np.float32)
    for layer in np.unique(label):
        size = np.expm1(abs(layer) * STEP / STEP_GROWTH) * STEP_GROWTH
        source = light if size < SHARP else boosted
        # Beside something much nearer, pixels hold some of its light too.
        clean = ~ndimage.binary_dilation(label > layer + 2, np.ones((3, 3)))
        trusted = np.where(clean, 1.0, MIXED)
        share = _spread((label == layer)[None], (label <= layer) * trusted)[0]
        colours = _spread(halves[id(source)], (label == layer) * trusted)
        hidden = np.clip(2 * resized(share, *label.shape) - 0.5, 0, 1) * (label > layer)
        cover = np.where(label == layer, 1.0, hidden)
        # The next nearer layer is much the same thing: its own pixels are better than a guess.
        own = resized((clean & (label >= layer) & (label <= layer + 1)), height, width)
        for plane, light_plane, colour in zip(planes, source, colours, strict=False):
            filled = resized(colour, height, width)
            plane[:] = filled + own * (light_plane - filled)
        planes[3] = 1.0 if layer == label.min() else resized(cover, height, width)
        planes[:3] *= planes[3]
        blurred = blur(planes, size, blades)
        result *= 1 - np.minimum(blurred[3], 1.0)
        result += blurred[:3]
    return result


def _spread(planes: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Continues planes smoothly from where they are known to everywhere.

    A pyramid of weighted means: each place takes the finest level that knows anything there.

    Args:
        planes: `[C, h, w]`.
        known: `[h, w]` in [0, 1], how well each place is known; somewhere above 0.

    Returns:
        `[C, h/2, w/2]` float32.
    """
    weighted = _halve(np.concatenate([planes * known, known[None]]).astype(np.float32))
    levels = [weighted]
    while max(levels[-1].shape[1:]) > 1:
        levels.append(_halve(levels[-1]))
    spread = _normalised(levels[-1])
    for level in reversed(levels[:-1]):
        trust = np.minimum(1.0, 2 * level[-1])
        coarse = np.stack([resized(plane, *level.shape[1:]) for plane in spread])
        spread = coarse + trust * (_normalised(level) - coarse)
    return spread


def _normalised(weighted: np.ndarray) -> np.ndarray:
    return weighted[:-1] / np.maximum(weighted[-1], 1e-20)


def _halve(planes: np.ndarray) -> np.ndarray:
    """Means of 2x2 blocks of `[C, H, W]`; an odd last row or column is repeated."""
    odd = [(0, size % 2) for size in planes.shape[1:]]
    planes = np.pad(planes, [(0, 0), *odd], mode="edge") if any(map(any, odd)) else planes
    rows = planes[:, 0::2] + planes[:, 1::2]
    return (rows[:, :, 0::2] + rows[:, :, 1::2]) * np.float32(0.25)


def _check_photo(photo: np.ndarray) -> np.ndarray:
    photo = np.asarray(photo)
    if photo.ndim != 3 or photo.shape[-1] != 3 or 0 in photo.shape:
        raise InputError(f"the photo has shape {photo.shape}; give [H, W, 3]")
    check_values("photo", photo)
    return photo


def _check_match(photo: np.ndarray, depth: np.ndarray) -> None:
    scales = [full / part for full, part in zip(photo.shape[:2], depth.shape, strict=True)]
    # One row more or less is rounding; a twentieth more is another picture.
    allowed = 0.05 + max(2 / size for size in depth.shape)
    if max(scales) / min(scales) > 1 + allowed:
        raise InputError(
            f"the depth map is {depth.shape[1]}x{depth.shape[0]} and the photo "
            f"{photo.shape[1]}x{photo.shape[0]}; their proportions must be the same"
        )
