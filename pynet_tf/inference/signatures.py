"""From a photo and its depth map to the bokeh picture, inside one TensorFlow graph.

    photo    uint8 [H, W, 3], sRGB; H and W of 64 and more, odd ones too
    depth    uint8 [h, w], near = bright, any size; it shows the same view as the photo
    plane    what the network takes beside the photo (`InputFormat`): the depth map as it
             is, or the defocus, float32 [H/2, W/2] rounded up, in pixels of the photo
    image    float32 [B, H/2, W/2, C]: the network's input, padded by reflection at the bottom and
             the right to multiples of 32; of large photos, of a reduced copy (`size_graph.py`)
    bokeh    uint8 [H/s, W/s, 3], rounded up, s = 1, 2, 4 ... for level 1, 2, 3 ...

An odd side is first made even by repeating its last row or column. Where the network takes the
half-size photo, halving is antialiased bicubic and rounded to 8 bit, as in the training data: what
`images.stack` does with Pillow (which for photos more than twice as high as wide swaps the order
of rounding). A photo whose sides are multiples of 64 is neither padded nor cropped.
"""

from collections.abc import Callable

import keras
import tensorflow as tf

from pynet_tf.inference import any_size, depth_graph, size_graph
from pynet_tf.inference.network_input import HEADROOM, SMALLEST_SIDE
from pynet_tf.lens import focus
from pynet_tf.model import DEFOCUS_UNIT, MULTIPLE, InputFormat


def to_image(photos: tf.Tensor, planes: tf.Tensor | None, input_format: InputFormat) -> tf.Tensor:
    """Makes the network's input.

    Args:
        photos: `[B, H, W, 3]` uint8, H and W at least 64.
        planes: what the format has beside the photo, `[B, h, w]`, see the module; or None.
        input_format: of the network.

    Returns:
        `[B, H', W', C]` float32; H' and W' are half the photo's sides, rounded up to multiples of
        32.
    """
    return _image(_refuse_small(photos), planes, input_format)


def _refuse_no_lens(point: tf.Tensor, blur: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns a point and a blur; stops the graph where they are no numbers or out of range."""

    def check(value, most, told):
        within = tf.greater_equal(value, 0.0) & tf.greater_equal(most, value)
        # Of words alone: with the value, TensorFlow makes a condition of it, an operation more.
        return tf.debugging.Assert(tf.reduce_all(within), [told])

    checks = [
        check(point, 1.0, "the point has to be x and y from 0 to 1"),
        check(blur, focus.LARGEST_BLUR, f"the blur has to be 0 to {focus.LARGEST_BLUR:g} percent"),
    ]
    with tf.control_dependencies(checks):
        return tf.identity(point), tf.identity(blur)


def _refuse_small(photos: tf.Tensor) -> tf.Tensor:
    too_small = tf.debugging.assert_greater_equal(
        tf.reduce_min(tf.shape(photos)[1:3]),
        SMALLEST_SIDE,
        "a photo has to be at least 64 pixels high and wide",
    )
    with tf.control_dependencies([too_small]):
        return tf.identity(photos)


def _image(photos: tf.Tensor, planes: tf.Tensor | None, input_format: InputFormat) -> tf.Tensor:
    sides = tf.shape(photos)[1:3]
    even = _extend(tf.cast(photos, tf.float32), sides % 2, _repeating)
    half = (sides + 1) // 2
    if input_format.whole_photo:
        parts = [tf.nn.space_to_depth(_pad(even, 2 * MULTIPLE), 2) * (1 / 255)]
    else:
        parts = [_pad(_resize(even, half), MULTIPLE) * (1 / 255)]
    if input_format.is_told_defocus:
        parts.append(_pad(planes[..., None], MULTIPLE) * (1 / DEFOCUS_UNIT))
    elif input_format.needs_depth:
        depths = _resize(tf.cast(planes, tf.float32)[..., None], half)
        parts.append(_pad(depths, MULTIPLE) * (1 / 255))
    image = tf.concat(parts, axis=-1)
    return tf.ensure_shape(image, [None, None, None, input_format.channels])


def image_size(height: int, width: int) -> tuple[int, int]:
    """Returns height and width of the image that `to_image` makes of a photo."""
    half = (-(-height // 2), -(-width // 2))
    return tuple(side + -side % MULTIPLE for side in half)


def to_bokeh(output: tf.Tensor, height: int | tf.Tensor, width: int | tf.Tensor, level: int):
    """Makes pictures from a level's output.

    Args:
        output: `[B, h, w, 3]` float32, the raw output of `level`.
        height: of the photo, in pixels.
        width: of the photo, in pixels.
        level: 1 (the photo's size) to 7.

    Returns:
        `[B, H/s, W/s, 3]` uint8, rounded up, s = 2**(level-1): cropped, clipped and rounded.
    """
    scale = 2 ** (level - 1)
    rows, columns = (height + scale - 1) // scale, (width + scale - 1) // scale
    cropped = output[:, :rows, :columns]
    return tf.cast(tf.round(tf.clip_by_value(cropped, 0.0, 1.0) * 255.0), tf.uint8)


def bokeh_graph(network: Callable, level: int, input_format: InputFormat) -> Callable:
    """Makes one compiled function from photo and plane to bokeh, for photos of all sizes.

    Args:
        network: image `[B, h, w, C]` float32 -> the raw output of `level`, `[B, H, W, 3]`.
        level: 1 to 7.
        input_format: of the network.

    Returns:
        A tf.function `(photo [H, W, 3] uint8, plane [h, w]) -> [H/s, W/s, 3] uint8`; `(photo)`
        alone for a network of the photo alone.
    """

    def bokeh(photo, plane=None):
        planes = None if plane is None else plane[None]
        output = network(to_image(photo[None], planes, input_format))
        return to_bokeh(output, tf.shape(photo)[0], tf.shape(photo)[1], level)[0]

    specs = [tf.TensorSpec([None, None, 3], tf.uint8, name="photo")]
    if input_format.needs_depth:
        kind = tf.float32 if input_format.is_told_defocus else tf.uint8
        specs.append(tf.TensorSpec([None, None], kind, name="plane"))
    return tf.function(bokeh, input_signature=specs, autograph=False)


def signatures(
    network: Callable,
    level: int,
    input_format: InputFormat,
    largest_side: int = any_size.LARGEST_SIDE,
    largest_area: int = any_size.LARGEST_AREA,
    largest_disc: float = any_size.LARGEST_DISC,
) -> dict[str, Callable]:
    """Makes the signatures of an exported model that take photos and depth maps.

    Args:
        network: as for `bokeh_graph`.
        level: 1 to 7.
        input_format: of the network.
        largest_side: a network that is told the defocus works on copies of at most this longer
            side, see `any_size`; at level 1 only.
        largest_area: and of at most so many pixels, but where blur is weak.
        largest_disc: behind the focus, in pixels of the copy; stronger blur has a smaller one.

    Returns:
        Functions that give `{"bokeh": uint8}`, all sizes free:
        `serving_default(photo [H, W, 3], depth [h, w])` and
        `batch(photos [B, H, W, 3], depths [B, h, w])`, both without depth for a network of the
        photo alone; for a network that is told the defocus these choose the automatic focus and
        the default blur, and there is
        `refocus(photo, depth, point [2] float32, blur [] float32)`, whose point, x and y from 0, 0
        (top left) to 1, 1, becomes sharp, and whose blur is in percent of the longer side.
    """
    headroom = HEADROOM if input_format.is_told_defocus else 1.0

    def raw(photos, planes):
        image = _image(headroom * tf.cast(photos, tf.float32), planes, input_format)
        return network(image) / headroom

    def bokeh(photos, planes):
        sides = tf.shape(photos)
        return to_bokeh(raw(_refuse_small(photos), planes), sides[1], sides[2], level)

    # One function of all signatures, or the file would hold it several times.
    @tf.function(input_signature=_LENS, autograph=False)
    def through_lens(photos, depths, focuses, blur):
        photos = _refuse_small(photos)
        if level > 1:
            return bokeh(photos, depth_graph.defocus(photos, depths, focuses, blur))

        return size_graph.pictures(
            photos, depths, focuses, blur, raw, largest_side, largest_area, largest_disc
        )

    def batch(photos, depths=None):
        if not input_format.is_told_defocus:
            return {"bokeh": bokeh(photos, depths)}
        focuses = depth_graph.nearest_subject(depths)
        return {"bokeh": through_lens(photos, depths, focuses, tf.constant(focus.BLUR))}

    def single(photo, depth=None):
        depths = None if depth is None else depth[None]
        return {"bokeh": batch(photo[None], depths)["bokeh"][0]}

    def refocus(photo, depth, point, blur):
        point, blur = _refuse_no_lens(point, blur)
        focuses = depth_graph.focus_at(depth, point)[None]
        return {"bokeh": through_lens(photo[None], depth[None], focuses, blur)[0]}

    made = {"serving_default": (single, ["photo", "depth"]), "batch": (batch, ["photos", "depths"])}
    if not input_format.needs_depth:
        made = {name: (function, given[:1]) for name, (function, given) in made.items()}
    if input_format.is_told_defocus:
        made["refocus"] = (refocus, ["photo", "depth", "point", "blur"])
    return {
        name: tf.function(function, input_signature=[_SPECS[g] for g in given], autograph=False)
        for name, (function, given) in made.items()
    }


_SPECS = {
    "photo": tf.TensorSpec([None, None, 3], tf.uint8, name="photo"),
    "depth": tf.TensorSpec([None, None], tf.uint8, name="depth"),
    "photos": tf.TensorSpec([None, None, None, 3], tf.uint8, name="photos"),
    "depths": tf.TensorSpec([None, None, None], tf.uint8, name="depths"),
    "point": tf.TensorSpec([2], tf.float32, name="point"),
    "blur": tf.TensorSpec([], tf.float32, name="blur"),
}
_LENS = (
    _SPECS["photos"],
    _SPECS["depths"],
    tf.TensorSpec([None], tf.float32, name="focuses"),
    _SPECS["blur"],
)


def network_graph(pyramid: keras.Model, level: int) -> Callable:
    """Makes the raw network of a level and all coarser ones.

    Args:
        pyramid: from `model.pynet`.
        level: the finest level to hold.

    Returns:
        A tf.function `image [B, h, w, C] float32 -> {"level_<level>": ..., "level_7": ...}`,
        h and w multiples of 32. Outputs are not clipped.
    """
    outputs = {f"level_{held}": pyramid.output[f"level_{held}"] for held in range(level, 8)}
    part = keras.Model(pyramid.input, outputs)
    image = tf.TensorSpec([None, None, None, pyramid.input.shape[-1]], tf.float32, name="image")
    return tf.function(
        lambda image: part(image, training=False), input_signature=[image], autograph=False
    )


def _pad(picture: tf.Tensor, multiple: int) -> tf.Tensor:
    return _extend(picture, -tf.shape(picture)[1:3] % multiple, _mirroring)


def _extend(picture: tf.Tensor, rows_columns: tf.Tensor, places: Callable) -> tf.Tensor:
    """Extends `[B, H, W, C]` at the bottom and the right by `rows_columns`, taken from `places`."""
    for axis in (1, 2):
        side = tf.shape(picture)[axis]
        more = side + tf.range(rows_columns[axis - 1])
        picture = tf.concat([picture, tf.gather(picture, places(more, side), axis=axis)], axis)
    return picture


def _repeating(places: tf.Tensor, side: tf.Tensor) -> tf.Tensor:
    return tf.minimum(places, side - 1)


def _mirroring(places: tf.Tensor, side: tf.Tensor) -> tf.Tensor:
    """Mirrors at the edge's pixels, to and fro where less is there than is missing."""
    period = tf.maximum(2 * (side - 1), 1)
    return tf.minimum(places % period, period - places % period)


def _resize(picture: tf.Tensor, sides: tf.Tensor) -> tf.Tensor:
    """Resizes 0..255 float32 `[B, H, W, C]` as Pillow does: width, then height, each rounded."""
    for shape in ([tf.shape(picture)[1], sides[1]], sides):
        resized = tf.image.resize(picture, shape, "bicubic", antialias=True)
        picture = tf.clip_by_value(tf.floor(resized + 0.5), 0.0, 255.0)
    return picture
