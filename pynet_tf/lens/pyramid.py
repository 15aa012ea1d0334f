"""The pyramid of light in NumPy: sizes by twos, and what a disc leaves of each octave's detail.

What the head `defocus` does inside a network (`model.lens_ops`), for photos that are larger than
networks are run at; a test holds the two beside each other. `[h, w]` or `[h, w, C]` float32.
"""

import numpy as np

from pynet_tf.model.disc import (
    CURVE,
    DARKEST,
    KEPT,
    KEPT_OF_FINEST,
    LIFTED,
    MOST_TURNED,
    NEAR_FROM,
    SHARP_RADIUS,
    TOE,
    WHITE,
)


def to_light(values: np.ndarray) -> np.ndarray:
    """Makes light of values, uint8, uint16 or float in [0, 1]; float32."""
    if values.dtype == np.uint8:
        return _light(np.arange(256, dtype=np.float32) / 255)[values]
    if values.dtype == np.uint16:
        return _light(values * np.float32(1 / 65535))
    return _light(np.asarray(values, np.float32))


def from_light(light: np.ndarray) -> np.ndarray:
    """Undoes `to_light`, to float32 values that are not clipped."""
    light = np.float32(WHITE) * light
    root = np.sqrt(np.maximum((1 - CURVE) * light + CURVE**2 / 4, 0))
    bent = light / (root + CURVE / 2)
    return np.sqrt(np.maximum(bent + TOE**2 / 4, DARKEST)) - TOE / 2


def halve(x: np.ndarray) -> np.ndarray:
    """Halves the size by the binomial filter 1 3 3 1 along both axes; the sides are even."""
    return halve_inside(_repeated(_repeated(x, 0), 1))


def halve_inside(x: np.ndarray) -> np.ndarray:
    """Halves what lies within a frame of one pixel."""
    rows = x[0:-2:2] + x[3::2]
    rows += 3 * (x[1:-1:2] + x[2::2])
    result = rows[:, 0:-2:2] + rows[:, 3::2]
    result += 3 * (rows[:, 1:-1:2] + rows[:, 2::2])
    result *= np.float32(1 / 64)
    return result


def enlarge(x: np.ndarray) -> np.ndarray:
    """Enlarges by 2, bilinearly, edges repeated."""
    return enlarge_inside(_repeated(_repeated(x, 0), 1))


def enlarge_inside(x: np.ndarray) -> np.ndarray:
    """Enlarges by 2 what lies within a frame of one pixel."""
    most, rest = x[1:-1] * np.float32(0.75), x * np.float32(0.25)
    rows = np.empty((2 * most.shape[0], *x.shape[1:]), np.float32)
    np.add(most, rest[:-2], out=rows[0::2])
    np.add(most, rest[2:], out=rows[1::2])
    most, rest = rows[:, 1:-1] * np.float32(0.75), rows * np.float32(0.25)
    result = np.empty((rows.shape[0], 2 * most.shape[1], *x.shape[2:]), np.float32)
    np.add(most, rest[:, :-2], out=result[:, 0::2])
    np.add(most, rest[:, 2:], out=result[:, 1::2])
    return result


def kept_detail(radius: np.ndarray, finest: bool) -> np.ndarray:
    """Tells what share of an octave's detail a disc leaves.

    Args:
        radius: in pixels of the octave.
        finest: whether there is no finer octave.
    """
    places, shares = zip(*(KEPT_OF_FINEST if finest else KEPT), strict=True)
    return np.interp(radius, places, shares).astype(np.float32)


def left_of(detail: np.ndarray, around: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Returns what a disc leaves of a detail; overwrites the detail.

    Args:
        detail: what a size has more than the next coarser one.
        around: the coarser size's light, enlarged.
        share: from `kept_detail`.
    """
    if (share < 0).any():
        most = np.float32(MOST_TURNED) * around
        most += np.float32(LIFTED) * np.maximum(share, 0)
        np.minimum(detail, most, out=detail)
    detail *= share
    return detail


def blurred(radius: np.ndarray) -> np.ndarray:
    """Tells how much of a pixel is the lens' and not the photo's own: 0 sharp, 1 out of focus."""
    return np.clip(radius * np.float32(1 / SHARP_RADIUS), 0, 1)


def near_cover(defocus: np.ndarray) -> np.ndarray:
    """Returns how much of each pixel the blurred things before the focus cover.

    Args:
        defocus: `[h, w]` of the half-size photo, in pixels of the whole photo.

    Returns:
        `[h, w]` float32, 0 to 1.
    """
    height, width = defocus.shape
    if defocus.max() <= 2 * NEAR_FROM:
        return np.zeros_like(defocus)
    signed = np.pad(defocus / 2, [(0, -height % 32), (0, -width % 32)], mode="edge")
    covers = [is_near(2 * signed)]
    radii = [np.maximum(signed, 0).astype(np.float32)]
    for _ in range(5):
        covers.append(halve(covers[-1]))
        radii.append(_largest_of_four(radii[-1]) / 2)
    reach, change = None, np.zeros_like(covers[-1])
    for octave in range(5, -1, -1):
        spread = radii[octave] * np.clip(2 * radii[octave] - 1, 0, 1)
        own = np.maximum(radii[octave], _largest_around(spread))
        reach = own if reach is None else np.maximum(own, 2 * enlarge(reach))
        if octave < 5:
            around = enlarge(covers[octave + 1])
            detail = covers[octave] - around
            change = enlarge(change) - detail
            change += left_of(detail, around, kept_detail(reach, False))
            change *= blurred(reach)
    return np.clip(covers[0] + change, 0, 1)[:height, :width]


def is_near(defocus: np.ndarray) -> np.ndarray:
    """Tells which pixels show things blurred before the focus, 0 to 1; see `near_cover`."""
    return np.clip(defocus / 2 - NEAR_FROM, 0, 1).astype(np.float32)


def _largest_of_four(x: np.ndarray) -> np.ndarray:
    rows = np.maximum(x[0::2], x[1::2])
    return np.maximum(rows[:, 0::2], rows[:, 1::2])


def _largest_around(x: np.ndarray) -> np.ndarray:
    rows = _repeated(x, 0)
    rows = np.maximum(np.maximum(rows[:-2], rows[1:-1]), rows[2:])
    columns = _repeated(rows, 1)
    return np.maximum(np.maximum(columns[:, :-2], columns[:, 1:-1]), columns[:, 2:])


def _repeated(x: np.ndarray, axis: int) -> np.ndarray:
    """Repeats the first and the last row or column."""
    frame = [(0, 0)] * x.ndim
    frame[axis] = (1, 1)
    return np.pad(x, frame, mode="edge")


def _light(values: np.ndarray) -> np.ndarray:
    bent = (values + TOE / 2) ** 2 - TOE**2 / 4
    return (bent * (CURVE / WHITE + (1 - CURVE) / WHITE * bent)).astype(np.float32)
