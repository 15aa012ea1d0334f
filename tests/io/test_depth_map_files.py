"""Depth maps that people bring: what is put right, and what is refused."""

from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image

from pynet_tf.depth import normalization
from pynet_tf.errors import InputError
from pynet_tf.io import depth_map_files

SHAPE = (96, 128)
PHOTO = Path("photo.jpg")


def ground() -> np.ndarray:
    """A map of ground, near at the bottom, with a thing on it."""
    depth = np.linspace(0, 255, SHAPE[0])[:, None] * np.ones(SHAPE[1])
    depth[30:60, 40:70] = 220
    return np.rint(depth).astype(np.uint8)


def read(path):
    return depth_map_files.read_map(path, PHOTO, (192, 256))


@pytest.mark.parametrize("name", depth_map_files.COLOUR_MAPS)
def test_coloured_maps_are_turned_back(name, tmp_path):
    coloured = matplotlib.colormaps[name](ground(), bytes=True)[..., :3]
    Image.fromarray(coloured).save(tmp_path / "map.png")
    values, how = read(tmp_path / "map.png")
    assert name in how
    # Some colours of a map stand for up to three values beside each other.
    assert np.abs(values.astype(int) - ground()).max() <= 2
    Image.fromarray(coloured).save(tmp_path / "map.jpg", quality=75, subsampling=0)
    values, how = read(tmp_path / "map.jpg")
    assert name in how
    assert np.median(np.abs(values.astype(int) - ground())) <= 2


def test_a_grey_map_is_taken_as_it_is(tmp_path):
    Image.fromarray(ground()).save(tmp_path / "map.png")
    values, how = read(tmp_path / "map.png")
    np.testing.assert_array_equal(values, ground())
    assert how == ""


def test_a_map_that_seems_turned_over_is_named(tmp_path):
    Image.fromarray(255 - ground()).save(tmp_path / "map.png")
    values, how = read(tmp_path / "map.png")
    np.testing.assert_array_equal(values, 255 - ground())
    assert "--invert levels" in how


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("size", "photo", "named"),
    [
        ((800, 512), (1536, 1024), True),
        ((1600, 1040), (1536, 1024), True),
        ((770, 518), (1536, 1024), False),
        ((800, 533), (1536, 1024), False),
        ((704, 512), (4000, 3000), False),
        ((518, 196), (2550, 1000), False),
    ],
)
def test_a_map_of_nearly_the_photos_proportions_is_named(size, photo, named, turned, tmp_path):
    """Not those of estimators, which are of whole blocks."""
    if turned:
        size, photo = size[::-1], photo[::-1]
    Image.fromarray(ground()).resize(size).save(tmp_path / "map.png")
    _, how = depth_map_files.read_map(tmp_path / "map.png", PHOTO, photo[::-1])
    assert ("off the photo's" in how) == named


def test_sixteen_bits_over_their_whole_range_are_a_map(tmp_path):
    Image.fromarray(ground().astype(np.uint16) * 257).save(tmp_path / "map.png")
    np.testing.assert_array_equal(read(tmp_path / "map.png")[0], ground())


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (np.full(SHAPE, 7, np.uint8), "the same everywhere"),
        (np.zeros((1, 1), np.uint8), "too few to be a depth map"),
        (ground().T, "its photo's proportions"),
        (np.hstack([ground(), ground()]), "beside its photo"),
        (np.random.default_rng(0).integers(0, 256, (96, 256, 3), np.uint8), "beside its photo"),
        (ground().astype(np.uint16) * 20, "may be a distance"),
        (ground().astype(np.float32) / 10, "may be a distance"),
        (np.random.default_rng(0).integers(0, 256, (*SHAPE, 3), np.uint8), "is coloured"),
    ],
)
def test_what_is_no_map_of_this_photo_is_refused(values, told, tmp_path):
    path = tmp_path / ("map.tiff" if values.dtype == np.float32 else "map.png")
    Image.fromarray(values).save(path)
    with pytest.raises(InputError, match=told):
        read(path)


def test_a_map_of_several_pages_is_the_first_and_says_so(tmp_path):
    pages = [Image.fromarray(ground()), Image.fromarray(ground()[:48])]
    pages[0].save(tmp_path / "map.tif", save_all=True, append_images=pages[1:])
    values, how = read(tmp_path / "map.tif")
    np.testing.assert_array_equal(values, ground())
    assert "more than one page" in how
    told = []
    np.testing.assert_array_equal(normalization.read_map(tmp_path / "map.tif", told.append), values)
    assert ["more than one page" in sentence for sentence in told] == [True]
