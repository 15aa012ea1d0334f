"""The ways to train level 1 that `tools/studies/level_1.py` compares.

A start sets the first weights of a pyramid whose levels 7 to 2 are trained, from a seed, and
returns the network to train; the variant says with what loss and rate.
"""

import dataclasses
import zlib
from collections.abc import Callable

import numpy as np


@dataclasses.dataclass(frozen=True)
class Variant:
    """One way to train level 1; as it stands that of 2020.

    Attributes:
        says: what is different, for people.
        start: sets the first weights from the pyramid and a seed, and returns the network.
        rate: Adam's.
        last_rate: that of the last step, to which it falls; None keeps it constant.
        warm_up: steps over which the rate grows to its value.
        clip: largest norm of the gradient.
        l1: weight of the mean absolute difference.
        ssim: weight of 1 - SSIM.
        content: weight of the VGG-19 term.
        new_only: train level 1's own layers and nothing under them.
    """

    says: str
    start: Callable
    rate: float = 5e-5
    last_rate: float | None = None
    warm_up: int = 0
    clip: float | None = None
    l1: float = 10.0
    ssim: float = 10.0
    content: float = 0.0
    new_only: bool = False


def start_2020(pyramid, seed: int):
    """Both kernels alike and near zero, as one seed for all layers makes them."""
    return _small_start(pyramid, seed, "same", "same")


def start_own_seeds(pyramid, seed: int):
    """Different kernels near zero."""
    return _small_start(pyramid, seed, "up", "head")


def start_glorot(pyramid, seed: int):
    """Kernels of the usual size."""
    from keras import initializers

    for number, name in enumerate(("level_1_up", "level_1_head")):
        kernel = pyramid.get_layer(name).kernel
        kernel.assign(initializers.GlorotUniform(seed=2 * seed + number)(kernel.shape))
    return _level_1(pyramid)


def start_without_leak(pyramid, seed: int):
    """Near zero, with no leaky unit between the two layers."""
    import keras

    start_own_seeds(pyramid, seed)
    up = pyramid.get_layer("level_1_up")(pyramid.get_layer("level_2_head").output)
    maps = pyramid.get_layer("level_1_head")(up)
    return keras.Model(pyramid.input, 0.58 * keras.ops.tanh(maps) + 0.5)


def start_from_features(pyramid, seed: int):
    """Near zero, from level 2's eight features in place of its three maps."""
    import keras
    from keras import layers

    def small(name):
        return keras.initializers.TruncatedNormal(stddev=0.01, seed=_number(seed, name))

    features = pyramid.get_layer("level_2_up_relu").output
    up = layers.Conv2DTranspose(
        features.shape[-1], 3, 2, "same", use_bias=False, kernel_initializer=small("up"),
        name="level_1_wide_up",
    )(features)  # fmt: skip
    up = layers.LeakyReLU(negative_slope=0.2)(up)
    maps = layers.Conv2D(
        3, 3, padding="same", kernel_initializer=small("head"), name="level_1_wide_head"
    )(up)
    return keras.Model(pyramid.input, 0.58 * keras.ops.tanh(maps) + 0.5)


def start_enlarged(pyramid, seed: int):
    """As level 2 enlarged, see `train.warm_start`."""
    from pynet_tf.train import warm_start

    warm_start.start_as_coarser_level(pyramid, 1)
    return _level_1(pyramid)


def start_enlarged_dark(pyramid, seed: int):
    """As level 2 enlarged, but with its dark colours left to the leaky unit."""
    from pynet_tf.train import warm_start

    start_enlarged(pyramid, seed)
    for name, sign in (("level_2_head", -1), ("level_1_head", 1)):
        bias = pyramid.get_layer(name).bias
        bias.assign(bias + sign * warm_start.SHIFT)
    return _level_1(pyramid)


def start_zero_head(pyramid, seed: int):
    """The newer heads: level 2 enlarged plus a correction that starts at zero."""
    layer = pyramid.get_layer("level_1_up")
    layer.kernel.assign(_small(seed, "up", layer.kernel.shape))
    return _level_1(pyramid)


VARIANTS = {
    "2020": Variant("as in 2020: all kernels alike", start_2020),
    "content": Variant("as in 2020, with the VGG term", start_2020, content=0.1),
    "own_seeds": Variant("kernels of their own", start_own_seeds),
    "rate_3e-4": Variant("six times the rate", start_own_seeds, rate=3e-4),
    "new_layers_only": Variant("levels 2 to 7 frozen", start_own_seeds, new_only=True),
    "warm_up": Variant("warm-up of 500 steps", start_own_seeds, warm_up=500),
    "clip": Variant("gradient clipped to 1", start_own_seeds, clip=1.0),
    "l1_only": Variant("L1 alone", start_own_seeds, l1=100.0, ssim=0.0),
    "without_leak": Variant("no leaky unit", start_without_leak),
    "from_features": Variant("from level 2's 8 features", start_from_features),
    "glorot": Variant("Glorot start", start_glorot),
    "enlarged_dark": Variant("start as level 2 enlarged, unshifted", start_enlarged_dark),
    "enlarged": Variant("start as level 2 enlarged", start_enlarged),
    "zero_head": Variant("enlarged plus a correction", start_zero_head),
    "zero_head_falling": Variant("the same, falling rate", start_zero_head, last_rate=2.5e-6),
}


def _level_1(pyramid):
    from pynet_tf import model

    return model.level_model(pyramid, 1)


def _small_start(pyramid, seed: int, up: str, head: str):
    for name, part in (("level_1_up", up), ("level_1_head", head)):
        layer = pyramid.get_layer(name)
        layer.kernel.assign(_small(seed, part, layer.kernel.shape))
    pyramid.get_layer("level_1_head").bias.assign(np.full(3, 0.01))
    return _level_1(pyramid)


def _small(seed: int, name: str, shape):
    from keras import initializers

    return initializers.TruncatedNormal(stddev=0.01, seed=_number(seed, name))(shape)


def _number(seed: int, name: str) -> int:
    return zlib.crc32(f"{seed} {name}".encode())
