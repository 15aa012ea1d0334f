"""Photos of 16 bits a channel and with transparency: what goes in comes out."""

import struct
import zlib

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from pynet_tf.errors import InputError
from pynet_tf.io import images

ORIENTATION, MAKER, EXIF, EXPOSURE_TIME = 0x0112, 0x010F, 0x8769, 0x829A
DEEP = (".png", ".tif")


@pytest.fixture(scope="module")
def deep():
    """Every value of 16 bits, and other colours beside it."""
    ramp = np.arange(65536, dtype=np.uint16).reshape(128, 512)
    return np.dstack([ramp, ramp[::-1], ramp.T.reshape(128, 512)])


def write_deep(path, values):
    """Writes a file as other programs do."""
    if path.suffix == ".png":
        path.write_bytes(imagecodecs.png_encode(values))
    else:
        extra = {"extrasamples": ["unassalpha"]} if values.shape[-1] == 4 else {}
        tifffile.imwrite(path, values, photometric="rgb", **extra)
    return path


def through(path, made):
    photo = images.read(path)
    return photo, images.write_image(made, photo.pixels, **photo.options)


@pytest.mark.parametrize("made", DEEP)
@pytest.mark.parametrize("suffix", DEEP)
def test_sixteen_bits_come_back_value_for_value(tmp_path, deep, suffix, made):
    photo, lost = through(write_deep(tmp_path / f"a{suffix}", deep), tmp_path / f"b{made}")
    np.testing.assert_array_equal(photo.pixels, deep)
    np.testing.assert_array_equal(images.read(tmp_path / f"b{made}").pixels, deep)
    assert lost == photo.remarks == ()
    with Image.open(tmp_path / f"b{made}") as picture:
        np.testing.assert_array_equal(picture, deep >> 8, "Pillow reads the upper 8 bits")


@pytest.mark.parametrize("suffix", DEEP)
def test_sixteen_bit_grey(tmp_path, deep, suffix):
    Image.fromarray(deep[..., 0]).save(tmp_path / f"a{suffix}")
    photo, _ = through(tmp_path / f"a{suffix}", tmp_path / f"b{suffix}")
    np.testing.assert_array_equal(photo.pixels, deep[..., :1].repeat(3, axis=-1))
    np.testing.assert_array_equal(images.read(tmp_path / f"b{suffix}").pixels, photo.pixels)
    np.testing.assert_array_equal(
        images.read_depth(tmp_path / f"a{suffix}"), deep[..., 0] >> 8, "a depth map has 8"
    )


@pytest.mark.parametrize("suffix", DEEP)
def test_eight_bits_of_sixteen_are_rounded(tmp_path, deep, suffix):
    photo = images.read_photo(write_deep(tmp_path / f"a{suffix}", deep))
    np.testing.assert_array_equal(photo, np.rint(deep / 257))


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".bmp"])
def test_what_holds_8_bits_says_so(tmp_path, deep, suffix):
    _, lost = through(write_deep(tmp_path / "a.png", deep), tmp_path / f"b{suffix}")
    assert lost == (f"a {suffix} file holds 8 of its 16 bits a channel; a PNG holds them all",)
    assert images.read(tmp_path / f"b{suffix}").pixels.dtype == np.uint8


@pytest.mark.parametrize("made", DEEP)
@pytest.mark.parametrize("suffix", DEEP)
def test_sixteen_bit_transparency(tmp_path, deep, suffix, made):
    alpha = deep[::-1, ::-1, :1]
    photo, _ = through(
        write_deep(tmp_path / f"a{suffix}", np.dstack([deep, alpha])), tmp_path / f"b{made}"
    )
    np.testing.assert_array_equal(photo.pixels, deep)
    again = images.read(tmp_path / f"b{made}")
    np.testing.assert_array_equal(again.pixels, deep)
    np.testing.assert_array_equal(again.options["alpha"], alpha[..., 0])


def test_grey_with_transparency(tmp_path, deep):
    path = tmp_path / "a.png"
    path.write_bytes(imagecodecs.png_encode(deep[..., :2].copy()))
    photo = images.read(path)
    np.testing.assert_array_equal(photo.pixels, deep[..., :1].repeat(3, axis=-1))
    np.testing.assert_array_equal(photo.options["alpha"], deep[..., 1])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", DEEP)
def test_sixteen_bit_photos_are_turned_upright(tmp_path, deep, suffix, orientation):
    deep = deep[:24, :40]
    exif = Image.Exif()
    exif[ORIENTATION], exif[MAKER] = orientation, "Zeiss"
    exif.get_ifd(EXIF)[EXPOSURE_TIME] = 0.02
    path = tmp_path / f"a{suffix}"
    images.write_image(path, deep, exif=exif.tobytes())
    photo, _ = through(path, tmp_path / f"b{suffix}")
    with Image.open(path) as picture:
        upright = np.asarray(images.ImageOps.exif_transpose(picture))
    np.testing.assert_array_equal(photo.pixels >> 8, upright)
    with Image.open(tmp_path / f"b{suffix}") as made:
        np.testing.assert_array_equal(made, upright)
        assert made.getexif().get(ORIENTATION, 1) == 1
        assert made.getexif()[MAKER] == "Zeiss"
        assert float(made.getexif().get_ifd(EXIF)[EXPOSURE_TIME]) == pytest.approx(0.02)


@pytest.mark.parametrize("suffix", DEEP)
def test_a_deep_photo_that_is_cut_short_is_refused(tmp_path, deep, suffix):
    path = write_deep(tmp_path / f"a{suffix}", deep)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match=r"cannot be read as a picture"):
        images.read(path)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA", "P", "RGB"])
@pytest.mark.parametrize("made", [".png", ".webp", ".tif"])
def test_transparency_is_carried_over(tmp_path, deep, mode, made):
    colours = (deep >> 8).astype(np.uint8)[:24, :40]
    alpha = np.zeros((24, 40), np.uint8)
    alpha[:, 20:] = 255
    if mode in ("RGBA", "LA"):
        alpha[:, 10:] = np.arange(30) * 8
        Image.fromarray(np.dstack([colours[..., : len(mode) - 1], alpha])).save(tmp_path / "a.png")
    elif mode == "RGB":
        # One colour is transparent.
        colours[:, :20], colours[:, 20:] = (1, 2, 3), (3, 2, 1)
        Image.fromarray(colours).save(tmp_path / "a.png", transparency=(1, 2, 3))
    else:
        picture = Image.fromarray((alpha > 0).astype(np.uint8)).convert("P")
        picture.putpalette([9, 8, 7, 6, 5, 4])
        picture.save(tmp_path / "a.png", transparency=0 if mode == "P" else b"\0\xff")
    photo, lost = through(tmp_path / "a.png", tmp_path / f"b{made}")
    assert lost == ()
    np.testing.assert_array_equal(photo.options["alpha"], alpha)
    if mode == "RGBA":
        np.testing.assert_array_equal(photo.pixels, colours, "also where nothing is seen")
    again = images.read(tmp_path / f"b{made}")
    np.testing.assert_array_equal(again.options["alpha"], alpha)
    if made != ".webp":
        np.testing.assert_array_equal(again.pixels, photo.pixels)


@pytest.mark.parametrize("channels", [1, 3])
def test_one_transparent_colour_of_sixteen_bits(tmp_path, deep, channels):
    values = np.zeros((24, 40, channels), np.uint16)
    values[:, 20:] = 257
    content = imagecodecs.png_encode(values[..., 0] if channels == 1 else values)
    chunk = b"tRNS" + b"\1\1" * channels
    checked = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    (tmp_path / "a.png").write_bytes(content[:33] + checked + content[33:])
    through(tmp_path / "a.png", tmp_path / "b.png")
    alpha = images.read(tmp_path / "b.png").options["alpha"]
    assert (alpha[:, :20] == 65535).all()
    assert not alpha[:, 20:].any()


def test_transparency_of_an_avif(tmp_path):
    alpha = np.zeros((24, 40), np.uint8)
    alpha[:, 20:] = 200
    Image.fromarray(np.dstack([alpha] * 4)).save(tmp_path / "a.avif", quality=100)
    photo = images.read(tmp_path / "a.avif")
    assert np.abs(photo.options["alpha"].astype(int) - alpha).max() <= 2
    assert images.write_image(tmp_path / "b.avif", photo.pixels, **photo.options) == ()
    again = images.read(tmp_path / "b.avif").options["alpha"]
    assert np.abs(again.astype(int) - alpha).mean() < 2


@pytest.mark.parametrize("made", [".jpg", ".bmp"])
def test_transparency_that_is_lost_is_told(tmp_path, made):
    Image.new("RGBA", (40, 24), (1, 2, 3, 128)).save(tmp_path / "a.png")
    _, lost = through(tmp_path / "a.png", tmp_path / f"b{made}")
    assert lost == (f"a {made} file cannot keep its transparency; a PNG can",)
    Image.new("RGBA", (40, 24), (1, 2, 3, 255)).save(tmp_path / "a.png")
    assert through(tmp_path / "a.png", tmp_path / f"b{made}")[1] == (), "nothing is transparent"


def test_an_animation_says_that_it_is_one(tmp_path):
    frames = [Image.new("RGB", (40, 24), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert "animated" in images.read(tmp_path / "a.gif").remarks[0]


def test_a_heic_with_several_photos_says_so(tmp_path):
    pytest.importorskip("pillow_heif").register_heif_opener()
    photos = [Image.new("RGB", (64, 64), colour) for colour in ("red", "blue")]
    for number, more in enumerate(([], photos[1:])):
        path = tmp_path / f"{number}.heic"
        photos[0].save(path, "HEIF", save_all=True, append_images=more)
        assert ["one photo" in words for words in images.read(path).remarks] == [True] * len(more)


def test_an_avif_of_10_bits_says_that_8_are_read(tmp_path, deep):
    path = tmp_path / "a.avif"
    for bits in (10, 8):
        values = (deep[:24, :40] >> (16 - bits)).astype(np.uint16 if bits > 8 else np.uint8)
        path.write_bytes(imagecodecs.avif_encode(values, bitspersample=bits))
        remarks = images.read(path).remarks
        assert remarks == (("its 10 bits a channel are read as 8",) if bits > 8 else ())


@pytest.mark.parametrize("kind", ["xmp", "iso"])
def test_a_gain_map_that_is_left_out_is_told(tmp_path, kind):
    options = {"xmp": b'<x xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1"/>'}
    if kind == "iso":
        segment = b"urn:iso:std:iso:ts:21496:-1\0\0\0\0\0"
        options = {"extra": b"\xff\xe2" + (len(segment) + 2).to_bytes(2) + segment}
    Image.new("RGB", (40, 24)).save(tmp_path / "a.jpg", **options)
    photo = images.read(tmp_path / "a.jpg")
    assert photo.remarks == ("its gain map for HDR screens is left out",)
    assert "xmp" not in photo.options


def test_captions_that_are_left_out_are_told(tmp_path):
    block = b"Photoshop 3.0\x008BIM\x04\x04\0\0" + (8).to_bytes(4) + b"\x1c\x02\x78\0\x03abc"
    segment = b"\xff\xed" + (len(block) + 2).to_bytes(2) + block
    Image.new("RGB", (40, 24)).save(tmp_path / "a.jpg", extra=segment)
    assert "IPTC" in images.read(tmp_path / "a.jpg").remarks[0]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (np.linspace(0, 255, 96, dtype=np.float32), "from 0 to 255, where white is 1; "),
        (np.linspace(0, 8, 96, dtype=np.float32)[:, None] * np.ones(3, np.float32), "from 0 to 8"),
        (np.linspace(0, 2**30, 96).astype(np.int32), "where white is 65535"),
        (np.linspace(-5, 9, 96).astype(np.int32), "from -5 to 9"),
    ],
)
def test_values_of_another_scale_do_not_become_white(values, told, tmp_path):
    values = np.broadcast_to(values, (64, *values.shape))
    kind = "rgb" if values.ndim == 3 else "minisblack"
    tifffile.imwrite(tmp_path / "a.tif", values, photometric=kind)
    with pytest.raises(InputError, match=rf"a\.tif has values .*{told}"):
        images.read(tmp_path / "a.tif")


def test_lights_beyond_white_are_white(tmp_path):
    values = np.full((64, 96, 3), 0.5, np.float32)
    values[:8, :8] = 7
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb")
    pixels = images.read(tmp_path / "a.tif").pixels
    assert (pixels.min(), pixels.max()) == (32768, 65535)
