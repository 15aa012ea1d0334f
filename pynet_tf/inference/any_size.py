"""Carries a network's picture to the size of a larger photo.

Blur makes a picture coarse, so the network works on a copy near the size that it knows. The photo's
finer detail is then added where it is sharp: from doubling to doubling the light is enlarged, plus
what detail the larger photo has more, times the share that the disc there leaves. It is the step
that the head `defocus` does from level to level, without any weights.

    photo      [H, W, 3], uint8, uint16 or float in [0, 1]
    depth      [h, w], uint8 or float in [0, 1], near = 1, of any size
    size k     the photo halved k times, in light (`lens.pyramid`); size 0 is the photo itself

`doubling.py` takes the picture from one size to the next.
"""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from pynet_tf.inference.doubling import TILE, Doubling, as_float, as_type
from pynet_tf.lens import depth_edges, pyramid
from pynet_tf.lens.focus import BLUR, LensSettings, defocus, focus_of, largest_radius
from pynet_tf.lens.light_discs import separated, whiteness
from pynet_tf.lens.tiles import Window, around, doubled, in_tiles

# Networks are run at photos up to this longer side: they are trained at 1152 to 1536.
LARGEST_SIDE = 2200
# And of so many pixels, since the network's memory grows with them, where the largest disc stays so
# large in a copy of half the size: weak blur of fine things needs the larger copy.
LARGEST_AREA = 2_400_000
LEAST_DISC = 6.0
# In pixels of the copy: larger discs behind the focus are rare in training, and networks take too
# little light from them. On four synthetic scenes whose farthest disc grew from 22 to 38 pixels, a
# copy of half the size was better from 26 to 31 on, by up to 2 dB. Of discs before the focus it was
# not, up to 52 pixels.
LARGEST_DISC = 28.0
# No copy is made smaller than this for a strong blur's sake, in pixels of its shorter side.
SMALLEST_COPY = 128
# A photo [h, w, 3] float32 in [0, 1] and its defocus [h/2, w/2], in pixels of the photo -> the
# picture [h, w, 3] float32.
Network = Callable[[np.ndarray, np.ndarray], np.ndarray]


class PreparedPhoto:
    """A photo with its depth map, ready to be rendered with one lens after another.

    Args:
        photo: `[H, W, 3]`, see the module.
        depth: see the module.
        largest_side: the network's copy is at most this long.
        largest_area: the network's copy has at most so many pixels, but where blur is weak.

    Attributes:
        halvings: how often the photo is halved for the default blur.

    Raises:
        InputError: the depth map has the wrong type, shape or range.
    """

    def __init__(
        self,
        photo: np.ndarray,
        depth: np.ndarray,
        largest_side: int = LARGEST_SIDE,
        largest_area: float = LARGEST_AREA,
    ):
        self.photo, self.depth = photo, depth
        self._largest_side, self._largest_area = largest_side, largest_area
        self.halvings = self._halvings(BLUR)
        self._sizes = self._sizes_of(self.halvings)
        # The sizes for a lens that needs a smaller copy; only the last such are kept.
        self._smaller = self._sizes

    def focus(self, settings: LensSettings) -> float:
        """Returns the depth that the settings make sharp."""
        return focus_of(self.depth, settings)

    def defocus(self, settings: LensSettings) -> np.ndarray:
        """Returns the defocus `[H/2, W/2]`, rounded up, in pixels of the photo."""
        return self._defocus(self._sizes, settings, 0)

    def render(
        self,
        network: Network,
        settings: LensSettings,
        blades: int = 0,
        farthest: float = math.inf,
    ) -> np.ndarray:
        """Renders the photo.

        Args:
            network: gives the picture of the small copy.
            settings: focus, blur, sharp range and highlights.
            blades: of the discs of small lights, see `lens.optics.aperture`.
            farthest: the largest disc behind the focus, in pixels of the small copy, that the
                network renders well; stronger blur is made of a smaller copy.

        Returns:
            `[H, W, 3]` of the photo's type.
        """
        if settings.blur == 0:
            return self.photo.copy()
        # Once: to find the nearest subject sorts the whole map.
        settings = replace(settings, focus=self.focus(settings))
        sizes = self._sizes_for(settings, farthest)
        last = sizes.halvings
        signed = self._defocus(sizes, settings, last)
        where_lamps_are = self._defocus(sizes, settings, sizes.sharpest)
        without, discs = sizes.separated(where_lamps_are, settings.highlights, blades)
        picture = _with_discs(network(without, signed), discs)
        picture = np.clip(picture, 0, 1)
        if last == 0:
            return as_type(picture, self.photo.dtype)
        changes = pyramid.to_light(picture) - sizes.lights[last]
        cover = pyramid.enlarge(pyramid.near_cover(signed))[: picture.shape[0], : picture.shape[1]]
        for size in range(last - 1, -1, -1):
            signed = self._defocus(sizes, settings, size)
            near = pyramid.is_near(signed / 2 ** (last - size))
            doubling = Doubling(
                sizes.lights[size], sizes.lights[size + 1], changes, np.abs(signed), cover, near
            )
            if size == 0:
                height, width = self.photo.shape[:2]
                return doubling.picture()[:height, :width]
            changes = doubling.changes()
            cover = pyramid.enlarge(cover)
        raise AssertionError("a photo has a size 0")

    def _halvings(self, blur: float) -> int:
        """Returns how often the photo is halved for a blur, if discs may be of any size."""
        height, width = self.photo.shape[:2]
        disc = largest_radius(blur, height, width)
        halvings = 0
        while max(height, width) > self._largest_side * 2**halvings or (
            height * width > self._largest_area * 4**halvings
            and disc >= LEAST_DISC * 2 ** (halvings + 1)
        ):
            halvings += 1
        return halvings

    def _defocus(self, sizes: "_Sizes", settings: LensSettings, size: int) -> np.ndarray:
        """Returns the defocus at half of a size, in that size's pixels."""
        largest = largest_radius(settings.blur, *self.photo.shape[:2]) / 2**size
        return defocus(sizes.depths[size], self.focus(settings), largest, settings.sharp_range)

    def _sizes_for(self, settings: LensSettings, farthest: float) -> "_Sizes":
        """Returns sizes whose smallest has no larger discs behind the focus than `farthest`."""
        last = self._halvings(settings.blur)
        if self._sizes.halvings != last:
            self._sizes = self._smaller = self._sizes_of(last, self._sizes)
        height, width = (side / 2**last for side in self.photo.shape[:2])
        largest = largest_radius(settings.blur, height, width)
        farthest_depth = self.depth.min(keepdims=True)
        signed = defocus(farthest_depth, settings.focus, largest, settings.sharp_range)
        disc, smallest_side = -float(signed.min()), min(height, width)
        more = 0
        while disc / 2**more > farthest and smallest_side / 2 ** (more + 1) >= SMALLEST_COPY:
            more += 1
        if more == 0:
            return self._sizes
        if self._smaller.halvings != last + more:
            self._smaller = self._sizes_of(last + more, self._sizes)
        return self._smaller

    def _sizes_of(self, halvings: int, other: "_Sizes | None" = None) -> "_Sizes":
        """Returns the sizes of the photo, halved so often."""
        # Without blur nothing but the longer side counts.
        return _Sizes(self.photo, self.depth, halvings, self._halvings(0.0), other)


class _Sizes:
    """A photo and its halves, with the depths of each, sharpened.

    Args:
        photo: `[H, W, 3]`, see the module.
        depth: see the module.
        halvings: how often the photo is halved.
        sharpest: the size at which the depth map is sharpened first and small lights are looked
            for, at most `halvings`. At a smaller copy outlines would be made of coarse pixels, and
            lamps be as white as their rims.
        other: fewer or more halves of the same photo, taken over where they fit.

    Attributes:
        halvings: as given.
        sharpest: as given.
        lights: size 0, the photo, its sides made multiples of `2**halvings`; then the light of
            each smaller size.
        small: the smallest size, a photo `[h, w, 3]` float32 in [0, 1].
        depths: at half of every size, float32 in [0, 1].
    """

    def __init__(
        self,
        photo: np.ndarray,
        depth: np.ndarray,
        halvings: int,
        sharpest: int,
        other: "_Sizes | None" = None,
    ):
        self.halvings, self.sharpest = halvings, sharpest
        # Every size but the last is halved.
        missing = [(0, -side % 2**halvings) for side in photo.shape[:2]]
        whole = np.pad(photo, [*missing, (0, 0)], mode="edge") if np.any(missing) else photo
        fits = other is not None and other.lights[0].shape == whole.shape
        self.lights = other.lights[: halvings + 1] if fits else [whole]
        for size in range(len(self.lights) - 1, halvings):
            self.lights.append(_halved(self.lights[size], light=size > 0))
        self.small = self._image(halvings)
        # How far pixels are clipped at `sharpest`, see `light_discs`.
        self._white = other._white if fits else _white(whole, sharpest)
        if fits:
            self.depths = other.depths[: halvings + 1]
        else:
            extended = _extended(depth, missing, photo.shape)
            self.depths = [depth_edges.sharpened(extended, self._image(sharpest))]
            for size in range(sharpest, 0, -1):
                finer = depth_edges.sharpened_again(self.depths[0], self._image(size))
                self.depths.insert(0, finer)
        for _ in range(len(self.depths), halvings + 1):
            self.depths.append(depth_edges.coarser(self.depths[-1]))

    def separated(
        self, signed: np.ndarray, highlights: float, blades: int
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Separates small lights out of focus from the smallest size.

        Args:
            signed: defocus at half of the size `sharpest`.
            highlights: see `light_discs`.
            blades: see there.

        Returns:
            The photo without them, float32 in [0, 1], and the light of their discs, both
            `[h, w, 3]`. Where there are none these are `small` and None.
        """
        light = self.lights[self.sharpest] if self.sharpest else pyramid.to_light(self.lights[0])
        without, discs = separated(light, signed, highlights, blades, self._white)
        if not discs.any():
            return self.small, None
        for _ in range(self.sharpest, self.halvings):
            without, discs = pyramid.halve(without), pyramid.halve(discs)
        return pyramid.from_light(without), discs

    def _image(self, size: int) -> np.ndarray:
        """Returns the photo at a size, float32 in [0, 1]."""
        light = self.lights[size]
        return pyramid.from_light(light) if size else as_float(light)


def _with_discs(picture: np.ndarray, discs: np.ndarray | None) -> np.ndarray:
    """Adds the light of discs to a picture."""
    if discs is None:
        return picture
    lit = discs.any(axis=-1)
    picture = np.array(picture)
    picture[lit] = pyramid.from_light(pyramid.to_light(np.clip(picture, 0, 1)) + discs)[lit]
    return picture


def _halved(image: np.ndarray, light: bool) -> np.ndarray:
    """Returns light at half the size, of light or of a photo's values."""
    height, width = image.shape[0] // 2, image.shape[1] // 2
    result = np.empty((height, width, 3), np.float32)

    def tile(window: Window) -> None:
        part = around(image, doubled(window))
        result[window] = pyramid.halve_inside(part if light else pyramid.to_light(part))

    in_tiles(tile, (height, width), TILE)
    return result


def _white(photo: np.ndarray, halvings: int) -> np.ndarray:
    """Tells how much of each pixel of the smallest size is clipped, `[h, w]` float32, 0 to 1."""
    side = 2**halvings
    result = np.zeros([length // side for length in photo.shape[:2]], np.float32)

    def tile(window: Window) -> None:
        rows, columns = (slice(side * part.start, side * part.stop) for part in window)
        red, green, blue = np.moveaxis(photo[rows, columns], -1, 0)
        darkest = np.minimum(np.minimum(red, green), blue)[..., None]
        if whiteness(pyramid.to_light(darkest.max(axis=(0, 1), keepdims=True))) == 0:
            return
        white = whiteness(pyramid.to_light(darkest))
        height, width = result[window].shape
        result[window] = white.reshape(height, side, width, side).mean(axis=(1, 3))

    in_tiles(tile, result.shape, TILE)
    return result


def _extended(depth: np.ndarray, missing: list, shape: tuple[int, ...]) -> np.ndarray:
    """Repeats a map's edges where the photo's were."""
    frame = [
        (0, round(m * d / s)) for (_, m), d, s in zip(missing, depth.shape, shape, strict=False)
    ]
    return np.pad(depth, frame, mode="edge") if np.any(frame) else depth
