"""TIFF photos of more than 8 bits, in every layout that programs write."""

import imagecodecs
import numpy as np
import pytest
import tifffile

from pynet_tf.errors import InputError
from pynet_tf.io import colour, images, opening, tiff_files


@pytest.fixture(scope="module")
def deep():
    return np.random.default_rng(0).integers(0, 65536, (40, 56, 4), np.uint16)


def written(path, values, photometric="rgb", **options):
    tifffile.imwrite(path, values, photometric=photometric, **options)
    return path


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "lzw", "predictor": True},
        {"compression": "zlib", "predictor": True, "byteorder": ">"},
        {"tile": (32, 32), "compression": "zstd"},
        {"bigtiff": True, "byteorder": ">"},
        {"planarconfig": "separate"},
        {"planarconfig": "separate", "tile": (16, 16), "compression": "lzw"},
    ],
)
def test_layouts(tmp_path, deep, options):
    values = deep[..., :3]
    if "planarconfig" in options:
        values = np.moveaxis(values, -1, 0).copy()
    photo = images.read(written(tmp_path / "a.tif", values, **options))
    np.testing.assert_array_equal(photo.pixels, deep[..., :3])
    assert "alpha" not in photo.options


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.uint32])
def test_other_types_become_16_bits(tmp_path, deep, kind):
    most = np.iinfo(kind).max if kind == np.uint32 else 1
    values = (deep[..., :3] / 65535 * most).astype(kind)
    pixels = images.read(written(tmp_path / "a.tif", values)).pixels
    within = 17 if kind == np.float16 else 1
    assert np.abs(pixels.astype(int) - deep[..., :3]).max() <= within


def test_grey(tmp_path, deep):
    grey, alpha = deep[..., 0], deep[..., 3]
    path = written(tmp_path / "a.tif", grey, "miniswhite")
    np.testing.assert_array_equal(images.read(path).pixels[..., 1], 65535 - grey)
    np.testing.assert_array_equal(images.read_depth(path), (65535 - grey) >> 8)
    both = np.dstack([grey, alpha])
    options = {"extrasamples": ["unassalpha"], "planarconfig": "contig"}
    photo = images.read(written(tmp_path / "a.tif", both, "minisblack", **options))
    np.testing.assert_array_equal(photo.pixels[..., 1], grey)
    np.testing.assert_array_equal(photo.options["alpha"], alpha)


def test_colours_that_alpha_was_multiplied_into(tmp_path, deep):
    alpha = np.maximum(deep[..., 3], 20_000)
    values = np.rint(deep[..., :3] * (alpha[..., None] / 65535)).astype(np.uint16)
    path = tmp_path / "a.tif"
    written(path, np.dstack([values, alpha]), extrasamples=["assocalpha"])
    photo = images.read(path)
    assert np.abs(photo.pixels.astype(int) - deep[..., :3]).max() <= 2
    np.testing.assert_array_equal(photo.options["alpha"], alpha)


def test_eight_bits_in_a_layout_that_pillow_does_not_know(tmp_path, deep):
    values = (deep >> 8).astype(np.uint8)
    path = written(tmp_path / "a.tif", values, "icclab", extrasamples=["unassalpha"])
    photo = images.read(path)
    assert photo.pixels.dtype == np.uint8
    np.testing.assert_array_equal(photo.pixels, colour.to_rgb(values[..., :3], "lab", None)[0])
    np.testing.assert_array_equal(photo.options["alpha"], values[..., 3])


@pytest.mark.parametrize("photometric", ["cielab", "icclab"])
def test_lab(tmp_path, deep, photometric):
    rgb = deep[..., :3].copy()
    profiles = imagecodecs.cms_profile("srgb"), imagecodecs.cms_profile("lab4")
    lab = imagecodecs.cms_transform(rgb, *profiles, colorspace="rgb", outcolorspace="lab")
    light, shifted = lab[..., :1].astype(float), lab[..., 1:] / 257
    if photometric == "cielab":
        values = np.dstack([light, np.rint((shifted - 128) * 256) % 65536])
    else:
        values = np.dstack([light * 65280 / 65535, shifted * 256])
    path = written(tmp_path / "a.tif", np.rint(values).astype(np.uint16), photometric)
    difference = np.abs(images.read(path).pixels.astype(int) - rgb)
    assert difference.mean() < 0.1 * 257
    assert difference.max() < 3 * 257


def test_cmyk_without_a_profile_says_so(tmp_path, deep):
    photo = images.read(written(tmp_path / "a.tif", deep, "separated"))
    left = (65535.0 - deep) / 65535
    assert np.abs(photo.pixels / 65535 - left[..., :3] * left[..., 3:]).max() < 1e-4
    assert "CMYK without a colour profile" in photo.remarks[0]


def test_metadata_of_files_that_pillow_cannot_open(tmp_path, deep):
    profile = imagecodecs.cms_profile("adobergb")
    description = b'<x xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    description += b'<r:Description xmlns:d="d" d:title="t"/></x>'
    path = tmp_path / "a.tif"
    extra = [(700, 1, len(description), description, True), (271, 2, 6, "Zeiss", True)]
    written(
        path, (deep[..., :3] / 65535).astype(np.float32), iccprofile=profile, extratags=extra,
        resolution=(300, 300), resolutionunit="INCH",
    )  # fmt: skip
    options = images.read(path).options
    assert options["icc_profile"] == profile
    assert options["xmp"] == description
    assert options["dpi"] == (300, 300)
    assert b"Zeiss" in options["exif"]


@pytest.mark.parametrize("kind", [np.uint16, np.float32])
def test_what_is_damaged_is_refused_without_more_words(tmp_path, deep, kind, capfd):
    path = written(tmp_path / "a.tif", deep[..., :3].astype(kind), compression="zlib")
    content = path.read_bytes()
    for damaged in (content[:-4000], content[:200], content[:8]):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=r"a\.tif cannot be read as a picture"):
            images.read(path)
    assert capfd.readouterr().err == ""


def test_too_large_a_file_is_refused_before_it_is_decoded(tmp_path, deep, monkeypatch):
    path = written(tmp_path / "a.tif", deep[..., :3].astype(np.float32))
    monkeypatch.setattr(opening, "MAX_PIXELS", 1000)
    monkeypatch.setattr(tiff_files, "read", None)
    with pytest.raises(InputError, match="more than 0 million"):
        images.read(path)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
# Pillow does not know the last one.
@pytest.mark.parametrize("compression", [None, "lzw", "zstd"])
def test_more_pages_are_told(tmp_path, deep, kind, compression):
    page = deep[..., :3].astype(kind)
    preview = page[::2, ::2], "rgb", {"subfiletype": 1, "compression": compression}
    mask = np.ones((40, 56), bool), "minisblack", {"subfiletype": 4}
    other = page[:20], "rgb", {"compression": compression}
    for others, told in (([], False), ([preview, mask], False), ([preview, other], True)):
        with tifffile.TiffWriter(tmp_path / "a.tif") as file:
            file.write(page, photometric="rgb", compression=compression)
            for values, photometric, options in others:
                file.write(values, photometric=photometric, **options)
        photo = images.read(tmp_path / "a.tif")
        wanted = ("it has more than one page; this is its first only",) if told else ()
        assert photo.remarks == wanted
        np.testing.assert_array_equal(photo.pixels, page)


def test_a_page_that_is_damaged_does_not_keep_the_first_from_being_read(tmp_path, deep):
    whole = written(tmp_path / "a.tif", deep[..., :3])
    content = bytearray(whole.read_bytes())
    place = int.from_bytes(content[4:8], "little")
    entries = int.from_bytes(content[place : place + 2], "little")
    after = place + 2 + 12 * entries
    content[after : after + 4] = (2**31).to_bytes(4, "little")
    whole.write_bytes(content)
    np.testing.assert_array_equal(images.read(whole).pixels, deep[..., :3])
