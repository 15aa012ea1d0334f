"""The first weights of the original head's fine levels: the picture of the level below."""

import numpy as np
import pytest

from pynet_tf import model
from pynet_tf.train import warm_start


@pytest.fixture
def pyramid():
    """With weights of the size of trained ones, so that pictures have contrast."""
    net = model.pynet(width=0.1, largest_kernel=3)
    rng = np.random.default_rng(0)
    for weight in net.weights:
        if weight.path.endswith("kernel"):
            fan_in = np.prod(weight.shape[:3])
            weight.assign(rng.standard_normal(weight.shape) * 1.4 / np.sqrt(fan_in))
    return net


def image():
    return np.random.default_rng(1).random((1, 64, 96, 4), np.float32)


def enlarged(picture) -> np.ndarray:
    return np.repeat(np.repeat(picture, 2, axis=1), 2, axis=2)


def test_level_1_begins_as_level_2_dark_colours_too(pyramid):
    below = enlarged(pyramid(image())["level_2"])
    assert below.std() > 0.15
    assert below.min() < 0.05
    assert np.abs(pyramid(image())["level_1"] - below).max() > 0.3, "not so by itself"
    warm_start.start_as_coarser_level(pyramid, 1)
    begins = pyramid(image())["level_1"]
    # Below black the leaky unit shows.
    np.testing.assert_allclose(begins, below, atol=0.03)
    np.testing.assert_allclose(begins[below > 0], below[below > 0], atol=1e-5)


def test_level_2_begins_as_level_3_where_that_looks_at_single_pixels(pyramid):
    kernel = pyramid.get_layer("level_3_head").kernel
    single = np.zeros(kernel.shape, np.float32)
    single[1, 1] = kernel[1, 1] * 3
    kernel.assign(single)
    below = enlarged(pyramid(image())["level_3"])
    assert below.std() > 0.15
    warm_start.start_as_coarser_level(pyramid, 2)
    np.testing.assert_allclose(pyramid(image())["level_2"], below, atol=1e-5)


def test_all_new_weights_still_learn(pyramid):
    """Nothing begins at a point where the gradient is zero for good."""
    import tensorflow as tf

    for level in (2, 1):
        warm_start.start_as_coarser_level(pyramid, level)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(pyramid(image())["level_1"] - 0.3))
    new = [w for w in pyramid.weights if w.path.startswith(("level_2_up", "level_1", "level_2_h"))]
    for weight, gradient in zip(new, tape.gradient(loss, [w.value for w in new]), strict=True):
        assert np.all(np.any(np.abs(gradient) > 0, axis=tuple(range(gradient.ndim - 1)))), (
            weight.path
        )


def test_other_levels_are_refused(pyramid):
    with pytest.raises(ValueError, match="level is 3"):
        warm_start.start_as_coarser_level(pyramid, 3)
