"""Synthetic pairs: the same from the same seed, physically right, and worth training on."""

import numpy as np
import pytest

from pynet_tf import lens
from pynet_tf.errors import InputError
from pynet_tf.lens import focus
from pynet_tf.synthetic import pairs
from pynet_tf.synthetic.scene import Layer, Scene

HEIGHT, WIDTH = 192, 288


@pytest.fixture(scope="module")
def made():
    return [pairs.pair(7, index, HEIGHT, WIDTH) for index in range(12)]


def psnr(a, b):
    return 10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2))


def detail(picture):
    return np.abs(np.diff(picture.astype(float), axis=0)).mean()


def test_the_same_seed_gives_the_same_pair(made):
    again = pairs.pair(7, 3, HEIGHT, WIDTH)
    for name in ("photo", "depth", "bokeh", "focus", "blur"):
        np.testing.assert_array_equal(getattr(made[3], name), getattr(again, name))


def test_other_seeds_and_indices_give_other_pairs(made):
    assert psnr(made[0].photo, made[1].photo) < 25
    assert psnr(made[0].photo, pairs.pair(8, 0, HEIGHT, WIDTH).photo) < 25


def test_focus_is_where_it_is_asked_for():
    def sharpness(on_subject):
        made = pairs.pair(7, 1, HEIGHT, WIDTH, on_subject)
        return made.photo, made.bokeh

    (photo, on), (same, off) = sharpness(1), sharpness(0)
    assert np.array_equal(photo, same) or psnr(photo, same) > 40, "only the noise differs"
    assert psnr(on, off) < 30
    with pytest.raises(InputError, match=r"on_subject is 1\.5"):
        pairs.pair(7, 1, HEIGHT, WIDTH, 1.5)


def test_shapes_and_ranges(made):
    for pair in made:
        photo, depth, bokeh = pair.photo, pair.depth, pair.bokeh
        assert photo.shape == bokeh.shape == (HEIGHT, WIDTH, 3)
        assert depth.shape == (HEIGHT // 2, WIDTH // 2)
        assert photo.dtype == depth.dtype == bokeh.dtype == np.uint8
        assert depth.min() == 0
        assert depth.max() == 255
        assert 10 < photo.mean() < 190
        assert photo.std() > 15
        assert 0 <= pair.focus <= 1
        assert pair.blur == 0 or 0.05 < pair.blur < 5


def test_photo_is_sharper_than_bokeh(made):
    ratios = [detail(pair.bokeh) / detail(pair.photo) for pair in made]
    assert max(ratios) < 1.02
    assert np.mean(ratios) < 0.85


def test_pairs_are_aligned_and_differ_about_as_much_as_real_ones(made):
    figures = [psnr(pair.photo, pair.bokeh) for pair in made if pair.blur]
    assert 16 < np.mean(figures) < 32
    for pair in made:
        # Lamps that are brighter than white spread over more than they take.
        assert 0.75 < pair.bokeh.mean() / pair.photo.mean() < 1.6


def test_depth_map_tells_what_to_blur(made):
    """At the pair's own focus and blur the lens gets closer to the target than the photo."""
    gains = []
    for pair in made:
        settings = lens.LensSettings(pair.focus, pair.blur)
        rendered = lens.refocus(pair.photo, pair.depth, settings)
        if pair.blur:
            gains.append(psnr(rendered, pair.bokeh) - psnr(pair.photo, pair.bokeh))
        else:
            np.testing.assert_array_equal(pair.photo, pair.bokeh)
    assert np.mean(gains) > 1


def stripes_behind_card():
    """A black card hides the middle of a striped wall."""
    height, width = 96, 160
    backdrop = np.full((3, height, width), 0.2, np.float32)
    backdrop[0] = 0.6
    cover = np.zeros((height, width), np.float32)
    cover[:, 60:100] = 1
    card = Layer(np.zeros((3, height, width), np.float32), cover, 1.0, False)
    return Scene(backdrop, np.zeros((height, width), np.float32), (card,), 1.0)


def test_without_blur_the_lens_sees_the_sharp_scene():
    view = stripes_behind_card()
    np.testing.assert_allclose(pairs.through_lens(view, 1.0, 0.0), pairs.sharp(view), atol=1e-6)


def test_what_a_blurred_thing_hides_shines_through_its_edge():
    view = stripes_behind_card()
    light = pairs.through_lens(view, 0.0, 6.25)
    np.testing.assert_allclose(light[:, 48, 59:61].mean(axis=1), [0.3, 0.1, 0.1], atol=0.02)
    np.testing.assert_allclose(light[:, 48, 80], 0, atol=1e-4)
    np.testing.assert_allclose(light[:, 48, 40], [0.6, 0.2, 0.2], atol=1e-4)


def test_a_sharp_thing_does_not_darken_what_is_behind():
    light = pairs.through_lens(stripes_behind_card(), 1.0, 6.25)
    np.testing.assert_allclose(light[:, 48, 59], [0.6, 0.2, 0.2], atol=1e-4)
    np.testing.assert_allclose(light[:, 48, 60], 0, atol=1e-4)


def test_slanted_ground_is_sharp_only_where_the_focus_is():
    rng = np.random.default_rng(0)
    ground = rng.random((3, 200, 64), dtype=np.float32)
    depth = np.repeat(np.linspace(0, 1, 200, dtype=np.float32)[:, None], 64, 1)
    light = pairs.through_lens(Scene(ground, depth, (), 0.5), 0.5, 6.0)
    contrast = [light[:, row : row + 10].std() for row in range(0, 200, 10)]
    assert np.argmax(contrast) in (9, 10)
    assert contrast[0] < 0.2 * max(contrast)
    assert contrast[-1] < 0.2 * max(contrast)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1, 0, 64, 64), "seed is -1"),
        ((0, -2, 64, 64), "index is -2"),
        ((0, 0, 65, 64), "height is 65"),
        ((0, 0, 64, 32), "width is 32"),
    ],
)
def test_bad_values_are_named(arguments, message):
    with pytest.raises(InputError, match=message):
        pairs.pair(*arguments)


@pytest.mark.parametrize("size", [(64, 64), (64, 200), (200, 66)])
def test_small_and_narrow_sizes(size):
    for index in range(6):
        pair = pairs.pair(3, index, *size)
        assert pair.photo.shape == pair.bokeh.shape == (*size, 3)
        assert pair.depth.shape == (size[0] // 2, size[1] // 2)


def test_true_depths_as_the_map_of_the_same_photo(made):
    exact = pairs.pair(7, 3, HEIGHT, WIDTH, exact_depth=True)
    np.testing.assert_array_equal(exact.photo, made[3].photo)
    np.testing.assert_array_equal(exact.bokeh, made[3].bokeh)
    assert psnr(exact.depth, made[3].depth) < 40
    rendered, estimated = (
        lens.refocus(pair.photo, pair.depth, lens.LensSettings(pair.focus, pair.blur))
        for pair in (exact, made[3])
    )
    assert psnr(rendered, exact.bokeh) > psnr(estimated, exact.bokeh)
    rng = pairs.generator(7, 3)
    view, *drawn = pairs.view_and_lens(rng, HEIGHT, WIDTH, on_subject=0.6, night=0.15)
    assert np.abs(exact.depth / 255 - pairs.true_depth(view)).max() < 1 / 255
    assert [exact.focus, exact.blur] == drawn


def scene_depths():
    """Depths `[64, 96]` of a backdrop, a card, and a twig between them."""
    exact = np.full((64, 96), 0.1, np.float32)
    exact[20:, 50:80] = 0.9
    exact[:, 30:32] = 0.5
    return exact


def test_an_exact_map_shows_focus_and_blur_as_they_are():
    exact = scene_depths()
    for drawn in ((0.1, 0.3), (0.9, 2.0), (0.5, 0.1), (0.9, 0.0)):
        told = pairs.as_the_map_shows(np.rint(255 * exact).astype(np.uint8), exact, *drawn)
        np.testing.assert_allclose(told, drawn, rtol=0.02, atol=0.005)


def test_a_map_that_lacks_what_is_in_focus_shows_the_other_discs():
    exact = scene_depths()
    seen = np.where(exact == 0.5, 0.1, exact)
    told = pairs.as_the_map_shows(np.rint(255 * seen).astype(np.uint8), exact, 0.5, 1.0)
    for depth in (0.1, 0.9):
        disc, shown = (
            focus.defocus(np.full((1, 1), depth), *lens)[0, 0] for lens in ((0.5, 1.0), told)
        )
        assert shown == pytest.approx(disc, rel=0.1)


def test_a_bent_map_shows_nearly_the_same_discs():
    exact = scene_depths()
    for bend in (0.75, 1.3):
        bent = np.rint(255 * exact**bend).astype(np.uint8)
        for where in (0.1, 0.5, 0.9):
            told = pairs.as_the_map_shows(bent, exact, where, 1.0)
            discs = focus.defocus(exact, where, 1.0)
            away = np.abs(focus.defocus(bent, *told) - discs)
            assert away.max() < 0.25 * np.abs(discs).max()
            # What is in focus stays so.
            assert away[discs == 0].max() < 0.05


def test_of_a_backdrop_alone_a_lens_makes_the_truth():
    """Nothing hides anything, so the photo shows all that the lens needs."""
    figures = []
    for index in range(8):
        pair = pairs.pair(5, index, 256, 384, night=0, exact_depth=True, backdrop_only=True)
        if pair.blur == 0:
            continue
        settings = lens.LensSettings(pair.focus, pair.blur)
        rendered = lens.refocus(pair.photo, pair.depth, settings)
        # The two shots are not exposed quite alike.
        rendered = rendered * (pair.bokeh.mean((0, 1)) / rendered.mean((0, 1)))
        figures.append(psnr(rendered, pair.bokeh))
    assert np.median(figures) > 36, figures


def test_plain_pairs_have_no_lamps_and_one_exposure():
    for index in range(4):
        plain, whole = (pairs.pair(5, index, 192, 288, night=1, plain=p) for p in (True, False))
        assert whole.photo.min(axis=-1).max() == 255, "a scene with lamps"
        assert (plain.photo <= whole.photo).mean() > 0.99
        assert (plain.photo == 255).all(axis=-1).sum() < (whole.photo == 255).all(axis=-1).sum()
        assert (plain.focus, plain.blur) == (whole.focus, whole.blur)
        sums = [shot.astype(float).sum() for shot in (plain.photo, plain.bokeh)]
        assert sums[0] == pytest.approx(sums[1], rel=0.03)
