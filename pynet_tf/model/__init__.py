"""The pyramid as a Keras graph.

In: an image, which is a photo with its depth map. Out: the bokeh of seven levels. Imports nothing
of this package. `pynet` and `level_model` are looked up when they are first used, so that a part of
this package is imported without Keras.
"""

import importlib
from typing import TYPE_CHECKING

from pynet_tf.model.architecture import (
    DEFOCUS_UNIT,
    FOLDED,
    HEADS,
    KERNELS,
    LARGEST_KERNEL,
    LARGEST_WIDTH,
    LEVELS,
    MULTIPLE,
    InputFormat,
    format_of,
    input_format,
)

if TYPE_CHECKING:
    from pynet_tf.model.pyramid import level_model, pynet

__all__ = [
    "DEFOCUS_UNIT",
    "FOLDED",
    "HEADS",
    "KERNELS",
    "LARGEST_KERNEL",
    "LARGEST_WIDTH",
    "LEVELS",
    "MULTIPLE",
    "InputFormat",
    "format_of",
    "input_format",
    "level_model",
    "pynet",
]


def __getattr__(name: str):
    if name not in ("level_model", "pynet"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("pynet_tf.model.pyramid"), name)
