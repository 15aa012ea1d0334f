"""The TFDS data set `ebb`: importing this package makes `tfds.load("ebb", ...)` work."""

from pynet_tf.ebb.builder import Ebb

__all__ = ["Ebb"]
