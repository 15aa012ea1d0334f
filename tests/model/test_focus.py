"""The focus that the head `light` starts with, and the distances from it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from pynet_tf import lens, model
from pynet_tf.inference import serving, tiling
from pynet_tf.lens import optics


def parts(pyramid, *names):
    return keras.Model(pyramid.input, [pyramid.get_layer(name).output for name in names])


def folded(depth: np.ndarray, photo: float | np.ndarray = 0.5) -> np.ndarray:
    """A photo with this depth map `[h, w]` as the network takes it."""
    photo = np.broadcast_to(photo, (1, *depth.shape, 12))
    return np.concatenate([photo, depth[None, ..., None]], -1).astype(np.float32)


def focus_of(depth: np.ndarray) -> float:
    focus = parts(model.pynet(width=0.05, head="light"), "level_4_focus")(folded(depth))
    assert focus.shape == (1, depth.shape[0] // 4, depth.shape[1] // 4, 1)
    assert np.ptp(focus) < 1e-6
    return float(focus[0, 0, 0, 0])


def test_focus_is_on_what_is_near():
    depth = np.full((128, 192), 0.2)
    depth[32:96, 64:128] = 0.9
    assert 0.87 < focus_of(depth) < 0.9


def test_focus_is_on_the_middle_rather_than_on_what_is_nearer_in_a_corner():
    depth = np.full((256, 384), 0.2)
    depth[64:192, 96:288] = 0.8
    depth[-32:, -32:] = 0.9
    assert 0.75 < focus_of(depth) < 0.82


def test_focus_is_on_a_thin_subject():
    depth = np.full((256, 384), 0.2)
    depth[64:, 184:200] = 0.9
    assert 0.75 < focus_of(depth) < 0.9


def test_focus_does_not_depend_on_left_or_right_and_top_or_bottom():
    depth = np.random.default_rng(0).random((128, 192))
    focus = focus_of(depth)
    for turned in (depth[::-1], depth[:, ::-1]):
        assert focus_of(turned) == pytest.approx(focus, abs=1e-5)


def test_radius_is_that_of_a_lens_with_a_sharp_zone():
    depth = np.full((64, 96), 0.3)
    depth[:, :32] = 0.8
    depth[:, 32:64] = 0.78
    pyramid = model.pynet(width=0.05, head="light")
    levels = (6, 5, 4, 3, 2)
    names = [f"level_{level}_defocus" for level in levels]
    focus, *distances = parts(pyramid, "level_4_focus", *names)(folded(depth))
    focus = float(focus[0, 0, 0, 0])
    assert 0.78 < focus < 0.8
    for level, distance in zip(levels, distances, strict=True):
        size = 2 ** (level - 2)
        assert distance.shape == (1, 64 // size, 96 // size, 2)
        pixels = 16 / 2 ** (level - 1)
        sharp, far = distance[0, 0, 0], distance[0, -1, -1]
        np.testing.assert_allclose(sharp, [pixels * (0.8 - focus), 0.0], atol=1e-5)
        radius = pixels * (focus - 0.05 - 0.3) / (focus - 0.05)
        np.testing.assert_allclose(far, [pixels * (0.3 - focus), radius], rtol=1e-4)


def test_what_is_much_nearer_than_the_focus_is_blurred_too():
    depth = np.full((256, 384), 0.5)
    depth[:32, :32] = 0.9
    names = ("level_4_focus", "level_2_defocus")
    focus, distance = parts(model.pynet(width=0.05, head="light"), *names)(folded(depth))
    focus = float(focus[0, 0, 0, 0])
    assert 0.5 < focus < 0.6
    radius = 8 * (0.9 - focus - 0.15) / (focus - 0.05)
    assert float(distance[0, 0, 0, 1]) == pytest.approx(radius, rel=1e-4)


def test_untrained_net_is_about_a_lens():
    rng = np.random.default_rng(0)
    coarse = rng.random((32, 48, 3)).repeat(8, 0).repeat(8, 1)
    photo = np.uint8(255 * (0.5 * coarse + 0.5 * rng.random((256, 384, 3))))
    depth = np.full((128, 192), 51, np.uint8)
    depth[32:96, 64:128] = 230
    target = lens.render(photo, depth, 230 / 255, 8.0)
    image = serving.to_image(tf.constant(photo[None]), tf.constant(depth[None]), True)
    made = model.pynet(width=0.05, head="light")(image)["level_1"]
    made = np.asarray(serving.to_bokeh(made, 256, 384, 1)[0])

    def psnr(picture):
        difference = optics.to_light(picture) - optics.to_light(target)
        return -10 * np.log10(np.mean(difference**2))

    assert psnr(made) > psnr(photo) + 12
    np.testing.assert_allclose(made[80:176, 144:240], photo[80:176, 144:240], atol=3)


def test_tiles_share_one_focus():
    """A tile that holds nothing near must not focus on what is nearest in it."""
    depth = np.full((64, 192), 0.1)
    depth[:, :64] = 0.9
    image = folded(depth, 0.1 + 0.9 * np.random.default_rng(0).random((1, 64, 192, 12)))
    pyramid = model.pynet(width=0.05, head="light", largest_kernel=3)
    whole = pyramid(image)["level_1"][0]
    coarse, fine = tiling.cut_pyramid(pyramid)
    tiled = tiling.evaluate(coarse, fine, tf.constant(image), area=2500)
    np.testing.assert_allclose(tiled, whole, atol=1e-5)


@pytest.mark.parametrize("head", ["original", "residual"])
def test_other_heads_have_no_focus(head):
    names = {layer.name for layer in model.pynet(width=0.05, head=head).layers}
    assert not any("focus" in name for name in names)


def test_without_a_depth_map_there_is_no_focus():
    pyramid = model.pynet(width=0.05, head="light", depth=False)
    assert not any("focus" in layer.name for layer in pyramid.layers)
