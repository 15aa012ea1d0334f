"""The head `residual`: each level corrects the enlarged picture of the coarser one.

A level's picture is that of the coarser level, enlarged, plus what detail the photo has more at
this size, times a mask, plus a correction that starts at zero. An untrained network gives back the
photo. All tensors are float32 `[B, h, w, C]` of the level's size.
"""

import keras
from keras import layers

from pynet_tf.model.blocks import Kernels, conv_head, up
from pynet_tf.model.lens_layers import Enlarge


class ResidualHead:
    """Finishes the levels of one pyramid; `outputs` holds their pictures by name.

    Args:
        photo: the half-size photo, `[B, H, W, 3]` in [0, 1].
        kernels: the initial ones, see `blocks`.
    """

    def __init__(self, photo, kernels: Kernels):
        self.outputs: dict = {}
        self._kernels = kernels
        self._photos = averages(photo, 2, 7, "photo")
        self._masks = {}

    def sees(self, level: int, features):
        """Returns the features that a level computes with: these alone."""
        return features

    def finish(self, level: int, features) -> None:
        """Makes a level's picture `[B, h, w, 3]`, about [0, 1], of its last features."""
        name = f"level_{level}"
        if level == 7:
            parts, maps = [self._photos[7]], conv_head(features, 3, f"{name}_head")
        elif level == 1:
            # The photo has no more detail than at level 2.
            parts = [Enlarge(f"{name}_enlarged")(self.outputs["level_2"])]
            maps = conv_head(features, 3, f"{name}_head")
        else:
            maps, change = keras.ops.split(conv_head(features, 4, f"{name}_head"), [3], axis=-1)
            parts = [
                Enlarge(f"{name}_enlarged")(self.outputs[f"level_{level + 1}"]),
                self._kept_detail(level, change),
            ]
        self.outputs[name] = layers.Add(dtype="float32", name=name)(
            [*parts, correction(maps, name)]
        )

    def level_2_features(self, features, image):
        """Returns level 2's features: the enlarged ones of level 3."""
        return features

    def level_1_features(self, features, channels: int):
        """Returns level 1's features: those of level 2, enlarged."""
        return up(features, channels, "level_1_up", self._kernels)

    def _kept_detail(self, level: int, change):
        """Returns the photo's detail times a mask, which starts as the coarser level's or one."""
        name = f"level_{level}"
        if level == 6:
            mask = layers.Rescaling(1.0, 1.0, dtype="float32", name=f"{name}_own_mask")(change)
        else:
            mask = Enlarge(f"{name}_mask_enlarged")(self._masks[level + 1])
            mask = layers.Add(dtype="float32", name=f"{name}_mask")([mask, change])
        self._masks[level] = mask
        coarse = Enlarge(f"{name}_photo_enlarged")(self._photos[level + 1])
        detail = layers.Subtract(dtype="float32")([self._photos[level], coarse])
        return layers.Multiply(dtype="float32", name=f"{name}_detail")([detail, mask])


def averages(photo, finest: int, coarsest: int, name: str) -> dict:
    """Returns the means of a photo's pixels at the size of each level: level -> tensor."""
    sizes = {finest: photo}
    for level in range(finest + 1, coarsest + 1):
        halve = layers.AveragePooling2D(
            2, data_format="channels_last", dtype="float32", name=f"level_{level}_{name}"
        )
        sizes[level] = halve(sizes[level - 1])
    return sizes


def correction(maps, name: str):
    """Makes a correction between -0.58 and 0.58 of three maps."""
    scaled = keras.ops.tanh(maps)
    return layers.Rescaling(0.58, dtype="float32", name=f"{name}_correction")(scaled)
