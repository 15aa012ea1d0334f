"""How far from the focus everything is, as the head `light` takes it.

A depth map alone does not say what is sharp; it decides how large the blur is once a focus is
chosen. Both are worked out here without anything learned, as for a thin lens (`lens.py`): the
network starts as one, and learns what the depth map and a lens of one radius get wrong.

    depth    [B, h, w, 1] float32 in [0, 1], near = 1, at the size of a level
    radius   [B, h, w, 1] float32, of the disc that a place is blurred to, in pixels of its level
"""

import keras
from keras import layers

# Of the weights that choose the focus: a depth greater by 1/12 counts e times as much; the middle
# does so against what is 0.7 of the way to the middle of an edge.
_NEARNESS = 12.0
_MIDDLE = 2.0
# So much farther than the focus, and so much nearer, stays sharp: subjects are not flat, and what
# is nearer than the chosen focus belongs to the subject more often than not.
_FARTHER = 0.05
_NEARER = 0.15
# Of the depth farthest from the focus, in pixels of the whole photo: 8 at half size.
_LARGEST_RADIUS = 16.0


def defocus(depths: dict) -> tuple[dict, dict]:
    """Returns how far the places of levels 6 to 2 are out of focus.

    Args:
        depths: level -> depth, for levels 6 to 2.

    Returns:
        Level -> radius, and level -> `[B, h, w, 2]` float32 for the level's features: how much
        nearer than the focus a place is, in about the level's pixels, and the radius.
    """
    # A pixel of level 5 is 16 of the photo: small enough for a thin subject.
    focus = _choose(depths[5])
    nowhere = layers.Rescaling(0.0, dtype="float32", name="level_4_nowhere")(depths[4])
    # As large as level 4: what levels 3 to 1 need is cut into tiles there.
    everywhere = layers.Add(dtype="float32", name="level_4_focus")([nowhere, focus])
    of_level = {6: focus, 5: focus, 4: focus}
    for level in (3, 2):
        # UpSampling2D's map loses its size in LiteRT's converter.
        four = layers.Concatenate(dtype="float32")([everywhere] * 4)
        of_level[level] = everywhere = keras.ops.depth_to_space(four, 2)
    radii, maps = {}, {}
    for level, focus in of_level.items():
        radii[level], maps[level] = _distance(focus, depths[level], level)
    return radii, maps


def _choose(depth):
    """Chooses the focus, a depth near the nearest and in the middle: `[B, 1, 1, 1]`."""
    ones = layers.Rescaling(0.0, 1.0, dtype="float32", name="focus_ones")(depth)
    places = [keras.ops.square(_centred(ones, axis)) for axis in (1, 2)]
    outside = layers.Add(dtype="float32", name="focus_outside")(places)
    outside = layers.Rescaling(-_MIDDLE, dtype="float32", name="focus_middle")(outside)
    near = layers.Rescaling(_NEARNESS, dtype="float32", name="focus_near")(depth)
    total = layers.Add(dtype="float32", name="focus_total")([near, outside])
    weights = layers.Softmax(axis=(1, 2), dtype="float32", name="focus_weights")(total)
    weighted = layers.Multiply(dtype="float32", name="focus_weighted")([weights, depth])
    return keras.ops.sum(weighted, axis=(1, 2), keepdims=True)


def _centred(ones, axis: int):
    """Returns -1 to 1 along an axis of a map of ones: pixels' middles, from edge to edge."""
    # keras.ops.shape of an unknown size is no tensor, so the size is counted.
    counted = keras.ops.cumsum(ones, axis=axis)
    size = keras.ops.sum(ones, axis=axis, keepdims=True)
    scale = keras.ops.reciprocal(size)
    middles = layers.Rescaling(2.0, -1.0, dtype="float32", name=f"focus_middles{axis}")(counted)
    part = layers.Multiply(dtype="float32", name=f"focus_place{axis}")([middles, scale])
    return layers.Rescaling(1.0, -1.0, dtype="float32", name=f"focus_centred{axis}")(part)


def _distance(focus, depth, level: int):
    name = f"level_{level}_defocus"

    def shifted(x, scale, offset, part):
        return layers.Rescaling(scale, offset, dtype="float32", name=f"{name}_{part}")(x)

    nearer = layers.Subtract(dtype="float32", name=f"{name}_depth")([depth, focus])
    outside = [
        keras.ops.relu(shifted(nearer, 1.0, -_NEARER, "before")),
        keras.ops.relu(shifted(nearer, -1.0, -_FARTHER, "behind")),
    ]
    outside = layers.Add(dtype="float32", name=f"{name}_outside")(outside)
    # The larger of the focus and what it lacks to 1.
    reach = keras.ops.abs(shifted(focus, 1.0, -0.5, "centred"))
    reach = shifted(reach, 1.0, 0.5 - _FARTHER, "reach")
    pixels = _LARGEST_RADIUS / 2 ** (level - 1)
    largest = shifted(keras.ops.reciprocal(reach), pixels, 0.0, "largest")
    radius = layers.Multiply(dtype="float32", name=f"{name}_radius")([outside, largest])
    nearer = shifted(nearer, pixels, 0.0, "nearer")
    return radius, layers.Concatenate(dtype="float32", name=name)([nearer, radius])
