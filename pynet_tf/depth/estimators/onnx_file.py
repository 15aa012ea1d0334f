"""Loads estimators of depth from ONNX files, as people have Depth Anything, MiDaS, Depth Pro."""

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
    """Loads an ONNX estimator.

    Args:
        path: `.onnx` file.
        output: see `Estimator`.
        input_: likewise.

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
        raise InputError(
            f"{path} is no ONNX file that can be run ({short_reason(error)})"
        ) from error
    inputs = session.get_inputs()
    refuse_other_inputs([i.shape for i in inputs], [i.type for i in inputs], str(path))
    (given,) = inputs
    size, first = image_layout(tuple(given.shape), str(path))
    kind = np.float16 if "float16" in given.type else np.float32

    def run(image: np.ndarray) -> np.ndarray:
        with running(path, Exception):
            return session.run(None, {given.name: image.astype(kind)})[0]

    return Estimator(run, size, first, input_, output, str(path))
