"""Pictures of large photos inside a graph, beside those of `any_size`."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage
from test_any_size import levels, scene

from pynet_tf import model
from pynet_tf.inference import signatures
from pynet_tf.inference.any_size import PreparedPhoto
from pynet_tf.inference.network_input import network_input
from pynet_tf.lens.focus import LensSettings

FORM = model.input_format("defocus")
# Of the network's copy; small photos are large ones to these signatures.
SIDE = 64
CARD, WALL = (0.5, 0.9), (0.05, 0.1)


@tf.function(reduce_retracing=True, autograph=False)
def network(image):
    """Stands in for a network: blurs what is out of focus."""
    photo = tf.nn.depth_to_space(image[..., :12], 2)
    radius = tf.abs(tf.image.resize(image[..., 12:], tf.shape(photo)[1:3]))
    return photo + tf.minimum(4.0 * radius, 1.0) * (tf.nn.avg_pool2d(photo, 9, 1, "SAME") - photo)


def run(small, signed):
    return network(network_input(small, signed))[0, : small.shape[0], : small.shape[1]].numpy()


@pytest.fixture(scope="module")
def made():
    return signatures.signatures(network, 1, FORM, SIDE)


def refocused(made, photo, depth, point, blur):
    point, blur = np.float32(point), np.float32(blur)
    return made["refocus"](photo=photo, depth=depth, point=point, blur=blur)["bokeh"].numpy()


def photo_and_map(height, width):
    photo, depth = scene(height, width)
    return photo, depth[::2, ::2].copy()


# Halved once, twice, three times; upright; so thin that the copy is mirrored more than once.
SHAPES = [(96, 120), (131, 251), (307, 201), (67, 510)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("point", "blur"), [(CARD, 2.5), (WALL, 5.0)])
def test_the_same_picture_as_outside_the_graph(made, shape, point, blur):
    photo, depth = photo_and_map(*shape)
    prepared = PreparedPhoto(photo, depth, SIDE)
    expected = prepared.render(run, LensSettings(point, blur))
    difference = levels(refocused(made, photo, depth, point, blur), expected)
    assert prepared.halvings > 0
    assert levels(expected, photo).mean() > 1
    assert difference.mean() < 0.05
    assert (difference > 1).mean() < 1e-3


@pytest.mark.parametrize(
    ("area", "blur", "rows"),
    [(131 * 251, 10.0, 131), (131 * 251 - 1, 10.0, 66), (2056, 10.0, 33), (2056, 2.5, 131)],
)
def test_copies_have_bounded_areas_as_outside_the_graph(area, blur, rows):
    photo, depth = photo_and_map(131, 251)
    seen = []

    def seeing(small, signed):
        seen.append(small.shape[0])
        return run(small, signed)

    expected = PreparedPhoto(photo, depth, 1000, area).render(seeing, LensSettings(CARD, blur))
    made = signatures.signatures(network, 1, FORM, 1000, area)
    assert seen == [rows]
    assert levels(refocused(made, photo, depth, CARD, blur), expected).mean() < 0.05


@pytest.mark.parametrize(("point", "rows"), [(CARD, 154), (WALL, 307)])
def test_strong_blur_behind_is_made_of_a_smaller_copy_as_outside_the_graph(point, rows):
    photo, depth = photo_and_map(307, 401)
    seen = []

    def seeing(small, signed):
        seen.append(small.shape[0])
        return run(small, signed)

    prepared = PreparedPhoto(photo, depth, 1000)
    expected = prepared.render(seeing, LensSettings(point, 6.0), farthest=4.0)
    made = signatures.signatures(network, 1, FORM, 1000, largest_disc=4.0)
    # A copy of 77 rows would be smaller than any that is made.
    assert seen == [rows]
    assert levels(refocused(made, photo, depth, point, 6.0), expected).mean() < 0.05


def test_photos_of_a_batch_know_nothing_of_each_other(made):
    photo, depth = photo_and_map(131, 251)
    photos, depths = np.stack([photo, photo[::-1, ::-1]]), np.stack([depth, 255 - depth])
    together = made["batch"](photos=photos, depths=depths)["bokeh"].numpy()
    for number, picture in enumerate(together):
        one = slice(number, number + 1)
        alone = made["batch"](photos=photos[one], depths=depths[one])["bokeh"].numpy()
        np.testing.assert_array_equal(picture, alone[0])
        # With the automatic focus and the default blur.
        expected = PreparedPhoto(photos[number], depths[number], SIDE).render(run, LensSettings())
        assert levels(picture, expected).mean() < 0.05


def test_what_is_sharp_is_the_photos_own(made):
    photo, depth = scene(307, 411)
    subject = ndimage.binary_erosion(depth > 128, iterations=12)
    picture = refocused(made, photo, depth, CARD, 2.5)
    assert subject.mean() > 0.1
    np.testing.assert_array_equal(picture[subject], photo[subject])
    assert levels(picture, photo).mean() > 3


def test_no_blur_gives_the_photo(made):
    photo, depth = photo_and_map(131, 251)
    np.testing.assert_array_equal(refocused(made, photo, depth, CARD, 0.0), photo)


def test_every_value_comes_back_where_nothing_is_sharp(made):
    """To light and back: a grey wedge stays as it is, blurred or not."""
    photo = np.repeat(np.repeat(np.arange(256, dtype=np.uint8), 2)[:, None], 70, axis=1)
    photo = np.stack([photo] * 3, axis=-1)
    depth = np.full((64, 64), 100, np.uint8)
    depth[:, :2] = 255
    picture = refocused(made, photo, depth, (0.0, 0.5), 1.0)
    assert levels(picture, photo)[24:-24, 32:].max() <= 2
