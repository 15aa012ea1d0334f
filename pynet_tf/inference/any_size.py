"""Carries a network's picture to the size of a larger photo.

Blur makes a picture coarse, so the network works on a copy near the size that it knows. The photo's
finer detail is then added where it is sharp: from doubling to doubling the light is enlarged, plus
what detail the larger photo has more, times the share that the disc there leaves. It is the step
that the head `defocus` does from level to level, without any weights.

    photo      [H, W, 3], uint8, uint16 or float in [0, 1]
    depth      [h, w], uint8 or float in [0, 1], near = 1, of any size
    size k     the photo halved k times, in light (`lens.pyramid`); size 0 is the photo itself

Work goes in tiles, side by side, so that memory holds little beside the photo and its halves.
"""

import itertools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy import ndimage

from pynet_tf.lens import depth_edges, pyramid
from pynet_tf.lens.focus import LensSettings, defocus, focus_of, largest_radius
from pynet_tf.lens.light_discs import separated
from pynet_tf.model.disc import COVERED

# Networks are run at photos up to this longer side: they are trained at 1152 to 1536.
LARGEST_SIDE = 2200
# Rows and columns of a tile at the coarser size.
TILE = (64, 512)
# Less cover than this cannot be seen.
_NO_COVER = 1e-3
# Within this window, in pixels of the coarser size, light of sharp things mixes with that of things
# out of focus; within the frame other light is looked for. It weighs so much to a pixel's own, and
# so much count pixels that also hold sharp things' light, and those that hold only this.
_BESIDE, _FRAME = 5, 4
_AROUND, _MIXED, _SHARP = 1e-2, 1e-3, 1e-2
# Steps of light in the table of 8-bit values: near black 0.1 of a level.
_STEPS = 65535
# White, of the types that are not 0 to 1.
_MOST = {np.dtype(np.uint8): 255, np.dtype(np.uint16): 65535}

# A photo [h, w, 3] float32 in [0, 1] and its defocus [h/2, w/2], in pixels of the photo -> the
# picture [h, w, 3] float32.
Network = Callable[[np.ndarray, np.ndarray], np.ndarray]
Window = tuple[slice, slice]


class PreparedPhoto:
    """A photo with its depth map, ready to be rendered with one lens after another.

    Args:
        photo: `[H, W, 3]`, see the module.
        depth: see the module.
        largest_side: the network's copy is at most this long.

    Raises:
        InputError: the depth map has the wrong type, shape or range.
    """

    def __init__(self, photo: np.ndarray, depth: np.ndarray, largest_side: int = LARGEST_SIDE):
        self.photo, self.depth = photo, depth
        height, width = photo.shape[:2]
        self.halvings = 0
        while max(height, width) > largest_side * 2**self.halvings:
            self.halvings += 1
        # Every size but the last is halved.
        missing = [(0, -side % 2**self.halvings) for side in (height, width)]
        whole = np.pad(photo, [*missing, (0, 0)], mode="edge") if np.any(missing) else photo
        self._sizes = [whole]
        for size in range(self.halvings):
            self._sizes.append(_halved(self._sizes[size], light=size > 0))
        small = self._sizes[-1]
        self._small = pyramid.from_light(small) if self.halvings else _as_float(photo)
        # Sharpened, at half of every size.
        self._depths = [depth_edges.sharpened(_extended(depth, missing, photo.shape), self._small)]
        for light in self._sizes[-1:0:-1]:
            finer = depth_edges.sharpened_again(self._depths[0], pyramid.from_light(light))
            self._depths.insert(0, finer)

    def focus(self, settings: LensSettings) -> float:
        """Returns the depth that the settings make sharp."""
        return focus_of(self.depth, settings)

    def defocus(self, settings: LensSettings, size: int = 0) -> np.ndarray:
        """Returns the defocus at half of a size, in that size's pixels."""
        largest = largest_radius(settings.blur, *self.photo.shape[:2]) / 2**size
        focus = self.focus(settings)
        return defocus(self._depths[size], focus, largest, settings.sharp_range)

    def render(self, network: Network, settings: LensSettings, blades: int = 0) -> np.ndarray:
        """Renders the photo.

        Args:
            network: gives the picture of the small copy.
            settings: focus, blur, sharp range and highlights.
            blades: of the discs of small lights, see `lens.optics.aperture`.

        Returns:
            `[H, W, 3]` of the photo's type.
        """
        if settings.blur == 0:
            return self.photo.copy()
        last = self.halvings
        signed = self.defocus(settings, last)
        picture = np.clip(self._small_picture(network, signed, settings.highlights, blades), 0, 1)
        if last == 0:
            return _as_type(picture, self.photo.dtype)
        changes = pyramid.to_light(picture) - self._sizes[last]
        cover = pyramid.enlarge(pyramid.near_cover(signed))[: picture.shape[0], : picture.shape[1]]
        for size in range(last - 1, -1, -1):
            signed = self.defocus(settings, size)
            near = pyramid.is_near(signed / 2 ** (last - size))
            doubling = _Doubling(
                self._sizes[size], self._sizes[size + 1], changes, np.abs(signed), cover, near
            )
            if size == 0:
                height, width = self.photo.shape[:2]
                return doubling.picture()[:height, :width]
            changes = doubling.changes()
            cover = pyramid.enlarge(cover)
        raise AssertionError("a photo has a size 0")

    def _small_picture(
        self, network: Network, signed: np.ndarray, highlights: float, blades: int
    ) -> np.ndarray:
        """Returns the picture of the small copy, with the discs of its small lights."""
        light = self._sizes[-1] if self.halvings else pyramid.to_light(self._small)
        without, discs = separated(light, signed, highlights, blades)
        lit = discs.any(axis=-1)
        if not lit.any():
            return network(self._small, signed)
        picture = np.array(network(pyramid.from_light(without), signed))
        picture[lit] = pyramid.from_light(pyramid.to_light(np.clip(picture, 0, 1)) + discs)[lit]
        return picture


class _Doubling:
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
                light = self._fine[_doubled(window)]
                result[_doubled(window)] = self._change(light, window, finest=False)[0]

        _in_tiles(tile, self._radius.shape)
        return result

    def picture(self) -> np.ndarray:
        """Returns the picture at the finer size, the photo's own, in the photo's type."""
        result = self._fine.copy()

        def tile(window: Window) -> None:
            if self._is_sharp(window):
                return
            values = self._fine[_doubled(window)]
            light = pyramid.to_light(values)
            change, share = self._change(light, window, finest=True)
            change += light
            made = _values_of(change, values.dtype)
            # Exactly the photo where it is sharp: to light and back is not.
            np.copyto(result[_doubled(window)], made, where=share > 0)

        _in_tiles(tile, self._radius.shape)
        return result

    def _is_sharp(self, window: Window) -> bool:
        around = _around(self._radius, window), _around(self._cover, window)
        return not around[0].any() and around[1].max() < _NO_COVER

    def _change(self, light, window: Window, finest: bool) -> tuple[np.ndarray, np.ndarray]:
        own, covers = (_around(part, window)[..., None] for part in self._planes)
        radius, cover = pyramid.enlarge_inside(own), pyramid.enlarge_inside(covers)
        share = pyramid.enlarge_inside(_share(own, covers))
        coarse, changes = self._lights(window)
        change = light - pyramid.enlarge_inside(coarse)
        kept = pyramid.kept_detail(radius, finest) * (1 - cover)
        near = _around(self._near, window, 2)
        if near.any():
            # Beside near things, what is more than the light around is their edge, not detail.
            beside = ndimage.maximum_filter(near, 3)[1:-1, 1:-1, None]
            kept *= 1 - pyramid.enlarge_inside(beside)
        change *= kept - 1
        change += pyramid.enlarge_inside(changes)
        change *= share
        return change, share

    def _lights(self, window: Window) -> tuple[np.ndarray, np.ndarray]:
        """Returns the coarser size's light and its changes, as what is out of focus has them.

        A pixel of the coarser size that is sharp, or beside such a one, holds light of both: what
        is out of focus would glow in the sharp thing's colour. It takes that of the pixels
        farther off, which differs little: it is blurred. Sharp things that are only covered by
        nearer ones take what lies beside them.
        """
        own, cover = (_around(part, window, _FRAME)[..., None] for part in self._planes)
        share = _share(own, cover)
        free = ndimage.minimum_filter(share, (_BESIDE, _BESIDE, 1))
        doubt = (1 - free) * ndimage.maximum_filter(pyramid.blurred(own), (_BESIDE, _BESIDE, 1))
        if not doubt.any():
            return _around(self._coarse, window), _around(self._changes, window)
        weight = free + np.float32(_MIXED) * (share + np.float32(_SHARP))
        total = _with_what_is_around(weight)
        doubt = doubt[_FRAME - 1 : 1 - _FRAME, _FRAME - 1 : 1 - _FRAME]
        lights = []
        for part in (self._coarse, self._changes):
            found = _with_what_is_around(weight * _around(part, window, _FRAME)) / total
            own = _around(part, window)
            lights.append(own + doubt * (found - own))
        return tuple(lights)


def _with_what_is_around(image: np.ndarray) -> np.ndarray:
    """Adds a little of the pixels around, and cuts the frame to one pixel."""
    around = ndimage.uniform_filter(image, (2 * _FRAME - 1, 2 * _FRAME - 1, 1), mode="nearest")
    return (image + np.float32(_AROUND) * around)[_FRAME - 1 : 1 - _FRAME, _FRAME - 1 : 1 - _FRAME]


def _share(radius: np.ndarray, cover: np.ndarray) -> np.ndarray:
    """Tells how much of each pixel is the lens' and not the photo's own."""
    return np.minimum(pyramid.blurred(radius) + cover * np.float32(1 / COVERED), 1)


def _in_tiles(tile: Callable[[Window], None], shape: tuple[int, int]) -> None:
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        # What a tile raises is raised here.
        for _ in pool.map(tile, _tiles(*shape)):
            pass


def _tiles(height: int, width: int) -> Iterator[Window]:
    for top, left in itertools.product(range(0, height, TILE[0]), range(0, width, TILE[1])):
        yield slice(top, min(top + TILE[0], height)), slice(left, min(left + TILE[1], width))


def _doubled(window: Window) -> Window:
    return tuple(slice(2 * part.start, 2 * part.stop) for part in window)


def _around(image: np.ndarray, window: Window, frame: int = 1) -> np.ndarray:
    """Cuts a window out with a frame around it; beyond the edges, the edge's."""
    for axis, part in enumerate(window):
        first, stop = part.start - frame, part.stop + frame
        if first >= 0 and stop <= image.shape[axis]:
            image = image[(slice(None),) * axis + (slice(first, stop),)]
        else:
            places = np.clip(np.arange(first, stop), 0, image.shape[axis] - 1)
            image = np.take(image, places, axis=axis)
    return image


def _halved(image: np.ndarray, light: bool) -> np.ndarray:
    """Returns light at half the size, of light or of a photo's values."""
    height, width = image.shape[0] // 2, image.shape[1] // 2
    result = np.empty((height, width, 3), np.float32)

    def tile(window: Window) -> None:
        part = _around(image, _doubled(window))
        result[window] = pyramid.halve_inside(part if light else pyramid.to_light(part))

    _in_tiles(tile, (height, width))
    return result


def _as_float(photo: np.ndarray) -> np.ndarray:
    return photo.astype(np.float32) * np.float32(1 / _MOST.get(photo.dtype, 1))


def _as_type(picture: np.ndarray, dtype: np.dtype) -> np.ndarray:
    if dtype in _MOST:
        return np.rint(picture * np.float32(_MOST[dtype])).astype(dtype)
    return picture.astype(dtype)


def _values_of(light: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Returns the values of light, clipped to [0, 1], in the photo's type."""
    light = np.clip(light, 0, 1)
    if dtype == np.uint8:
        return _TABLE[(light * _STEPS + np.float32(0.5)).astype(np.uint16)]
    return _as_type(np.clip(pyramid.from_light(light), 0, 1), dtype)


def _table() -> np.ndarray:
    light = np.arange(_STEPS + 1, dtype=np.float32) / _STEPS
    return _as_type(np.clip(pyramid.from_light(light), 0, 1), np.dtype(np.uint8))


def _extended(depth: np.ndarray, missing: list, shape: tuple[int, ...]) -> np.ndarray:
    """Repeats a map's edges where the photo's were."""
    frame = [
        (0, round(m * d / s)) for (_, m), d, s in zip(missing, depth.shape, shape, strict=False)
    ]
    return np.pad(depth, frame, mode="edge") if np.any(frame) else depth


_TABLE = _table()
