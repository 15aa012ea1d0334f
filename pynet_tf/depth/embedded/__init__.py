"""Depth maps that phones store inside their photos.

In: a photo file. Out: its map, near = bright, turned as the photo is; and the photo from before the
phone blurred it, where the file holds that too. Imports `io` and what lies under it.
"""

from pynet_tf.depth.embedded.finding import find
from pynet_tf.depth.embedded.found import BrokenDepthError, EmbeddedDepth

__all__ = ["BrokenDepthError", "EmbeddedDepth", "find"]
