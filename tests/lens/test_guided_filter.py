import numpy as np

from pynet_tf.lens.guided_filter import guided_coefficients


def filtered(values, guide, radius=4, smoothness=1e-3):
    slope, offset = guided_coefficients(values, guide, radius, smoothness)
    return np.sum(slope * guide, axis=-1) + offset


def step(column, width=40, height=30):
    values = np.zeros((height, width), np.float32)
    values[:, column:] = 1
    return values


def test_edge_moves_to_the_guides_edge():
    guide = np.repeat(step(20)[..., None], 3, axis=-1) * [0.7, 0.2, 0.5]
    result = filtered(step(22), guide)
    jumps = np.abs(np.diff(result, axis=1))
    assert (jumps.argmax(axis=1) == 19).all()


def test_edge_of_hue_alone_counts_as_an_edge():
    red, blue = np.array([0.6, 0.1, 0.1]), np.array([0.1, 0.1, 0.6])
    guide = np.where(step(20)[..., None] > 0, red, blue)
    ramp = np.clip((np.mgrid[:30, :40][1] - 16) / 8, 0, 1)
    assert np.abs(np.diff(filtered(ramp, guide), axis=1)).max() > 0.4


def test_texture_in_the_guide_stays_out_of_a_plane():
    guide = np.random.default_rng(0).random((30, 40, 3))
    np.testing.assert_allclose(filtered(np.full((30, 40), 0.3), guide), 0.3, atol=1e-5)


def test_flat_guide_gives_a_plain_blur():
    rng = np.random.default_rng(0)
    values = rng.random((30, 40))
    result = filtered(values, np.full((30, 40, 3), 0.5))
    assert result.std() < values.std() / 5
    np.testing.assert_allclose(result.mean(), values.mean(), atol=0.02)
