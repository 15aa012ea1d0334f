"""What a disc leaves of an octave's detail, and the light that it adds up; figures only.

Taken by the head `defocus` (`lens_ops.py`), and by what carries its picture to larger photos.
"""

# A pixel's light is (p**2 + TOE p) / (1 + TOE) of its value p: near what sRGB's powers give, at a
# tenth of their time and with a bounded slope at black.
TOE = 0.05
# Where light is below zero its value stays at that of this, or the slope would have no bound.
DARKEST = TOE**2 / 16
# What a disc leaves of an octave's detail: (radius in its pixels, share), with lines between. Least
# squares of the disc's blur of photos and noise, at 14 radii from 0.35 to 30 pixels, but never
# below 0: a disc does turn bright and dark lines around, and would leave black holes in small
# lamps. Above 1 it makes up for the finer detail that is gone there.
KEPT = ((0, 1), (0.5, 0.99), (1.25, 1.15), (2.45, 0), (6, 0))
# The finest octave has no finer detail to make up for.
KEPT_OF_FINEST = ((0, 1), (0.5, 0.98), (2, 0), (4, 0))
# Below this radius, in an octave's pixels, more and more of the photo's own light is left.
SHARP_RADIUS = 0.5
# Nearer than the focus by this radius, in level 2's pixels, a pixel begins to belong to the near
# layer; it does so fully one pixel later.
NEAR_FROM = 1.0
# Where the near layer covers more than this, nothing shows of the photo's own light alone.
COVERED = 0.1
