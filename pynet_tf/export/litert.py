"""LiteRT models: one level's raw network as a `.tflite` file.

    image [1, h, w, C] float32, h and w multiples of 32 -> level_<level> [1, H, W, 3]

`inference/litert_conversion.py` says how it is made and what the kinds of numbers in it cost.
"""

from pathlib import Path

import keras

from pynet_tf.export import calibration
from pynet_tf.inference import litert_conversion
from pynet_tf.runs.description import Description


def convert(
    pyramid: keras.Model,
    run: Description,
    quantize: str = "none",
    size: tuple[int, int] | None = None,
    photos: Path | None = None,
) -> bytes:
    """Converts the level that a description names.

    Args:
        pyramid: from `model.pynet`.
        run: the kind of pyramid, and the level.
        quantize: one of `litert_conversion.QUANTIZATIONS`.
        size: height and width of the image, multiples of 32; None for all sizes.
        photos: for `full_int8`: the folder of `calibration.images`.

    Returns:
        The content of a `.tflite` file.

    Raises:
        InputError: a weight is not a finite number, or `full_int8` has no photos.
    """
    images = None if photos is None else calibration.images(photos, run.input, size)
    return litert_conversion.convert(pyramid, run.level, quantize, size, images)
