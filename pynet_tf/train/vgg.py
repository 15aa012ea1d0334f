"""VGG-19's relu5_4 features, for the content loss.

Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
2015. The weights come from one of two files:

    imagenet-vgg-verydeep-19.mat, MatConvNet's (550 MB), as in the 2020 code
    vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5, that of `keras.applications.VGG19` (80 MB)

They are loaded once and kept as constants outside of every model and checkpoint. The 2020 code
pads before it pools, so that sides that are odd are rounded up; `keras.applications.VGG19` rounds
them down, and could not be taken.

The module imports neither TensorFlow nor what reads the files before it needs them, so that a
missing file is told at once.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pynet_tf.errors import InputError, refuse_unreadable

if TYPE_CHECKING:
    import tensorflow as tf

# ImageNet's mean colour, RGB in 0..255.
MEAN = (123.68, 116.779, 103.939)
# Convolutions in each block, up to conv5_4; a max pool lies between the blocks.
BLOCKS = (2, 2, 4, 4, 4)
SOURCES = (
    "https://www.vlfeat.org/matconvnet/models/imagenet-vgg-verydeep-19.mat (550 MB) or "
    "https://storage.googleapis.com/tensorflow/keras-applications/vgg19/"
    "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5 (80 MB)"
)

# Kernel [3, 3, in, out] and bias [out] of each convolution, input RGB.
Weights = list[tuple[np.ndarray, np.ndarray]]


def refuse_missing(path: Path) -> None:
    """Checks that there is a file.

    Raises:
        InputError: there is none, or it cannot be read.
    """
    missing = (
        f"the VGG-19 weights {path} are not there; get {SOURCES} and name the file with --vgg, or "
        "train without this term: --content_weight 0"
    )
    refuse_unreadable(path, missing)


def load_features(path: Path) -> "Callable[[tf.Tensor], tf.Tensor]":
    """Loads VGG-19 up to relu5_4.

    Args:
        path: a `.mat` or `.h5` file, see the module.

    Returns:
        A function from `[B, H, W, 3] float32 in [0, 1]` RGB to `[B, H/16, W/16, C]` features.

    Raises:
        InputError: the file is missing or holds no VGG-19.
    """
    import tensorflow as tf

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


def load_weights(path: Path) -> Weights:
    """Reads the 16 convolutions up to conv5_4 and checks that they follow on one another.

    Raises:
        InputError: the file is missing or holds no VGG-19.
    """
    refuse_missing(path)
    import h5py

    try:
        weights = _read_h5(path) if h5py.is_hdf5(path) else _read_mat(path)
        _check(weights)
    # scipy and h5py report a damaged file by almost any exception.
    except Exception as error:
        raise InputError(
            f"{path} holds no VGG-19 weights ({error}); get {SOURCES}, or train without this "
            "term: --content_weight 0"
        ) from error
    return weights


def _read_mat(path: Path) -> Weights:
    import scipy.io

    layers = scipy.io.loadmat(path, simplify_cells=True)["layers"]
    convolutions = [layer["weights"] for layer in layers if layer["type"] == "conv"]
    # MatConvNet stores width before height.
    return [
        (np.transpose(kernel, (1, 0, 2, 3)), np.ravel(bias))
        for kernel, bias in convolutions[: sum(BLOCKS)]
    ]


def _read_h5(path: Path) -> Weights:
    import h5py

    weights = []
    with h5py.File(path) as file:
        for block, count in enumerate(BLOCKS, 1):
            for number in range(1, count + 1):
                arrays = []
                file[f"block{block}_conv{number}"].visititems(
                    lambda _, item, arrays=arrays: (
                        arrays.append(item[()]) if isinstance(item, h5py.Dataset) else None
                    )
                )
                kernel, bias = sorted(arrays, key=np.ndim, reverse=True)
                weights.append((kernel, bias))
    # Keras' VGG-19 takes BGR.
    weights[0] = (weights[0][0][:, :, ::-1], weights[0][1])
    return weights


def _check(weights: Weights) -> None:
    channels = 3
    if len(weights) != sum(BLOCKS):
        raise ValueError(f"{len(weights)} convolutions instead of {sum(BLOCKS)}")
    for number, (kernel, bias) in enumerate(weights, 1):
        if kernel.shape[:3] != (3, 3, channels) or bias.shape != kernel.shape[3:]:
            raise ValueError(f"convolution {number} has shapes {kernel.shape} and {bias.shape}")
        if not (np.isfinite(kernel).all() and np.isfinite(bias).all()):
            raise ValueError(f"convolution {number} has values that are not finite")
        channels = kernel.shape[3]
