"""Estimators of depth in SavedModel folders."""

from pathlib import Path

import numpy as np

from pynet_tf.depth.estimators.photo_to_map import Estimator, image_layout, short_reason
from pynet_tf.errors import InputError


def load(path: Path, output: str) -> Estimator:
    """Loads a SavedModel estimator.

    Args:
        path: folder with `saved_model.pb`, whose `serving_default` takes one photo.
        output: see `Estimator`.

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
            f"{path} is no SavedModel of an estimator, which takes one photo "
            f"({short_reason(error)})"
        ) from error
    size, first = image_layout(tuple(spec.shape), str(path))

    def run(image: np.ndarray) -> np.ndarray:
        # Through `loaded`: signatures hold their variables weakly.
        result = loaded.signatures["serving_default"](**{name: tf.constant(image)})
        return next(iter(result.values())).numpy()

    return Estimator(run, size, first, True, output, str(path))
