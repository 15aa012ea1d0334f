"""Chooses the estimator of depth: the name or path that a user gives tells its kind.

A new kind of estimator begins here, with one more case in `loader`. Its module stands beside this
one, as `onnx_file` does, and its `load` returns an `Estimator` (`photo_to_map`).
"""

import functools
from collections.abc import Callable
from pathlib import Path

from pynet_tf.depth.estimators import (
    keras_hub_preset,
    litert_file,
    megadepth,
    onnx_file,
    saved_model,
)
from pynet_tf.depth.estimators.photo_to_map import INPUTS, OUTPUTS, Estimator
from pynet_tf.errors import InputError, refuse_unreadable

DEFAULT = "depth_anything_v2_small"


def loader(
    model: str | Path = DEFAULT, output: str = "disparity", input_: str = "normalized"
) -> Callable[[], Estimator | megadepth.MegaDepth]:
    """Returns what loads an estimator of depth; a wrong name is told at once.

    Args:
        model: the name of a KerasHub preset; a folder written by `save_to_preset`; MegaDepth's
            Keras weights (`.weights.h5`); or an `.onnx` file, a `.tflite` file or a SavedModel.
        output: what the last three give: `disparity`, near = large, or `distance`. Presets say it
            themselves.
        input_: what they take: colours `normalized` by ImageNet's mean and deviation, `unit` 0..1,
            or `bytes` 0..255.

    Raises:
        InputError: there is no such file, or it is no estimator; the loader raises it for one that
            is damaged or cannot be fetched.
    """
    if output not in OUTPUTS:
        raise InputError(f"the output is {output!r}; give one of {' and '.join(OUTPUTS)}")
    if input_ not in INPUTS:
        raise InputError(f"the input is {input_!r}; give one of {', '.join(INPUTS)}")
    path, name = Path(model), str(model)
    if path.is_dir():
        if (path / "saved_model.pb").is_file():
            load = functools.partial(saved_model.load, path, output, input_)
        elif (path / "config.json").is_file():
            load = functools.partial(keras_hub_preset.load, name)
        else:
            raise InputError(
                f"{path} is neither a SavedModel nor a folder written by KerasHub's save_to_preset"
            )
        for file in path.rglob("*"):
            if file.is_file():
                refuse_unreadable(file)
        return load
    if path.is_file():
        refuse_unreadable(path)
        if name.endswith(".h5"):
            return functools.partial(megadepth.load, path)
        if path.suffix == ".onnx":
            return functools.partial(onnx_file.load, path, output, input_)
        if path.suffix == ".tflite":
            return functools.partial(litert_file.load, path, output, input_)
        raise InputError(
            f"{path} is no estimator that is known; give .onnx, .tflite, .weights.h5 (of "
            "MegaDepth's .pth tools/convert_megadepth.py makes it) or a folder"
        )
    if name in keras_hub_preset.PRESETS or name.startswith(("hf://", "kaggle://")):
        return functools.partial(keras_hub_preset.load, name)
    raise InputError(
        f"the depth model {name} is neither a file nor one of {', '.join(keras_hub_preset.PRESETS)}"
    )


def load(
    model: str | Path = DEFAULT, output: str = "disparity", input_: str = "normalized"
) -> Estimator | megadepth.MegaDepth:
    """Loads an estimator of depth, see `loader`."""
    return loader(model, output, input_)()
