"""Depth maps sharpened along the photo's edges."""

import numpy as np
import pytest
from scipy import ndimage

from pynet_tf.lens import depth_edges


def card_before_wall(height=576, width=768):
    """A reddish card before a bluish wall, both textured: photo and the card's mask."""
    rng = np.random.default_rng(0)
    y, x = np.indices((height, width))
    card = (np.abs(x - 0.45 * width - 0.2 * (y - height / 2)) < 0.2 * width) & (y > 0.25 * height)
    photo = np.where(card[..., None], [190, 90, 60], [60, 90, 170])
    photo = photo + rng.integers(-15, 16, (height, width, 1))
    return photo.astype(np.uint8), card


def exact(card):
    return np.where(card[::2, ::2], 0.8, 0.2).astype(np.float32)


def test_soft_edges_come_to_lie_on_the_photos_edges():
    photo, card = card_before_wall()
    truth = exact(card)
    soft = ndimage.gaussian_filter(truth, 1.0)
    sharp = depth_edges.sharpened(soft, photo)
    away = np.abs(soft - truth).mean()
    assert np.abs(sharp - truth).mean() < away / 4


def test_edges_that_lie_beside_the_photos_are_moved_there():
    photo, card = card_before_wall()
    truth = exact(card)
    beside = ndimage.gaussian_filter(np.roll(truth, 1, axis=1), 1.0)
    sharp = depth_edges.sharpened(beside, photo)
    wrong = np.abs(beside - truth) > 0.3
    assert np.mean(np.abs(sharp - truth)[wrong] < 0.05) > 0.8


def test_exact_maps_are_left_alone():
    photo, card = card_before_wall()
    truth = exact(card)
    assert np.mean(depth_edges.sharpened(truth, photo) != truth) < 0.002


def test_slopes_are_left_alone():
    photo, _ = card_before_wall()
    slope = np.linspace(0, 1, 288, dtype=np.float32)[:, None] * np.ones(384, np.float32)
    np.testing.assert_array_equal(depth_edges.sharpened(slope, photo), slope)


def test_without_colours_the_closer_depth_decides():
    photo = np.full((576, 768, 3), 128, np.uint8)
    _, card = card_before_wall()
    soft = ndimage.gaussian_filter(exact(card), 1.0)
    sharp = depth_edges.sharpened(soft, photo)
    between = (np.abs(soft - 0.5) < 0.15).mean()
    assert (np.abs(sharp - 0.5) < 0.15).mean() < between / 4


@pytest.mark.parametrize("shape", [(96, 128), (24, 32), (200, 300), (7, 9)])
@pytest.mark.parametrize("size", [(192, 256), (191, 255)])
def test_any_size_of_map_becomes_half_the_photos(shape, size):
    depth = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    result = depth_edges.sharpened(depth, np.zeros((*size, 3), np.uint8))
    assert result.shape == (96, 128)
    assert result.dtype == np.float32
    assert 0 <= result.min() <= result.max() <= 1


@pytest.mark.parametrize("shift", range(8))
def test_edges_of_a_coarse_map_find_the_larger_photos(shift):
    height, width = 192, 256
    x = np.indices((height, width))[1]
    near = (x >= 90 + shift) & (x < 170 + shift)
    photo = np.where(near[..., None], [190, 90, 60], [60, 90, 170]) / 255
    # Cells of eight pixels, of which an edge may be half a cell away.
    depth = np.where(near[4::8, 4::8], 0.8, 0.2).astype(np.float32)
    while depth.shape[0] < height:
        size = 2 * depth.shape[0]
        guide = photo.reshape(size, height // size, 2 * depth.shape[1], -1, 3).mean((1, 3))
        depth = depth_edges.sharpened_again(depth, guide)
    np.testing.assert_array_equal(depth > 0.5, near)


def test_the_outline_of_a_textured_thing_is_found_where_the_map_is_soft_and_beside_it():
    rng = np.random.default_rng(0)
    y, x = np.indices((1024, 1536))
    ball = np.hypot(y - 512, x - 768) < 300
    texture = ndimage.gaussian_filter(rng.normal(size=(1024, 1536, 3)), (2.5, 2.5, 0))
    photo = np.where(ball[..., None], [0.55, 0.45, 0.35], [0.35, 0.4, 0.45])
    photo = np.clip(photo + 0.08 * texture / texture.std(), 0, 1).astype(np.float32)
    beside = ndimage.shift(ndimage.gaussian_filter(exact(ball), 2.0), (0, 2), order=1)
    sharp = depth_edges.sharpened(np.clip(beside, 0.2, 1), photo)
    inside = ball[::2, ::2]
    wrong, wrong_before = ((depth > 0.5) != inside for depth in (sharp, beside))
    assert wrong.sum() < 0.55 * wrong_before.sum()


@pytest.mark.parametrize("shape", [(8, 12), (7, 5)])
def test_a_coarser_map_keeps_edges_sharp(shape):
    y, x = np.indices(shape)
    depth = np.where(x + y < sum(shape) // 2, 0.2, 0.9).astype(np.float32)
    coarse = depth_edges.coarser(depth)
    assert coarse.shape == ((shape[0] + 1) // 2, (shape[1] + 1) // 2)
    assert set(np.unique(coarse)) <= {np.float32(0.2), np.float32(0.9)}
    # Of two near and two far pixels it takes a far one, so that no thing grows.
    columns = depth_edges.coarser(np.tile(np.float32([0.2, 0.9, 0.9, 0.9]), (4, 1)))
    np.testing.assert_array_equal(columns, np.tile(np.float32([0.2, 0.9]), (2, 1)))
