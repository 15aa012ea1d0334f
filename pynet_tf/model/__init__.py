"""The pyramid as a Keras graph.

In: an image, which is a photo with its depth map. Out: the bokeh of seven levels. Imports nothing
of this package. `pynet` and the other names of `pyramid` are found here when they are first used,
so that importing a part of this package does not import Keras.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pynet_tf.model.pyramid import level_model, pynet

__all__ = ["level_model", "pynet"]


def __getattr__(name: str):
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("pynet_tf.model.pyramid"), name)
