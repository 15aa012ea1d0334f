"""The head `defocus`: exact where all is sharp, a thin lens untrained, in the right order."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from pynet_tf import lens, model
from pynet_tf.inference import signatures
from pynet_tf.lens import optics
from pynet_tf.lens.focus import LensSettings, defocus, largest_radius
from pynet_tf.model import lens_ops
from pynet_tf.synthetic.canvas import noise

HEIGHT, WIDTH = 256, 384
DEFOCUS = model.input_format("defocus")


@pytest.fixture(scope="module")
def pyramid():
    return model.pynet(width=0.05, head="defocus", largest_kernel=3)


@pytest.fixture(scope="module")
def render(pyramid):
    """The untrained level 1: `(photo [H, W, 3] uint8, defocus [H/2, W/2])` -> float `[H, W, 3]`."""
    level_1 = tf.function(model.level_model(pyramid, 1), autograph=False)

    def of(photo, defocus):
        plane = np.asarray(defocus, np.float32)[None]
        return level_1(signatures.to_image(photo[None], plane, DEFOCUS))[0].numpy()

    return of


@pytest.fixture(scope="module")
def trained():
    """A pyramid whose heads have weights as large as trained ones, all levels' as a function."""
    pyramid = model.pynet(width=0.05, head="defocus", largest_kernel=3)
    rng = np.random.default_rng(0)
    for weight in pyramid.weights:
        if "head" in weight.path:
            weight.assign(rng.normal(0, 0.1, weight.shape))
    return tf.function(pyramid, autograph=False)


@pytest.fixture(scope="module")
def textured():
    rng = np.random.default_rng(1)
    planes = [noise(rng, HEIGHT, WIDTH, 40, 1.5, 0.5) for _ in range(3)]
    return np.clip(128 + 50 * np.stack(planes, axis=-1), 0, 255).astype(np.uint8)


def psnr(made, expected):
    return -10 * np.log10(np.mean((np.clip(made, 0, 1) - expected / 255) ** 2))


def half(value: float) -> np.ndarray:
    return np.full((HEIGHT // 2, WIDTH // 2), value, np.float32)


def test_photo_comes_back_where_nothing_is_out_of_focus(render, pyramid, textured):
    np.testing.assert_allclose(render(textured, half(0)), textured / 255, atol=2e-6)
    image = signatures.to_image(textured[None], half(0)[None], DEFOCUS)
    light = lens_ops.to_light(textured[None] / np.float32(255))
    for level, output in sorted(pyramid(image).items()):
        side = 2 ** (int(level[-1]) - 1)
        means = tf.nn.avg_pool2d(light, side, side, "VALID")
        np.testing.assert_allclose(output, lens_ops.from_light(means), atol=1e-5)


def test_photo_comes_back_whatever_is_learned(render, trained, textured):
    image = signatures.to_image(textured[None], half(0)[None], DEFOCUS)
    made = trained(image)["level_1"][0].numpy()
    assert np.abs(made * 255 - textured).max() < 1
    blurred = trained(signatures.to_image(textured[None], half(-6)[None], DEFOCUS))["level_1"][0]
    change = np.abs(blurred - render(textured, half(-6))).mean()
    assert change > 0.01, "what the test network has learned has to show"


def test_nothing_that_is_learned_adds_colour(trained, textured):
    grey = np.repeat(textured[..., :1], 3, axis=-1)
    for signed in (half(-6), half(20)):
        made = trained(signatures.to_image(grey[None], signed[None], DEFOCUS))["level_1"][0]
        assert np.ptp(made, axis=-1).max() * 255 < 0.1


def test_what_is_learned_leaves_sharp_places_alone(trained, textured):
    defocus = half(0)
    defocus[:, :64] = -8
    made = trained(signatures.to_image(textured[None], defocus[None], DEFOCUS))["level_1"][0]
    assert np.abs(made[:, 256:] * 255 - textured[:, 256:]).max() < 1


def test_what_is_out_of_focus_stays_so_whatever_is_learned(render, textured):
    doubting = model.pynet(width=0.05, head="defocus", largest_kernel=3)
    for weight in doubting.weights:
        if weight.path.endswith("head/bias") and weight.shape == (4,):
            weight.assign([0, 0, 0, -100])
    made = doubting(signatures.to_image(textured[None], half(-8)[None], DEFOCUS))["level_1"][0]
    assert psnr(made, 255 * render(textured, half(-4))) > 35


@pytest.mark.parametrize("blur", [0.3, 1.0, 2.0])
@pytest.mark.parametrize("slope", ["far", "near", "both"])
def test_untrained_network_is_a_thin_lens(render, textured, blur, slope):
    depth = np.linspace(0, 1, HEIGHT // 2, dtype=np.float32)[:, None] * np.ones(WIDTH // 2)
    focus = {"far": 1.0, "near": 0.0, "both": 0.5}[slope]
    defocused = defocus(depth, focus, largest_radius(blur, HEIGHT, WIDTH))
    expected = lens.refocus(textured, depth, LensSettings(focus, blur))
    assert psnr(render(textured, defocused), expected) >= 38


@pytest.mark.parametrize("radius", [1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 12.0])
def test_untrained_network_blurs_as_a_disc_does(render, textured, radius):
    light = np.moveaxis(optics.to_light(textured), -1, 0)
    disc = np.moveaxis(optics.to_srgb(optics.blur(light, radius), np.float32), 0, -1)
    inside = np.s_[32:-32, 32:-32]
    made = render(textured, half(-radius))
    assert psnr(made[inside], 255 * disc[inside]) >= 43


def test_each_near_thing_is_blurred_by_its_own_radius(render, textured):
    """Nearer by little where the ground comes nearer: no disc there is as large as the next."""
    slope = np.linspace(2, 8, HEIGHT // 2, dtype=np.float32)[:, None] * np.ones(WIDTH // 2)
    near, far = render(textured, slope), render(textured, -slope)
    inside = np.s_[32:-32, 32:-32]
    assert psnr(near[inside], 255 * far[inside]) >= 44


def test_picture_changes_smoothly_with_the_blur(render, textured):
    depth = half(0.2)
    depth[32:96, 64:128] = 0.8
    depth[:, 150:] = 1.0
    for blur in (0.0, 0.2, 0.4, 0.8, 1.6):
        before, after = (
            render(textured, defocus(depth, 0.8, largest_radius(b, HEIGHT, WIDTH)))
            for b in (blur, blur + 0.02)
        )
        # 0.08 pixels more: no pixel jumps, at edges of depth neither.
        assert np.abs(after - before).max() < 0.08
        assert np.abs(after - before).mean() < 0.005


def test_near_things_spread_over_what_is_sharp_behind_them(render):
    photo = np.full((HEIGHT, WIDTH, 3), 20, np.uint8)
    photo[:, 128:192] = 220
    nearer = half(0)
    nearer[:, 64:96] = 10
    made = render(photo, nearer)
    row = optics.to_srgb(optics.blur(optics.to_light(np.moveaxis(photo, -1, 0)), 10.0), np.float32)[
        0, HEIGHT // 2
    ]
    # Beside the bar, as far as its discs reach, and where the bar was opaque.
    difference = np.abs(made[128, 100:220, 0] - row[100:220])
    assert difference.max() < 0.2
    assert difference.mean() < 0.02
    assert made[128, 196, 0] > 0.3
    np.testing.assert_allclose(made[128, :96] * 255, photo[128, :96], atol=2)


def test_far_things_do_not_spread_over_what_is_sharp_before_them(render):
    """Neither does a sharp subject glow into the blur behind it."""
    for subject, behind in ((20, 220), (220, 20)):
        photo = np.full((HEIGHT, WIDTH, 3), behind, np.uint8)
        photo[64:192, 128:256] = subject
        for radius in (-4, -12):
            farther = half(radius)
            farther[32:96, 64:128] = 0
            made = render(photo, farther) * 255
            np.testing.assert_allclose(made[66:190, 130:254], subject, atol=3)
            ring = np.ones((HEIGHT, WIDTH), bool)
            ring[60:196, 124:260] = False
            # In truth there is nothing but the background around it.
            assert np.sqrt(np.mean((made[ring] - behind) ** 2)) < 6
            assert np.abs(made[ring] - behind).max() < 40
            # Only half-size pixels that hold both shine, and no coarser ones.
            ring[56:200, 120:264] = False
            assert np.abs(made[ring] - behind).max() < 6


def test_bright_subject_does_not_shine_into_the_dark(render):
    """A hundredth of white light would be a tenth of white there: nothing of it may leak."""
    photo = np.full((HEIGHT, WIDTH, 3), 8, np.uint8)
    photo[64:192, 128:256] = 240
    for radius in (-3, -8):
        farther = half(radius)
        farther[32:96, 64:128] = 0
        made = render(photo, farther) * 255
        assert made[128, 257:].max() < 17
        assert made[128, 262:].max() < 11


def test_edges_of_what_is_less_out_of_focus_are_crisper(render):
    """A thing behind the focus does not shine as far as the discs of what is behind it reach."""
    photo = np.full((HEIGHT, WIDTH, 3), 60, np.uint8)
    photo[:, :192] = 220
    farther = half(-16)
    for radius, beside, away in ((-4, 103, 84), (-8, 121, 96)):
        farther[:, :96] = radius
        row = render(photo, farther)[128, :, 0] * 255
        assert row[196] < beside
        assert row[200] < away
        assert row[:160].min() > 216
        assert np.abs(row[230:350] - 60).max() < 4


def test_near_edge_before_something_sharp_keeps_the_far_side(render, textured):
    """What lies beyond the discs' reach of something near is the photo itself."""
    nearer = half(0)
    nearer[:, 150:] = 6
    made = render(textured, nearer)
    np.testing.assert_allclose(made[:, :280] * 255, textured[:, :280], atol=1.5)


def test_light_is_near_that_of_srgb_and_values_come_back():
    values = np.linspace(0, 1, 101, dtype=np.float32).reshape(1, 1, 101, 1)
    made = lens_ops.to_light(values)
    np.testing.assert_allclose(lens_ops.from_light(made), values, atol=1e-6)
    np.testing.assert_allclose(made, optics.to_light(values), atol=0.015)
    assert float(np.min(lens_ops.from_light(-0.01 + 0 * made))) > -0.02


def test_enlarging_and_halving_keep_what_is_smooth():
    y, x = np.meshgrid(np.arange(32.0), np.arange(48.0), indexing="ij")
    ramp = (y + 2 * x)[None, ..., None].astype(np.float32)
    halved, enlarged = (np.asarray(made) for made in (lens_ops.halve(ramp), lens_ops.enlarge(ramp)))
    inner = ramp[:, ::2, ::2] + 1.5
    np.testing.assert_allclose(halved[:, 1:-1, 1:-1], inner[:, 1:-1, 1:-1], rtol=1e-6)
    np.testing.assert_allclose(
        np.asarray(lens_ops.halve(enlarged))[:, 2:-2, 2:-2], ramp[:, 2:-2, 2:-2], rtol=1e-5
    )


def test_light_of_a_dark_place_is_corrected_in_small_steps():
    """A step of Adam moves a bias by the rate: at 3e-4 no colour may move by one of 255."""
    pyramid = model.pynet(width=0.05, head="defocus", largest_kernel=3)
    image = np.full((1, 32, 64, 13), 0.02, np.float32)
    image[..., 12] = -0.5
    before = pyramid(image)["level_1"]
    for level in model.LEVELS:
        bias = pyramid.get_layer(f"level_{level}_head").bias
        bias.assign([3e-4] * 3 + [0.0] * (bias.shape[0] - 3))
    change = np.abs(pyramid(image)["level_1"] - before)
    assert 0 < change.max() < 1 / 255


def test_level_2_sees_every_channel_of_the_input(pyramid):
    # By its own convolution, not by way of the coarser levels.
    coarser = pyramid.get_layer("level_2_up")
    kernel = coarser.get_weights()
    coarser.set_weights([np.zeros_like(kernel[0])])
    features = keras.Model(pyramid.input, pyramid.get_layer("level_2_g2_relu").output)
    # The last is as it was, in each of the others one channel is changed.
    images = np.full((14, 32, 64, 13), 0.5, np.float32)
    images[range(13), 16, 32, range(13)] += 0.1
    *others, plain = features(images).numpy()
    for other in others:
        change = np.abs(other - plain).max(axis=-1)
        assert change[15:18, 31:34].min() > 5 * change[[8, 24]].max()
    coarser.set_weights(kernel)


def test_no_defocus_without_depth():
    with pytest.raises(ValueError, match="depth map"):
        model.pynet(width=0.05, head="defocus", depth=False)
