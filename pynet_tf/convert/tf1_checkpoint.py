"""The 2020 TensorFlow 1 checkpoints: reading them, and setting a pyramid's weights.

The 2020 training script saves all 440 variables of `tf1_names` at every level; those of finer
levels are as they started.
"""

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from pynet_tf import model
from pynet_tf.convert.tf1_names import checkpoint_prefix, weight_names
from pynet_tf.errors import InputError

# `pynet_level_3_iteration_30000.ckpt`, as the 2020 training script names its files.
_TRAINING_NAME = re.compile(r"pynet_level_([1-7])_iteration_(\d+)(\.ckpt)?")
# What TF1's optimizers and training loops save beside the weights.
_TRAINING_STATE = re.compile(
    r"(.*/)?(Adam|Adam_1|Momentum|RMSProp|RMSProp_1|beta[12]_power(_\d+)?|global_step)"
)
_INITIAL_BIAS = np.float32(0.01)


@dataclass(frozen=True)
class Checkpoint:
    """What a 2020 checkpoint holds.

    Attributes:
        prefix: the path without the endings of its files.
        values: TF1 variable name -> float32 array, all 440.
        ignored: names of the other variables: the optimizer's, step counters and the like.
        trained: the levels, coarsest first, whose outputs were trained.
        named_level: the level that the file's name tells, None if it tells none.
        iterations: likewise.
    """

    prefix: Path
    values: dict[str, np.ndarray]
    ignored: list[str]
    trained: list[int]
    named_level: int | None
    iterations: int | None


def read_checkpoint(prefix: Path) -> Checkpoint:
    """Reads a checkpoint of the 2020 network and checks every variable.

    Args:
        prefix: the checkpoint's path without `.index` and `.data-00000-of-00001`; the path of
            one of these files does as well.

    Raises:
        InputError: the files are missing or damaged, or are not those of the 2020 network; lists
            the missing, unknown, wrong-shaped and non-finite variables by name.
    """
    prefix = checkpoint_prefix(prefix)
    try:
        reader = tf.train.load_checkpoint(str(prefix))
        found = reader.get_variable_to_shape_map()
        shapes = _shapes()
        ignored = _refuse_other_networks(prefix, found, shapes)
        values = {name: reader.get_tensor(name) for name in shapes}
    except InputError:
        raise
    # TensorFlow reports a damaged file by almost any exception.
    except Exception as error:
        raise InputError(
            f"{prefix} cannot be read as a checkpoint ({' '.join(str(error).split())[:200]}); "
            "fetch its files again"
        ) from error
    bad = [name for name, value in values.items() if not np.isfinite(value).all()]
    if bad:
        raise InputError(
            f"{prefix} has values that are not finite numbers in {_some(bad)}; use another one"
        )
    named = _TRAINING_NAME.fullmatch(prefix.name)
    return Checkpoint(
        prefix=prefix,
        values=values,
        ignored=ignored,
        trained=_trained_levels(values),
        named_level=int(named[1]) if named else None,
        iterations=int(named[2]) if named else None,
    )


def finest_level(checkpoint: Checkpoint, wanted: int | None = None) -> int:
    """Tells which level's checkpoint the weights are to be stored as.

    Args:
        checkpoint: from `read_checkpoint`.
        wanted: by the user; None to go by the file's name or, where it tells no level, by the
            finest level that is trained. Weights that were trained further from a finer
            level's fit only the level they were trained for, so the name comes first.

    Raises:
        InputError: the level is not trained, or none is.
    """
    if not checkpoint.trained:
        raise InputError(
            f"{checkpoint.prefix} holds no trained level: all its output heads are as they "
            "started; use a later checkpoint"
        )
    level = wanted or checkpoint.named_level or min(checkpoint.trained)
    if level not in checkpoint.trained:
        trained = ", ".join(map(str, checkpoint.trained))
        raise InputError(
            f"level {level} of {checkpoint.prefix} is as it started, trained are only {trained}; "
            f"choose one of these, e.g. --level {min(checkpoint.trained)}"
        )
    return level


@functools.cache
def _shapes() -> dict[str, tuple[int, ...]]:
    return {name: tuple(weight.shape) for name, weight in _weights(model.pynet(seed=None)).items()}


def _refuse_other_networks(prefix: Path, found: dict, expected: dict) -> list[str]:
    """Returns the names that are no weights, after checking names and shapes of the weights."""
    others = [name for name in found if name not in expected]
    state = [name for name in others if _TRAINING_STATE.fullmatch(name)]
    faults = {
        "missing": [name for name in expected if name not in found],
        "not in the 2020 network": sorted(
            name for name in set(others) - set(state) if name.startswith("generator/")
        ),
        "of the wrong shape": [
            f"{name} {tuple(found[name])} instead of {shape}"
            for name, shape in expected.items()
            if name in found and tuple(found[name]) != shape
        ],
    }
    told = [f"{len(names)} {fault}: {_some(names)}" for fault, names in faults.items() if names]
    if told:
        raise InputError(
            f"{prefix} is not a checkpoint of the 2020 bokeh network; of its variables, "
            f"{'; '.join(told)}; use another one"
        )
    return sorted(others)


def _trained_levels(values: dict[str, np.ndarray]) -> list[int]:
    """Tells trained levels by their heads.

    Training a level touches no other level's head (but level 1's goes through level 2's), and
    every bias starts at exactly 0.01.
    """
    variables = {weight: variable for variable, weight in weight_names().items()}
    return [
        level
        for level in model.LEVELS
        if (values[variables[f"level_{level}_head/bias"]] != _INITIAL_BIAS).any()
    ]


def _some(names: Iterable[str], most: int = 20) -> str:
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def load_weights(pyramid: keras.Model, values: dict[str, np.ndarray]) -> None:
    """Sets all weights of a full-width pyramid with original heads.

    Args:
        pyramid: from `model.pynet()`.
        values: TF1 variable name -> array; other names are ignored.

    Raises:
        KeyError: a variable is missing.
        ValueError: a variable has another shape than its weight.
    """
    for variable, weight in _weights(pyramid).items():
        weight.assign(values[variable])


def _weights(pyramid: keras.Model) -> dict[str, keras.Variable]:
    """Maps every TF1 variable's name to a pyramid's weight."""
    weights = {weight.path: weight for weight in pyramid.weights}
    return {variable: weights[path] for variable, path in weight_names().items()}
