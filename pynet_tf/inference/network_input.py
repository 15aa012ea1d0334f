"""Makes the input of a network that is told the defocus, in NumPy.

    photo     [H, W, 3] float32 in [0, 1], above 1 where lights are brighter; H and W of 64 and more
    defocus   [H/2, W/2], rounded up, float32: signed radius of the circle of confusion of every
              pixel, in pixels of the photo, positive nearer than the focus
    image     [1, h, w, 13] float32; h and w are half the photo's sides, rounded up to multiples of
              32

An odd side is first made even by repeating its last row or column. What is missing to the multiple
is mirrored. `signatures.to_image` does the same inside a TensorFlow graph.
"""

import numpy as np

from pynet_tf.io import images
from pynet_tf.model.architecture import DEFOCUS_UNIT, FOLDED, MULTIPLE

SMALLEST_SIDE = 64
# Photos are shown to networks that are told the defocus so much darker, and their pictures made as
# much brighter. They take what is clipped in all colours for a lamp, and amid bright things that is
# paper; lamps are added as discs (`lens.light_discs`). On three real pairs 0.1 dB
# nearer to the shot. White is darker than what counts as clipped (`lens_ops.highlight_gain`) by
# more than forms of 16 bits round.
HEADROOM = 0.92


def network_input(photo: np.ndarray, defocus: np.ndarray) -> np.ndarray:
    """Returns the image of a photo and its defocus, see the module."""
    even = np.pad(photo, [(0, side % 2) for side in photo.shape[:2]] + [(0, 0)], mode="edge")
    whole = _mirrored(even, 2 * MULTIPLE)
    signed = _mirrored(np.asarray(defocus, np.float32), MULTIPLE)
    height, width = signed.shape
    image = np.empty((1, height, width, FOLDED + 1), np.float32)
    # Each 2x2 pixels in one place: upper left, upper right, lower left, lower right.
    for corner in range(4):
        part = whole[corner // 2 :: 2, corner % 2 :: 2]
        image[0, ..., 3 * corner : 3 * corner + 3] = part
    image[0, ..., FOLDED] = signed / DEFOCUS_UNIT
    return image


def half_size_input(photo: np.ndarray, depth: np.ndarray | None) -> np.ndarray:
    """Returns the image of a photo for a network of another head: half-size photo and depth map.

    Args:
        photo: `[H, W, 3]` uint8.
        depth: `[h, w]` uint8, near = bright, of any size; None for a network without depth.

    Returns:
        `[1, h, w, 4]` float32 in [0, 1], 3 channels without depth.
    """
    even = np.pad(photo, [(0, side % 2) for side in photo.shape[:2]] + [(0, 0)], mode="edge")
    image = images.halve(even) if depth is None else images.stack(even, depth)
    return _mirrored(image, MULTIPLE)[None] * np.float32(1 / 255)


def _mirrored(image: np.ndarray, multiple: int) -> np.ndarray:
    missing = [(0, -side % multiple) for side in image.shape[:2]]
    return np.pad(image, missing + [(0, 0)] * (image.ndim - 2), mode="reflect")
