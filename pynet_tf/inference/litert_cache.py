"""Keeps the LiteRT forms of networks: made once, then run without TensorFlow.

The network that comes with the project has its forms beside its weights. Those of other run
directories and SavedModels lie in the user's cache folder, and are made anew when the weights
change, or the code that makes the network of them.
"""

import hashlib
from pathlib import Path

from pynet_tf.errors import InputError
from pynet_tf.inference.code_fingerprint import code_fingerprint
from pynet_tf.inference.saved_model_folder import is_saved_model, read_description, weight_files
from pynet_tf.io.atomic_files import replacing
from pynet_tf.io.cache import cache_folder
from pynet_tf.runs.run_directory import RunDirectory

# Weights of 32 bits give TensorFlow's picture; of 8 bits, nearly, and faster. With how
# `litert_conversion` calls them.
KINDS = {"float32": "none", "int8": "int8"}
# The network that comes with the project has its forms beside its weights, which have 16 bits.
_BESIDE = {"float32": "float16.tflite", "int8": "int8.tflite"}
_ROOT = Path(__file__).parents[1]
# What forms depend on, beside the weights.
_CODE = (_ROOT / "model", _ROOT / "inference" / "litert_conversion.py")
# Where the network that comes with the project lies: in the checkout, or in an installed package.
_BOXED = (_ROOT.parent / "checkpoints" / "small", _ROOT / "small_network")


def boxed_network() -> Path:
    """Returns the run directory of the network that comes with the project.

    Raises:
        InputError: the package was installed without it.
    """
    for path in _BOXED:
        if (path / "level_1").is_dir():
            return path
    raise InputError(
        f"{_BOXED[0]}, the network that comes with the project, is not there; get it from the "
        "project's repository, or name a model with --model"
    )


def form(path: Path, level: int | None, kind: str) -> Path:
    """Returns the LiteRT file of a network, made at first.

    Args:
        path: a run directory or a SavedModel.
        level: that the form gives; None for the finest there is.
        kind: one of `KINDS`.

    Raises:
        InputError: there is no such network, or no folder can be written to.
    """
    path = Path(path)
    if is_saved_model(path):
        found, weights = read_description(path), weight_files(path)
    else:
        runs = RunDirectory(path)
        found = runs.holding(level)
        weights = runs.level(found.level).checkpoint_files(found.step)
    level = level or found.level
    beside = path / f"level_{level}" / _BESIDE[kind]
    if path.resolve() in [boxed.resolve() for boxed in _BOXED] and beside.is_file():
        return beside
    stamps = sorted((str(f.resolve()), f.stat().st_size, f.stat().st_mtime_ns) for f in weights)
    code = code_fingerprint(_CODE)
    key = hashlib.sha256(repr((level, kind, stamps, code)).encode()).hexdigest()[:32]
    kept = cache_folder("networks") / f"{key}_level_{level}_{kind}.tflite"
    if not kept.is_file():
        print(
            f"{path}: making its {kind} LiteRT form, once; it is kept in {kept.parent}", flush=True
        )
        write_form(path, level, kind, kept)
    return kept


def write_form(path: Path, level: int, kind: str, file: Path) -> None:
    """Converts a network to a LiteRT file; imports TensorFlow.

    Args:
        path: a run directory or a SavedModel.
        level: that the file gives.
        kind: one of `KINDS`.
        file: to write; one that is there is replaced once the new one is complete.

    Raises:
        InputError: there is no such network, it is one that cannot be converted, or the disk is
            full.
    """
    from pynet_tf.inference import litert_conversion, loading

    model = loading.load_model(path, level)
    if model.pyramid is None:
        raise InputError(
            f"{path} is a SavedModel of an earlier version, which only renders as it is; leave "
            "--fast out"
        )
    content = litert_conversion.convert(model.pyramid(), level, KINDS[kind])
    with replacing(file) as partial:
        partial.write_bytes(content)
