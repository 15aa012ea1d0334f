"""VGG-19's relu5_4 features, for the content loss.

Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
2015. The weights of `pynet_tf.vgg_weights` are loaded once and kept as constants outside of every
model and checkpoint.
"""

from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

from pynet_tf.train.vgg_weights import BLOCKS, load_weights

# ImageNet's mean colour, RGB in 0..255.
MEAN = (123.68, 116.779, 103.939)


def load_features(path: Path) -> Callable[[tf.Tensor], tf.Tensor]:
    """Loads VGG-19 up to relu5_4.

    Args:
        path: a `.mat` or `.h5` file, see `pynet_tf.vgg_weights`.

    Returns:
        A function from `[B, H, W, 3] float32 in [0, 1]` RGB to `[B, H/16, W/16, C]` features.

    Raises:
        InputError: the file is missing or holds no VGG-19.
    """
    weights = [(tf.constant(kernel), tf.constant(bias)) for kernel, bias in load_weights(path)]

    def features(photo: tf.Tensor) -> tf.Tensor:
        x = photo * 255.0 - tf.constant(MEAN)
        convolutions = iter(weights)
        for block, count in enumerate(BLOCKS):
            if block:
                x = tf.nn.max_pool2d(x, 2, 2, "SAME")
            for _ in range(count):
                kernel, bias = next(convolutions)
                x = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(x, kernel, 1, "SAME"), bias))
        return x

    return features
