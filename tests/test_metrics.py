"""PSNR, SSIM and MS-SSIM: known values and small pictures."""

import numpy as np
import pytest
import tensorflow as tf

from pynet_tf import metrics


def _noise(*shape):
    return tf.random.stateless_uniform(shape, [3, 4])


def test_psnr_of_a_known_difference():
    target = _noise(2, 20, 30, 3) * 0.5
    np.testing.assert_allclose(metrics.psnr(target + 0.1, target), [20.0, 20.0], atol=1e-3)


def test_equal_pictures_are_alike():
    picture = _noise(1, 180, 200, 3)
    assert float(metrics.ssim(picture, picture)[0]) == pytest.approx(1)
    assert float(metrics.ms_ssim(picture, picture)[0]) == pytest.approx(1)


@pytest.mark.parametrize(
    ("metric", "smallest"),
    [(metrics.ssim, metrics.SSIM_SMALLEST), (metrics.ms_ssim, metrics.MS_SSIM_SMALLEST)],
)
@pytest.mark.parametrize("in_graph", [False, True])
def test_too_small_is_not_available_and_no_smaller(metric, smallest, in_graph):
    if in_graph:
        # Sizes unknown when the graph is made.
        metric = tf.function(metric, input_signature=[tf.TensorSpec([None, None, None, 3])] * 2)
    small, enough = _noise(2, smallest - 1, smallest, 3), _noise(2, smallest, smallest, 3)
    assert np.isnan(metric(small, small)).all()
    assert metric(small, small).shape == (2,)
    np.testing.assert_allclose(metric(enough, enough), [1, 1], atol=1e-5)
