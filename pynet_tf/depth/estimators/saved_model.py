"""Loads estimators of depth from SavedModel folders."""

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
    """Loads a SavedModel estimator.

    Args:
        path: folder with `saved_model.pb`, whose `serving_default` takes one photo.
        output: see `Estimator`.
        input_: likewise.

    Raises:
        InputError: it is no estimator.
    """
    import tensorflow as tf

    try:
        loaded = tf.saved_model.load(str(path))
        given = loaded.signatures["serving_default"].structured_input_signature[1]
        shapes = [spec.shape.as_list() for spec in given.values()]
    except Exception as error:
        raise InputError(
            f"{path} is no SavedModel of an estimator ({short_reason(error)})"
        ) from error
    refuse_other_inputs(shapes, [spec.dtype.name for spec in given.values()], str(path))
    (name,) = given
    size, first = image_layout(tuple(shapes[0]), str(path))

    def run(image: np.ndarray) -> np.ndarray:
        # Through `loaded`: signatures hold their variables weakly.
        network = loaded.signatures["serving_default"]
        with running(path, tf.errors.OpError):
            result = network(**{name: tf.constant(image, given[name].dtype)})
        return next(iter(result.values())).numpy()

    return Estimator(run, size, first, input_, output, str(path))
