"""From a photo and its depth map to a bokeh picture, with a trained network.

In: a run directory or an exported model, photos of any size. Out: pictures of the same size.
Imports `runs`, `model`, `lens`, `io` and what lies under them. TensorFlow is imported only for what
LiteRT does not run.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pynet_tf.inference.renderer import load

__all__ = ["load"]


def __getattr__(name: str):
    # SciPy and Pillow are imported with the first network, not with this package.
    if name != "load":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from pynet_tf.inference import renderer

    return renderer.load
