"""Focus, sharpened depth and defocus in a TensorFlow graph, for use without this package.

The same as `lens.focus` and `lens.depth_edges`, which see for what it means and why; a test holds
the two beside each other.

    photos   [B, H, W, 3] uint8
    depths   [B, h, w] uint8, near = bright, any size
    focus    [B] float32, the depth that stays sharp, 0..1
"""

import tensorflow as tf

from pynet_tf.lens import depth_edges, focus

_LEVELS = 256


def nearest_subject(depths: tf.Tensor) -> tf.Tensor:
    """Returns the automatic focus of each depth map, as `lens.focus.nearest_subject` does."""
    shape = tf.shape(depths)
    y, x = (tf.linspace(-1.0, 1.0, shape[axis]) for axis in (1, 2))
    weight = tf.exp(-2.0 * (tf.square(y)[:, None] + tf.square(x)[None]))
    weights = tf.cast(tf.broadcast_to(weight, shape), tf.float64)
    first = _LEVELS * tf.range(shape[0])[:, None, None]
    # Weights by value: sorted and added up they are what the NumPy way gets by sorting pixels.
    sums = tf.math.unsorted_segment_sum(
        weights, tf.cast(depths, tf.int32) + first, _LEVELS * shape[0]
    )
    shares = tf.cumsum(tf.reshape(sums, [-1, _LEVELS]), axis=1)
    below = shares < focus.FARTHER_THAN_FOCUS * shares[:, -1:]
    return tf.reduce_sum(tf.cast(below, tf.float32), axis=1) / 255.0


def focus_at(depth: tf.Tensor, point: tf.Tensor) -> tf.Tensor:
    """Returns the focus that makes a point sharp, as `lens.focus.focus_at` does.

    Args:
        depth: `[h, w]` uint8.
        point: `[2]` float32: x and y from 0, 0 (top left) to 1, 1.
    """
    sides = tf.shape(depth)
    last = tf.cast(sides - 1, tf.float64)
    place = tf.cast(tf.round(tf.cast(point[::-1], tf.float64) * last), tf.int32)
    reach = tf.maximum(1, tf.reduce_max(sides) // 200)
    first, stop = tf.maximum(place - reach, 0), tf.minimum(place + reach + 1, sides)
    around = depth[first[0] : stop[0], first[1] : stop[1]]
    values = tf.sort(tf.reshape(tf.cast(around, tf.float32), [-1]))
    count = tf.size(values)
    return (values[(count - 1) // 2] + values[count // 2]) / (2 * 255.0)


def defocus(
    photos: tf.Tensor, depths: tf.Tensor, focuses: tf.Tensor, blur: float | tf.Tensor
) -> tf.Tensor:
    """Returns how far every pixel is out of focus, with the default sharp range.

    Args:
        photos: see the module.
        depths: see the module.
        focuses: `[B]`.
        blur: percent of the longer side.

    Returns:
        `[B, H/2, W/2]`, rounded up, float32, in pixels of the photo; see `lens.focus.defocus`.
    """
    sides = tf.cast(tf.shape(photos)[1:3], tf.float32)
    largest = blur / 100.0 * tf.reduce_max(sides)
    behind, before = focus.SHARP_RANGE
    difference = sharpened(depths, photos) - focuses[:, None, None]
    outside = difference - tf.clip_by_value(difference, -behind, before)
    reach = tf.maximum(focuses, 1.0 - focuses) - min(behind, before)
    return outside * (largest / reach)[:, None, None]


def sharpened(depths: tf.Tensor, photos: tf.Tensor) -> tf.Tensor:
    """Sharpens depth maps along the photos' edges, as `lens.depth_edges.sharpened` does.

    Returns:
        `[B, H/2, W/2]`, rounded up, float32 in [0, 1].
    """
    sides = (tf.shape(photos)[1:3] + 1) // 2
    enlarged = tf.reduce_max(sides / tf.shape(depths)[1:3])
    soft = depth_edges.OWN_PIXELS * enlarged * tf.cast(enlarged > 1.0, tf.float64)
    far = depth_edges.REACH * tf.cast(tf.reduce_max(sides), tf.float64)
    reach = tf.maximum(1, tf.cast(tf.round(tf.maximum(far, soft)), tf.int32))
    depth = _resized(tf.cast(depths, tf.float32)[..., None], sides)
    return _snap(depth, _resized(tf.cast(photos, tf.float32), sides), reach)[..., 0]


def _resized(pictures: tf.Tensor, sides: tf.Tensor) -> tf.Tensor:
    return tf.image.resize(pictures, sides, "bilinear", antialias=True) / 255.0


def _snap(depth: tf.Tensor, guide: tf.Tensor, reach: tf.Tensor) -> tf.Tensor:
    """Gives the pixels of soft edges to one of their sides; `[B, h, w, C]`."""
    window = 2 * reach + 1
    low, high = -_largest(-depth, window), _largest(depth, window)
    rise = high - low
    edge = rise > depth_edges.EDGE
    nearness = (depth - low) / tf.maximum(rise, 1e-6)
    far = edge & (nearness < depth_edges.PLATEAU)
    near = edge & (nearness > 1 - depth_edges.PLATEAU)
    between = _mean(tf.cast(edge & ~far & ~near, tf.float32), reach)
    first, width = depth_edges.BETWEEN
    softness = tf.clip_by_value((between - first) / width, 0.0, 1.0)

    square = tf.reduce_sum(tf.square(guide), axis=-1, keepdims=True)
    seen = tf.concat([guide, square, tf.ones_like(square)], axis=-1)
    both = [tf.cast(side, tf.float32) * seen for side in (far, near)]
    (far_mean, far_variance), (near_mean, near_variance) = (
        _colour(mean) for mean in tf.split(_mean(tf.concat(both, axis=-1), window), 2, axis=-1)
    )
    difference = near_mean - far_mean
    contrast = tf.reduce_sum(tf.square(difference), axis=-1, keepdims=True)
    along = tf.reduce_sum((guide - far_mean) * difference, axis=-1, keepdims=True)
    along = tf.clip_by_value(along / tf.maximum(contrast, 1e-6), 0.0, 1.0)
    spread = depth_edges.SPREAD * (far_variance + near_variance) + depth_edges.LEAST_CONTRAST
    evidence = contrast / (contrast + spread)
    certainty = tf.square(2 * nearness - 1)
    told = evidence * along + (1 - evidence + certainty) * nearness
    side = tf.where(told > (1 + certainty) / 2, high, low)
    return tf.where(edge, depth + softness * (side - depth), depth)


def _colour(mean: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns mean and variance of the colours, of means of colour, square and weight."""
    colour, square, weight = tf.split(mean, [3, 1, 1], axis=-1)
    colour, square = colour / (weight + 1e-4), square / (weight + 1e-4)
    variance = square - tf.reduce_sum(tf.square(colour), axis=-1, keepdims=True)
    return colour, tf.nn.relu(variance)


def _largest(x: tf.Tensor, window: tf.Tensor) -> tf.Tensor:
    """Returns the largest value in the window around each pixel."""
    # Only the raw operation takes a window that is known at run time.
    sizes = tf.stack([1, window, window, 1])
    return tf.raw_ops.MaxPoolV2(input=x, ksize=sizes, strides=[1, 1, 1, 1], padding="SAME")


def _mean(x: tf.Tensor, reach: tf.Tensor) -> tf.Tensor:
    """Returns the mean over `reach` pixels to all sides, edges repeated, as differences of sums."""
    x = tf.cast(x, tf.float64)
    for axis in (1, 2):
        size = tf.shape(x)[axis]
        repeated = tf.clip_by_value(tf.range(-reach - 1, size + reach), 0, size - 1)
        sums = tf.cumsum(tf.gather(x, repeated, axis=axis), axis=axis)
        window = 2 * reach + 1
        later = tf.gather(sums, tf.range(window, window + size), axis=axis)
        x = (later - tf.gather(sums, tf.range(size), axis=axis)) / tf.cast(window, tf.float64)
    return tf.cast(x, tf.float32)
