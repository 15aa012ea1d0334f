"""Lamps out of focus become even discs; what is sharp, large or no lamp stays as it is."""

import numpy as np
import pytest

from pynet_tf.lens import light_discs

HEIGHT, WIDTH = 120, 160
LAMP = (slice(59, 62), slice(79, 82))


def night(radius=-10.0):
    """A dark photo with a lamp of 3x3 pixels, and its defocus."""
    light = np.full((HEIGHT, WIDTH, 3), 0.02, np.float32)
    light[LAMP] = 1.0
    return light, np.full((HEIGHT // 2, WIDTH // 2), radius, np.float32)


def test_a_lamp_becomes_an_even_disc_with_a_crisp_rim():
    light, defocus = night()
    without, discs = light_discs.separated(light, defocus)
    np.testing.assert_allclose(without, 0.02, atol=1e-5)
    y, x = np.indices((HEIGHT, WIDTH))
    distance = np.hypot(y - 60, x - 80)
    inside, outside = discs[distance < 8], discs[distance > 12.5]
    expected = 9 * (1 + light_discs.LAMP) / (np.pi * 10**2)
    np.testing.assert_allclose(inside, expected, rtol=0.02)
    assert outside.max() < 1e-6


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("rim", [(0.9, 0.4, 0.1), (0.8, 0.8, 0.8)])
def test_a_disc_has_the_colour_of_the_lamps_rim(rim, size):
    """Of a lamp itself a photo shows only white, and a smaller copy mixes that with its rim."""
    light = np.full((240, 320, 3), 0.02, np.float32)
    # Leaves around it are green, and uneven.
    light[..., 1] += np.random.default_rng(0).uniform(0, 0.15, light.shape[:2])
    light[117:124, 157:164] += rim
    light[118:123, 158:163] = 1.0
    white = light_discs.whiteness(light)[..., None]
    light, white = halved(light, size), halved(white, size)[..., 0]
    defocus = np.full((120 // size, 160 // size), -20.0 / size, np.float32)
    _, discs = light_discs.separated(light, defocus, white=white)
    disc = discs[120 // size, 160 // size]
    np.testing.assert_allclose(disc / disc[0], np.divide(rim, rim[0]), atol=0.1)


def halved(image, size):
    """Takes means over squares of so many pixels."""
    height, width, channels = image.shape
    squares = image.reshape(height // size, size, width // size, size, channels)
    return squares.mean(axis=(1, 3))


def test_highlights_say_how_bright_lamps_are():
    sums = [light_discs.separated(*night(), highlights=h)[1].sum() for h in (1.0, 3.0)]
    assert sums[1] == pytest.approx(2 * sums[0], rel=1e-5)


def test_blades_give_the_discs_corners():
    round_, hexagon = (light_discs.separated(*night(), blades=b)[1] for b in (0, 6))
    assert round_.sum() == pytest.approx(hexagon.sum(), rel=0.01)
    assert np.abs(round_ - hexagon).max() > 0.03


def by_day(around=0.3):
    """A photo of one light with a clipped round spot, and its defocus."""
    light = np.full((768, 1152, 3), around, np.float32)
    y, x = np.indices(light.shape[:2])
    light[np.hypot(y - 383.5, x - 575.5) < 3] = 1.0
    return light, np.full((384, 576), -12.0, np.float32)


@pytest.mark.parametrize("size", [1, 2])
def test_a_round_spot_that_stands_alone_is_a_lamp_by_day_too(size):
    light, defocus = by_day()
    area = np.count_nonzero(light[..., 0] == 1)
    white = light_discs.whiteness(light)[..., None]
    light, white = halved(light, size), halved(white, size)
    signed = defocus[::size, ::size] / size
    without, discs = light_discs.separated(light, signed, white=white[..., 0])
    np.testing.assert_allclose(without, 0.3, atol=0.01)
    middle = discs[383 // size, 575 // size]
    np.testing.assert_allclose(middle, (1 + light_discs.LAMP) * area / (np.pi * 12**2), rtol=0.02)


def long_place(light):
    light[236:239, 300:340] = 1.0


def soft_spot(light):
    y, x = np.indices(light.shape[:2])
    spot = np.exp(-((y - 239) ** 2 + (x - 319) ** 2) / 60)[..., None]
    light[...] = np.maximum(light, spot)


def crowd(light):
    light[230:250:4, 310:330:4] = light[231:250:4, 310:330:4] = 1.0


def spot_on_a_sunlit_wall(light):
    light[...] = 0.7
    light[236:243, 316:323] = 1.0


@pytest.mark.parametrize("drawn", [long_place, soft_spot, crowd, spot_on_a_sunlit_wall])
def test_other_white_places_are_left_alone_by_day_unless_highlights_are_asked_for(drawn):
    light = np.full((480, 640, 3), 0.3, np.float32)
    drawn(light)
    defocus = np.full((240, 320), -12.0, np.float32)
    without, discs = light_discs.separated(light, defocus)
    np.testing.assert_array_equal(without, light)
    assert not discs.any()
    assert light_discs.separated(light, defocus, highlights=5.0)[1].any()


def test_lamps_in_the_dark_part_of_a_bright_photo_become_discs():
    light, defocus = night()
    light[80:] = 0.6
    assert light_discs.separated(light, defocus)[1].any()
    # Beside the bright part it is not dark.
    light[65:] = 0.6
    assert not light_discs.separated(light, defocus)[1].any()


def test_what_is_sharp_is_left_alone():
    for radius in (0.0, 0.5, -1.0):
        light, defocus = night(radius)
        without, discs = light_discs.separated(light, defocus)
        np.testing.assert_array_equal(without, light)
        assert not discs.any()


def test_a_large_light_is_left_alone():
    light, defocus = night()
    light[40:80, 60:100] = 1.0
    without, discs = light_discs.separated(light, defocus, highlights=5.0)
    np.testing.assert_array_equal(without, light)
    assert not discs.any()


def test_a_lamp_as_large_as_its_disc_grows():
    """Photos show it clipped, so that its rim is as white as its middle."""
    light = np.full((600, 900, 3), 0.02, np.float32)
    y, x = np.indices((600, 900))
    light[np.hypot(y - 300, x - 450) < 3] = 1.0
    defocus = np.full((300, 450), -3.0, np.float32)
    without, discs = light_discs.separated(light, defocus)
    row = (without + discs)[300, 450:, 0]
    assert row[:5].min() > 1
    assert row[7:].max() < 0.05


def test_discs_lie_behind_what_is_nearer():
    light, defocus = night()
    defocus[:, 42:] = 0.0
    _, discs = light_discs.separated(light, defocus)
    assert discs[60, 83] == pytest.approx(discs[60, 75], rel=0.02)
    assert not discs[:, 84:].any()
    near, defocus = night(10.0)
    defocus[:, 42:] = 0.0
    _, discs = light_discs.separated(near, defocus)
    assert discs[60, 88].min() > 0.1


def test_edges_of_what_is_before_a_disc_are_as_soft_as_it_is_out_of_focus():
    light, defocus = night(-20.0)
    defocus[:, 42:] = -6.0
    _, discs = light_discs.separated(light, defocus)
    row = discs[60, 70:98, 0] / discs[60, 70, 0]
    assert row[14] == pytest.approx(0.5, abs=0.1)
    assert np.abs(np.diff(row)).max() < 0.2
    assert row[0] == pytest.approx(1.0)
    assert row[-1] < 0.02


def test_discs_change_smoothly_with_the_blur():
    before = None
    for radius in np.arange(0.5, 8, 0.25):
        without, discs = light_discs.separated(*night(-radius))
        total = (without + discs).sum()
        assert before is None or abs(total - before) < 9 * (1 + light_discs.LAMP)
        before = total


def test_lamps_at_the_edge_and_none_at_all():
    light, defocus = night()
    light[:3, :3] = light[-2:, -2:] = 1.0
    assert np.isfinite(light_discs.separated(light, defocus)[1]).all()
    dark = np.zeros_like(light)
    assert light_discs.separated(dark, defocus)[0] is dark


def test_gaps_to_a_white_sky_are_none_at_any_size_of_the_copy():
    """A strong blur is made of a smaller copy, where the sky between twigs has fewer pixels."""
    light = np.full((768, 1152, 3), 0.08, np.float32)
    light[:200, :300] = 1.0
    # Twigs leave no part of the sky whole that is larger than two percent of the side.
    light[:200, :300][:, ::24] = light[:200, :300][::24] = 0.08
    light[600:604, 800:804] = 1.0
    defocus = np.full((384, 576), -14.0, np.float32)
    for size in (1, 2):
        small = halved(light, size)
        signed = defocus[::size, ::size] / size
        assert not light_discs.separated(small, signed)[1].any()
