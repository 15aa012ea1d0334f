"""What a level with the head `light` makes of its features: light, and the picture of it.

A level's light is the enlarged light of the level below, plus what detail the photo has more at
this size, times the share of it that a disc leaves, plus a correction. What the level learns is
the disc's radius, on top of that which the depth map gives (`focus.py`), and the correction.

All tensors are float32 `[B, h, w, C]` of the level's size, those of the level below half of that:
light with 3 channels, the radius with 1, in pixels of its level. Layers are named from the
level's name.
"""

import keras
from keras import layers

from pynet_tf.model import heads

# A place's light is (p**2 + TOE p) / (1 + TOE) of its value p: near what sRGB's powers give, at
# a tenth of their time and with a bounded slope at black.
TOE = 0.05
# Where light is below zero its value stays at that of this, or the slope would have no bound.
_DARKEST = TOE**2 / 16
# In the blur around it, a place weighs by its own radius: this much where it is sharp, and 1 more
# from this radius on, in pixels of the whole photo.
_LEAST = 0.05
_WHOLE_RADIUS = 12.0
# Of the learned radii. A lens blurs a fine detail away within a few hundredths of the depth; radii
# made of small maps learn that step slowly.
STEEPNESS = 8.0
# Of the corrections of light. Near black a value moves many times as far as its light does: at the
# pace of the radii, training kept staining what is dark.
PACE = 1 / 8
# What a disc leaves of a level's detail: from 1 at radius 0, the slopes from these radii on. Least
# squares of blurred noise on the pyramid's details, with lines between; the rise to 1.3 makes up
# for the finer detail that is gone there. Nowhere quite zero, or radii could not learn.
_START = -0.02
_SHARES = ((0.5, 0.6), (1.0, -1.5), (1.5, -1.22), (2.0, 0.06), (3.0, -0.003))
# Level 1 keeps its detail to almost three times the radius at which a disc takes it. A network that
# is unsure of the focus makes all of the subject a little soft, which costs it next to nothing and
# a person sees at once.
_SHARES_OF_LEVEL_1 = ((1.4, -1.9), (1.85, -0.2), (2.4, -0.003))


def refocused(maps, below, photo, photo_below, radius, inherited, level: int) -> tuple:
    """Adds to the light below what detail a disc leaves of the photo's, and a correction.

    Args:
        maps: four, of the level: three for the correction, one for the radius.
        below: the light that the level below has made.
        photo: its light at this level's size, from `smooth_photos`.
        photo_below: at that of the level below.
        radius: that the depth map gives; None for 0.
        inherited: what to add to it of the level below, in that level's pixels; None for nothing.
        level: 6 to 1.

    Returns:
        The light, the radius, and what of it is learned.
    """
    name = f"level_{level}"
    correction, change = keras.ops.split(maps, [3], axis=-1)
    learned = layers.Rescaling(STEEPNESS, dtype="float32", name=f"{name}_change")(change)
    if inherited is not None:
        more = heads.enlarge(inherited, f"{name}_radius_enlarged")
        more = layers.Rescaling(2.0, dtype="float32", name=f"{name}_inherited")(more)
        learned = layers.Add(dtype="float32", name=f"{name}_learned")([more, learned])
    if radius is None:
        radius = learned
    else:
        radius = layers.Add(dtype="float32", name=f"{name}_radius")([radius, learned])
    below = heads.enlarge(below, f"{name}_enlarged")
    coarse = heads.enlarge(photo_below, f"{name}_photo_enlarged")
    detail = layers.Subtract(dtype="float32")([photo, coarse])
    share = _share(radius, level, f"{name}_share")
    kept = layers.Multiply(dtype="float32", name=f"{name}_detail")([detail, share])
    return corrected([below, kept], correction, level), radius, learned


def corrected(parts: list, maps, level: int):
    """Adds up parts of a level's light and a correction made of three maps."""
    return heads.corrected(parts, maps, f"level_{level}_light", PACE)


def picture(light, radius, photo, smooth_photo, level: int):
    """Makes a level's picture of its light.

    The level above enlarges the light as it is, without the detail that `smooth_photos` lack of a
    photo whose pixels are the means of what they cover; a picture that is looked at, or compared
    with a target, has what a disc leaves of that.

    Args:
        light: of the level.
        radius: None for 0.
        photo: of the level's size, from `heads.photos`.
        smooth_photo: the same from `smooth_photos`.
        level: 7 to 1; at level 1 both photos are the same.
    """
    name = f"level_{level}"
    if level > 1:
        detail = layers.Subtract(dtype="float32")([photo, smooth_photo])
        if radius is not None:
            finer = layers.Rescaling(2.0, dtype="float32", name=f"{name}_finer_radius")(radius)
            share = _share(finer, level - 1, f"{name}_finer_share")
            detail = layers.Multiply(dtype="float32")([detail, share])
        light = layers.Add(dtype="float32", name=f"{name}_shown")([light, detail])
    return from_light(light, name)


def _share(radius, level: int, name: str):
    """Returns what a disc leaves of a level's detail."""
    share = layers.Rescaling(_START, 1.0, dtype="float32", name=f"{name}_0")(radius)
    before = _START
    for part, (start, slope) in enumerate(_SHARES_OF_LEVEL_1 if level == 1 else _SHARES, 1):
        scale = abs(slope - before)
        beyond = layers.Rescaling(
            scale, -scale * start, dtype="float32", name=f"{name}_beyond{part}"
        )(radius)
        combine = layers.Add if slope > before else layers.Subtract
        share = combine(dtype="float32", name=f"{name}_{part}")([share, keras.ops.relu(beyond)])
        before = slope
    return share


def smooth_photos(photo, weight, coarsest: int) -> dict:
    """Returns the photo's light at levels 1 to `coarsest`, as a lens spreads it.

    A level's pixel is the mean of 4x4, with weights of 1, 3, 3, 1 along both axes. Enlarged again,
    means of 2x2 leave a pattern of blocks: sums of them come no nearer to a disc's blur than
    38 dB, and these 43. From level 3 on what is out of focus weighs more, so that the sharp
    subject does not glow into the background.

    Args:
        photo: the light at level 1.
        weight: `[B, H, W, 1]` of level 2, from `weight`; None for all alike.
        coarsest: level, up to 7.
    """
    sizes = {1: photo}
    for level in range(2, coarsest + 1):
        if level == 3 and weight is not None:
            photo = layers.Multiply(dtype="float32", name="photo_weighted")([photo, weight])
            photo = layers.Concatenate(dtype="float32", name="photo_and_weight")([photo, weight])
        sizes[level] = photo = _halved(photo, f"level_{level}_smooth_photo")
        if level > 2 and weight is not None:
            total, weights = keras.ops.split(photo, [3], axis=-1)
            whole = keras.ops.reciprocal(weights)
            name = f"level_{level}_photo_mean"
            sizes[level] = layers.Multiply(dtype="float32", name=name)([total, whole])
    return sizes


def _halved(photo, name: str):
    """Sums 4x4 pixels with weights of 1, 3, 3, 1 along both axes, for each 2x2.

    As sums of the quarter size, see `heads.enlarge`.
    """
    photo = keras.ops.pad(photo, [[0, 0], [1, 1], [1, 1], [0, 0]], mode="symmetric")
    folded = keras.ops.space_to_depth(photo, 2)
    rows = _neighbours(folded, 0, f"{name}_rows")
    return _neighbours(rows, 1, name)


def _neighbours(folded, axis: int, name: str):
    """Of pairs of pixels, folded into channels: 1, 3 of a pair and 3, 1 of the next, over 8."""
    first, second = keras.ops.split(folded, 2, axis=-1)

    def weighed(pixels, part, scale):
        return layers.Rescaling(scale / 8, dtype="float32", name=f"{name}_{part}")(pixels)

    pair = layers.Add(dtype="float32")([weighed(first, "1", 1), weighed(second, "2", 3)])
    following = layers.Add(dtype="float32")([weighed(first, "3", 3), weighed(second, "4", 1)])
    last, start = [(0, 0), (0, 0)], [(0, 0), (0, 0)]
    last[axis], start[axis] = (0, 1), (1, 0)
    pair = layers.Cropping2D(last, dtype="float32")(pair)
    following = layers.Cropping2D(start, dtype="float32")(following)
    return layers.Add(dtype="float32", name=name)([pair, following])


def weight(radius):
    """Returns how much a place's light weighs in that of the coarser levels.

    Args:
        radius: of level 2, that the depth map gives.
    """
    scale = 2 / _WHOLE_RADIUS
    missing = layers.Rescaling(-scale, 1.0, dtype="float32", name="weight_missing")(radius)
    return layers.Rescaling(-1.0, 1.0 + _LEAST, dtype="float32", name="weight")(
        keras.ops.relu(missing)
    )


def to_light(picture, name: str):
    """Makes light of values, 0..1 of both."""
    shifted = layers.Rescaling(1.0, TOE / 2, dtype="float32", name=f"{name}_shifted")(picture)
    scale = 1 / (1 + TOE)
    offset = -(TOE**2) / 4 * scale
    return layers.Rescaling(scale, offset, dtype="float32", name=name)(keras.ops.square(shifted))


def from_light(light, name: str):
    """Undoes `to_light`."""
    scaled = layers.Rescaling(
        1 + TOE, TOE**2 / 4 - _DARKEST, dtype="float32", name=f"{name}_scaled"
    )(light)
    above = layers.Rescaling(1.0, _DARKEST, dtype="float32", name=f"{name}_above")(
        keras.ops.relu(scaled)
    )
    return layers.Rescaling(1.0, -TOE / 2, dtype="float32", name=name)(keras.ops.sqrt(above))
