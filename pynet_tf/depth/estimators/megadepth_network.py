"""MegaDepth's hourglass network: depth from one photo (Li and Snavely, CVPR 2018).

    photo       float32 [B, H, W, 3], RGB in [0, 1], H and W multiples of 16
    log depth   float32 [B, H, W, 1], natural logarithm, of no known scale; large = far

Layers are named after their place in the published PyTorch network, `<path>.<position>...`:
`stage2_down.1.3.0` is convolution 0 of branch 3 of block 1 on stage 2's way down. `_PATHS`
turns the first part into the PyTorch name, and the rest is the same.
"""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import h5py
import keras
import numpy as np
from keras import layers

from pynet_tf.errors import InputError, refuse_unreadable
from pynet_tf.io.atomic_files import replacing

# An inception block: channels of the plain branch, then (reduced to, kernel, channels) of three.
_A = (32, (32, 3, 32), (32, 5, 32), (32, 7, 32))
_B = (64, (32, 3, 64), (32, 5, 64), (32, 7, 64))
_C = (64, (64, 3, 64), (64, 7, 64), (64, 11, 64))

_STAGE_1 = "3.0"
_STAGE_2 = _STAGE_1 + ".0.3.0"
_STAGE_3 = _STAGE_2 + ".0.3.0"
_STAGE_4 = _STAGE_3 + ".1.3.0"
_PATHS = {
    "stem": "0",
    "stem_norm": "1",
    "stage1_down": _STAGE_1 + ".0",
    "stage1_skip": _STAGE_1 + ".1",
    "stage2_down": _STAGE_2 + ".0",
    "stage2_skip": _STAGE_2 + ".1",
    "stage3_skip": _STAGE_3 + ".0",
    "stage3_down": _STAGE_3 + ".1",
    "stage4_skip": _STAGE_4 + ".0",
    "stage4_down": _STAGE_4 + ".1",
    "head": "4",
}
# Keras' name of a variable and PyTorch's.
_CONVOLUTION = {"kernel": "weight", "bias": "bias"}
_NORM = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


def megadepth() -> keras.Model:
    """Builds the network for photos of any size, untrained.

    Returns:
        A model from RGB `[B, H, W, 3] float32 in [0, 1]` to log depth `[B, H, W, 1] float32`;
        H and W must be multiples of 16.
    """
    photo = keras.Input((None, None, 3), name="photo")
    x = layers.Conv2D(128, 7, padding="same", data_format="channels_last", name="stem")(photo)
    x = layers.BatchNormalization(epsilon=1e-5, name="stem_norm")(x)
    x = layers.ReLU()(x)
    x = _stage_1(x)
    log_depth = layers.Conv2D(1, 3, padding="same", data_format="channels_last", name="head")(x)
    return keras.Model(photo, log_depth, name="megadepth")


def _stage_1(x):
    down = layers.MaxPooling2D(data_format="channels_last")(x)
    down = _inception(down, "stage1_down.1", *_A)
    down = _inception(down, "stage1_down.2", *_A)
    down = _stage_2(down)
    down = _inception(down, "stage1_down.4", 32, (64, 3, 32), (64, 5, 32), (64, 7, 32))
    down = _inception(down, "stage1_down.5", 16, (32, 3, 16), (32, 7, 16), (32, 11, 16))
    down = layers.UpSampling2D(data_format="channels_last")(down)
    skip = _inception(x, "stage1_skip.0", 16, (64, 3, 16), (64, 7, 16), (64, 11, 16))
    return layers.Add()([down, skip])


def _stage_2(x):
    down = layers.MaxPooling2D(data_format="channels_last")(x)
    down = _inception(down, "stage2_down.1", *_A)
    down = _inception(down, "stage2_down.2", *_B)
    down = _stage_3(down)
    down = _inception(down, "stage2_down.4", *_B)
    down = _inception(down, "stage2_down.5", 32, (32, 3, 32), (32, 5, 32), (32, 7, 32))
    down = layers.UpSampling2D(data_format="channels_last")(down)
    skip = _inception(x, "stage2_skip.0", *_A)
    skip = _inception(skip, "stage2_skip.1", 32, (64, 3, 32), (64, 7, 32), (64, 11, 32))
    return layers.Add()([down, skip])


def _stage_3(x):
    skip = _inception(x, "stage3_skip.0", *_B)
    skip = _inception(skip, "stage3_skip.1", *_C)
    down = layers.AveragePooling2D(2, data_format="channels_last")(x)
    down = _inception(down, "stage3_down.1", *_B)
    down = _inception(down, "stage3_down.2", *_B)
    down = _stage_4(down)
    down = _inception(down, "stage3_down.4", *_B)
    down = _inception(down, "stage3_down.5", *_C)
    down = layers.UpSampling2D(data_format="channels_last")(down)
    return layers.Add()([down, skip])


def _stage_4(x):
    skip = _inception(x, "stage4_skip.0", *_B)
    skip = _inception(skip, "stage4_skip.1", *_B)
    down = layers.AveragePooling2D(2, data_format="channels_last")(x)
    down = _inception(down, "stage4_down.1", *_B)
    down = _inception(down, "stage4_down.2", *_B)
    down = _inception(down, "stage4_down.3", *_B)
    down = layers.UpSampling2D(data_format="channels_last")(down)
    return layers.Add()([down, skip])


def _inception(x, name: str, plain: int, *branches: tuple[int, int, int]):
    """Four parallel branches, concatenated: 1x1, and three times 1x1 followed by k x k."""
    outputs = [_convolve(x, f"{name}.0", 0, plain, 1)]
    for number, (reduced, kernel, channels) in enumerate(branches, 1):
        y = _convolve(x, f"{name}.{number}", 0, reduced, 1)
        outputs.append(_convolve(y, f"{name}.{number}", 3, channels, kernel))
    return layers.Concatenate()(outputs)


def _convolve(x, name: str, position: int, channels: int, kernel: int):
    """Convolution, batch norm without scale and shift, ReLU: three PyTorch positions."""
    x = layers.Conv2D(
        channels, kernel, padding="same", data_format="channels_last", name=f"{name}.{position}"
    )(x)
    x = layers.BatchNormalization(
        epsilon=1e-5, center=False, scale=False, name=f"{name}.{position + 1}"
    )(x)
    return layers.ReLU()(x)


def state_keys(model: keras.Model) -> Iterator[tuple[str, keras.Variable]]:
    """Yields the PyTorch key and the Keras variable of each of the 624 tensors."""
    for layer in model.layers:
        names = _NORM if isinstance(layer, layers.BatchNormalization) else _CONVOLUTION
        path, _, position = layer.name.partition(".")
        for variable in layer.weights:
            yield ".".join(filter(None, (_PATHS[path], position, names[variable.name]))), variable


def load_state(model: keras.Model, tensors: Mapping[str, np.ndarray]) -> None:
    """Sets all weights from the tensors of the published network.

    Args:
        model: from `megadepth`; unchanged if the tensors do not fit.
        tensors: by PyTorch key, e.g. `3.0.0.1.0.0.weight`, with or without the `module.` that
            DataParallel puts before it; kernels are `[out, in, k, k]`. `num_batches_tracked`
            is ignored.

    Raises:
        InputError: tensors are missing, unknown, of the wrong shape or not finite; all are named.
    """
    given = {
        key.removeprefix("module."): value
        for key, value in tensors.items()
        if not key.endswith(".num_batches_tracked")
    }
    variables = dict(state_keys(model))
    values, wrong, infinite = {}, [], []
    for key in variables.keys() & given.keys():
        value = np.asarray(given[key])
        if value.ndim == 4:
            value = value.transpose(2, 3, 1, 0)
        if value.shape != tuple(variables[key].shape):
            wrong.append(key)
        elif not np.isfinite(value).all():
            infinite.append(key)
        values[key] = value
    faults = [
        _named("missing", variables.keys() - given.keys()),
        _named("unknown", given.keys() - variables.keys()),
        _named("of another shape", wrong),
        _named("with values that are not finite", infinite),
    ]
    if any(faults):
        raise InputError(
            "these are not the weights of MegaDepth's hourglass; tensors "
            + "; ".join(filter(None, faults))
        )
    for key, variable in variables.items():
        variable.assign(values[key])


def save_megadepth(model: keras.Model, path: Path) -> None:
    """Writes the weights as a Keras file, whole or not at all.

    Raises:
        InputError: the name does not end in `.weights.h5`, by which Keras knows its files, or
            the disk is full.
    """
    path = Path(path)
    if not path.name.endswith(".weights.h5"):
        raise InputError(f"{path} must end in .weights.h5; name it e.g. megadepth.weights.h5")
    with replacing(path) as partial:
        try:
            model.save_weights(partial)
        except OSError as error:
            # HDF5 tells of a full disk over many lines.
            raise InputError(
                f"{path} could not be written ({str(error)[:200]}); make room, or name another "
                "place"
            ) from error


def load_megadepth(path: Path) -> keras.Model:
    """Builds the network and reads its weights.

    Args:
        path: a `.weights.h5` file, as `tools/convert_megadepth.py` writes it.

    Returns:
        The model of `megadepth`.

    Raises:
        InputError: the file is missing, cut short, of another program or of another network,
            or holds values that are not finite.
    """
    path = Path(path)
    remedy = "make it with tools/convert_megadepth.py from best_generalization_net_G.pth"
    refuse_unreadable(path, f"the weights {path} are not there; {remedy}")
    try:
        with h5py.File(path) as file:
            shapes = _shapes(file)
        model = megadepth()
        if shapes != sorted(tuple(variable.shape) for variable in model.weights):
            raise InputError(f"{path} holds the weights of another network; {remedy}")
        with warnings.catch_warnings():
            # Keras warns of its own bookkeeping groups before it raises for weights not found.
            warnings.simplefilter("ignore")
            model.load_weights(path)
    except InputError:
        raise
    # h5py and Keras have an exception for each way in which a file can be wrong.
    except Exception as error:
        raise InputError(
            f"{path} cannot be read as Keras weights of MegaDepth; {remedy}"
        ) from error
    if not all(np.isfinite(variable.value.numpy()).all() for variable in model.weights):
        raise InputError(f"{path} holds values that are not finite; {remedy}")
    return model


def _shapes(file: h5py.File) -> list[tuple[int, ...]]:
    """Returns the shapes of all arrays in the file, sorted."""
    found = []

    def add(_, item):
        if isinstance(item, h5py.Dataset):
            found.append(item.shape)

    file.visititems(add)
    return sorted(found)


def _named(fault: str, keys: Iterable[str], limit: int = 8) -> str:
    """Returns `missing: a, b and 3 more`, or nothing if there are none."""
    keys = sorted(keys)
    if not keys:
        return ""
    more = f" and {len(keys) - limit} more" if len(keys) > limit else ""
    return f"{fault}: {', '.join(keys[:limit])}{more}"
