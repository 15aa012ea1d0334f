"""Pictures of large photos: made on a reduced copy, with the photo's own detail."""

import tracemalloc

import numpy as np
import pytest
from scipy import ndimage

from pynet_tf.errors import InputError
from pynet_tf.inference import doubling, large_lens
from pynet_tf.inference.any_size import PreparedPhoto
from pynet_tf.lens import pyramid, thin_lens
from pynet_tf.lens.focus import LensSettings

NEAR = LensSettings(focus=0.8, blur=2.5)
FAR = LensSettings(focus=0.2, blur=5.0)


def scene(height, width):
    """A card with a fringe of thin strands before a wall, textured finely: photo and depth."""
    rng = np.random.default_rng(0)
    y, x = np.indices((height, width)) / max(height, width)
    across, along = np.abs(x - 0.5 * width / max(height, width)), y - 0.3 * height / width
    card = (across < 0.15) & (along > 0.0)
    strands = (across < 0.15) & (along > -0.06) & (np.sin(x * 500) > 0.3)
    near = card | strands
    grain = [rng.standard_normal((height, width)), rng.standard_normal((height, width))]
    grain[1] = 10 * ndimage.gaussian_filter(grain[1], 5, mode="nearest")
    photo = np.where(near[..., None], (190, 90, 60), (60, 90, 170)) + 18 * sum(grain)[..., None]
    depth = np.where(near, 205, 51).astype(np.uint8)
    return np.clip(photo, 0, 255).astype(np.uint8), depth


@pytest.fixture(scope="module")
def large():
    return scene(384, 512)


def render(photo, depth, settings, side=256):
    return PreparedPhoto(photo, depth, side).render(thin_lens.through, settings)


def levels(a, b):
    return np.abs(a.astype(int) - b)


def reduced(picture, times):
    light = pyramid.to_light(picture)
    for _ in range(times):
        light = pyramid.halve(light)
    return pyramid.from_light(light)


def psnr(made, expected):
    return -10 * np.log10(np.mean((made - expected) ** 2))


@pytest.mark.parametrize("settings", [NEAR, FAR])
def test_tiles_leave_no_seams(large, settings, monkeypatch):
    pictures = []
    for tile in ((64, 512), (17, 33), (1000, 1000)):
        monkeypatch.setattr(doubling, "TILE", tile)
        pictures.append(render(*large, settings, side=128))
    for other in pictures[1:]:
        assert levels(pictures[0], other).max() <= 1


@pytest.mark.parametrize("side", [128, 256])
def test_the_subject_is_the_photos_own_and_the_rest_is_blurred(large, side):
    photo, depth = large
    picture = render(photo, depth, NEAR, side)
    subject = ndimage.binary_erosion(depth > 128, iterations=8)
    wall = ndimage.binary_erosion(depth < 128, iterations=24)
    assert levels(picture, photo)[subject].max() <= 2
    assert picture[wall].std(axis=0).max() < 0.5 * photo[wall].std(axis=0).min()


def test_things_before_the_focus_spread_over_what_is_sharp(large):
    photo, depth = large
    picture = render(photo, depth, FAR).astype(int)
    wall = depth < 128
    beside = wall & ~ndimage.binary_erosion(wall, iterations=3)
    away = ndimage.binary_erosion(wall, iterations=40)
    # The card is red.
    assert (picture - photo)[beside][:, 0].mean() > 8
    assert levels(picture, photo)[away].max() <= 2


@pytest.mark.parametrize("settings", [NEAR, FAR])
def test_a_photo_and_its_larger_self_give_the_same_picture(settings):
    # Full-size photos are sharp to a pixel or two, no more.
    photo, depth = scene(768, 1024)
    photo = ndimage.gaussian_filter(photo, (0.7, 0.7, 0))
    truth = reduced(thin_lens.refocus(photo, depth, settings), 2)
    made_small, *made_large = (
        psnr(reduced(render(reduced(photo, halvings), depth, settings), 2 - halvings), truth)
        for halvings in (2, 1, 0)
    )
    # Beyond 40 dB nobody sees more.
    assert min(made_large) > min(made_small, 40) - 0.3, made_large


def test_sharp_things_do_not_glow_into_a_blurred_background():
    """Their light is in the small copy's pixels beside them."""
    photo, depth = scene(384, 512)
    picture = render(photo, depth, NEAR, side=128).astype(float)
    rows = slice(200, 380)
    card = np.flatnonzero(depth[300] > 128)
    for first, stop in ((card[0] - 8, card[0] - 2), (card[-1] + 3, card[-1] + 9)):
        beside = picture[rows, first:stop].mean((0, 1))
        wall = picture[rows, max(first - 60, 0) : first - 30].mean((0, 1))
        if first > card[0]:
            wall = picture[rows, stop + 30 : stop + 60].mean((0, 1))
        assert np.abs(beside - wall).max() < 14


def test_bright_subject_does_not_shine_into_the_dark():
    """A hundredth of white light would be a tenth of white there: nothing of it may leak."""
    photo = np.full((384, 512, 3), 8, np.uint8)
    photo[96:288, 128:384] = 240
    depth = np.where(photo[::2, ::2, 0] > 128, 205, 0).astype(np.uint8)
    picture = render(photo, depth, NEAR, side=256)
    assert picture[192, 384:].max() < 16
    # Of a quarter of the size, as far as the lens that renders the copy lets it.
    picture = render(photo, depth, NEAR, side=128)
    assert picture[192, 384:].max() < 40
    assert picture[100:284, 132:380].min() > 238


def test_detail_far_finer_than_the_networks_is_kept():
    photo, depth = scene(768, 1024)
    picture = render(photo, depth, NEAR, side=128)
    subject = ndimage.binary_erosion(depth > 128, iterations=16)
    assert levels(picture, photo)[subject].max() <= 2


@pytest.mark.parametrize(
    "shape", [(64, 64), (65, 67), (301, 77), (77, 301), (600, 100), (1, 900), (257, 256)]
)
def test_every_size_comes_back_as_it_went_in(shape):
    photo, depth = scene(*shape)
    picture = render(photo, depth, FAR, side=64)
    assert picture.shape == photo.shape
    assert picture.dtype == np.uint8


def test_photos_of_floats_give_floats(large):
    photo, depth = large
    exact = render(photo, depth, FAR)
    for dtype in (np.float32, np.float64):
        picture = render((photo / 255).astype(dtype), depth / 255, FAR)
        assert picture.dtype == dtype
        assert np.abs(255 * picture - exact).max() < 1.01


@pytest.mark.parametrize("side", [128, 1024])
def test_photos_of_sixteen_bits_give_sixteen(large, side):
    photo, depth = large
    fine = np.minimum(photo.astype(int) * 257 + 99, 65535).astype(np.uint16)
    picture = render(fine, depth, NEAR, side)
    assert picture.dtype == np.uint16
    assert np.abs(picture / 257 - render(photo, depth, NEAR, side)).max() < 1.5
    blurred = ndimage.binary_erosion(depth < 128, iterations=24)
    low = np.bincount(picture[blurred].ravel() % 257, minlength=257)
    assert low.max() < 3 * low.mean(), "its values lie between those of 8 bits"
    if side == 128:
        subject = ndimage.binary_erosion(depth > 128, iterations=16)
        np.testing.assert_array_equal(picture[subject], fine[subject])
    np.testing.assert_array_equal(render(fine, depth, LensSettings(blur=0.0), side), fine)


def test_no_blur_gives_the_photo(large):
    photo, depth = large
    picture = render(photo, depth, LensSettings(blur=0.0))
    assert np.array_equal(picture, photo)
    assert not np.shares_memory(picture, photo)


def test_one_preparation_serves_many_lenses(large):
    prepared = PreparedPhoto(*large, largest_side=128)
    for settings in (NEAR, FAR, NEAR):
        made = prepared.render(thin_lens.through, settings)
        np.testing.assert_array_equal(made, render(*large, settings, side=128))


@pytest.mark.parametrize(
    ("size", "blur", "halvings"),
    [
        ((1024, 1536), 1.0, 0),
        ((600, 2200), 1.0, 0),
        ((600, 2201), 1.0, 1),
        ((1024, 1770), 1.0, 0),
        ((1600, 1600), 1.0, 1),
        ((3000, 4000), 1.0, 2),
        ((3000, 4000), 0.2, 1),
        ((4000, 6000), 0.2, 2),
    ],
)
def test_networks_work_on_copies_of_bounded_sides_and_pixels(size, blur, halvings):
    photo = np.zeros((*size, 3), np.uint8)
    prepared = PreparedPhoto(photo, np.zeros((64, 64), np.uint8))
    seen = []
    prepared.render(lambda small, _: seen.append(small.shape[:2]) or small, LensSettings(blur=blur))
    assert seen == [tuple(-(-side // 2**halvings) for side in size)]


def test_another_blur_may_need_another_copy(large):
    """Weak blur is of a larger one, whatever the photo was rendered with before."""
    prepared = PreparedPhoto(*large, largest_area=20_000)
    rows = []
    for blur in (10.0, 1.0, 4.0, 1.0):
        settings = LensSettings(focus=0.8, blur=blur)

        def network(small, signed):
            rows.append(small.shape[0])
            return thin_lens.through(small, signed)

        made = prepared.render(network, settings)
        fresh = PreparedPhoto(*large, largest_area=20_000).render(thin_lens.through, settings)
        np.testing.assert_array_equal(made, fresh)
    assert rows == [96, 384, 192, 384]


def test_a_damaged_depth_map_is_refused(large):
    with pytest.raises(InputError, match="depth map has shape"):
        render(large[0], large[0], NEAR)


def test_large_photos_need_little_memory():
    photo, depth = scene(1024, 1536)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        render(photo, depth, NEAR, side=256)
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    # Beside the photo of 3 bytes a pixel: the light of its halves, their changes and maps.
    assert peak < 32 * depth.size, f"{peak / depth.size:.1f} bytes a pixel"


def test_the_lens_renders_large_photos_on_a_reduced_copy(large, monkeypatch):
    photo, depth = large
    seen = []

    def through(small, defocus, blades):
        seen.append((small.shape, blades))
        return thin_lens.through(small, defocus, blades)

    monkeypatch.setattr(large_lens, "through", through)
    monkeypatch.setattr(PreparedPhoto.__init__, "__defaults__", (256, np.inf))
    picture = large_lens.render(photo, depth, NEAR, blades=5)
    assert seen == [((192, 256, 3), 5)]
    assert picture.shape == photo.shape


def test_strong_blur_behind_is_made_of_a_smaller_copy(large):
    photo, depth = large
    seen = []

    def network(small, signed):
        seen.append((small.shape[1], float(-signed.min())))
        return thin_lens.through(small, signed)

    prepared = PreparedPhoto(photo, depth)
    for blur in (1.0, 4.0, 15.0, 1.0):
        prepared.render(network, LensSettings(focus=0.8, blur=blur), farthest=8.0)
    (weak, strong, strongest, again), discs = zip(*seen, strict=True)
    assert weak == again == 512
    assert strong == 256
    assert max(discs[:2]) <= 8.0
    # A copy of 96 rows would be smaller than any that is made.
    assert strongest == 256
    # Discs before the focus may be of any size.
    prepared.render(network, FAR, farthest=8.0)
    assert seen[-1][0] == 512


@pytest.mark.parametrize("shape", [(384, 512), (385, 511)])
def test_small_lamps_shine_as_brightly_from_a_reduced_copy(shape):
    photo = np.full((*shape, 3), 8, np.uint8)
    for row, column in ((100, 120), (201, 303), (300, 240)):
        photo[row : row + 3, column : column + 3] = 255
    depth = np.zeros(shape, np.uint8)
    settings = LensSettings(focus=1.0, blur=2.5)
    light = [pyramid.to_light(render(photo, depth, settings, side)).sum() for side in (512, 256)]
    dark = pyramid.to_light(np.full_like(photo, 8)).sum()
    assert light[0] - dark > 3 * 9 * 3
    assert light[1] - dark == pytest.approx(light[0] - dark, rel=0.1)
