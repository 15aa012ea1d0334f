"""What a level makes of its last features: its picture.

    original   0.58 tanh + 0.5 of three maps, as in 2020
    residual   the enlarged picture of the level below, plus what detail the photo has more at this
               size, times a mask, plus a correction that starts at zero
    light      the same sum in light, as a lens adds it up, and then its picture; what is nearly in
               focus keeps all of its detail

All tensors are float32 `[B, h, w, C]` of the level's size, those of the level below half of that.
Layers are named from the level's name.
"""

import keras
from keras import layers

# A place's light is (p**2 + TOE p) / (1 + TOE) of its value p: near what sRGB's powers give, at
# a tenth of their time and with a bounded slope at black.
TOE = 0.05
# Where light is below zero its value stays at that of this, or the slope would have no bound.
_DARKEST = TOE**2 / 16
# Of steep masks. A lens blurs a fine detail away within a few hundredths of the depth; a mask made
# of small maps learns that step slowly.
STEEPNESS = 8.0
# Steep masks from here to one count as one, nearly: at levels 6 to 3, and at 2 and 1. The detail of
# those is in part noise that the target does not share, and training takes a little off it all.
NEARLY_ONE = 0.8
NEARLY_ONE_FINE = 0.55
# Of the corrections of light. Near black a value moves many times as far as its light does: at the
# pace of the masks, training kept staining what is dark.
PACE = 1 / 8


def colours(maps, name: str):
    """Makes a picture of three maps, as every level did in 2020."""
    return layers.Rescaling(0.58, 0.5, dtype="float32", name=name)(keras.ops.tanh(maps))


def corrected(parts: list, maps, name: str, pace: float):
    """Adds up parts of a picture and a correction made of three maps, these times `pace`."""
    if pace != 1.0:
        maps = layers.Rescaling(pace, dtype="float32", name=f"{name}_maps")(maps)
    correction = layers.Rescaling(0.58, dtype="float32", name=f"{name}_correction")(
        keras.ops.tanh(maps)
    )
    return layers.Add(dtype="float32", name=name)([*parts, correction])


def with_detail(
    maps,
    below,
    photo,
    photo_below,
    mask_below,
    prefix: str,
    name: str,
    nearly: float | None,
    pace: float,
):
    """Adds to the level below what it lacks of the photo's detail, and a correction.

    Args:
        maps: four, of the level: three for the correction, one for the mask.
        below: what the level below has made, or its light.
        photo: at this level's size, or its light.
        photo_below: at that of the level below.
        mask_below: of the level below, which this level's mask changes; None for a mask that
            starts at one.
        prefix: of the layers' names.
        name: of the sum's layer.
        nearly: of a steep mask, from where on it counts as one; None for a plain mask.
        pace: see `corrected`.

    Returns:
        The sum and the mask.
    """
    correction, change = keras.ops.split(maps, [3], axis=-1)
    if nearly is not None:
        change = layers.Rescaling(STEEPNESS, dtype="float32", name=f"{prefix}_change")(change)
    if mask_below is None:
        enlarged = enlarge(layers.Concatenate()([below, photo_below]), f"{prefix}_enlarged")
        below, coarse = keras.ops.split(enlarged, [3], axis=-1)
        # A layer of one input, as all others: recomputing takes a network apart into them.
        mask = layers.Rescaling(1.0, 1.0, dtype="float32", name=f"{prefix}_own_mask")(change)
    else:
        parts = layers.Concatenate()([below, photo_below, mask_below])
        enlarged = enlarge(parts, f"{prefix}_enlarged")
        below, coarse, mask = keras.ops.split(enlarged, [3, 6], axis=-1)
        mask = layers.Add(dtype="float32", name=f"{prefix}_mask")([mask, change])
    detail = layers.Subtract(dtype="float32")([photo, coarse])
    share = mask if nearly is None else _share(mask, nearly, prefix)
    kept = layers.Multiply(dtype="float32", name=f"{prefix}_detail")([detail, share])
    return corrected([below, kept], correction, name, pace), mask


def _share(mask, nearly: float, prefix: str):
    """Brings masks from `nearly` to 1 to 0.98 to 1 and those under 0 near it; 0 and 1 stay.

    A network that is unsure of the focus makes all of the subject a little soft, which costs it
    next to nothing and a person sees at once. The slope is nowhere zero, or masks could not learn.
    """
    flat, slope = 0.02 / (1 - nearly), 0.98 / nearly
    kept = layers.Rescaling(flat, 1 - flat, dtype="float32", name=f"{prefix}_kept")(mask)
    lost = layers.Rescaling(flat - slope, 1 - flat, dtype="float32", name=f"{prefix}_lost")(mask)
    under = layers.Rescaling(0.1 - slope, dtype="float32", name=f"{prefix}_under")(mask)
    share = layers.Subtract(dtype="float32")([kept, keras.ops.relu(lost)])
    return layers.Add(dtype="float32", name=f"{prefix}_share")([share, keras.ops.relu(under)])


def photos(photo, finest: int, coarsest: int) -> dict:
    """Returns the photo, or its light, at the size of each level: level -> tensor."""
    sizes = {finest: photo}
    for level in range(finest + 1, coarsest + 1):
        halve = layers.AveragePooling2D(2, dtype="float32", name=f"level_{level}_photo")
        sizes[level] = halve(sizes[level - 1])
    return sizes


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


def enlarge(x, name: str):
    """Bilinear enlargement by 2, clamped at the edges.

    Keras' own cannot be compiled for pictures of unknown size. Every pixel twice, then weights
    1/4, 1/2, 1/4 along both axes: the same numbers.
    """
    x = layers.UpSampling2D(2, dtype="float32", name=name)(x)
    x = keras.ops.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], mode="symmetric")
    for step in (1, 2):
        x = layers.AveragePooling2D(2, strides=1, dtype="float32", name=f"{name}_smooth{step}")(x)
    return x
