"""Tells from a name or path what kind of estimator it is, and loads it."""

import functools
from collections.abc import Callable
from pathlib import Path

from pynet_tf.depth.estimators import files, presets
from pynet_tf.depth.estimators.estimator import OUTPUTS, Estimator
from pynet_tf.errors import InputError

DEFAULT = "depth_anything_v2_small"


def loader(
    model: str | Path = DEFAULT, output: str = "disparity"
) -> Callable[[], Estimator | files.MegaDepth]:
    """Returns what loads an estimator of depth; a wrong name is told at once.

    Args:
        model: the name of a KerasHub preset; a folder written by `save_to_preset`; MegaDepth's
            Keras weights (`.weights.h5`); or an `.onnx` file, a `.tflite` file or a SavedModel.
        output: what the last three give: `disparity`, near = large, or `distance`. Presets say it
            themselves.

    Raises:
        InputError: there is no such file, or it is no estimator; the loader raises it for one that
            is damaged or cannot be fetched.
    """
    if output not in OUTPUTS:
        raise InputError(f"the output is {output!r}; give one of {' and '.join(OUTPUTS)}")
    path, name = Path(model), str(model)
    if path.is_dir():
        if (path / "saved_model.pb").is_file():
            return functools.partial(files.saved_model, path, output)
        if (path / "config.json").is_file():
            return functools.partial(presets.load, name)
        raise InputError(
            f"{path} is neither a SavedModel nor a folder written by KerasHub's save_to_preset"
        )
    if path.is_file():
        if name.endswith(".h5"):
            return functools.partial(files.megadepth, path)
        if path.suffix == ".onnx":
            return functools.partial(files.onnx, path, output)
        if path.suffix == ".tflite":
            return functools.partial(files.litert, path, output)
        raise InputError(
            f"{path} is no estimator that is known; give .onnx, .tflite, .weights.h5 (of "
            "MegaDepth's .pth tools/convert_megadepth.py makes it) or a folder"
        )
    if name in presets.PRESETS or name.startswith(("hf://", "kaggle://")):
        return functools.partial(presets.load, name)
    raise InputError(
        f"the depth model {name} is neither a file nor one of {', '.join(presets.PRESETS)}"
    )


def load(model: str | Path = DEFAULT, output: str = "disparity") -> Estimator | files.MegaDepth:
    """Loads an estimator of depth, see `loader`."""
    return loader(model, output)()
