"""The head `light`: what a disc leaves of the photo's detail, and pictures made of light."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from pynet_tf import model
from pynet_tf.lens import optics
from pynet_tf.model import heads, light_head

STEEP = light_head.STEEPNESS


def enlarged(x, times: int = 1):
    for _ in range(times):
        x = keras.layers.UpSampling2D(2, interpolation="bilinear")(x)
    return x


def lights(pyramid, image):
    """What each level hands on to the next: level -> array."""
    parts = {level: pyramid.get_layer(f"level_{level}_light").output for level in model.LEVELS}
    return keras.Model(pyramid.input, parts)(image)


def flat(height: int, width: int, channels: int = 13) -> np.ndarray:
    """A random photo, not too dark, all of it at one depth if there is a depth map."""
    image = np.random.default_rng(0).random((1, height, width, channels), np.float32)
    image = 0.1 + 0.9 * image
    image[..., 12:] = 0.7
    return image


@pytest.mark.parametrize("depth", [True, False])
def test_levels_start_as_the_whole_photo_if_all_of_it_is_in_focus(depth):
    image = flat(64, 96, 13 if depth else 12)
    photo = np.asarray(tf.nn.depth_to_space(image[..., :12], 2))
    outputs = model.pynet(width=0.05, head="light", depth=depth)(image)
    for level in model.LEVELS:
        side = 2 ** (level - 1)
        expected = (photo**2 + 0.05 * photo) / 1.05
        expected = expected.reshape(1, 128 // side, side, 192 // side, side, 3).mean((2, 4))
        expected = np.sqrt(1.05 * expected + 0.025**2) - 0.025
        np.testing.assert_allclose(outputs[f"level_{level}"], expected, atol=1e-5)


def test_light_is_near_that_of_srgb_and_values_come_back():
    values = np.linspace(0, 1, 101, dtype=np.float32).reshape(1, 1, 101, 1)
    made = light_head.to_light(values, "light")
    np.testing.assert_allclose(light_head.from_light(made, "values"), values, atol=1e-6)
    np.testing.assert_allclose(made, optics.to_light(values), atol=0.06)
    assert float(light_head.from_light(-0.01 + 0 * made, "values")[0, 0, 0, 0]) > -0.02


def test_detail_is_taken_away_in_light():
    """Between black and white there is half of the light, which is brighter than half grey."""
    photo = np.indices((64, 64)).sum(axis=0) % 2 * np.ones((3, 1, 1))
    image = tf.nn.space_to_depth(photo.transpose(1, 2, 0)[None].astype(np.float32), 2)
    pyramid = model.pynet(width=0.05, depth=False, head="light")
    pyramid.get_layer("level_1_head").bias.assign([0.0, 0.0, 0.0, 2.4 / STEEP])
    middle = pyramid(image)["level_1"][:, 4:-4, 4:-4]
    np.testing.assert_allclose(middle, 0.7, atol=0.01)


@pytest.mark.parametrize(
    ("level", "radius", "kept"),
    [
        (3, -1.0, 1.02), (3, 0.0, 1.0), (3, 0.5, 0.99), (3, 1.0, 1.29), (3, 1.5, 0.54),
        (3, 2.0, -0.07), (3, 3.0, -0.01), (3, 13.0, -0.04),
        (1, -1.0, 1.02), (1, 0.0, 1.0), (1, 1.0, 0.98), (1, 1.5, 0.782), (1, 2.0, 0.087),
    ],
)  # fmt: skip
def test_learned_radius_decides_what_is_kept_of_the_detail(level, radius, kept):
    image = flat(32, 64)
    pyramid = model.pynet(width=0.05, head="light")
    pyramid.get_layer(f"level_{level}_head").bias.assign([0.0, 0.0, 0.0, radius / STEEP])
    made = lights(pyramid, image)
    whole = light_head.to_light(tf.nn.depth_to_space(image[..., :12], 2), "whole")
    photos = light_head.smooth_photos(whole, None, 4)
    detail = photos[level] - enlarged(photos[level + 1])
    np.testing.assert_allclose(made[level], enlarged(made[level + 1]) + kept * detail, atol=1e-5)


def test_share_of_each_level_is_what_a_disc_leaves():
    """The sum of the photo's details, each times its share, is near the disc's blur.

    From 2 pixels on; what is nearly sharp keeps its finest detail.
    """
    noise = np.random.default_rng(0).random((1, 256, 256, 3), np.float32)
    photos = light_head.smooth_photos(tf.constant(noise), None, 6)
    middle = np.s_[0, 48:-48, 48:-48]
    for radius in (2.0, 4.0, 6.0, 8.0):
        target = np.moveaxis(optics.blur(np.moveaxis(noise[0], -1, 0), radius), 0, -1)[None]
        made = photos[6]
        for level in range(5, 0, -1):
            place = tf.constant([[[[radius / 2 ** (level - 1)]]]])
            share = float(light_head._share(place, level, "share")[0, 0, 0, 0])
            made = enlarged(made) + share * (photos[level] - enlarged(photos[level + 1]))
        remains = np.mean((np.asarray(made) - target)[middle] ** 2)
        assert remains < 0.1 * np.mean((noise - target)[middle] ** 2), radius
        assert remains < 0.5 * np.var(target[middle]), radius


def test_sums_of_smooth_photos_come_nearer_to_a_discs_blur_than_means_of_2x2():
    photo = np.random.default_rng(0).random((1, 256, 256, 3), np.float32)
    target = np.moveaxis(optics.blur(np.moveaxis(photo[0], -1, 0), 6.0), 0, -1)
    middle = np.s_[32:-32, 32:-32]

    def squared_error(sizes):
        """Of the best sum of the photo and its smaller ones, enlarged again."""
        parts = [np.asarray(enlarged(made, level - 1)[0])[middle] for level, made in sizes.items()]
        parts, goal = np.stack([part.ravel() for part in parts], -1), target[middle].ravel()
        shares, *_ = np.linalg.lstsq(parts, goal, rcond=None)
        return np.mean((parts @ shares - goal) ** 2)

    smooth = light_head.smooth_photos(tf.constant(photo), None, 4)
    assert squared_error(smooth) < 0.6 * squared_error(heads.photos(tf.constant(photo), 1, 4))


def test_bright_subject_does_not_glow_into_what_is_blurred_behind_it():
    image = np.zeros((1, 128, 192, 13), np.float32)
    image[..., 12] = 0.2
    image[:, 32:96, 64:128] = 0.9
    made = np.asarray(model.pynet(width=0.05, head="light")(image)["level_1"][0])
    np.testing.assert_allclose(made[72:184, 136:248], 0.9, atol=0.01)
    beside = made[100:156, 256 + 8 : 256 + 24]
    # Without the weights there is a glow of 0.3.
    assert beside.mean() < 0.12


def test_light_of_a_dark_place_is_corrected_in_small_steps():
    """A step of Adam moves a bias by the rate: at 3e-4 no colour may move by one of 255."""
    pyramid = model.pynet(width=0.05, head="light")
    image = np.full((1, 32, 64, 13), 0.02, np.float32)
    before = pyramid(image)["level_1"]
    for level in model.LEVELS:
        bias = pyramid.get_layer(f"level_{level}_head").bias
        bias.assign([3e-4] * 3 + [0.0] * (bias.shape[0] - 3))
    change = np.abs(pyramid(image)["level_1"] - before)
    assert 0 < change.max() < 1 / 255


def test_fine_levels_blur_what_level_3_does():
    """Level 3 learns a radius of 2 of its pixels: of levels 2 and 1 nothing is left, nearly."""
    image = flat(64, 96)
    pyramid = model.pynet(width=0.05, head="light")
    pyramid.get_layer("level_3_head").bias.assign([0.0, 0.0, 0.0, 2.0 / STEEP])
    made = lights(pyramid, image)
    for level in (2, 1):
        np.testing.assert_allclose(made[level], enlarged(made[level + 1]), atol=0.03)


def test_level_2_sees_every_pixel_of_the_photo():
    pyramid = model.pynet(width=0.05, head="light", depth=False)
    features = keras.Model(pyramid.input, pyramid.get_layer("level_2_g2_relu").output)
    image = np.full((1, 32, 64, 12), 0.5, np.float32)
    for channel in range(12):
        other = image.copy()
        other[0, 16, 32, channel] += 0.1
        change = np.abs(features(other) - features(image)).max(axis=-1)[0]
        assert change[15:18, 31:34].min() > 5 * change[[10, 22]].max()
