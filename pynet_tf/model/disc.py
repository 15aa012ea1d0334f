"""What a disc leaves of an octave's detail, and the light that it adds up; figures only.

Taken by the head `defocus` (`lens_ops.py`), and by what carries its picture to larger photos.
"""

# A pixel's light is CURVE u + (1 - CURVE) u**2 of u = p**2 + TOE p, its value p, in parts of that
# of white: within 2 of 255 levels of sRGB's powers, at a tenth of their time, with an exact inverse
# and a bounded slope at black.
TOE, CURVE = 0.04, 0.77
# Where light is below zero its value stays at that of this, or the slope would have no bound.
DARKEST = TOE**2 / 16
# Light of white before it is made 1.
WHITE = CURVE * (1 + TOE) + (1 - CURVE) * (1 + TOE) ** 2
# What a disc leaves of an octave's detail: (radius in its pixels, share), with lines between. Least
# squares of the disc's blur of photos and noise, at 22 radii from 0.35 to 40 pixels. Above 1 it
# makes up for the finer detail that is gone there; below 0 a disc turns bright and dark around.
KEPT = ((0, 1), (0.5, 0.99), (1, 1.115), (1.3, 1.07), (2.5, -0.065), (3.5, -0.27), (6, 0))
# The finest octave has no finer detail to make up for.
KEPT_OF_FINEST = ((0, 1), (0.5, 1), (1, 0.545), (2.5, -0.215), (6, 0))
# The same, of the two halves of an octave: of what the binomial filter 1 2 1 leaves of it, and of
# the rest. Least squares of blurred photos at 24 radii from 0.35 to 40 pixels. With two halves a
# disc's blur is met 5 to 10 dB better where it is weak, and 4 dB where it is strong.
KEPT_OF_COARSER = ((0, 1), (1, 1.02), (1.4, 1.275), (2, 1.02), (2.7, -0.24), (3.8, -0.215), (6, 0))
KEPT_OF_FINER = ((0, 1), (1, 0.78), (1.4, 0.81), (2, -0.44), (2.7, 0))
KEPT_OF_FINEST_COARSER = ((0, 1), (1.4, 0.97), (2.6, -0.39), (5, 0))
KEPT_OF_FINEST_FINER = ((0, 1), (0.5, 1.03), (0.8, 0.355), (1.3, -0.16), (2.6, 0))
# Detail that is turned around counts for at most this part of the light around it: a small lamp
# would leave a black hole in its own disc.
MOST_TURNED = 0.1
# That bound is lifted by so many times a share above 0.
LIFTED = 1e3
# Below this radius, in an octave's pixels, more and more of the photo's own light is left.
SHARP_RADIUS = 0.5
# Nearer than the focus by this radius, in level 2's pixels, a pixel begins to belong to the near
# layer; it does so fully one pixel later.
NEAR_FROM = 1.0
# Where the near layer covers more than this, nothing shows of the photo's own light alone.
COVERED = 0.1
