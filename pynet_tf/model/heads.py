"""What a level makes of its last features: its picture.

    original   0.58 tanh + 0.5 of three maps, as in 2020
    residual   the enlarged picture of the level below, plus what detail the photo has more at this
               size, times a mask, plus a correction that starts at zero
    light      see `light.py`

All tensors are float32 `[B, h, w, C]` of the level's size, those of the level below half of that.
Layers are named from the level's name.
"""

import keras
from keras import layers


def colours(maps, name: str):
    """Makes a picture of three maps, as every level did in 2020."""
    return layers.Rescaling(0.58, 0.5, dtype="float32", name=name)(keras.ops.tanh(maps))


def corrected(parts: list, maps, name: str, pace: float = 1.0):
    """Adds up parts of a picture and a correction made of three maps, these times `pace`."""
    if pace != 1.0:
        maps = layers.Rescaling(pace, dtype="float32", name=f"{name}_maps")(maps)
    correction = layers.Rescaling(0.58, dtype="float32", name=f"{name}_correction")(
        keras.ops.tanh(maps)
    )
    return layers.Add(dtype="float32", name=name)([*parts, correction])


def with_detail(maps, below, photo, photo_below, mask_below, name: str) -> tuple:
    """Adds to the level below what it lacks of the photo's detail, and a correction.

    Args:
        maps: four, of the level: three for the correction, one for the mask.
        below: what the level below has made.
        photo: at this level's size.
        photo_below: at that of the level below.
        mask_below: of the level below, which this level's mask changes; None for a mask that
            starts at one.
        name: of the level.

    Returns:
        The sum and the mask.
    """
    correction, change = keras.ops.split(maps, [3], axis=-1)
    if mask_below is None:
        # A layer of one input, as all others: recomputing takes a network apart into them.
        mask = layers.Rescaling(1.0, 1.0, dtype="float32", name=f"{name}_own_mask")(change)
    else:
        mask = enlarge(mask_below, f"{name}_mask_enlarged")
        mask = layers.Add(dtype="float32", name=f"{name}_mask")([mask, change])
    below = enlarge(below, f"{name}_enlarged")
    coarse = enlarge(photo_below, f"{name}_photo_enlarged")
    detail = layers.Subtract(dtype="float32")([photo, coarse])
    kept = layers.Multiply(dtype="float32", name=f"{name}_detail")([detail, mask])
    return corrected([below, kept], correction, name), mask


def photos(photo, finest: int, coarsest: int, name: str = "photo") -> dict:
    """Returns a photo, its light or a depth map at the size of each level: level -> tensor."""
    sizes = {finest: photo}
    for level in range(finest + 1, coarsest + 1):
        halve = layers.AveragePooling2D(2, dtype="float32", name=f"level_{level}_{name}")
        sizes[level] = halve(sizes[level - 1])
    return sizes


def enlarge(x, name: str):
    """Bilinear enlargement by 2, clamped at the edges.

    Keras' own cannot be compiled for pictures of unknown size. The four pixels that come of each
    are 3/4 of it and 1/4 of the neighbour, along both axes: sums of small maps, which LiteRT
    computes several times faster than means over the large one.
    """
    x = keras.ops.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], mode="symmetric")
    pixels = [
        pixel
        for row, half in enumerate(_halves(x, 0, f"{name}_row"))
        for pixel in _halves(half, 1, f"{name}_{row}_column")
    ]
    pixels = layers.Concatenate(dtype="float32", name=name)(pixels)
    return keras.ops.depth_to_space(pixels, 2)


def _halves(x, axis: int, name: str) -> list:
    """Returns what comes of each pixel before and after its middle along an axis."""

    def shifted(x, first, last):
        cut = [(0, 0), (0, 0)]
        cut[axis] = (first, last)
        return layers.Cropping2D(cut, dtype="float32")(x)

    most = layers.Rescaling(0.75, dtype="float32", name=f"{name}_most")(shifted(x, 1, 1))
    rest = layers.Rescaling(0.25, dtype="float32", name=f"{name}_rest")(x)
    return [
        layers.Add(dtype="float32")([most, shifted(rest, 0, 2)]),
        layers.Add(dtype="float32")([most, shifted(rest, 2, 0)]),
    ]
