"""Tiles against the whole picture, the halo against what the network reaches."""

import numpy as np
import pytest

from pynet_tf import model
from pynet_tf.inference import tiling
from pynet_tf.model import lens_ops

WIDTH = 0.05
# Channels of level 3 and of e3 at this width.
WIDE = 2


def spread_weights(pyramid, seed=0):
    """Gives all kernels a size at which every layer's output varies about as much as its input."""
    rng = np.random.default_rng(seed)
    for weight in pyramid.weights:
        if len(weight.shape) == 4:
            kernel = rng.standard_normal(weight.shape) * 1.4 / np.sqrt(np.prod(weight.shape[:3]))
            weight.assign(kernel)
        elif weight.name == "bias":
            weight.assign(rng.standard_normal(weight.shape) * 0.1)
    # The pictures need some contrast, to be compared.
    for level in tiling.FINE_LEVELS:
        head = pyramid.get_layer(f"level_{level}_head").kernel
        head.assign(2 * head)


def shift_weights(pyramid, place, source):
    """Makes the fine levels and e3 read only the farthest pixel that they reach.

    Args:
        pyramid: of any width.
        place: 0 for the farthest pixel above, -1 for the farthest below.
        source: the layers, `encoder_e3` or `level_4_up_a`, from which level 3 gets its input;
            the other gives zeros.
    """
    fine = ("encoder_e3", "level_4_up_", "level_3_", "level_2_", "level_1_")
    largest = {}
    for layer in pyramid.layers:
        if "_conv" in layer.name and hasattr(layer, "kernel"):
            block = layer.name.partition("_conv")[0]
            largest[block] = max(largest.get(block, 0), layer.kernel.shape[0])
    for layer in pyramid.layers:
        if not layer.name.startswith(fine) or not hasattr(layer, "kernel"):
            continue
        kernel = np.zeros(layer.kernel.shape, np.float32)
        if layer.name.startswith(("level_2_up", "level_1_up", source)) and "_up" in layer.name:
            kernel[:, 1] = 1.0 / kernel.shape[-1]
        elif layer.name.startswith(("level_4_up_", "encoder_e3")) and source not in layer.name:
            pass
        elif kernel.shape[0] == largest.get(layer.name.partition("_conv")[0], kernel.shape[0]):
            inputs = kernel.shape[2] if layer.name.endswith("_head") else WIDE
            kernel[place, kernel.shape[1] // 2] = 1.0 / inputs
        layer.kernel.assign(kernel)
        if layer.use_bias:
            layer.bias.assign(np.zeros(layer.bias.shape))


@pytest.fixture(scope="module")
def pyramid():
    pyramid = model.pynet(WIDTH)
    spread_weights(pyramid)
    return pyramid


@pytest.fixture(scope="module")
def parts(pyramid):
    return tiling.cut_pyramid(pyramid)


def picture(height, width, channels=4):
    return np.random.default_rng(height + width).random((1, height, width, channels), np.float32)


@pytest.mark.parametrize(
    ("height", "width", "area"),
    [(32, 32, 1), (320, 416, 6000), (96, 512, 1500), (352, 64, 1)],
)
def test_tiles_give_what_the_whole_gives(pyramid, parts, height, width, area):
    image = picture(height, width)
    whole = pyramid(image)
    for level in tiling.FINE_LEVELS:
        tiled = tiling.evaluate(*parts, image, level, area)
        expected = whole[f"level_{level}"][0]
        assert np.std(expected) > 0.1
        np.testing.assert_allclose(tiled, expected, atol=1e-4)


def test_residual_head_and_photos_without_depth():
    pyramid = model.pynet(WIDTH, depth=False, head="residual")
    spread_weights(pyramid)
    image = picture(320, 352, 3)
    tiled = tiling.evaluate(*tiling.cut_pyramid(pyramid), image, 1, 5000)
    np.testing.assert_allclose(tiled, pyramid(image)["level_1"][0], atol=1e-4)


def test_defocus_head():
    pyramid = model.pynet(WIDTH, head="defocus")
    spread_weights(pyramid)
    image = picture(320, 352, 13)
    # Discs of up to 20 pixels, of both signs.
    image[..., 12] = 2.5 * (image[..., 12] - 0.5)
    tiled = tiling.evaluate(*tiling.cut_pyramid(pyramid), image, 1, 5000)
    # Near black a value moves many times as far as its light, in which the tiles are equal; and the
    # learned radii enlarge rounding.
    lights = [lens_ops.to_light(made) for made in (tiled, pyramid(image)["level_1"][0])]
    np.testing.assert_allclose(*lights, atol=1e-3)


@pytest.mark.parametrize(
    ("place", "source"), [(0, "encoder_e3"), (0, "level_4_up_a"), (-1, "encoder_e3")]
)
def test_halo_is_what_the_network_reaches(pyramid, parts, place, source):
    before = pyramid.get_weights()
    shift_weights(pyramid, place, source)
    image = 0.01 * picture(288, 32)
    whole = pyramid(image)["level_1"][0]
    errors = {}
    for halo in (tiling.HALO, tiling.HALO - 1):
        assert len(list(tiling.cut(72, 8, 8 * (36 + halo), halo))) == 2
        tiled = tiling.evaluate(*parts, image, 1, 8 * (36 + halo), halo)
        errors[halo] = np.abs(tiled - whole).max()
    pyramid.set_weights(before)
    assert errors[tiling.HALO] < 1e-6
    assert errors[tiling.HALO - 1] > 1e-3


def test_cut_level_leaves_finer_ones_out(pyramid):
    coarse, fine = tiling.cut_pyramid(pyramid, level=2)
    image = picture(32, 32)
    assert set(fine(image, coarse(image))) == {"level_2", "level_3"}


@pytest.mark.parametrize(("height", "width"), [(8, 8), (504, 752), (96, 1000), (1000, 17)])
def test_cuts_cover_every_pixel_once_within_the_area(height, width):
    area = 30_000
    count = np.zeros((height, width), int)
    for rows, columns in tiling.cut(height, width, area):
        count[rows.inner(1), columns.inner(1)] += 1
        assert len(rows) * len(columns) <= area
        for window, length in ((rows, height), (columns, width)):
            assert window.outer_start == max(0, window.start - tiling.HALO)
            assert window.outer_stop == min(length, window.stop + tiling.HALO)
    assert (count == 1).all()


def test_a_picture_that_fits_is_one_tile():
    assert len(list(tiling.cut(256, 384, 256 * 384))) == 1
    assert len(list(tiling.cut(256, 384, 256 * 384 - 1))) == 2


def test_wrong_use_is_refused(parts):
    with pytest.raises(ValueError, match="level is 4"):
        tiling.evaluate(*parts, picture(64, 64), 4)
    with pytest.raises(ValueError, match="48x64"):
        tiling.evaluate(*parts, picture(64, 48))
