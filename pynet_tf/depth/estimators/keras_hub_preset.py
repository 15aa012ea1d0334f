"""Loads KerasHub's Depth Anything: it is fetched once, kept as a LiteRT file, run without KerasHub.

Importing KerasHub and tracing its model takes longer than a photo does. So the estimator is
converted at its first use, to 16-bit weights in the user's cache folder.

With 25.3 M parameters at 518 pixels, first use takes 31 s of processor time, and later ones, from
command to picture of 1.5 megapixels, 4.8 s. The kept form has 49.5 MB; its maps and those of
KerasHub correlate to 0.99999.
"""

import contextlib
import hashlib
import io
import json
import os
import shutil
import tempfile
from pathlib import Path

from pynet_tf.depth.estimators import litert_file
from pynet_tf.depth.estimators.photo_to_map import Estimator, short_reason
from pynet_tf.errors import InputError
from pynet_tf.io.atomic_files import replacing
from pynet_tf.io.cache import cache_folder

# By the presets' names: megabytes to fetch, and the licence, which a user has to know.
PRESETS = {
    "depth_anything_v2_small": (100, "Apache-2.0"),
    "depth_anything_v2_base": (390, "CC BY-NC 4.0: not for commercial use"),
    "depth_anything_v2_large": (1340, "CC BY-NC 4.0: not for commercial use"),
}
# Where KerasHub fetches presets. It waits for minutes where nobody answers; this, in seconds, is
# longer than an answer takes on a slow line.
_HOST, _PATIENCE = "api.kaggle.com", 8


def load(name: str) -> Estimator:
    """Loads a preset by its name, or from a folder written by `save_to_preset`.

    Args:
        name: of a preset, or the folder.

    Raises:
        InputError: KerasHub is missing, the preset cannot be fetched or is none, or there is no
            room to keep it.
    """
    kept = cache_folder("estimators") / f"{_key(name)}.tflite"
    about = kept.with_suffix(".json")
    if not (kept.is_file() and about.is_file()):
        output = _convert(name, kept)
        with replacing(about) as partial:
            partial.write_text(json.dumps({"preset": name, "output": output}), encoding="utf-8")
    try:
        output = json.loads(about.read_text(encoding="utf-8"))["output"]
        estimator = litert_file.load(kept, output, "bytes")
    except (ValueError, KeyError, InputError):
        # What is kept can be made again.
        kept.unlink(missing_ok=True)
        about.unlink(missing_ok=True)
        raise InputError(
            f"{kept}, the kept form of {name}, was damaged and is removed; run the command again"
        ) from None
    return Estimator(estimator.run, estimator.size, False, "bytes", output, name, is_told=False)


def _key(name: str) -> str:
    """Returns a name of the kept form; that of a folder changes with what is in it."""
    folder = Path(name)
    if not folder.is_dir():
        return name.replace("/", "_").replace(":", "_")
    stamps = sorted((f.name, f.stat().st_size, f.stat().st_mtime_ns) for f in folder.iterdir())
    digest = hashlib.sha256(repr((str(folder.resolve()), stamps)).encode()).hexdigest()
    return f"{folder.name}_{digest[:16]}"


def _convert(name: str, kept: Path) -> str:
    """Makes the kept form of a preset; returns what its output is."""
    if name in PRESETS and not Path(name).is_dir():
        size, licence = PRESETS[name]
        if not _is_fetched(name):
            _refuse_without_network(name)
        print(
            f"fetching {name} ({size} MB, {licence}) with KerasHub, once; its LiteRT form is kept "
            f"in {kept.parent}",
            flush=True,
        )
    else:
        print(f"{name}: making its LiteRT form, once; it is kept in {kept.parent}", flush=True)
    _refuse_full_disk(name, kept.parent)
    try:
        import keras
        import keras_hub
        import tensorflow as tf
    except ImportError as error:
        raise InputError(
            f"{name} needs KerasHub; install it: pip install keras-hub tensorflow-text"
        ) from error
    estimator = _from_preset(keras_hub, name)
    converter = estimator.preprocessor.image_converter
    size = tuple(converter.image_size)
    image = keras.Input((*size, 3), batch_size=1, name="image")
    scaled = image
    if converter.scale is not None:
        scaled = scaled * tf.constant(converter.scale, tf.float32)
    if converter.offset is not None:
        scaled = scaled + tf.constant(converter.offset, tf.float32)
    depths = estimator(scaled)["depths"]
    lite = tf.lite.TFLiteConverter.from_keras_model(keras.Model(image, depths))
    lite.optimizations = [tf.lite.Optimize.DEFAULT]
    lite.target_spec.supported_types = [tf.float16]
    try:
        # Keras lists on standard output what it exports.
        with contextlib.redirect_stdout(io.StringIO()):
            content = lite.convert()
        with replacing(kept) as partial:
            partial.write_bytes(content)
    # Converters have an exception for every step; a full disk is one of many reasons.
    except Exception as error:
        raise InputError(
            f"the LiteRT form of {name} cannot be made ({short_reason(error)}); make room in "
            f"{tempfile.gettempdir()} and {kept.parent}, or give another estimator"
        ) from error
    relative = getattr(estimator, "depth_estimation_type", "relative") == "relative"
    return "disparity" if relative else "distance"


def _fetched_folder() -> Path:
    """Returns where kagglehub, which KerasHub fetches with, keeps what it has fetched."""
    usual = Path.home() / ".cache" / "kagglehub"
    return Path(os.environ.get("KAGGLEHUB_CACHE", usual)) / "models" / "keras" / "depth-anything"


def _is_fetched(name: str) -> bool:
    """Tells whether the weights of a preset are there, whole, from an earlier use of KerasHub."""
    marks = _fetched_folder().glob(f"*/{name}/.complete/*/model.weights.h5.complete")
    return any(marks)


def _refuse_without_network(name: str) -> None:
    """Tries, before KerasHub is imported, whether a preset can be fetched at all."""
    import requests

    try:
        requests.head(f"https://{_HOST}", timeout=_PATIENCE)
    except requests.RequestException as error:
        raise InputError(_cannot_be_had(name, f"no connection to {_HOST}")) from error


def _refuse_full_disk(name: str, kept: Path) -> None:
    """Checks before the work that there is room for the kept form and for the way to it."""
    folder = Path(name)
    if folder.is_dir():
        size = sum(file.stat().st_size for file in folder.iterdir())
    else:
        size = PRESETS.get(name, (0,))[0] * 1_000_000
    # In 16 bits it is half as large. The converter begins with a copy of all.
    for place, needed in ((kept, size // 2), (Path(tempfile.gettempdir()), size)):
        free = shutil.disk_usage(place).free
        if free < needed:
            raise InputError(
                f"{place} has room for {free / 1e6:.0f} MB, and making the LiteRT form of {name} "
                f"takes {needed / 1e6:.0f} MB there; make room, or give another estimator or, to "
                "pynet_tf.render, a depth map"
            )


def _from_preset(keras_hub, name: str):
    try:
        return keras_hub.models.DepthAnythingDepthEstimator.from_preset(name)
    # The fetching library, the network and damaged files have exceptions of all kinds.
    except Exception as error:
        raise InputError(_cannot_be_had(name, short_reason(error))) from error


def _cannot_be_had(name: str, reason: str) -> str:
    anew = ""
    if name in PRESETS and _is_fetched(name):
        anew = f"remove {_fetched_folder()} to have it fetched anew, "
    return (
        f"the depth estimator {name} cannot be had ({reason}); {anew}give the preset's "
        "folder, fetched on another machine, or another estimator's file in its place, or, to "
        "pynet_tf.render, a depth map with --depth MAP.png"
    )
