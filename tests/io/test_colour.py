"""Colours in, equal colours out: as a colour-managed program shows both."""

import struct
import zlib

import colour_profiles
import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageCms

from pynet_tf.io import images


@pytest.fixture(scope="module")
def patches():
    """All colours in steps of 51, each as 2x2 pixels."""
    levels = np.arange(0, 256, 51)
    colours = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(12, 18, 3)
    return colours.astype(np.uint8).repeat(2, axis=0).repeat(2, axis=1)


def saved(path, values, mode=None, **options):
    Image.fromarray(values, mode).save(path, **options)
    return path


def through(path, suffix=".png"):
    """Reads a photo and writes it, as rendering without a blur does."""
    photo = images.read(path)
    made = path.with_name(f"made{suffix}")
    images.write_image(made, photo.pixels, **photo.options)
    return made


def assert_looks_the_same(path, within=1, suffix=".png"):
    made = through(path, suffix)
    difference = np.abs(colour_profiles.seen(made) - colour_profiles.seen(path))
    assert difference.max() <= within
    return made


@pytest.mark.parametrize("gamma", [1.8, 2.2, 1.0])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_grey_photos_with_a_profile(tmp_path, gamma, suffix):
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    profile = colour_profiles.grey(gamma)
    path = saved(tmp_path / f"grey{suffix}", values, icc_profile=profile)
    made = assert_looks_the_same(path)
    if gamma == 1.8:
        assert abs(int(images.read_photo(made)[8, 0, 0]) - 128) > 10, "the profile says something"


def test_sixteen_bit_grey_with_a_profile(tmp_path):
    values = np.linspace(0, 65535, 1024).astype(np.uint16).reshape(32, 32)
    path = saved(tmp_path / "a.png", values, icc_profile=colour_profiles.grey(1.8))
    pixels = images.read(path).pixels
    assert pixels.dtype == np.uint16
    light = (values / 65535) ** 1.8
    expected = np.where(light < 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    assert np.abs(pixels[..., 1] / 65535 - expected).max() < 3e-4


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_cmyk_with_a_profile(tmp_path, patches, suffix):
    inks = np.dstack([patches, patches[..., :1][::-1] // 2])
    profile = colour_profiles.cmyk()
    options = {"quality": 100, "subsampling": 0} if suffix == ".jpg" else {}
    path = saved(tmp_path / f"a{suffix}", inks, "CMYK", icc_profile=profile, **options)
    # Prepared tables of 8 bits differ from those of 16 by a level or two.
    assert_looks_the_same(path, within=3)
    without = saved(tmp_path / f"b{suffix}", inks, "CMYK", **options)
    assert np.abs(images.read_photo(without).astype(int) - images.read_photo(path)).mean() > 20
    assert "CMYK without a colour profile" in images.read(without).remarks[0]


def test_lab(tmp_path, patches):
    names = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    lab = ImageCms.profileToProfile(Image.fromarray(patches), *names, outputMode="LAB")
    lab.save(tmp_path / "a.tif")
    difference = np.abs(images.read_photo(tmp_path / "a.tif").astype(int) - patches)
    # Lab of 8 bits is coarse in dark blue.
    assert difference.mean() < 1
    assert np.percentile(difference, 99) < 12


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_display_p3_stays_display_p3(tmp_path, patches, suffix):
    profile = colour_profiles.display_p3()
    options = {".jpg": {"quality": 95}, ".webp": {"lossless": True}}.get(suffix, {})
    path = saved(tmp_path / f"a{suffix}", patches, icc_profile=profile, **options)
    made = assert_looks_the_same(path)
    with Image.open(path) as before, Image.open(made) as after:
        assert after.info["icc_profile"] == profile
        np.testing.assert_array_equal(before.convert("RGB"), after)


def test_light_itself_becomes_srgb(tmp_path, patches):
    path = saved(tmp_path / "a.png", patches, icc_profile=colour_profiles.display_p3(gamma=1.0))
    assert "icc_profile" not in images.read(path).options
    assert_looks_the_same(path)


def test_adobe_rgb_that_only_the_camera_data_name(tmp_path, patches):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA001] = 0xFFFF
    exif.get_ifd(0x8769)[0xA005] = {1: "R03"}
    path = saved(tmp_path / "a.jpg", patches, exif=exif)
    profile = images.read(path).options["icc_profile"]
    assert profile == imagecodecs.cms_profile("adobergb")
    del exif.get_ifd(0x8769)[0xA005]
    assert "icc_profile" not in images.read(saved(path, patches, exif=exif)).options


def with_chunks(path, *chunks):
    """Puts chunks behind a PNG's head."""
    content = path.read_bytes()
    made = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
    path.write_bytes(content[:33] + made + content[33:])
    return path


def gamma(value):
    return b"gAMA", struct.pack(">I", round(value * 100_000))


def primaries(*places):
    return b"cHRM", struct.pack(">8I", *(round(place * 100_000) for place in places))


P3_PLACES = (0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)


@pytest.mark.parametrize("bits", [8, 16])
def test_png_gamma(tmp_path, patches, bits):
    values = patches if bits == 8 else patches * np.uint16(257)
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(values))
    path = with_chunks(tmp_path / "a.png", gamma(1.0))
    pixels = images.read(path).pixels
    assert pixels.dtype == values.dtype
    light = patches / 255
    expected = np.where(light < 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    assert np.abs(pixels / np.iinfo(pixels.dtype).max - expected).max() < (0.003, 3e-4)[bits > 8]


def test_png_gamma_of_grey(tmp_path):
    values = np.arange(256, dtype=np.uint8).reshape(16, 16)
    path = with_chunks(saved(tmp_path / "a.png", values), gamma(1.0))
    assert images.read_photo(path)[8, 0].tolist() == [188] * 3


def test_png_primaries_become_a_profile(tmp_path, patches):
    path = with_chunks(saved(tmp_path / "a.png", patches), gamma(1 / 2.2), primaries(*P3_PLACES))
    made = through(path)
    np.testing.assert_array_equal(images.read_photo(made), patches)
    same = saved(tmp_path / "b.png", patches, icc_profile=colour_profiles.display_p3())
    assert np.abs(colour_profiles.seen(made) - colour_profiles.seen(same)).max() <= 1


@pytest.mark.parametrize(
    "chunks",
    [
        [gamma(0.45455)],
        [(b"sRGB", b"\0"), gamma(1.0), primaries(*P3_PLACES)],
        [gamma(0)],
        [gamma(1 / 2.2), primaries(*([0] * 8))],
    ],
)
def test_png_chunks_that_change_nothing(tmp_path, patches, chunks):
    photo = images.read(with_chunks(saved(tmp_path / "a.png", patches), *chunks))
    np.testing.assert_array_equal(photo.pixels, patches)
    assert photo.options == {}


def test_a_profile_goes_before_png_gamma(tmp_path, patches):
    path = saved(tmp_path / "a.png", patches, icc_profile=colour_profiles.display_p3())
    photo = images.read(with_chunks(path, gamma(1.0)))
    np.testing.assert_array_equal(photo.pixels, patches)
    assert photo.options["icc_profile"] == colour_profiles.display_p3()


def test_png_code_points(tmp_path, patches):
    path = saved(tmp_path / "a.png", patches, icc_profile=colour_profiles.srgb())
    made = through(with_chunks(path, (b"cICP", bytes([12, 4, 0, 1]))))
    np.testing.assert_array_equal(images.read_photo(made), patches)
    same = saved(tmp_path / "b.png", patches, icc_profile=colour_profiles.display_p3())
    assert np.abs(colour_profiles.seen(made) - colour_profiles.seen(same)).max() <= 1
    path = saved(tmp_path / "c.png", patches)
    photo = images.read(with_chunks(path, (b"cICP", bytes([9, 16, 0, 1]))))
    assert "HDR (PQ)" in photo.remarks[0]
    path = saved(tmp_path / "d.png", patches)
    photo = images.read(with_chunks(path, (b"cICP", bytes([1, 13, 0, 1])), gamma(1.0)))
    assert photo.options == {}


@pytest.mark.parametrize("suffix", [".avif", ".heic"])
def test_code_points_of_other_files(tmp_path, patches, suffix):
    if suffix == ".heic":
        pytest.importorskip("pillow_heif").register_heif_opener()
    path = saved(tmp_path / f"a{suffix}", patches.repeat(2, axis=0).repeat(2, axis=1))
    content = path.read_bytes()
    place = content.index(b"colrnclx") + 8
    path.write_bytes(content[:place] + bytes([0, 12, 0, 13]) + content[place + 4 :])
    profile = images.read(path).options["icc_profile"]
    near = colour_profiles.display_p3()
    values = np.full((4, 4, 3), (200, 40, 90), np.uint8)
    shown = [
        colour_profiles.seen(saved(tmp_path / f"{number}.png", values, icc_profile=made))
        for number, made in enumerate((profile, near))
    ]
    assert np.abs(shown[0] - shown[1]).max() <= 2
    path.write_bytes(content[:place] + bytes([0, 1, 0, 13]) + content[place + 4 :])
    assert "icc_profile" not in images.read(path).options
