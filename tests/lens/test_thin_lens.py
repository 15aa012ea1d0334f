"""The thin lens: what it must do to light, edges, hidden parts and wrong values."""

import numpy as np
import pytest

from pynet_tf import lens
from pynet_tf.errors import InputError
from pynet_tf.lens import optics


def textured(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def square_before_wall(size=160, near=(200, 30, 30), far=(20, 40, 180)):
    """A near square in the middle of a far wall: photo, depth and the square's mask."""
    photo = np.broadcast_to(np.array(far, np.uint8), (size, size, 3)).copy()
    depth = np.zeros((size // 2, size // 2), np.uint8)
    middle = slice(size // 4, 3 * size // 4)
    photo[middle, middle] = near
    depth[size // 8 : 3 * size // 8, size // 8 : 3 * size // 8] = 255
    mask = np.zeros((size, size), bool)
    mask[middle, middle] = True
    return photo, depth, mask


def inner(mask, steps):
    from scipy import ndimage

    return ndimage.binary_erosion(mask, iterations=steps)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("size", [(64, 96), (67, 93)])
def test_keeps_type_and_shape(dtype, size):
    photo = textured(*size)
    photo = photo if dtype == np.uint8 else (photo / 255).astype(dtype)
    depth = np.random.default_rng(1).random((size[0] // 2, size[1] // 2), dtype=np.float32)
    result = lens.render(photo, depth, 0.5, 4.0)
    assert result.dtype == dtype
    assert result.shape == photo.shape
    assert not np.array_equal(result, photo)


def test_no_blur_changes_nothing():
    photo, depth = textured(66, 94), textured(33, 47)[..., 0]
    np.testing.assert_array_equal(lens.render(photo, depth, 0.5, 0.0), photo)


def test_what_is_in_focus_is_untouched():
    photo = textured(64, 96)
    depth = np.full((32, 48), 0.7, np.float32)
    np.testing.assert_array_equal(lens.render(photo, depth, 0.7, 12.0), photo)


@pytest.mark.parametrize("focus", [0.0, 0.5, 1.0])
def test_grey_stays_grey_whatever_the_depth(focus):
    """Seams, dark outlines and lost light would all show on an even photo."""
    photo = np.full((96, 128, 3), 140, np.uint8)
    rng = np.random.default_rng(2)
    blocks = np.kron(rng.random((6, 8)), np.ones((8, 8))).astype(np.float32)
    slope = np.linspace(0, 1, 64, dtype=np.float32) * np.ones((48, 1), np.float32)
    for depth in (blocks, slope, rng.random((48, 64), dtype=np.float32)):
        result = lens.render(photo, depth, focus, 10.0).astype(int)
        assert np.abs(result - 140).max() <= 1


def test_sharp_foreground_keeps_to_itself():
    photo, depth, mask = square_before_wall()
    result = lens.render(photo, depth, 1.0, 8.0).astype(int)
    np.testing.assert_allclose(
        result[inner(mask, 2)], [[200, 30, 30]] * inner(mask, 2).sum(), atol=1
    )
    outside = inner(~mask, 2)
    assert np.abs(result - [20, 40, 180])[outside].max() <= 2


def test_blurred_foreground_spreads_over_sharp_background():
    photo, depth, _ = square_before_wall()
    result = optics.to_light(lens.render(photo, depth, 0.0, 8.0))
    near, far = optics.to_light(np.array([[200, 30, 30], [20, 40, 180]], np.uint8))
    share = ((result - far) @ (near - far)) / ((near - far) @ (near - far))
    row = share[80]
    assert row[80] == pytest.approx(1, abs=0.02)
    assert row[[39, 40]].mean() == pytest.approx(0.5, abs=0.06)
    # Two pixels at full size for each at half size: the edge is 2 * 16 pixels wide.
    assert row[20] == pytest.approx(0, abs=0.01)
    assert 0.02 < row[30] < 0.4
    assert np.all(np.diff(row[:80]) > -0.01)


def test_no_ringing():
    photo, depth, _ = square_before_wall(near=(220, 220, 220), far=(60, 60, 60))
    for focus in (0.0, 0.5, 1.0):
        result = lens.render(photo, depth, focus, 10.0)
        assert result.min() >= 59
        assert result.max() <= 221


def test_light_becomes_a_disc_of_the_given_radius():
    photo = np.zeros((128, 128, 3))
    photo[64, 64] = 1.0
    result = optics.to_light(lens.render(photo, np.zeros((64, 64)), 1.0, 10.0))[..., 0]
    assert result.sum() == pytest.approx(1.0, rel=0.01)
    radius = np.sqrt(np.count_nonzero(result > result.max() / 2) / np.pi)
    assert radius == pytest.approx(20, rel=0.08)
    y, x = np.indices(result.shape)
    disc = result[np.hypot(y - 64, x - 64) < 17]
    assert disc.std() < 0.03 * disc.mean()


def test_blur_grows_with_distance_from_focus():
    photo = textured(96, 320)
    depth = np.repeat(np.linspace(0, 1, 160, dtype=np.float32)[None], 48, 0)
    result = lens.render(photo, depth, 0.5, 6.0).astype(float)
    contrast = [result[:, x : x + 32].std() for x in range(0, 320, 32)]
    assert np.argmax(contrast) in (4, 5)
    assert all(np.diff(contrast[:5]) > 0)
    assert all(np.diff(contrast[5:]) < 0)


@pytest.mark.parametrize("blades", [3, 5, 6, 9])
def test_blades_make_a_polygon_of_the_same_area(blades):
    disc, polygon = optics.aperture(20.0), optics.aperture(20.0, blades)
    assert polygon.sum() == pytest.approx(1, abs=1e-5)
    assert polygon.max() == pytest.approx(disc.max(), rel=0.02)
    edge = [polygon[0].any(), polygon[-1].any(), polygon[:, 0].any(), polygon[:, -1].any()]
    assert not any(edge), "the polygon is cut off"


def test_blades_are_used():
    photo = np.zeros((96, 96, 3))
    photo[48, 48] = 1.0
    round_one = lens.render(photo, np.zeros((48, 48)), 1.0, 8.0)
    assert not np.allclose(lens.render(photo, np.zeros((48, 48)), 1.0, 8.0, blades=5), round_one)


def test_highlights_brighten_lights_but_not_the_sky():
    photo = np.full((192, 192, 3), 50, np.uint8)
    photo[:90] = 255
    photo[140:143, 96:99] = 255
    depth = np.zeros((96, 96), np.uint8)
    plain = lens.render(photo, depth, 1.0, 5.0)
    boosted = lens.render(photo, depth, 1.0, 5.0, highlights=10.0)
    assert boosted[141, 97].min() > plain[141, 97].max() + 20
    np.testing.assert_allclose(boosted[40].astype(int), plain[40].astype(int), atol=1)


def test_nearest_subject_ignores_stray_pixels_and_the_edge():
    depth = np.full((100, 150), 40, np.uint8)
    depth[35:65, 60:90] = 180
    depth[::20, ::30] = 255
    depth[-3:] = 255
    assert lens.nearest_subject(depth) == pytest.approx(180 / 255, abs=0.01)


def test_the_nearest_subject_of_a_very_large_map_is_that_of_a_small_one():
    depth = np.broadcast_to(np.linspace(0, 1, 4000, dtype=np.float32), (3000, 4000))
    small = lens.nearest_subject(depth[::20, ::20])
    assert lens.nearest_subject(depth) == pytest.approx(small, abs=0.01)


def test_nearest_subject_is_the_same_of_whole_numbers_and_of_fractions():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        depth = (rng.beta(*rng.uniform(0.3, 3, 2), (90, 130)) * 255).astype(np.uint8)
        fractions = depth / np.float32(255)
        assert lens.nearest_subject(depth) == lens.nearest_subject(fractions)


def test_focus_at_a_point():
    depth = np.zeros((60, 80), np.uint8)
    depth[40:, 60:] = 204
    depth[50, 70] = 0
    assert lens.focus_at(depth, 0.88, 0.85) == pytest.approx(0.8)
    assert lens.focus_at(depth, 0.0, 0.0) == 0
    assert lens.focus_at(depth, 1.0, 1.0) == pytest.approx(0.8)
    with pytest.raises(InputError, match=r"x is 1\.2"):
        lens.focus_at(depth, 1.2, 0.5)


PHOTO, DEPTH = np.zeros((64, 96, 3), np.uint8), np.zeros((32, 48), np.uint8)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_blur": -1}, "max_blur is -1"),
        ({"max_blur": float("nan")}, "max_blur is nan"),
        ({"focus": 1.5}, r"focus is 1\.5"),
        ({"focus": float("nan")}, "focus is nan"),
        ({"focus": "near"}, "focus is near"),
        ({"blades": 2}, "blades is 2"),
        ({"blades": -5}, "blades is -5"),
        ({"blades": 5.5}, r"blades is 5\.5"),
        ({"highlights": -1}, "highlights is -1"),
        ({"depth": DEPTH[..., None]}, r"\(32, 48, 1\)"),
        ({"depth": DEPTH.T}, "32x48"),
        ({"depth": np.zeros((32, 32), np.uint8)}, "32x32"),
        ({"depth": DEPTH.astype(np.int32)}, "int32"),
        ({"depth": np.full((32, 48), 2.0)}, r"2\.0"),
        ({"depth": np.full((32, 48), np.nan)}, "nan"),
        ({"photo": PHOTO[..., 0]}, r"\(64, 96\)"),
        ({"photo": np.zeros((64, 96, 4), np.uint8)}, r"\(64, 96, 4\)"),
        ({"photo": PHOTO.astype(np.uint16)}, "uint16"),
        ({"photo": np.full(PHOTO.shape, -0.5)}, r"-0\.5"),
    ],
)
def test_bad_values_are_named(changes, message):
    values = {"photo": PHOTO, "depth": DEPTH, "focus": 0.5, "max_blur": 4.0} | changes
    with pytest.raises(ValueError, match=message):
        lens.render(values.pop("photo"), values.pop("depth"), **values)


def test_light_and_srgb_are_inverse():
    values = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(optics.to_srgb(optics.to_light(values)), values)
    assert optics.to_light(np.array([188], np.uint8))[0] == pytest.approx(0.5, abs=0.01)
