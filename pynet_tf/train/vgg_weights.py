"""VGG-19's convolutions up to conv5_4, from one of two files.

    imagenet-vgg-verydeep-19.mat, MatConvNet's (550 MB), as in the 2020 code
    vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5, that of `keras.applications.VGG19` (80 MB)

The module imports neither TensorFlow nor, before there is a file, what reads it, so that a missing
one is told at once.
"""

from pathlib import Path

import numpy as np

from pynet_tf.errors import InputError

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
        InputError: there is none.
    """
    if not Path(path).is_file():
        raise InputError(
            f"the VGG-19 weights {path} are not there; get {SOURCES} and name the file with "
            "--vgg, or train without this term: --content_weight 0"
        )


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
