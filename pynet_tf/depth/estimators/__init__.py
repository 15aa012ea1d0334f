"""Estimators of depth, as people have them: presets, and files of several kinds.

In: the name of a preset, or a path. Out: an `Estimator`, which makes a depth map of a photo.
Imports `io` and what lies under it; each framework only where its kind of file is loaded.
"""

from pynet_tf.depth.estimators.choosing import DEFAULT, load, loader

__all__ = ["DEFAULT", "load", "loader"]
