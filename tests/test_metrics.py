"""PSNR, SSIM and MS-SSIM: those of TensorFlow, known values, and small pictures."""

import math

import numpy as np
import pytest
import tensorflow as tf

from pynet_tf import metrics


def _noise(*shape):
    return tf.random.stateless_uniform(shape, [3, 4])


def test_psnr_of_a_known_difference():
    target = _noise(2, 20, 30, 3) * 0.5
    np.testing.assert_allclose(metrics.psnr(target + 0.1, target), [20.0, 20.0], atol=1e-3)


@pytest.mark.parametrize(("height", "width"), [(240, 320), (245, 267)])
def test_whole_and_inside_are_what_tensorflow_measures(height, width):
    target = tf.nn.avg_pool2d(_noise(1, height, width, 3), 7, 1, "SAME")
    picture = tf.nn.avg_pool2d(target, 5, 1, "SAME") * 0.9 + 0.05 * _noise(1, height, width, 3)
    figures = metrics.of_whole_and_inside(picture, target, 32)
    for row, cut in zip(figures, (slice(None), slice(32, -32)), strict=True):
        pair = picture[:, cut, cut], target[:, cut, cut]
        functions = (tf.image.psnr, tf.image.ssim, tf.image.ssim_multiscale)
        expected = [function(*pair, max_val=1.0)[0] for function in functions]
        np.testing.assert_allclose(row, expected, rtol=1e-4)
        assert 0.2 < row[1] < row[2] < 0.99, "pictures that differ"
    assert float(metrics.ms_ssim(picture, target)[0]) == pytest.approx(
        figures[0, 2].numpy(), abs=1e-5
    )


def test_equal_pictures_are_alike():
    picture = _noise(1, 180, 200, 3)
    whole, inside = metrics.of_whole_and_inside(picture, picture, 32).numpy()
    assert whole == pytest.approx([math.inf, 1, 1], abs=1e-5)
    assert inside[:2] == pytest.approx([math.inf, 1], abs=1e-5)
    assert math.isnan(inside[2]), "116 pixels are too few"


@pytest.mark.parametrize("in_graph", [False, True])
def test_too_small_is_not_available_and_no_smaller(in_graph):
    metric, smallest = metrics.ms_ssim, metrics.MS_SSIM_SMALLEST
    if in_graph:
        # Sizes unknown when the graph is made.
        metric = tf.function(metric, input_signature=[tf.TensorSpec([None, None, None, 3])] * 2)
    small, enough = _noise(2, smallest - 1, smallest, 3), _noise(2, smallest, smallest, 3)
    assert np.isnan(metric(small, small)).all()
    assert metric(small, small).shape == (2,)
    np.testing.assert_allclose(metric(enough, enough), [1, 1], atol=1e-5)


@pytest.mark.parametrize("side", [0, 10, 11, 64])
def test_figures_that_small_pictures_cannot_have_are_nan(side):
    picture = _noise(1, side, 70, 3)
    there = ~np.isnan(metrics.of_whole_and_inside(picture, picture * 0.9, 32))
    assert there.tolist() == [[side > 0, side >= 11, False], [False, False, False]]
