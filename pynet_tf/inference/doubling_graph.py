"""One doubling of a picture's size in a TensorFlow graph, and what is done with light there.

The same as in `doubling` and `lens.pyramid`, which see for what it means and why.

    light    [h, w, 3] float32, of a photo at some size; all other planes have one channel
"""

from collections.abc import Callable

import tensorflow as tf

from pynet_tf.inference import doubling
from pynet_tf.inference.tile_graph import Window, around, doubled, in_tiles, inside
from pynet_tf.model import lens_ops
from pynet_tf.model.disc import COVERED, NEAR_FROM, SHARP_RADIUS

# Around a tile of the coarser size: what `doubling` takes, and the reach of its least and largest.
_FRAME = doubling.FRAME + doubling.BESIDE // 2
# The cover of near things is found over so many octaves.
_OCTAVES = 5
_FRAME_OF_ONE = ((0, 0), (1, 1), (1, 1), (0, 0))


class Doubling:
    """Takes a picture from one size to the next finer one; see `doubling`.

    Args:
        coarse: the photo's light at the coarser size.
        changes: what the picture's light is more than the photo's there.
        signed: defocus of every pixel of the coarser size, in pixels of the finer one.
        cover: of things before the focus, of every pixel of the coarser size.
        smaller: how many times smaller than the finer size is the one of the network.
    """

    def __init__(self, coarse, changes, signed, cover, smaller):
        self._coarse, self._changes = coarse, changes
        self._signed, self._cover, self._smaller = signed, cover, smaller

    def changes(self, fine: tf.Tensor) -> tf.Tensor:
        """Returns what the picture's light is more than the photo's, `fine`, at the finer size."""

        def tile(window: Window) -> tf.Tensor:
            light = _cut(fine, doubled(window))
            return self._unless_sharp(
                window, lambda planes: self._change(light, window, planes, 2), tf.zeros_like(light)
            )

        return in_tiles(tile, _sides(self._coarse), doubling.TILE, tf.float32, 3)

    def picture(self, photo: tf.Tensor) -> tf.Tensor:
        """Returns the picture at the finer size, that of the photo, uint8."""

        def tile(window: Window) -> tf.Tensor:
            values = _cut(photo, doubled(window))

            def made(planes) -> tf.Tensor:
                light = light_of(values)
                light += self._change(light, window, planes, 1)
                return as_bytes(lens_ops.from_light(tf.clip_by_value(light, 0.0, 1.0)))

            return self._unless_sharp(window, made, values)

        return in_tiles(tile, _sides(self._coarse), doubling.TILE, tf.uint8, 3)

    def _unless_sharp(self, window: Window, make: Callable, unchanged: tf.Tensor) -> tf.Tensor:
        signed, cover = (around(part, window, _FRAME) for part in (self._signed, self._cover))
        radius = tf.abs(signed)
        # Beside the window, one pixel counts.
        radii, covers = (inside(part, _FRAME - 1) for part in (radius, cover))
        changed = tf.reduce_any(radii > 0) | (tf.reduce_max(covers) >= doubling.NO_COVER)
        return tf.cond(changed, lambda: make((signed, radius, cover)), lambda: unchanged)

    def _change(self, light: tf.Tensor, window: Window, planes: tuple, level: int) -> tf.Tensor:
        signed, radius, cover = planes
        share = tf.minimum(_blurred(radius) + cover * (1 / COVERED), 1.0)
        beside = inside(_largest(_is_near(signed / self._smaller), 3), _FRAME - 2)
        coarse, changes = self._lights(window, radius, share)
        radius, cover, share = (
            _enlarge_inside(inside(part, _FRAME - 1)) for part in (radius, cover, share)
        )
        kept = lens_ops.kept_detail(radius, level) * (1.0 - cover)
        # Beside near things, what is more than the light around is their edge, not detail.
        kept *= 1.0 - _enlarge_inside(beside)
        lit = _enlarge_inside(coarse)
        detail = light - lit
        change = lens_ops.left_of(detail, lit, kept) - detail
        return (change + _enlarge_inside(changes)) * share

    def _lights(self, window: Window, radius: tf.Tensor, share: tf.Tensor) -> list[tf.Tensor]:
        """Returns the coarser size's light and its changes, as what is out of focus has them."""
        free = -_largest(-share, doubling.BESIDE)
        doubt = (1.0 - free) * _largest(_blurred(radius), doubling.BESIDE)
        share = inside(share, doubling.BESIDE // 2)
        weight = free + doubling.MIXED * (share + doubling.SHARP)
        planes = [self._coarse, self._changes]

        def found() -> list[tf.Tensor]:
            seen = [around(plane, window, doubling.FRAME) for plane in planes]
            sums = _with_what_is_around(
                tf.concat([seen[0] * weight, seen[1] * weight, weight], axis=-1)
            )
            *mixed, total = tf.split(sums, [3, 3, 1], axis=-1)
            here = inside(doubt, doubling.FRAME - 1)
            own = [inside(plane, doubling.FRAME - 1) for plane in seen]
            return [
                plane + here * (mean / total - plane)
                for plane, mean in zip(own, mixed, strict=True)
            ]

        return tf.cond(
            tf.reduce_any(doubt > 0), found, lambda: [around(plane, window, 1) for plane in planes]
        )


def near_cover(defocus: tf.Tensor) -> tf.Tensor:
    """Returns how much of each pixel the blurred things before the focus cover.

    Args:
        defocus: `[B, h, w, 1]`, see `lens.pyramid.near_cover`.

    Returns:
        `[B, h, w, 1]` float32, 0 to 1.
    """
    height, width = tf.shape(defocus)[1], tf.shape(defocus)[2]
    signed = repeated(repeated(defocus, 1, 2**_OCTAVES), 2, 2**_OCTAVES)
    covers, radii = [_is_near(signed)], [tf.nn.relu(signed / 2.0)]
    for _ in range(_OCTAVES):
        covers.append(_halve(tf.pad(covers[-1], _FRAME_OF_ONE, "SYMMETRIC")))
        radii.append(tf.nn.max_pool2d(radii[-1], 2, 2, "VALID") / 2.0)
    reach, change = _spread(radii[-1]), tf.zeros_like(covers[-1])
    for octave in range(_OCTAVES - 1, -1, -1):
        # Together, which saves more than it costs.
        coarse = enlarge(tf.concat([reach, covers[octave + 1], change], axis=-1))
        farther, cover, change = tf.split(coarse, 3, axis=-1)
        reach = tf.maximum(_spread(radii[octave]), 2.0 * farther)
        detail = covers[octave] - cover
        left = lens_ops.left_of(detail, cover, lens_ops.kept_detail(reach, 2))
        change = (change - detail + left) * _blurred(reach)
    return tf.clip_by_value(covers[0] + change, 0.0, 1.0)[:, :height, :width]


def _spread(radius: tf.Tensor) -> tf.Tensor:
    """Spreads radii over the pixels beside, as far as discs of about a pixel reach."""
    spread = radius * lens_ops.ramp(radius, 2.0, -1.0)
    return tf.maximum(radius, tf.nn.max_pool2d(spread, 3, 1, "SAME"))


def _is_near(defocus: tf.Tensor) -> tf.Tensor:
    """Tells which pixels show things blurred before the focus, 0 to 1."""
    return lens_ops.ramp(defocus, 0.5, -NEAR_FROM)


def halved(image: tf.Tensor, to_light: Callable[[tf.Tensor], tf.Tensor]) -> tf.Tensor:
    """Returns light at half the size; `to_light` makes light of parts of the image."""

    def tile(window: Window) -> tf.Tensor:
        return _halve(to_light(around(image, doubled(window), 1))[None])[0]

    height, width = _sides(image)
    return in_tiles(tile, (height // 2, width // 2), doubling.TILE, tf.float32, 3)


def repeated(plane: tf.Tensor, axis: int, multiple: int | tf.Tensor) -> tf.Tensor:
    """Repeats the last row or column until there is a multiple of them."""
    side = tf.shape(plane)[axis]
    edge = tf.gather(plane, tf.repeat(side - 1, -side % multiple), axis=axis)
    return tf.concat([plane, edge], axis=axis)


def _halve(x: tf.Tensor) -> tf.Tensor:
    """Halves what lies within a frame of one pixel; `[B, h, w, C]`."""
    # Three means of two are the binomial filter 1 3 3 1.
    for stride in (1, 1, 2):
        x = tf.nn.avg_pool2d(x, 2, stride, "VALID")
    return x


def _with_what_is_around(planes: tf.Tensor) -> tf.Tensor:
    """Adds a little of the pixels around, and cuts the frame to one pixel."""
    window = 2 * doubling.FRAME - 1
    means = tf.nn.avg_pool2d(planes[None], (window, 1), 1, "VALID")
    means = tf.nn.avg_pool2d(means, (1, window), 1, "VALID")[0]
    return inside(planes, doubling.FRAME - 1) + doubling.AROUND * means


def _largest(plane: tf.Tensor, window: int) -> tf.Tensor:
    """Returns the largest values of all windows that lie inside."""
    return tf.nn.max_pool2d(plane[None], window, 1, "VALID")[0]


def _blurred(radius: tf.Tensor) -> tf.Tensor:
    return lens_ops.ramp(radius, 1 / SHARP_RADIUS)


def enlarge(plane: tf.Tensor) -> tf.Tensor:
    """Enlarges by 2, bilinearly, edges repeated."""
    return tf.image.resize(plane, 2 * tf.shape(plane)[-3:-1], "bilinear")


def _enlarge_inside(plane: tf.Tensor) -> tf.Tensor:
    """Enlarges by 2 what lies within a frame of one pixel."""
    return inside(enlarge(plane), 2)


def _cut(plane: tf.Tensor, window: Window) -> tf.Tensor:
    (top, bottom), (left, right) = window
    return plane[top:bottom, left:right]


def _sides(plane: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    return tf.shape(plane)[0], tf.shape(plane)[1]


def light_of(values: tf.Tensor) -> tf.Tensor:
    """Makes light of values 0..255."""
    return lens_ops.to_light(tf.cast(values, tf.float32) * (1 / 255))


def as_bytes(values: tf.Tensor) -> tf.Tensor:
    """Clips values 0..1 and rounds them to uint8."""
    return tf.cast(tf.round(tf.clip_by_value(values, 0.0, 1.0) * 255.0), tf.uint8)
