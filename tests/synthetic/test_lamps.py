"""Lamps: far brighter than white, and even discs with a crisp rim out of focus."""

import numpy as np

from pynet_tf.synthetic import lamps, pairs
from pynet_tf.synthetic.lamps import Lamp
from pynet_tf.synthetic.scene import Scene


def test_lamps_are_bright_small_and_in_the_upper_dark():
    rng = np.random.default_rng(0)
    backdrop = np.zeros((3, 200, 300), np.float32)
    backdrop[:, :, 150:] = 0.9
    made = lamps.lamps(rng, backdrop, 60, 120)
    assert 15 < len(made) < 45
    for lamp in made:
        assert lamps.LEAST_LIGHT * 0.5 < lamp.light.max() <= lamps.MOST_LIGHT * 1.01
        assert max(lamp.light.shape[1:]) < 10
        assert lamp.top < 121
        assert lamp.left < 151


def test_a_lamp_out_of_focus_is_an_even_disc_with_a_crisp_rim():
    """On a slanting wall, where the radius lies between any two fixed ones."""
    light = np.zeros((3, 5, 5), np.float32)
    light[:, 1:4, 1:4] = 50.0
    depth = np.tile(np.linspace(0.1, 0.2, 160, dtype=np.float32), (160, 1))
    wall = np.full((3, 160, 160), 0.01, np.float32)
    view = Scene(wall, depth, (), 0.9, (Lamp(light, 78, 78),))
    made = pairs.through_lens(view, 0.9, 12.0)[0] - 0.01
    radius = 12.0 / 100 * 160 * (0.75 - 0.05) / 0.85
    out = np.hypot(*(np.indices((160, 160)) - 80))
    inside = made[out < radius - 3]
    assert inside.std() < 0.01 * inside.mean()
    assert made[out > radius + 3].max() < 0.01 * inside.mean()
    # No light is lost.
    np.testing.assert_allclose(made.sum(), light[0].sum(), rtol=1e-3)


def test_sharp_lamps_and_those_at_the_edge():
    light = np.zeros((3, 40, 60), np.float32)
    corner = Lamp(np.full((3, 3, 3), 20, np.float32), 0, 57)
    lamps.add(light, (corner,))
    assert light[:, :3, 57:].min() == 20
    assert light.sum() == 20 * 27
    blurred = np.zeros_like(light)
    lamps.add(blurred, (corner,), np.full((40, 60), 6.0))
    # A quarter of the disc and a little is within the picture.
    assert 0.25 < blurred.sum() / light.sum() < 0.55
    assert blurred[:, 9:].max() < 1e-3
