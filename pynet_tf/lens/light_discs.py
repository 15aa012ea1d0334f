"""Draws the discs that small clipped lights make out of focus.

A lamp is many times brighter than the white that a photo shows of it. Its disc is even and has a
crisp rim; sums of the photo's octaves, as networks make them, leave a soft blot instead. So lamps
are taken out of the photo before the network sees it, and their discs are added to its picture.

    light      [h, w, 3] float32, linear light of the photo, 0..1
    defocus    [h/2, w/2] rounded up, float32, signed radius in pixels of the photo (`focus.py`)

Nothing happens to what is sharp, to what is large, and, unless highlights are asked for, by day to
what is neither in a dark place nor a round spot that stands alone: amid bright things a clipped
place is seldom much brighter than white.
"""

import functools
from collections.abc import Iterator

import numpy as np
from scipy import ndimage

from pynet_tf.lens import pyramid
from pynet_tf.lens.optics import spread
from pynet_tf.lens.tiles import grown, within

# What a lamp is taken to be, in times white beyond the first, where nothing else is
# said. On 24 synthetic night scenes, whose lamps are 5 to 100 times white, the picture around the
# lamps is about as near to the truth from 7 to 12, best near 9 (16.9 dB; without discs 11.8).
LAMP = 9.0
# In the dark: this far around a light, in parts of the photo's longer side, of at least this share
# that is no light, so many are darker than the first light, fully, or than the second, at all.
# Glints on leaves and lamps in the shade are so by day; paper, clouds and white walls are not.
_AROUND, _LEAST_SEEN, _MOST_PIXELS, _DARK = 0.005, 0.3, 0.9, (0.1, 0.2)
# Or a round spot with a crisp rim that stands alone, in what is no sunlit wall: a lamp, or its
# glint. Its area in that of a round spot as wide, its whiteness in that of a crisp disc, its area
# in pixels, the share of what is seen around it, and the light there: not at all so at the first,
# fully from the second on; of the last the other way round. On 48 synthetic scenes networks and
# the thin lens gain 0.4 to 0.8 dB; of twelve real photos by day eleven stay as they are, bit by
# bit, and one changes in a spot.
_ROUND, _RIMMED, _PIXELS = (0.8, 0.9), (0.85, 0.95), (0.7, 1.5)
_ALONE, _DIM = (0.65, 0.75), (0.4, 0.6)
# By day a small light is as bright as the sky, and may be a gap to it, where the photo is white in
# such parts; white of squares of this side, in parts of the photo's longer one.
_LARGE, _WHITE_PARTS = 0.01, (0.0, 0.002)
# The photo's mean light: night up to the first, day from the second on.
_NIGHT, _DAY = 0.045, 0.085
# White in all three colours: light from the first on begins to count, fully this much above.
_WHITE = (0.76, 0.18)
# Discs of a smaller radius than the first, in pixels, are left to the network, from the second on
# none are. From 1 to 2.5 the picture around the lamps of 24 night scenes was 1.1 dB farther from
# the truth; it gains where blur is weak.
_SMALLEST = (0.6, 1.7)
# A lamp is small up to the first and large from the second on: its area in areas of its disc, or
# in squares of the photo's longer side (the first of these is a spot of 0.7 percent of the side).
# With the second rule the picture around the lamps of twelve night scenes is nearer to the truth
# by 1.1 dB, all of it where discs are hardly larger than the lamps
# (`tools/measure/measure_scenes.py lamps`).
_DISC_AREAS, _SQUARES = (0.4, 1.0), (4e-5, 8e-5)
# A disc is behind what is nearer than its lamp by more than these parts of its radius, which is
# how far both are out of focus.
_BEFORE = (0.25, 0.5)
# Edges of what is out of focus by less than so many pixels are crisp.
_CRISP = 2.0
# Pixels around a lamp that hold some of its light, and the reach of what it is filled from.
_RIM, _FILL = 2, 4.0
# A pixel belongs to a lamp's rim where the lamp adds more light than the first, fully from the
# second on (leaves and walls around it are no brighter), and where more than the first share of it
# is not white.
_RIM_LIGHT, _NOT_WHITE = (0.4, 0.7), (0.3, 0.5)
# Of the rim's pixels the colour is that of those with so much more of it than others: of a clipped
# colour a photo shows too little, so that the rest is too pale.
_PALEST = 0.9
# A rim counts as much as so many pixels of white.
_WHITE_RIM = 0.5
# Of the largest lamps first; more are noise.
_MOST = 1500


def whiteness(light: np.ndarray) -> np.ndarray:
    """Tells how far each pixel is clipped in all three colours: `[h, w]` float32, 0 to 1."""
    # One by one: NumPy's least of a short axis takes six times as long.
    darkest = functools.reduce(np.minimum, np.moveaxis(light, -1, 0))
    return np.clip((darkest - _WHITE[0]) * np.float32(1 / _WHITE[1]), 0, 1)


def separated(
    light: np.ndarray,
    defocus: np.ndarray,
    highlights: float = 0.0,
    blades: int = 0,
    white: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Separates small lights out of focus from a photo.

    Args:
        light: see the module.
        defocus: see the module.
        highlights: how many times brighter than white they are, beyond the first; 0 for
            `LAMP` where it is likely to be one, none elsewhere.
        blades: of the aperture, see `optics.aperture`.
        white: `whiteness` `[h, w]` of a larger photo, reduced to this one, since a small lamp is
            white no longer where its pixels are means; None takes that of `light`.

    Returns:
        The light without them, and the light of their discs, both `[h, w, 3]`. Where there are
        none these are `light` itself and zeros.
    """
    discs = np.zeros_like(light)
    white = whiteness(light) if white is None else white
    if not white.any():
        return light, discs
    night = 1 - _rise(light.mean(), (_NIGHT, _DAY))
    gaps = 1 - _rise(ndimage.minimum_filter(white, _pixels(_LARGE, light)).mean(), _WHITE_PARTS)
    if max(highlights, night, gaps) == 0:
        return light, discs
    signed = pyramid.enlarge(defocus)[: len(light), : light.shape[1]]
    without = light.copy()
    lamps = ndimage.binary_dilation(white > 0, iterations=_RIM)
    for place, lamp in _small_lights(white):
        # Not of the enlarged map, which at edges is between two things.
        y, x = (first.start + at for first, at in zip(place, np.nonzero(lamp), strict=True))
        radius = float(np.median(defocus[y // 2, x // 2]))
        small = max(
            1 - _rise(lamp.sum() / (np.pi * radius**2 + 1e-6), _DISC_AREAS),
            1 - _rise(lamp.sum() / max(light.shape) ** 2, _SQUARES),
        )
        weight = small * _rise(abs(radius), _SMALLEST)
        if weight > 0 and not highlights:
            weight *= max(night, gaps * _evidence(light, lamps, place, lamp))
        if weight > 0:
            inner = grown(place, _RIM, light.shape)
            around = _surroundings(light, lamps, inner)
            _fill(without, light, lamps, inner, around, weight)
            brightness = weight * (1 + (highlights or LAMP))
            tint = _tint(light[inner], white[inner], lamps[inner], around)
            _add_disc(discs, signed, place, brightness * lamp, tint, radius, blades)
    return without, discs


def _evidence(light: np.ndarray, lamps: np.ndarray, place, lamp: np.ndarray) -> float:
    """Tells how likely a small clipped spot is a lamp by day, 0 to 1."""
    around = grown(place, _pixels(_AROUND, light), light.shape)
    seen = light[around].mean(axis=-1)[~lamps[around]]
    share = seen.size / lamps[around].size
    if share < _LEAST_SEEN:
        return 0.0
    brightest = float(np.quantile(seen, _MOST_PIXELS))
    alone = _rise(share, _ALONE) * (1 - _rise(brightest, _DIM))
    return max(1 - _rise(brightest, _DARK), alone * _roundness(lamp))


def _roundness(lamp: np.ndarray) -> float:
    """Tells how far a spot `[h, w]` is round and has a crisp rim, 0 to 1."""
    area = float(lamp.sum())
    places = np.indices(lamp.shape)
    middle = (lamp * places).sum(axis=(1, 2), keepdims=True) / area
    width = float((lamp * (places - middle) ** 2).sum()) / area
    # Means over pixels are wider by a twelfth along both axes.
    width -= float(lamp[lamp < 1].sum()) / area / 6
    radius = np.sqrt(area / np.pi)
    # A disc covers as many pixels as this, some of them in part.
    pixels = area * (1 + 1 / radius)
    return (
        _rise(area / (2 * np.pi * max(width, 1e-3)), _ROUND)
        * _rise(pixels / np.count_nonzero(lamp), _RIMMED)
        * _rise(area, _PIXELS)
    )


def _pixels(part: float, light: np.ndarray) -> int:
    """Returns how many pixels, at least 5, a part of the longer side is."""
    return max(5, round(part * max(light.shape)))


def _rise(value: float, between: tuple[float, float]) -> float:
    """Returns 0 up to the first of two values, 1 from the second on."""
    return float(np.clip((value - between[0]) / (between[1] - between[0]), 0, 1))


def _small_lights(white: np.ndarray) -> Iterator[tuple[tuple[slice, slice], np.ndarray]]:
    """Yields the window of each connected white place, and its whiteness there."""
    label, _ = ndimage.label(white > 0, np.ones((3, 3)))
    size = np.bincount(label.ravel())[1:]
    places = ndimage.find_objects(label)
    for index in np.argsort(-size, kind="stable")[:_MOST]:
        place = places[index]
        yield place, white[place] * (label[place] == index + 1)


def _surroundings(light, lamps, inner) -> np.ndarray:
    """Continues what is around a lamp over its window, `[h, w, 3]`; NaN out of reach."""
    around = grown(inner, round(2 * _FILL), light.shape)
    known = (~lamps[around]).astype(np.float32)
    total = ndimage.gaussian_filter(known, _FILL, mode="nearest")
    filled = ndimage.gaussian_filter(
        light[around] * known[..., None], (_FILL, _FILL, 0), mode="nearest"
    )
    part = within(inner, around)
    share = np.where(total[part] > 1e-3, total[part], np.nan)
    return filled[part] / share[..., None]


def _fill(without, light, lamps, inner, around: np.ndarray, weight: float) -> None:
    """Puts what is around a lamp in its place."""
    usable = lamps[inner][..., None] & ~np.isnan(around)
    change = np.where(usable, np.minimum(around - light[inner], 0), 0)
    without[inner] = light[inner] + weight * change


def _tint(light: np.ndarray, white: np.ndarray, lamp: np.ndarray, around: np.ndarray) -> np.ndarray:
    """Returns a lamp's colour `[3]`, its brightest channel 1.

    The lamp itself is clipped to white; its rim, where it adds less light, shows its colour. In a
    smaller copy a pixel holds some of both.
    """
    rim = np.maximum(1 - white, 1e-3)[..., None]
    added = np.clip(1 - (1 - light) / rim, 0, 1) - around
    most = added.max(axis=-1)
    weight = np.clip((most - _RIM_LIGHT[0]) / (_RIM_LIGHT[1] - _RIM_LIGHT[0]), 0, 1) * lamp
    weight *= np.clip((rim[..., 0] - _NOT_WHITE[0]) / (_NOT_WHITE[1] - _NOT_WHITE[0]), 0, 1)
    usable = weight > 0
    if not usable.any():
        return np.ones(3)
    weight = weight[usable]
    total = weight.sum()
    shares = np.maximum(added[usable] / most[usable, None], 0)
    colour = np.empty(3)
    for channel, share in enumerate(shares.T):
        order = np.argsort(share)
        least = np.searchsorted(np.cumsum(weight[order]), (1 - _PALEST) * total)
        colour[channel] = share[order[least]]
    colour = (total * colour + _WHITE_RIM) / (total + _WHITE_RIM)
    return colour / colour.max()


def _add_disc(discs, signed, place, lamp, tint, radius: float, blades: int) -> None:
    disc = spread(lamp.astype(np.float32), abs(radius), blades)
    reach = (len(disc) - len(lamp)) // 2
    inside = grown(place, reach, signed.shape)
    cut = within(inside, tuple(slice(part.start - reach, part.stop + reach) for part in place))
    seen = 1 - _hidden(signed, inside, radius)
    discs[inside] += (disc[cut] * seen)[..., None] * tint


def _hidden(signed: np.ndarray, inside: tuple[slice, slice], radius: float) -> np.ndarray:
    """Tells how far what is nearer than a lamp hides its disc in a window, 0 to 1."""
    margin = int(abs(radius)) + 1
    around = grown(inside, margin, signed.shape)
    nearer = (signed[around] - radius) / abs(radius)
    nearer = np.clip((nearer - _BEFORE[0]) / (_BEFORE[1] - _BEFORE[0]), 0, 1)
    # At its edge a thing's pixels are between it and what is behind it.
    out = ndimage.minimum_filter(np.abs(signed[around]), 3)
    hidden, soft = nearer * (out < _CRISP), nearer * (out >= _CRISP)
    if soft.any():
        # Edges are as soft as what they belong to is out of focus; a disc's deviation is half its
        # radius.
        hidden += ndimage.gaussian_filter(soft, float(np.average(out, weights=soft)) / 2)
    return np.minimum(hidden[within(inside, around)], 1)
