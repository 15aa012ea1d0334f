"""Depth maps inside photos, of every format and orientation, whole and broken."""

import numpy as np
import phone_files
import pillow_heif
import pytest
from PIL import Image

from pynet_tf.depth import embedded
from pynet_tf.io import images

MAKERS = {
    "gdepth_inverse": lambda o: phone_files.gdepth("RangeInverse", o),
    "gdepth_linear": lambda o: phone_files.gdepth("RangeLinear", o),
    "dynamic_depth": lambda o: phone_files.dynamic_depth(False, o),
    "dynamic_depth_new": lambda o: phone_files.dynamic_depth(True, o),
    "samsung": phone_files.samsung,
    "samsung_dark": lambda o: phone_files.samsung(o, dark_is_near=True),
    "huawei": phone_files.huawei,
    "mpo": phone_files.mpo,
}


def written(tmp_path, content):
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("maker", MAKERS)
def test_the_map_lies_on_the_photo(maker, orientation, tmp_path):
    found = embedded.find(written(tmp_path, MAKERS[maker](orientation)))
    turns = {1: 0, 3: 2, 6: 3, 8: 1}[orientation]
    expected = np.rot90(phone_files.nearness() * 255, turns)
    assert found.depth.shape == expected.shape
    # JPEG maps are a little off at edges; distances are stored coarsely where it is far.
    assert np.abs(found.depth - expected).mean() < 6
    assert found.depth[expected > 250].mean() > 235


def test_a_photo_without_a_map_has_none(tmp_path):
    plain = phone_files.encoded(phone_files.photo())
    assert embedded.find(written(tmp_path, plain)) is None
    Image.fromarray(phone_files.photo()).save(tmp_path / "photo.png")
    assert embedded.find(tmp_path / "photo.png") is None


@pytest.mark.parametrize("maker", ["gdepth", "dynamic_depth", "samsung", "huawei"])
def test_the_photo_from_before_it_was_blurred_is_there(maker, tmp_path):
    content = {
        "gdepth": lambda: phone_files.gdepth(unblurred=phone_files.photo(160)),
        "dynamic_depth": lambda: phone_files.dynamic_depth(False),
        "samsung": phone_files.samsung,
        "huawei": phone_files.huawei,
    }[maker]()
    found = embedded.find(written(tmp_path, content))
    (tmp_path / "before.jpg").write_bytes(found.unblurred)
    assert abs(int(np.asarray(Image.open(tmp_path / "before.jpg"))[0, 0, 0]) - 160) < 4


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (lambda: phone_files.gdepth(data="iVBORw0KGgo=!"), "base64"),
        (lambda: phone_files.gdepth(data="iVBORw0KGgo="), "cannot be read"),
        (lambda: phone_files.gdepth(drop=1), "part of its extended XMP is missing"),
        (lambda: phone_files.gdepth(drop=0, part=10**5), "extended XMP is missing"),
        (lambda: phone_files.gdepth(hash="0" * 32), "another one"),
        (lambda: phone_files.dynamic_depth(False, lie=10**6), "do not fit the file"),
        (lambda: phone_files.dynamic_depth(True, lie=7), "cannot be read"),
        (lambda: phone_files.samsung(lie=10**6), "do not fit the file"),
        (lambda: phone_files.huawei(cut=5), "do not fit the file"),
        (lambda: phone_files.huawei(width=4), "too few for a map"),
        (lambda: phone_files.huawei(width=20), "different views"),
    ],
)
def test_what_is_broken_says_so(content, told, tmp_path):
    with pytest.raises(embedded.BrokenDepthError, match=told):
        embedded.find(written(tmp_path, content()))


def test_a_bomb_inside_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(embedded.found, "LARGEST_PIXELS", 1000)
    with pytest.raises(embedded.BrokenDepthError, match="too many for a map"):
        embedded.find(written(tmp_path, phone_files.gdepth()))


def test_a_map_of_another_shape_is_refused(tmp_path, monkeypatch):
    square = np.rint(255 * np.random.default_rng(0).random((30, 30))).astype(np.uint8)
    monkeypatch.setattr(phone_files, "stored", lambda form: square)
    with pytest.raises(embedded.BrokenDepthError, match="different views"):
        embedded.find(written(tmp_path, phone_files.gdepth()))


@pytest.mark.parametrize(
    ("orientation", "map_is_turned"),
    # Nothing would show that a map is upside down.
    [(1, True), (3, True), (6, True), (8, True), (6, False), (8, False)],
)
def test_a_heics_map_lies_on_the_photo(orientation, map_is_turned, tmp_path):
    path = tmp_path / "photo.heic"
    path.write_bytes(phone_files.heic(orientation, map_is_turned))
    found = embedded.find(path)
    expected = np.rot90(phone_files.nearness() * 255, {1: 0, 3: 2, 6: 3, 8: 1}[orientation])
    assert found.depth.shape == expected.shape
    assert np.abs(found.depth - expected).mean() < 6
    # And the photo is turned as the map is.
    photo = images.read_photo(path)
    assert photo[np.kron(expected > 250, np.ones((2, 2))) > 0].mean(axis=0)[0] > 190


def test_a_heic_without_a_map_has_none(tmp_path):
    pillow_heif.register_heif_opener()
    Image.fromarray(phone_files.photo()).save(tmp_path / "photo.heic")
    assert embedded.find(tmp_path / "photo.heic") is None


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (np.full((30, 45), 7, np.uint8), "the same everywhere"),
        (np.tile(np.arange(64, dtype=np.uint8) * 4, (64, 1)), "different views"),
    ],
)
def test_a_heics_map_of_no_use_says_so(values, told, tmp_path):
    (tmp_path / "photo.heic").write_bytes(phone_files.heic(values=values))
    with pytest.raises(embedded.BrokenDepthError, match=told):
        embedded.find(tmp_path / "photo.heic")
