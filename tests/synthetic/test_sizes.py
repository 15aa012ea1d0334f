"""One pair at several sizes: reduced, a larger one is the smaller one, and each is the truth."""

import numpy as np
import pytest

from pynet_tf.errors import InputError
from pynet_tf.synthetic import pairs, sizes
from pynet_tf.synthetic.scene import Layer, Scene

SMALL, MIDDLE, LARGE = (128, 192), (188, 282), (384, 576)


def psnr(a, b):
    return 10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2))


@pytest.fixture(scope="module")
def made():
    return sizes.pairs_of_sizes(3, 1, [SMALL, MIDDLE, LARGE], night=1.0)


def test_reduced_a_larger_pair_is_the_smaller_one(made):
    small, middle, large = made
    for name in ("photo", "bokeh"):
        shots = [getattr(pair, name) for pair in made]
        assert [shot.shape for shot in shots] == [(*size, 3) for size in (SMALL, MIDDLE, LARGE)]
        np.testing.assert_array_equal(sizes.reduced(shots[2], *SMALL), shots[0])
        assert psnr(sizes.reduced(shots[1], *SMALL), shots[0]) > 33, "areas straddle pixels"
    assert small.focus == middle.focus == large.focus
    assert small.blur == middle.blur == large.blur
    np.testing.assert_array_equal(small.depth, large.depth)
    assert small.depth.shape == (64, 96)


def test_the_large_one_has_detail_that_the_small_one_lacks(made):
    small, _, large = made
    enlarged = small.photo.repeat(3, 0).repeat(3, 1)
    assert psnr(enlarged, large.photo) < 30


def test_the_same_again_and_other_scenes(made):
    again = sizes.pairs_of_sizes(3, 1, [SMALL, LARGE], night=1.0)
    np.testing.assert_array_equal(again[1].bokeh, made[2].bokeh)
    np.testing.assert_array_equal(again[0].depth, made[0].depth)
    other = sizes.pairs_of_sizes(3, 2, [SMALL, MIDDLE])[0]
    assert psnr(other.photo, made[0].photo) < 25


def test_the_reduced_truth_is_what_a_lens_makes_at_the_small_size():
    rng = np.random.default_rng(0)
    height, width = LARGE
    backdrop = np.repeat(rng.random((3, 64, 96), np.float32), 6, 1).repeat(6, 2)
    cover = np.zeros(LARGE, np.float32)
    cover[120:300, 150:400] = 1
    card = Layer(backdrop[:, ::-1].copy(), cover, 0.9, False)
    depth = np.tile(np.linspace(0, 0.3, width, dtype=np.float32), (height, 1))
    view = Scene(backdrop, depth, (card,), 0.9)
    for focus in (0.9, 0.2):
        large = sizes.area_means(pairs.through_lens(view, focus, 2.0), *SMALL)
        small = pairs.through_lens(sizes.reduced_scene(view, *SMALL), focus, 2.0)
        assert -10 * np.log10(np.mean((large - small) ** 2)) > 38


@pytest.mark.parametrize("size", [(7, 5), (3, 10), (10, 3), (1, 1)])
def test_means_of_areas_keep_the_light(size):
    planes = np.random.default_rng(0).random((2, 10, 14), np.float32)
    means = sizes.area_means(planes, *size)
    assert means.shape == (2, *size)
    np.testing.assert_allclose(means.mean((1, 2)), planes.mean((1, 2)), rtol=1e-5)
    np.testing.assert_allclose(sizes.area_means(np.ones_like(planes), *size), 1, rtol=1e-6)


def test_means_of_whole_pixels_are_means():
    planes = np.random.default_rng(0).random((1, 8, 12), np.float32)
    expected = planes.reshape(1, 4, 2, 4, 3).mean((2, 4))
    np.testing.assert_allclose(sizes.area_means(planes, 4, 4), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [([(64, 96), (128, 128)], "64x96 has other proportions"), ([(65, 96), (128, 192)], "65")],
)
def test_sizes_that_do_not_go_together_are_named(wanted, message):
    with pytest.raises(InputError, match=message):
        sizes.pairs_of_sizes(0, 0, wanted)
