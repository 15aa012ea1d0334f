"""The focus and the blur of a pair, found again from the two shots."""

import numpy as np
import pytest
from scipy import ndimage

from pynet_tf.lens import LensSettings, fit, refocus

DEPTHS = (0.1, 0.45, 0.85)


@pytest.fixture(scope="module")
def scene():
    """Three textured walls side by side: photo and depth map."""
    rng = np.random.default_rng(0)
    noise = rng.standard_normal((240, 480, 3))
    grain = noise + 4 * ndimage.gaussian_filter(noise, (2, 2, 0))
    photo = np.clip(120 + 25 * grain, 5, 245).astype(np.uint8)
    depth = np.repeat(np.array(DEPTHS, np.float32), 160)[None].repeat(240, axis=0)
    return photo, depth


def shot(scene, focus, blur):
    rng = np.random.default_rng(1)
    bokeh = refocus(*scene, LensSettings(focus=focus, blur=blur)).astype(float)
    # Exposed otherwise, and with noise of its own.
    return np.clip(0.93 * bokeh + rng.normal(0, 2, bokeh.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("focus", DEPTHS)
# The lens renders discs in steps of more than a pixel; these are large against it.
@pytest.mark.parametrize("blur", [1.0, 2.5])
def test_focus_and_blur_are_found(scene, focus, blur):
    found = fit.fitted(*scene, shot(scene, focus, blur))
    assert found == (pytest.approx(focus, abs=0.05), pytest.approx(blur, rel=0.2))


def test_blur_0_is_found(scene):
    assert fit.fitted(*scene, scene[0])[1] == 0


def test_a_wrong_piece_of_the_map_does_not_move_the_focus(scene):
    photo, depth = scene
    wrong = depth.copy()
    wrong[:60, :160] = 0.85
    focus, blur = fit.fitted(photo, wrong, shot(scene, 0.85, 1.0))
    assert (focus, blur) == (pytest.approx(0.85, abs=0.05), pytest.approx(1.0, rel=0.2))


def test_a_shot_that_no_lens_makes_stays_unexplained(scene):
    photo, depth = scene
    bokeh = shot(scene, 0.85, 1.5)
    focus, blur = fit.fitted(photo, depth, bokeh)
    assert fit.unexplained(photo, depth, bokeh, focus, blur) < 0.1
    assert fit.unexplained(photo, depth[:, ::-1], bokeh, focus, blur) > 0.5
    other = photo[::-1, ::-1]
    assert fit.unexplained(photo, depth, other, *fit.fitted(photo, depth, other)) > 0.5


def test_even_photos_and_maps_without_even_places_are_survived(scene):
    photo, depth = scene
    grey = np.full_like(photo, 128)
    assert fit.fitted(grey, depth, grey)[1] == 0
    rough = np.random.default_rng(2).random(depth.shape).astype(np.float32)
    assert fit.fitted(photo, rough, shot(scene, 0.85, 1.0))[1] == 0
    assert fit.unexplained(photo, rough, photo, 0.5, 0.0) <= 1
