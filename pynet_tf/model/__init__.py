"""The pyramid as a Keras graph.

In: an image, which is a photo with its depth map. Out: the bokeh of seven levels. Imports nothing
of this package. `pynet` and `level_model` are looked up when they are first used, so that a part of
this package is imported without Keras.
"""

import importlib
from typing import TYPE_CHECKING

from pynet_tf.model.architecture import (
    FOLDED,
    HEADS,
    KERNELS,
    LARGEST_KERNEL,
    LARGEST_WIDTH,
    LEVELS,
    MULTIPLE,
    has_depth,
    input_channels,
    is_folded,
    takes_folded,
)
from pynet_tf.model.input_format import InputFormat, format_of, input_format

if TYPE_CHECKING:
    from pynet_tf.model.pyramid import level_model, pynet

__all__ = [
    "FOLDED",
    "HEADS",
    "KERNELS",
    "LARGEST_KERNEL",
    "LARGEST_WIDTH",
    "LEVELS",
    "MULTIPLE",
    "InputFormat",
    "format_of",
    "has_depth",
    "input_channels",
    "input_format",
    "is_folded",
    "level_model",
    "pynet",
    "takes_folded",
]


def __getattr__(name: str):
    if name not in ("level_model", "pynet"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("pynet_tf.model.pyramid"), name)
