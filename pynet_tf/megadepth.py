"""MegaDepth's network by the path that Python users know; it lives in `pynet_tf.depth`."""

from pynet_tf.depth.estimators.megadepth_network import load_megadepth, megadepth

__all__ = ["load_megadepth", "megadepth"]
