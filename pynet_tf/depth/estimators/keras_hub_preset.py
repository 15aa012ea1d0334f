"""KerasHub's Depth Anything: fetched once, kept as a LiteRT file, run without KerasHub.

Importing KerasHub and tracing its model takes longer than a photo does. So the estimator is
converted at its first use, to 16-bit weights in the user's cache folder.
"""

import hashlib
import json
from pathlib import Path

from pynet_tf.depth.estimators import litert_file
from pynet_tf.depth.estimators.photo_to_map import Estimator, short_reason
from pynet_tf.errors import InputError
from pynet_tf.io.atomic_files import replacing
from pynet_tf.io.cache import cache_folder

# Megabytes of what is fetched, and what a user has to know of it.
PRESETS = {
    "depth_anything_v2_small": (100, "Apache-2.0"),
    "depth_anything_v2_base": (390, "CC BY-NC 4.0: not for commercial use"),
    "depth_anything_v2_large": (1340, "CC BY-NC 4.0: not for commercial use"),
}


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
        estimator = litert_file.load(kept, output, normalized=False)
    except (ValueError, KeyError, InputError):
        # What is kept can be made again.
        kept.unlink(missing_ok=True)
        about.unlink(missing_ok=True)
        raise InputError(
            f"{kept}, the kept form of {name}, was damaged and is removed; run the command again"
        ) from None
    return Estimator(estimator.run, estimator.size, False, False, output, name)


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
        print(
            f"fetching {name} ({size} MB, {licence}) with KerasHub, once; its LiteRT form is kept "
            f"in {kept.parent}",
            flush=True,
        )
    else:
        print(f"{name}: making its LiteRT form, once; it is kept in {kept.parent}", flush=True)
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
    content = lite.convert()
    with replacing(kept) as partial:
        partial.write_bytes(content)
    relative = getattr(estimator, "depth_estimation_type", "relative") == "relative"
    return "disparity" if relative else "distance"


def _from_preset(keras_hub, name: str):
    try:
        return keras_hub.models.DepthAnythingDepthEstimator.from_preset(name)
    # The fetching library, the network and damaged files have exceptions of all kinds.
    except Exception as error:
        raise InputError(
            f"the depth estimator {name} cannot be had ({short_reason(error)}); give a depth map "
            "with --depth MAP.png, another estimator's file with --depth_model FILE, or fetch the "
            "preset on another machine and give its folder with --depth_model FOLDER"
        ) from error
