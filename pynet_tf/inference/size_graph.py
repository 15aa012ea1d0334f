"""Pictures of photos of any size in a TensorFlow graph, for use without this package.

The same as `any_size`, which see for what it means and why, without the discs of small lights; a
test holds the two beside each other. The network works on a copy that is halved until it fits; then
the picture is taken back up, doubling by doubling, in tiles.

    photos   [B, H, W, 3] uint8
    depths   [B, h, w] uint8, near = bright, any size
    focuses  [B] float32, the depth that stays sharp, 0..1
    light    [h, w, 3] float32, of a photo at some size; its other planes have one channel
    size k   the photo halved k times; size 0 is the photo itself
"""

from collections.abc import Callable

import tensorflow as tf

from pynet_tf.inference import any_size, depth_graph
from pynet_tf.inference.doubling_graph import (
    Doubling,
    as_bytes,
    enlarge,
    halved,
    light_of,
    near_cover,
    repeated,
)
from pynet_tf.model import lens_ops

# No photo is halved more often.
_MOST_HALVINGS = 15

# Photos [B, h, w, 3] float32, 0..255, and their defocus [B, h/2, w/2], rounded up, in pixels of
# these photos -> the raw pictures, [B, h, w, 3] and more, 0..1.
Network = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def pictures(
    photos: tf.Tensor,
    depths: tf.Tensor,
    focuses: tf.Tensor,
    blur: tf.Tensor,
    network: Network,
    largest_side: int = any_size.LARGEST_SIDE,
    largest_area: int = any_size.LARGEST_AREA,
    largest_disc: float = any_size.LARGEST_DISC,
) -> tf.Tensor:
    """Renders photos.

    Args:
        photos: see the module.
        depths: see the module.
        focuses: see the module.
        blur: percent of the longer side.
        network: gives the pictures of the small copies.
        largest_side: the network's copies are at most this long.
        largest_area: the network's copies have at most so many pixels, but where blur is weak.
        largest_disc: behind the focus, in pixels of the network's copies; stronger blur of any
            photo is made of smaller copies of all.

    Returns:
        `[B, H, W, 3]` uint8.
    """
    sides = tf.shape(photos)[1:3]
    longest = tf.reduce_max(sides)
    limits = [min(largest_side * 2**size, tf.int32.max) for size in range(_MOST_HALVINGS)]
    areas = tf.constant([largest_area * 4**size for size in range(_MOST_HALVINGS)], tf.int64)
    pixels = tf.cast(sides, tf.int64)
    area = pixels[0] * pixels[1]
    largest = blur / 100.0 * tf.cast(longest, tf.float32)
    least = tf.constant([any_size.LEAST_DISC * 2.0 ** (n + 1) for n in range(_MOST_HALVINGS)])
    # Where the depth map is sharpened first.
    sharpest = tf.reduce_sum(tf.cast(longest > tf.constant(limits), tf.int32))
    too_large = (longest > tf.constant(limits)) | ((area > areas) & (largest >= least))
    halvings = tf.reduce_sum(tf.cast(too_large, tf.int32))
    farthest = tf.cast(tf.reduce_min(depths, axis=(1, 2), keepdims=True), tf.float32) / 255.0
    disc = -tf.reduce_min(depth_graph.out_of_focus(farthest, focuses, largest))
    times = _power(halvings) * _power(tf.range(_MOST_HALVINGS))
    sides_left = tf.cast(tf.reduce_min(sides), tf.float32) / (2.0 * times)
    still_too_large = (disc / times > largest_disc) & (sides_left >= any_size.SMALLEST_COPY)
    halvings += tf.reduce_sum(tf.cast(still_too_large, tf.int32))
    lights = _lights(photos, halvings)
    # Of each photo's lights.
    first = halvings * tf.range(tf.shape(photos)[0])

    def image(size: tf.Tensor) -> tf.Tensor:
        """Returns the photos at a size, 0..255."""
        return tf.cond(
            size > 0,
            lambda: 255.0 * lens_ops.from_light(lights.gather(first + size - 1)),
            lambda: tf.cast(_whole(photos, halvings, 1), tf.float32),
        )

    small = image(halvings)
    extended = _extended(depths, sides, halvings)
    sharpened = depth_graph.sharpened(extended, image(sharpest))[..., None]
    sharpened = tf.ensure_shape(sharpened, [None, None, None, 1])
    coarsest = _coarser(sharpened, halvings - sharpest)[..., 0]
    signed = depth_graph.out_of_focus(coarsest, focuses, largest / _power(halvings))
    small_sides = tf.shape(small)[1:3]
    output = network(small, signed)[:, : small_sides[0], : small_sides[1]]
    made = tf.clip_by_value(output, 0.0, 1.0)

    # On its own, or small photos would wait for it to be optimized.
    @tf.function(autograph=False, experimental_attributes={"_noinline": True})
    def enlarged() -> tf.Tensor:
        def one(number, results):
            photo = _Photo(photos[number], lights, number * halvings, focuses[number], largest)
            result = photo.enlarged(made[number], sharpened[number], sharpest, halvings)
            return number + 1, results.write(number, result[: sides[0], : sides[1]])

        count = tf.shape(photos)[0]
        results = _array(tf.uint8, count, 3)
        _, results = tf.while_loop(
            lambda number, _: number < count, one, (tf.constant(0), results), parallel_iterations=1
        )
        return results.stack()

    return tf.cond(halvings > 0, enlarged, lambda: as_bytes(made))


class _Photo:
    """One photo, whose picture is taken up to its size.

    Args:
        photo: `[H, W, 3]` uint8.
        lights: holds the photo's light of size s, from 1 on, at `first + s - 1`.
        first: see there.
        focus: see the module.
        largest: radius of the circle of confusion, in pixels of the photo, see `lens.focus`.
    """

    def __init__(self, photo, lights: tf.TensorArray, first, focus, largest):
        self._photo, self._lights, self._first = photo, lights, first
        self._focus, self._largest = focus, largest

    def enlarged(self, picture, depth, sharpest, halvings) -> tf.Tensor:
        """Takes the picture of the last size up.

        Args:
            picture: `[h, w, 3]`, 0..1.
            depth: at half of the size `sharpest`, `[h, w, 1]`, sharpened.
            sharpest: see there, at most `halvings`.
            halvings: the number of the last size, at least 1.

        Returns:
            `[H, W, 3]` uint8; both sides are made multiples of 2**halvings by repeating the edges.
        """
        light = self._light(halvings)
        changes = lens_ops.to_light(picture) - light
        depths = self._depths(depth, sharpest, halvings)
        coarsest, largest = depths.read(halvings), self._largest / _power(halvings)
        signed = depth_graph.out_of_focus(coarsest, self._focus, largest)
        cover = enlarge(near_cover(signed[None])[0])[: tf.shape(light)[0], : tf.shape(light)[1]]

        def doubling(size, changes, cover) -> Doubling:
            sharp, largest = depths.read(size), self._largest / _power(size)
            signed = depth_graph.out_of_focus(sharp, self._focus, largest)
            return Doubling(self._light(size + 1), changes, signed, cover, _power(halvings - size))

        def double(size, changes, cover):
            changes = doubling(size, changes, cover).changes(self._light(size))
            return size - 1, changes, enlarge(cover)

        _, changes, cover = tf.while_loop(
            lambda size, *_: size > 0,
            double,
            (halvings - 1, changes, cover),
            shape_invariants=(tf.TensorShape([]), _plane(3), _plane(1)),
            parallel_iterations=1,
        )
        return doubling(0, changes, cover).picture(_whole(self._photo, halvings))

    def _depths(self, depth, sharpest, halvings) -> tf.TensorArray:
        """Returns the depth at half of every size from 0 to `halvings`, sharpened."""

        def coarser(size, depth, depths):
            depth = depth_graph.coarser(depth[None])[0]
            return size + 1, depth, depths.write(size + 1, depth)

        def finer(size, depth, depths):
            depth = depth_graph.sharpened_again(depth, self._light(size + 1))
            return size - 1, depth, depths.write(size, depth)

        shapes = (tf.TensorShape([]), _plane(1), tf.TensorShape(None))
        depths = _array(tf.float32, halvings + 1, 1).write(sharpest, depth)
        _, _, depths = tf.while_loop(
            lambda size, *_: size < halvings,
            coarser,
            (sharpest, depth, depths),
            shape_invariants=shapes,
            parallel_iterations=1,
        )
        _, _, depths = tf.while_loop(
            lambda size, *_: size >= 0,
            finer,
            (sharpest - 1, depth, depths),
            shape_invariants=shapes,
            parallel_iterations=1,
        )
        return depths

    def _light(self, size) -> tf.Tensor:
        return self._lights.read(self._first + size - 1)


def _lights(photos: tf.Tensor, halvings: tf.Tensor) -> tf.TensorArray:
    """Returns the photos' light at sizes 1, 2 ... of the first, then of the second, ..."""
    count = tf.shape(photos)[0] * halvings
    lights = _array(tf.float32, count, 3)

    def one(number, lights):
        photo = _whole(photos[number // halvings], halvings)
        first = halved(photo, light_of)
        _, lights = tf.while_loop(
            lambda place, _: place < number + halvings,
            lambda place, lights: (
                place + 1,
                lights.write(place, halved(lights.read(place - 1), lambda light: light)),
            ),
            (number + 1, lights.write(number, first)),
            parallel_iterations=1,
        )
        return number + halvings, lights

    _, lights = tf.while_loop(
        lambda number, _: number < count, one, (tf.constant(0), lights), parallel_iterations=1
    )
    return lights


def _whole(photo: tf.Tensor, halvings: tf.Tensor, axis: int = 0) -> tf.Tensor:
    """Repeats a photo's edges until it can be halved so often; of several photos from axis 1 on."""
    times = tf.cast(_power(halvings), tf.int32)
    return repeated(repeated(photo, axis, times), axis + 1, times)


def _coarser(depths: tf.Tensor, times: tf.Tensor) -> tf.Tensor:
    """Halves sharpened maps `[B, h, w, 1]` so often, as `lens.depth_edges.coarser` does."""

    def halve(time, depths):
        return time + 1, depth_graph.coarser(depths)

    shapes = (tf.TensorShape([]), tf.TensorShape([None, None, None, 1]))
    _, depths = tf.while_loop(
        lambda time, _: time < times,
        halve,
        (tf.constant(0), depths),
        shape_invariants=shapes,
        parallel_iterations=1,
    )
    return depths


def _extended(depths: tf.Tensor, sides: tf.Tensor, halvings: tf.Tensor) -> tf.Tensor:
    """Repeats maps' edges where the photos' are."""
    missing = tf.cast(-sides % tf.cast(_power(halvings), tf.int32), tf.float64)
    shape = tf.shape(depths)[1:]
    more = missing * tf.cast(shape, tf.float64) / tf.cast(sides, tf.float64)
    stops = shape + tf.cast(tf.round(more), tf.int32)
    for axis in (0, 1):
        places = tf.minimum(tf.range(stops[axis]), shape[axis] - 1)
        depths = tf.gather(depths, places, axis=axis + 1)
    return depths


def _plane(channels: int) -> tf.TensorShape:
    return tf.TensorShape([None, None, channels])


def _array(dtype: tf.DType, count: tf.Tensor, channels: int) -> tf.TensorArray:
    """Returns an array of planes of any sides."""
    return tf.TensorArray(
        dtype,
        count,
        clear_after_read=False,
        infer_shape=False,
        element_shape=_plane(channels),
    )


def _power(times: tf.Tensor) -> tf.Tensor:
    """Returns 2 to a power that is at most `_MOST_HALVINGS`."""
    return tf.gather(tf.constant([2.0**n for n in range(_MOST_HALVINGS + 1)]), times)
