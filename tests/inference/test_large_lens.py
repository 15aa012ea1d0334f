"""Lights of photos that are rendered on a reduced copy."""

import numpy as np
import pytest

from pynet_tf.inference import large_lens
from pynet_tf.inference.any_size import PreparedPhoto
from pynet_tf.lens.focus import LensSettings


@pytest.fixture
def at_night():
    """A dark street with a lamp far behind what is in focus, and its depth map."""
    photo = np.full((192, 256, 3), 20, np.uint8)
    photo[60:66, 180:186] = 255
    depth = np.zeros((96, 128), np.uint8)
    depth[:, :64] = 255
    return photo, depth


def test_lamps_at_night_become_even_discs_at_every_size(at_night):
    photo, depth = at_night
    settings = LensSettings(1.0, 4.0)
    for largest_side in (2200, 128):
        prepared = PreparedPhoto(photo, depth, largest_side)
        made = prepared.render(lambda small, defocus: small, settings)
        disc = made[57:69, 177:189, 0].astype(float)
        assert disc.min() > 60
        assert np.ptp(disc) < 0.15 * disc.mean()
        assert made[63, 183 - 20, 0] < 35
        np.testing.assert_array_equal(made[:, :120], photo[:, :120])


def test_highlights_and_blades_reach_the_discs(at_night):
    plain, darker, corners = (
        large_lens.render(*at_night, LensSettings(1.0, 4.0, highlights=h), blades=b).astype(float)
        for h, b in ((0.0, 0), (1.0, 0), (0.0, 5))
    )
    assert 60 < darker[63, 183].mean() < plain[63, 183].mean() - 50
    assert np.abs(corners - plain).max() > 10


def test_daylight_goes_to_the_network_as_it_is(at_night):
    photo, depth = at_night
    photo[photo < 255] = 230
    seen = []
    PreparedPhoto(photo, depth).render(
        lambda small, defocus: seen.append(small) or small, LensSettings(1.0, 4.0)
    )
    np.testing.assert_array_equal(np.rint(seen[0] * 255), photo)
