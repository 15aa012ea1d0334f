"""Estimators of depth in LiteRT files (`.tflite`)."""

import os
from pathlib import Path

import numpy as np

from pynet_tf.depth.estimators.photo_to_map import Estimator, image_layout, short_reason
from pynet_tf.errors import InputError


def load(path: Path, output: str, normalized: bool = True) -> Estimator:
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
        raise InputError(
            f"{path} is no LiteRT file that can be run ({short_reason(error)})"
        ) from error
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
            raise InputError(f"{path} cannot be run on a photo ({short_reason(error)})") from error
        return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])

    return Estimator(run, size, first, normalized, output, str(path))
