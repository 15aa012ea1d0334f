"""Takes a picture from one size of a photo to the next finer one: `any_size.py` says why.

    fine       the photo at the finer size: its light, or at size 0 its values, `[2h, 2w, 3]`
    coarse     its light at the coarser size, `[h, w, 3]` float32
    window     rows and columns of the coarser size

Work goes in tiles, side by side, so that memory holds little beside the photo and its halves.
"""

import numpy as np
from scipy import ndimage

from pynet_tf.lens import pyramid
from pynet_tf.lens.tiles import Window, around, doubled, in_tiles
from pynet_tf.model.disc import COVERED

# Rows and columns of a tile at the coarser size.
TILE = (64, 512)
# Less cover than this cannot be seen.
NO_COVER = 1e-3
# Within this window, in pixels of the coarser size, light of sharp things mixes with that of things
# out of focus; within the frame other light is looked for. It weighs so much to a pixel's own, and
# so much count pixels that also hold sharp things' light, and those that hold only this.
BESIDE, FRAME = 5, 4
AROUND, MIXED, SHARP = 1e-2, 1e-5, 1e-2
# Steps of light in the table of 8-bit values: near black 0.1 of a level.
_STEPS = 65535
# White, of the types that are not 0 to 1.
_MOST = {np.dtype(np.uint8): 255, np.dtype(np.uint16): 65535}


class Doubling:
    """Takes a picture from one size to the next finer one.

    Args:
        fine: the photo at the finer size: its light, or at size 0 its values.
        coarse: its light at the coarser size.
        changes: what the picture's light is more than the photo's at the coarser size.
        radius: of the disc of every pixel of the coarser size, in pixels of the finer one.
        cover: of things before the focus, of every pixel of the coarser size.
        near: which pixels of the coarser size show such things, 0 to 1.
    """

    def __init__(self, fine, coarse, changes, radius, cover, near):
        self._fine, self._coarse, self._changes, self._near = fine, coarse, changes, near
        self._radius, self._cover = self._planes = radius, cover

    def changes(self) -> np.ndarray:
        """Returns what the picture's light is more than the photo's at the finer size."""
        result = np.zeros_like(self._fine)

        def tile(window: Window) -> None:
            if not self._is_sharp(window):
                light = self._fine[doubled(window)]
                result[doubled(window)] = self._change(light, window, finest=False)[0]

        in_tiles(tile, self._radius.shape, TILE)
        return result

    def picture(self) -> np.ndarray:
        """Returns the picture at the finer size, the photo's own, in the photo's type."""
        result = self._fine.copy()

        def tile(window: Window) -> None:
            if self._is_sharp(window):
                return
            values = self._fine[doubled(window)]
            light = pyramid.to_light(values)
            change, share = self._change(light, window, finest=True)
            change += light
            made = _values_of(change, values.dtype)
            # Exactly the photo where it is sharp: to light and back is not.
            np.copyto(result[doubled(window)], made, where=share > 0)

        in_tiles(tile, self._radius.shape, TILE)
        return result

    def _is_sharp(self, window: Window) -> bool:
        radius, cover = around(self._radius, window), around(self._cover, window)
        return not radius.any() and cover.max() < NO_COVER

    def _change(self, light, window: Window, finest: bool) -> tuple[np.ndarray, np.ndarray]:
        own, covers = (around(part, window)[..., None] for part in self._planes)
        radius, cover = pyramid.enlarge_inside(own), pyramid.enlarge_inside(covers)
        share = pyramid.enlarge_inside(_share(own, covers))
        coarse, changes = self._lights(window)
        lit = pyramid.enlarge_inside(coarse)
        kept = pyramid.kept_detail(radius, finest) * (1 - cover)
        near = around(self._near, window, 2)
        if near.any():
            # Beside near things, what is more than the light around is their edge, not detail.
            beside = ndimage.maximum_filter(near, 3)[1:-1, 1:-1, None]
            kept *= 1 - pyramid.enlarge_inside(beside)
        detail = light - lit
        change = pyramid.enlarge_inside(changes)
        change -= detail
        change += pyramid.left_of(detail, lit, kept)
        change *= share
        return change, share

    def _lights(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        """Returns the coarser size's light and its changes, as what is out of focus has them.

        A pixel of the coarser size that is sharp, or beside such a one, holds light of both: what
        is out of focus would glow in the sharp thing's colour. It takes that of the pixels
        farther off, which differs little: it is blurred. Sharp things that are only covered by
        nearer ones take what lies beside them.
        """
        beside = BESIDE // 2
        own, cover = (around(part, window, FRAME + beside)[..., None] for part in self._planes)
        share = _share(own, cover)
        free = ndimage.minimum_filter(share, (BESIDE, BESIDE, 1))
        doubt = (1 - free) * ndimage.maximum_filter(pyramid.blurred(own), (BESIDE, BESIDE, 1))
        share, free, doubt = (part[beside:-beside, beside:-beside] for part in (share, free, doubt))
        if not doubt.any():
            return around(self._coarse, window), around(self._changes, window)
        weight = free + np.float32(MIXED) * (share + np.float32(SHARP))
        total = _with_what_is_around(weight)
        doubt = doubt[FRAME - 1 : 1 - FRAME, FRAME - 1 : 1 - FRAME]
        lights = []
        for part in (self._coarse, self._changes):
            found = _with_what_is_around(weight * around(part, window, FRAME)) / total
            own = around(part, window)
            lights.append(own + doubt * (found - own))
        return tuple(lights)


def _with_what_is_around(image: np.ndarray) -> np.ndarray:
    """Adds a little of the pixels around, and cuts the frame to one pixel."""
    around = ndimage.uniform_filter(image, (2 * FRAME - 1, 2 * FRAME - 1, 1), mode="nearest")
    return (image + np.float32(AROUND) * around)[FRAME - 1 : 1 - FRAME, FRAME - 1 : 1 - FRAME]


def _share(radius: np.ndarray, cover: np.ndarray) -> np.ndarray:
    """Tells how much of each pixel is the lens' and not the photo's own."""
    return np.minimum(pyramid.blurred(radius) + cover * np.float32(1 / COVERED), 1)


def as_float(photo: np.ndarray) -> np.ndarray:
    """Returns a photo of any type as float32 in [0, 1]."""
    return photo.astype(np.float32) * np.float32(1 / _MOST.get(photo.dtype, 1))


def as_type(picture: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Returns a picture of [0, 1] in a photo's type."""
    if dtype in _MOST:
        return np.rint(picture * np.float32(_MOST[dtype])).astype(dtype)
    return picture.astype(dtype)


def _values_of(light: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Returns the values of light, clipped to [0, 1], in the photo's type."""
    light = np.clip(light, 0, 1)
    if dtype == np.uint8:
        return _TABLE[(light * _STEPS + np.float32(0.5)).astype(np.uint16)]
    return as_type(np.clip(pyramid.from_light(light), 0, 1), dtype)


def _table() -> np.ndarray:
    light = np.arange(_STEPS + 1, dtype=np.float32) / _STEPS
    return as_type(np.clip(pyramid.from_light(light), 0, 1), np.dtype(np.uint8))


_TABLE = _table()
