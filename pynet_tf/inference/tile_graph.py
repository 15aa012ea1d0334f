"""Work on large planes in a TensorFlow graph, tile by tile, so that little is held at a time.

plane    [h, w, C]
window   ((top, bottom), (left, right)), numbers or scalar tensors
"""

from collections.abc import Callable

import tensorflow as tf

Window = tuple[tuple[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


def in_tiles(
    make: Callable[[Window], tf.Tensor],
    sides: tuple[tf.Tensor, tf.Tensor],
    tile: tuple[int, int],
    dtype: tf.DType,
    channels: int,
) -> tf.Tensor:
    """Makes a plane of tiles, one after another.

    Args:
        make: gives the tile of a window, `[n, m, channels]`; all of them larger than their windows
            by the same factor, if at all.
        sides: height and width that the windows cover.
        tile: rows and columns of a window.
        dtype: of the plane.
        channels: of the plane.

    Returns:
        The plane.
    """

    def row(place: tf.Tensor) -> tf.Tensor:
        # A list of tensors is put together along their first axis only.
        def turned(other: tf.Tensor) -> tf.Tensor:
            made = make((_part(place, tile[0], sides[0]), _part(other, tile[1], sides[1])))
            return tf.transpose(made, [1, 0, 2])

        return tf.transpose(_joined(turned, tile[1], sides[1], dtype, channels), [1, 0, 2])

    return _joined(row, tile[0], sides[0], dtype, channels)


def around(plane: tf.Tensor, window: Window, frame: int) -> tf.Tensor:
    """Cuts a window out with a frame around it; beyond the plane's edges, the edge's."""
    shape = tf.shape(plane)
    starts, places = [], []
    for axis, (first, stop) in enumerate(window):
        start, end = tf.maximum(first - frame, 0), tf.minimum(stop + frame, shape[axis])
        starts.append((start, end))
        places.append(tf.clip_by_value(tf.range(first - frame, stop + frame), start, end - 1))
    rows, columns = (slice(*part) for part in starts)
    (top, _), (left, _) = starts
    return tf.gather(tf.gather(plane[rows, columns], places[0] - top), places[1] - left, axis=1)


def doubled(window: Window) -> Window:
    """Returns the window's place in a plane of twice the size."""
    return tuple((2 * first, 2 * stop) for first, stop in window)


def inside(plane: tf.Tensor, frame: int) -> tf.Tensor:
    """Cuts a frame off."""
    return plane[frame:-frame, frame:-frame]


def _part(number: tf.Tensor, length: int, side: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    return number * length, tf.minimum((number + 1) * length, side)


def _joined(
    make: Callable[[tf.Tensor], tf.Tensor],
    length: int,
    side: tf.Tensor,
    dtype: tf.DType,
    channels: int,
) -> tf.Tensor:
    """Joins what is made of all parts of a side, by their numbers, along the first axis."""
    count = (side + length - 1) // length
    made = tf.TensorArray(
        dtype, count, infer_shape=False, element_shape=tf.TensorShape([None, None, channels])
    )
    _, made = tf.while_loop(
        lambda number, _: number < count,
        lambda number, made: (number + 1, made.write(number, make(number))),
        (tf.constant(0), made),
        parallel_iterations=1,
    )
    return made.concat()
