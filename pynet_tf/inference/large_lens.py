"""The thin lens on photos of any size: it blurs a reduced copy, as the networks do."""

import numpy as np

from pynet_tf.inference.any_size import PreparedPhoto
from pynet_tf.lens.focus import LensSettings
from pynet_tf.lens.thin_lens import through


def render(
    photo: np.ndarray, depth: np.ndarray, settings: LensSettings, *, blades: int = 0
) -> np.ndarray:
    """Renders what a lens of these settings would have made of a sharp photo.

    Args:
        photo: `[H, W, 3]`, uint8, uint16 or float in [0, 1].
        depth: `[h, w]`, uint8 or float in [0, 1], near = bright, of the photo's proportions.
        settings: focus, blur, sharp range and highlights.
        blades: 0 for a round aperture, else the number of its blades, at least 3.

    Returns:
        `[H, W, 3]` of the photo's type.

    Raises:
        InputError: see `lens.refocus`.
    """
    return render_prepared(PreparedPhoto(photo, depth), settings, blades=blades)


def render_prepared(
    prepared: PreparedPhoto, settings: LensSettings, *, blades: int = 0
) -> np.ndarray:
    """Renders a photo that was prepared once for many renderings; see `render`."""
    return prepared.render(lambda small, defocus: through(small, defocus, blades), settings, blades)
