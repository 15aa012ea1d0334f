"""The blocks that the pyramid's levels are made of (Ignatov et al., CVPRW 2020, figure 4).

Tensors are `[B, h, w, C]`, whatever Keras is set to; layers are named from `name`. `kernels` gives
a layer's initial kernel by its name.
"""

import zlib
from collections.abc import Callable

import keras
from keras import layers, ops

Kernels = Callable[[str], keras.initializers.Initializer]


@keras.saving.register_keras_serializable("pynet_tf")
class InstanceNorm(layers.Layer):
    """Takes each channel of each picture to mean 0 and variance 1, then scales and shifts it.

    Ulyanov et al., "Instance Normalization: the Missing Ingredient for Fast Stylization", 2016.
    In float32 under every policy. Keras' own, a group norm, gives the same numbers by three times
    as many operations, in five dimensions, which accelerators of phones do not take.
    """

    _EPSILON = 1e-3

    def __init__(self, name: str):
        super().__init__(name=name, dtype="float32")

    def build(self, shape):
        """Makes the weights, one of each per channel."""
        self.gamma = self.add_weight(shape[-1:], "ones", name="gamma")
        self.beta = self.add_weight(shape[-1:], "zeros", name="beta")

    def call(self, x):
        """Returns `[B, h, w, C]`."""
        centred = x - ops.mean(x, (1, 2), keepdims=True)
        variance = ops.mean(ops.square(centred), (1, 2), keepdims=True)
        return centred * (ops.rsqrt(variance + self._EPSILON) * self.gamma) + self.beta

    def get_config(self):
        """Tells what the layer is made from, for `.keras` files."""
        return {"name": self.name}

    def compute_output_shape(self, shape):
        """Tells that the shape stays."""
        return shape


def conv(x, channels: int, size: int, name: str, kernels: Kernels, norm: bool):
    """A convolution, where asked for instance norm, and a leaky unit."""
    x = layers.Conv2D(
        channels,
        size,
        padding="same",
        data_format="channels_last",
        kernel_initializer=kernels(name),
        bias_initializer=keras.initializers.Constant(0.01),
        name=name,
    )(x)
    if norm:
        x = InstanceNorm(name=f"{name}_norm")(x)
    return layers.LeakyReLU(negative_slope=0.2, name=f"{name}_relu")(x)


def multi(x, channels: int, largest: int, name: str, kernels: Kernels, norm: bool = True):
    """Parallel branches of two convolutions each, kernel sizes 3, 5, ... largest."""
    branches = []
    for size in range(3, largest + 1, 2):
        branch = conv(x, channels, size, f"{name}_conv{size}_1", kernels, norm)
        branches.append(conv(branch, channels, size, f"{name}_conv{size}_2", kernels, norm))
    return branches[0] if len(branches) == 1 else join(*branches)


def up(x, channels: int, name: str, kernels: Kernels):
    """A transposed convolution to twice the size, and a leaky unit."""
    x = layers.Conv2DTranspose(
        channels,
        3,
        strides=2,
        padding="same",
        data_format="channels_last",
        use_bias=False,
        kernel_initializer=kernels(name),
        name=name,
    )(x)
    return layers.LeakyReLU(negative_slope=0.2, name=f"{name}_relu")(x)


def conv_head(x, channels: int, name: str, kernels: Kernels | None = None):
    """The last convolution of a level; without kernels it starts at zero."""
    zero = kernels is None
    return layers.Conv2D(
        channels,
        3,
        padding="same",
        data_format="channels_last",
        kernel_initializer="zeros" if zero else kernels(name),
        bias_initializer="zeros" if zero else keras.initializers.Constant(0.01),
        dtype="float32",
        name=name,
    )(x)


def halve(x, name: str):
    """The largest of each 2x2."""
    return layers.MaxPooling2D(2, data_format="channels_last", name=name)(x)


def add(x, y):
    """The sum of two."""
    return layers.Add()([x, y])


def join(*tensors):
    """All channels, one after another."""
    return layers.Concatenate()(list(tensors))


def small_normal(seed: int | None) -> Kernels:
    """The 2020 start, standard deviation 0.01, but with a seed of its own for every layer.

    The 2020 code seeds all alike, so that kernels of one shape start identical. In a trial with
    the heads that learn colours this start learned faster than Glorot's at every level.

    Args:
        seed: None leaves all kernels zero.
    """
    return _start(seed, lambda own: keras.initializers.TruncatedNormal(stddev=0.01, seed=own))


def unit_variance(seed: int | None) -> Kernels:
    """A start that keeps the variance of features from layer to layer.

    The head `defocus` begins as a lens and learns what a lens lacks: with kernels of 0.01 its
    features without norm hold next to nothing at first, and it learns half as much in the same
    time.

    Args:
        seed: None leaves all kernels zero.
    """
    return _start(seed, lambda own: keras.initializers.VarianceScaling(1.0, "fan_in", seed=own))


def _start(seed: int | None, made: Callable[[int], keras.initializers.Initializer]) -> Kernels:
    if seed is None:
        return lambda name: keras.initializers.Zeros()
    return lambda name: made(zlib.crc32(f"{seed} {name}".encode()))
