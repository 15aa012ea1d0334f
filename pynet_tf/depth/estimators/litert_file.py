"""Loads estimators of depth from LiteRT files (`.tflite`)."""

import os
from pathlib import Path

import numpy as np

from pynet_tf.depth.estimators.photo_to_map import (
    Estimator,
    image_layout,
    refuse_other_inputs,
    running,
    short_reason,
)
from pynet_tf.errors import InputError


def load(path: Path, output: str, input_: str) -> Estimator:
    """Loads a LiteRT estimator.

    Args:
        path: `.tflite` file.
        output: see `Estimator`.
        input_: likewise.

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
    shapes = [i["shape_signature"].tolist() for i in inputs]
    refuse_other_inputs(shapes, [np.dtype(i["dtype"]).name for i in inputs], str(path))
    (given,) = inputs
    size, first = image_layout(tuple(shapes[0]), str(path))
    if size:
        # The runtime writes here what it computes with, while messages are kept aside.
        with running(path, ValueError, RuntimeError):
            interpreter.allocate_tensors()

    def run(image: np.ndarray) -> np.ndarray:
        with running(path, ValueError, RuntimeError):
            interpreter.resize_tensor_input(given["index"], image.shape)
            interpreter.allocate_tensors()
            interpreter.set_tensor(given["index"], image)
            interpreter.invoke()
        return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])

    return Estimator(run, size, first, input_, output, str(path))
