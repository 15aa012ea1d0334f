"""The thin lens: what a wide aperture makes of a photo with a depth map.

In: a photo, a depth map, a focus and a blur. Out: the picture. Imports `errors` only.
"""

from pynet_tf.lens.thin_lens import focus_at, nearest_subject, render

__all__ = ["focus_at", "nearest_subject", "render"]
