"""Where depth maps come from: `python -m pynet_tf.depth`.

In: photos, or maps of other programs. Out: depth maps, uint8 `[h, w]`, near = bright. Imports
`io` and what lies under it.
"""

from pynet_tf.depth.estimators.megadepth import estimate_depth

__all__ = ["estimate_depth"]
