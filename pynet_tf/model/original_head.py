"""The head `original`: each level's picture is 0.58 tanh + 0.5 of three maps, as in 2020."""

import keras
from keras import layers

from pynet_tf.model.blocks import Kernels, conv_head, up


class OriginalHead:
    """Finishes the levels of one pyramid; `outputs` holds their pictures by name.

    Args:
        kernels: the initial ones, see `blocks`.
    """

    def __init__(self, kernels: Kernels):
        self.outputs: dict = {}
        self._kernels = kernels
        self._maps = {}

    def sees(self, level: int, features):
        """Returns the features that a level computes with: these alone."""
        return features

    def finish(self, level: int, features) -> None:
        """Makes a level's picture `[B, h, w, 3]`, about [0, 1], of its last features."""
        name = f"level_{level}"
        maps = self._maps[level] = conv_head(features, 3, f"{name}_head", self._kernels)
        self.outputs[name] = layers.Rescaling(0.58, 0.5, dtype="float32", name=name)(
            keras.ops.tanh(maps)
        )

    def level_2_features(self, features, image):
        """Returns level 2's features: the enlarged ones of level 3."""
        return features

    def level_1_features(self, features, channels: int):
        """Returns level 1's features: level 2's three maps before tanh, enlarged."""
        return up(self._maps[2], 3, "level_1_up", self._kernels)
