"""The thin lens: what a wide aperture makes of a photo with a depth map.

In: a photo, a depth map, a focus and a blur. Out: the picture. Imports `errors` only. `refocus` and
`render` are looked up when they are first used: they need SciPy, which starts slowly.
"""

import importlib
from typing import TYPE_CHECKING

from pynet_tf.lens.focus import LensSettings, focus_at, nearest_subject

if TYPE_CHECKING:
    from pynet_tf.lens.thin_lens import refocus, render

__all__ = ["LensSettings", "focus_at", "nearest_subject", "refocus", "render"]


def __getattr__(name: str):
    if name not in ("refocus", "render"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module("pynet_tf.lens.thin_lens"), name)
