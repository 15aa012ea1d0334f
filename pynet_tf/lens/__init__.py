"""The thin lens: what a wide aperture makes of a photo with a depth map.

In: a photo, a depth map, a focus and a blur. Out: the picture. Imports `errors` only.
"""

from pynet_tf.lens.focus import LensSettings, focus_at, nearest_subject
from pynet_tf.lens.thin_lens import refocus, render

__all__ = ["LensSettings", "focus_at", "nearest_subject", "refocus", "render"]
