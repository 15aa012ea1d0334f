"""Focus, sharpened depth and defocus in a TensorFlow graph, for use without this package.

The same as `lens.focus` and `lens.depth_edges`, which see for what it means and why; a test holds
the two beside each other.

    photos   [B, H, W, 3] uint8
    depths   [B, h, w] uint8, near = bright, any size
    focus    [B] float32, the depth that stays sharp, 0..1
"""

import tensorflow as tf

from pynet_tf.inference import tile_graph
from pynet_tf.lens import depth_edges, focus, guided_filter
from pynet_tf.model import lens_ops

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
    return out_of_focus(sharpened(depths, photos), focuses, blur / 100.0 * tf.reduce_max(sides))


def out_of_focus(depths: tf.Tensor, focuses: tf.Tensor, largest: tf.Tensor) -> tf.Tensor:
    """Returns how far depths are out of focus, as `lens.focus.defocus` does.

    Args:
        depths: `[B, h, w]` float32 in [0, 1]; or of one photo, `[h, w, 1]`.
        focuses: `[B]`; of one photo `[]`.
        largest: radius of the circle of confusion of the depth, 0 or 1, that is farthest from the
            focus.

    Returns:
        float32 of the depths' shape, in the unit of `largest`.
    """
    behind, before = focus.SHARP_RANGE
    focuses = focuses[..., None, None]
    difference = depths - focuses
    outside = difference - tf.clip_by_value(difference, -behind, before)
    reach = tf.maximum(focuses, 1.0 - focuses) - min(behind, before)
    return outside * (largest / reach)


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


def sharpened_again(depth: tf.Tensor, light: tf.Tensor) -> tf.Tensor:
    """Enlarges a sharpened map to a photo's size, as `lens.depth_edges.sharpened_again` does.

    Args:
        depth: `[h, w, 1]` float32 in [0, 1].
        light: the light of one photo, `[H, W, 3]` float32, about twice as large.

    Returns:
        `[H, W, 1]` float32.
    """
    height, width = tf.shape(light)[0], tf.shape(light)[1]
    depth = tf.image.resize(depth, [height, width], "bilinear")

    def tile(window: tile_graph.Window) -> tf.Tensor:
        cuts, inner = zip(
            *(_with_margin(*part) for part in zip(window, (height, width), strict=True)),
            strict=True,
        )
        block = depth[cuts]

        def snapped() -> tf.Tensor:
            guide = lens_ops.from_light(light[cuts])
            return _snap(block[None], guide[None], depth_edges.AGAIN)[0][inner]

        rise = tf.reduce_max(block) - tf.reduce_min(block)
        return tf.cond(rise > depth_edges.EDGE, snapped, lambda: block[inner])

    sides = (depth_edges.BLOCK, depth_edges.BLOCK)
    return tile_graph.in_tiles(tile, (height, width), sides, tf.float32, 1)


def coarser(depths: tf.Tensor) -> tf.Tensor:
    """Halves sharpened maps `[B, h, w, 1]`, rounded up, as `lens.depth_edges.coarser` does."""
    depths = _even(depths)
    upper, lower = depths[:, 0::2], depths[:, 1::2]
    low, high = tf.minimum(upper, lower), tf.maximum(upper, lower)
    return tf.minimum(
        tf.maximum(low[:, :, 0::2], low[:, :, 1::2]),
        tf.minimum(high[:, :, 0::2], high[:, :, 1::2]),
    )


def _with_margin(part: tuple[tf.Tensor, tf.Tensor], side: tf.Tensor) -> tuple[slice, slice]:
    """Returns the part of a side with what is seen around it, and its place in that."""
    first, stop = part
    start = tf.maximum(first - depth_edges.MARGIN, 0)
    return slice(start, tf.minimum(stop + depth_edges.MARGIN, side)), slice(
        first - start, stop - start
    )


def _resized(pictures: tf.Tensor, sides: tf.Tensor) -> tf.Tensor:
    return tf.image.resize(pictures, sides, "bilinear", antialias=True) / 255.0


def _snap(depth: tf.Tensor, guide: tf.Tensor, reach: int | tf.Tensor) -> tf.Tensor:
    """Gives the pixels of soft edges to one of their sides; `[B, h, w, C]`.

    A reach that is known beforehand is quicker.
    """
    window = 2 * reach + 1
    low, high = -_largest(-depth, window), _largest(depth, window)
    rise = high - low
    edge = rise > depth_edges.EDGE
    nearness = (depth - low) / tf.maximum(rise, 1e-6)
    far = edge & (nearness < depth_edges.PLATEAU)
    near = edge & (nearness > 1 - depth_edges.PLATEAU)
    between = tf.cast(edge & ~far & ~near, tf.float32)
    most = depth_edges.BETWEEN_REACH
    between = _mean(
        between, min(reach, most) if isinstance(reach, int) else tf.minimum(reach, most)
    )
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
    told = tf.where(edge, told - (1 + certainty) / 2, 0.0)
    side = tf.where(_along_edges(told, guide) > depth_edges.TIE, high, low)
    return tf.where(edge, depth + softness * (side - depth), depth)


def _along_edges(plane: tf.Tensor, guide: tf.Tensor) -> tf.Tensor:
    """Smooths `[B, h, w, 1]` along the edges of a guide `[B, h, w, 3]`."""
    sides = tf.shape(plane)[1:3]
    small, colours = lens_ops.halve(_even(plane)), lens_ops.halve(_even(guide))
    products = tf.gather(colours, [0, 0, 0, 1, 1, 2], axis=-1)
    products *= tf.gather(colours, [0, 1, 2, 1, 2, 2], axis=-1)
    seen = tf.concat([colours, small, products, colours * small], axis=-1)
    means = tf.split(_mean(seen, depth_edges.FILTER_REACH), 13, axis=-1)
    red, green, blue, mean = means[:4]
    pairs = [red * red, red * green, red * blue, green * green, green * blue, blue * blue]
    variance = [product - pair for product, pair in zip(means[4:10], pairs, strict=True)]
    covariance = [
        product - colour * mean
        for product, colour in zip(means[10:], (red, green, blue), strict=True)
    ]
    slope = guided_filter.solved(variance, covariance, depth_edges.ALIKE)
    offset = mean - slope[0] * red - slope[1] * green - slope[2] * blue
    found = _mean(tf.concat([*slope, offset], axis=-1), depth_edges.FILTER_REACH)
    slope, offset = tf.split(lens_ops.enlarge(found)[:, : sides[0], : sides[1]], [3, 1], axis=-1)
    return tf.reduce_sum(slope * guide, axis=-1, keepdims=True) + offset


def _even(x: tf.Tensor) -> tf.Tensor:
    """Repeats an odd side's last pixel."""
    for axis in (1, 2):
        size = tf.shape(x)[axis]
        x = tf.gather(x, tf.minimum(tf.range(size + size % 2), size - 1), axis=axis)
    return x


def _colour(mean: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns mean and variance of the colours, of means of colour, square and weight."""
    colour, square, weight = tf.split(mean, [3, 1, 1], axis=-1)
    colour, square = colour / (weight + 1e-4), square / (weight + 1e-4)
    variance = square - tf.reduce_sum(tf.square(colour), axis=-1, keepdims=True)
    return colour, tf.nn.relu(variance)


def _largest(x: tf.Tensor, window: int | tf.Tensor) -> tf.Tensor:
    """Returns the largest value in the window around each pixel."""
    if isinstance(window, int):
        return tf.nn.max_pool2d(x, window, 1, "SAME")
    # Only the raw operation takes a window that is known at run time. Rows, then columns: the time
    # grows with the window's side, not with its area.
    for sides in ([1, window, 1, 1], [1, 1, window, 1]):
        x = tf.raw_ops.MaxPoolV2(
            input=x, ksize=tf.stack(sides), strides=[1, 1, 1, 1], padding="SAME"
        )
    return x


def _mean(x: tf.Tensor, reach: int | tf.Tensor) -> tf.Tensor:
    """Returns the mean over `reach` pixels to all sides, edges repeated."""
    if isinstance(reach, int):
        return _mean_of_pools(x, 2 * reach + 1)
    # Of any reach as quickly, by differences of sums.
    x = tf.cast(x, tf.float64)
    for axis in (1, 2):
        size = tf.shape(x)[axis]
        repeated = tf.clip_by_value(tf.range(-reach - 1, size + reach), 0, size - 1)
        sums = tf.cumsum(tf.gather(x, repeated, axis=axis), axis=axis)
        window = 2 * reach + 1
        later = tf.gather(sums, tf.range(window, window + size), axis=axis)
        x = (later - tf.gather(sums, tf.range(size), axis=axis)) / tf.cast(window, tf.float64)
    return tf.cast(x, tf.float32)


def _mean_of_pools(x: tf.Tensor, window: int) -> tf.Tensor:
    for axis, sides in ((1, (window, 1)), (2, (1, window))):
        size = tf.shape(x)[axis]
        places = tf.range(-(window // 2), size + window // 2)
        repeated = tf.gather(x, tf.clip_by_value(places, 0, size - 1), axis=axis)
        x = tf.nn.avg_pool2d(repeated, sides, 1, "VALID")
    return x
