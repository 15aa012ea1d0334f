"""Estimators in files of other programs: ONNX, LiteRT, SavedModel, and MegaDepth's weights."""

import os
from pathlib import Path

import numpy as np

from pynet_tf.depth.estimators.estimator import Estimator, image_layout
from pynet_tf.errors import InputError


def onnx(path: Path, output: str) -> Estimator:
    """Loads an ONNX estimator: Depth Anything, MiDaS, Depth Pro as people have them.

    Raises:
        InputError: ONNX Runtime is missing, or the file is no estimator.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise InputError(
            f"{path} needs ONNX Runtime; install it: pip install onnxruntime"
        ) from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = len(os.sched_getaffinity(0))
    try:
        session = onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
    # It has an exception class of its own for every kind of damage.
    except Exception as error:
        raise InputError(f"{path} is no ONNX file that can be run ({_short(error)})") from error
    inputs = session.get_inputs()
    if len(inputs) != 1 or "float" not in inputs[0].type:
        raise InputError(
            f"{path} takes {len(inputs)} inputs; an estimator of depth takes one photo"
        )
    (given,) = inputs
    size, first = image_layout(tuple(given.shape), str(path))
    kind = np.float16 if "float16" in given.type else np.float32

    def run(image: np.ndarray) -> np.ndarray:
        try:
            return session.run(None, {given.name: image.astype(kind)})[0]
        except Exception as error:
            raise InputError(f"{path} cannot be run on a photo ({_short(error)})") from error

    return Estimator(run, size, first, True, output, str(path))


def litert(path: Path, output: str, normalized: bool = True) -> Estimator:
    """Loads a LiteRT estimator.

    Args:
        path: `.tflite` file.
        output: see `Estimator`.
        normalized: see `Estimator`.

    Raises:
        InputError: ai-edge-litert is missing, or the file is no estimator.
    """
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise InputError(
            f"{path} needs the package ai-edge-litert; install it: pip install ai-edge-litert"
        ) from error
    try:
        interpreter = Interpreter(str(path), num_threads=len(os.sched_getaffinity(0)))
        inputs = interpreter.get_input_details()
    except (ValueError, RuntimeError) as error:
        raise InputError(f"{path} is no LiteRT file that can be run ({_short(error)})") from error
    if len(inputs) != 1 or inputs[0]["dtype"] != np.float32:
        raise InputError(
            f"{path} takes {len(inputs)} inputs; an estimator of depth takes one photo"
        )
    (given,) = inputs
    size, first = image_layout(tuple(map(int, given["shape_signature"])), str(path))

    def run(image: np.ndarray) -> np.ndarray:
        try:
            interpreter.resize_tensor_input(given["index"], image.shape)
            interpreter.allocate_tensors()
            interpreter.set_tensor(given["index"], image)
            interpreter.invoke()
        except (ValueError, RuntimeError) as error:
            raise InputError(f"{path} cannot be run on a photo ({_short(error)})") from error
        return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])

    return Estimator(run, size, first, normalized, output, str(path))


def saved_model(path: Path, output: str) -> Estimator:
    """Loads a SavedModel estimator.

    Raises:
        InputError: it is no estimator.
    """
    import tensorflow as tf

    try:
        loaded = tf.saved_model.load(str(path))
        signature = loaded.signatures["serving_default"]
        ((name, spec),) = signature.structured_input_signature[1].items()
    except Exception as error:
        raise InputError(
            f"{path} is no SavedModel of an estimator, which takes one photo ({_short(error)})"
        ) from error
    size, first = image_layout(tuple(spec.shape), str(path))

    def run(image: np.ndarray) -> np.ndarray:
        # Through `loaded`: signatures hold their variables weakly.
        result = loaded.signatures["serving_default"](**{name: tf.constant(image)})
        return next(iter(result.values())).numpy()

    return Estimator(run, size, first, True, output, str(path))


def megadepth(path: Path) -> "MegaDepth":
    """Loads MegaDepth from its Keras weights.

    Raises:
        InputError: the file is none of its weights.
    """
    from pynet_tf.depth.megadepth import load_megadepth

    return MegaDepth(load_megadepth(path))


class MegaDepth:
    """MegaDepth, which sees photos in their own proportions; an `Estimator` otherwise."""

    name = "MegaDepth"

    def __init__(self, model):
        self.model = model

    def estimate(self, photo: np.ndarray) -> np.ndarray:
        """Estimates the depth map of a photo, see `Estimator.estimate`."""
        from pynet_tf.depth.estimation import estimate_depth

        return estimate_depth(photo, self.model)


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:120]
