"""What the heads compute without weights: light, sizes, and what discs do.

Functions of tensors `[B, h, w, C]` float32, whose sizes are free at every call. Padding repeats
the pixels at the edge, by slices: LiteRT's own mirroring is slow.
"""

import itertools

import numpy as np
from keras import ops

from pynet_tf.model.disc import (
    CURVE,
    DARKEST,
    KEPT,
    KEPT_OF_COARSER,
    KEPT_OF_FINER,
    KEPT_OF_FINEST,
    KEPT_OF_FINEST_COARSER,
    KEPT_OF_FINEST_FINER,
    LIFTED,
    MOST_TURNED,
    TOE,
    WHITE,
)

# A small clipped light is taken to be this many times brighter than it shows, beyond the first:
# nothing in the photo tells how bright it was, and lamps are 5 to 100 times white.
_HIGHLIGHTS = 10.0
# Clipped in all three colours: values from the first on begin to count, those above both do fully.
_CLIPPED = (0.93, 0.06)
# Small: of the squares of so many pixels, so many around, no more than this share is clipped. A sky
# or a white wall is as bright as it looks.
_SQUARE, _SQUARES, _LARGE = 8, 11, 1 / 16

_BINOMIAL = np.outer([1, 2, 1], [1, 2, 1]).astype(np.float32)[..., None, None] / 16


def highlight_gain(photo):
    """Tells how many times brighter than it shows each pixel of a photo is taken to be."""
    darkest = ops.min(photo, axis=-1, keepdims=True)
    clipped = ramp(darkest, 1 / _CLIPPED[1], -_CLIPPED[0] / _CLIPPED[1])
    around = ops.average_pool(clipped, _SQUARE, strides=_SQUARE, data_format="channels_last")
    around = ops.average_pool(
        around, _SQUARES, strides=1, padding="same", data_format="channels_last"
    )
    for _ in range(_SQUARE.bit_length() - 1):
        around = enlarge(around)
    return 1.0 + _HIGHLIGHTS * clipped * ramp(around, -1 / _LARGE, 1.0)


def to_light(values):
    """Makes light of values, 0..1 of both."""
    bent = ops.square(values + TOE / 2) - TOE**2 / 4
    return bent * (CURVE / WHITE + (1 - CURVE) / WHITE * bent)


def from_light(light):
    """Undoes `to_light`."""
    # The quadratic equation for the square of a value, with its toe, in the form that loses no
    # digits near black.
    light = WHITE * light
    root = ops.sqrt(ops.relu((1 - CURVE) * light + CURVE**2 / 4))
    bent = light / (root + CURVE / 2)
    return ops.sqrt(ops.relu(bent + (TOE**2 / 4 - DARKEST)) + DARKEST) - TOE / 2


def enlarge(x):
    """Enlarges by 2, bilinearly.

    Each pixel becomes four, of 3/4 of it and 1/4 of its neighbour along both axes: sums of small
    maps, which LiteRT computes several times faster than means over the large one.
    """
    columns = ops.concatenate(_halves(x, 2), axis=-1)
    return ops.depth_to_space(ops.concatenate(_halves(columns, 1), axis=-1), 2)


def halve(x):
    """Halves the size by the binomial filter 1 3 3 1 along both axes; the sides are even.

    Means of 2x2, enlarged again, leave a pattern of blocks: sums of them come no nearer to a
    disc's blur than 38 dB, and these 43.
    """
    for axis in (1, 2):
        x = ops.concatenate([_first(x, axis), x, _last(x, axis)], axis=axis)
    return _binomial(_binomial(ops.space_to_depth(x, 2), 1), 2)


def kept_detail(radius, level: int):
    """Tells what share of a level's detail a disc leaves; its radius in the level's pixels."""
    return _between(radius, KEPT_OF_FINEST if level == 1 else KEPT)


def kept_halves(radius, level: int) -> tuple:
    """Tells what shares of the coarser and the finer half of a level's detail a disc leaves."""
    coarser, finer = KEPT_OF_COARSER, KEPT_OF_FINER
    if level == 1:
        coarser, finer = KEPT_OF_FINEST_COARSER, KEPT_OF_FINEST_FINER
    return _between(radius, coarser), _between(radius, finer)


def left_of_halves(detail, around, shares: tuple, weight=None):
    """Returns what a disc leaves of a detail, of its coarser and its finer half.

    Args:
        detail: what a level has more than the coarser one.
        around: the coarser level's light, enlarged.
        shares: from `kept_halves`, of one channel each.
        weight: of the pixels, of one channel: the detail of what is sharp would shine into the
            blur beside it. None where all count alike.
    """
    if weight is None:
        coarser = _smoothed(detail)
    else:
        sums = _smoothed(ops.concatenate([detail * weight, weight], axis=-1))
        coarser = sums[..., :-1] / sums[..., -1:]
    return left_of(coarser, around, shares[0]) + left_of(detail - coarser, around, shares[1])


def left_of(detail, around, share):
    """Returns what a disc leaves of a detail.

    Args:
        detail: what a level has more than the coarser one.
        around: the coarser level's light, enlarged; where it is 0, nothing is turned around.
        share: from `kept_detail`, of one channel or as many as the others.
    """
    return share * ops.minimum(detail, MOST_TURNED * around + LIFTED * ops.relu(share))


def reach(own, coarser=None):
    """Spreads the radii of discs over the pixels that they cover.

    Args:
        own: radii at this level, in its pixels.
        coarser: what this function gave at the coarser level; None at the coarsest.

    Returns:
        The largest radius of the discs that reach each pixel.
    """
    # A disc of about this level's pixel reaches the neighbours; larger ones have done so at
    # coarser levels, smaller ones do at finer levels.
    spread = own * ramp(own, 2.0, -1.0)
    largest = ops.maximum(own, max_pool(spread))
    return largest if coarser is None else ops.maximum(largest, 2.0 * enlarge(coarser))


def max_pool(x):
    """Returns the largest of the 3x3 around each pixel."""
    return ops.max_pool(x, 3, strides=1, padding="same", data_format="channels_last")


def ramp(x, slope: float, offset: float = 0.0):
    """Returns slope x + offset, clipped to 0..1."""
    return ops.clip(slope * x + offset, 0.0, 1.0)


def _smoothed(x):
    """Weighs neighbours by 1 2 1 along both axes; what is beyond the edge is 0."""
    kernel = np.tile(_BINOMIAL, (1, 1, x.shape[-1], 1))
    return ops.depthwise_conv(x, kernel, padding="same", data_format="channels_last")


def _between(x, knots: tuple):
    """Returns the height of the line through the knots (place, height) at x, 0 and more."""
    # Each slope ends at its own end. Slopes that went on would have to cancel, and 16-bit forms
    # round them: at a radius of 50 pixels a hundredth of all detail would be left.
    height = knots[0][1]
    for (start, value), (end, next_value) in itertools.pairwise(knots):
        along = ops.minimum(ops.relu(x - start), end - start)
        height = height + (next_value - value) / (end - start) * along
    return height


def _halves(x, axis: int) -> list:
    """Returns what comes of each pixel before and after its middle along an axis."""
    most, rest = 0.75 * x, 0.25 * x
    before = ops.concatenate([_first(rest, axis), _all_but_last(rest, axis)], axis=axis)
    after = ops.concatenate([_all_but_first(rest, axis), _last(rest, axis)], axis=axis)
    return [most + before, most + after]


def _binomial(folded, axis: int):
    """Weighs neighbours along an axis by 1 3 3 1 over 8; takes pairs folded into channels."""
    first, second = ops.split(folded * (1 / 8), 2, axis=-1)
    pair = _all_but_last(first + 3.0 * second, axis)
    return pair + _all_but_first(3.0 * first + second, axis)


def _first(x, axis: int):
    """Returns the first row (axis 1) or column (axis 2)."""
    return x[:, :1] if axis == 1 else x[:, :, :1]


def _last(x, axis: int):
    return x[:, -1:] if axis == 1 else x[:, :, -1:]


def _all_but_first(x, axis: int):
    return x[:, 1:] if axis == 1 else x[:, :, 1:]


def _all_but_last(x, axis: int):
    return x[:, :-1] if axis == 1 else x[:, :, :-1]
