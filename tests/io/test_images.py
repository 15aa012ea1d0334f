"""Photo files of all kinds in, pictures with the photo's metadata out."""

import io

import numpy as np
import pytest
from bad_files import png_of_size
from colour_profiles import srgb
from PIL import Image

from pynet_tf.errors import InputError
from pynet_tf.io import images, opening

EXIF, ORIENTATION, MAKER, MAKER_NOTE = 0x8769, 0x0112, 0x010F, 0x927C
PIXEL_WIDTH, PIXEL_HEIGHT, EXPOSURE_TIME = 0xA002, 0xA003, 0x829A


def read(path):
    photo = images.read(path)
    return photo.pixels, photo.options


def colours(height=48, width=80):
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows * 5, columns * 3, (rows + columns) * 2], -1).astype(np.uint8)


def shot_data():
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    exif[MAKER] = "Zeiss"
    exif[EXIF] = {EXPOSURE_TIME: 0.02, PIXEL_WIDTH: 80, PIXEL_HEIGHT: 48}
    return exif.tobytes()


@pytest.mark.parametrize("size", [(13_300, 13_400), (15_000, 12_000), (60_000, 60_000)])
def test_more_pixels_than_the_limit_are_refused_by_the_limit_itself(tmp_path, size):
    path = tmp_path / "large.png"
    path.write_bytes(png_of_size(*size))
    with pytest.raises(InputError, match="more than 178 million"):
        opening.open_image(path)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp", ".jpg"])
def test_every_format_is_read(tmp_path, suffix):
    path = tmp_path / f"ein Föto{suffix}"
    images.write_image(path, colours())
    difference = np.abs(images.read_photo(path).astype(int) - colours())
    assert difference.mean() < (3 if suffix in (".jpg", ".webp") else 1e-9)


def test_grey_and_palettes_become_rgb(tmp_path):
    Image.fromarray(colours()[..., 0]).save(tmp_path / "grey.png")
    grey = images.read_photo(tmp_path / "grey.png")
    np.testing.assert_array_equal(grey, np.repeat(colours()[..., :1], 3, axis=-1))
    palette = Image.fromarray(colours()).quantize(16)
    palette.save(tmp_path / "palette.png")
    np.testing.assert_array_equal(images.read_photo(tmp_path / "palette.png"), palette.convert())


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_metadata_follows_the_photo_into_every_format(tmp_path, suffix):
    Image.fromarray(colours()).save(tmp_path / "a.jpg", exif=shot_data(), icc_profile=srgb())
    photo, options = read(tmp_path / "a.jpg")
    assert photo.shape == (80, 48, 3), "orientation 6 turns the photo"
    images.write_image(tmp_path / f"b{suffix}", photo, **options)
    with Image.open(tmp_path / f"b{suffix}") as picture:
        assert picture.size == (48, 80)
        exif = picture.getexif()
        assert exif[MAKER] == "Zeiss"
        assert exif.get(ORIENTATION, 1) == 1
        shot = exif.get_ifd(EXIF)
        assert float(shot[EXPOSURE_TIME]) == pytest.approx(0.02)
        assert (shot[PIXEL_WIDTH], shot[PIXEL_HEIGHT]) == (48, 80)
        assert picture.info["icc_profile"] == srgb()


def test_storage_tags_of_a_tiff_do_not_reach_the_picture(tmp_path):
    Image.fromarray(colours()).save(tmp_path / "a.tif", compression="tiff_lzw")
    photo, options = read(tmp_path / "a.tif")
    assert "exif" not in options
    images.write_image(tmp_path / "b.tif", photo[:20], **options)
    np.testing.assert_array_equal(images.read_photo(tmp_path / "b.tif"), photo[:20])


def test_metadata_too_large_for_a_jpeg_lose_the_makers_note_only(tmp_path):
    data = Image.Exif()
    data[MAKER] = "Zeiss"
    data[EXIF] = {EXPOSURE_TIME: 0.02, MAKER_NOTE: b"x" * 70_000}
    Image.fromarray(colours()).save(tmp_path / "a.png", exif=data.tobytes())
    photo, options = read(tmp_path / "a.png")
    images.write_image(tmp_path / "b.jpg", photo, **options)
    with Image.open(tmp_path / "b.jpg") as picture:
        assert picture.getexif()[MAKER] == "Zeiss"
        assert set(picture.getexif().get_ifd(EXIF)) == {EXPOSURE_TIME}


@pytest.mark.parametrize(("quality", "expected"), [(60, 95), (90, 95), (95, 95), (99, 99)])
def test_jpeg_is_as_good_as_its_source_and_at_least_95(tmp_path, quality, expected):
    Image.fromarray(colours()).save(tmp_path / "a.jpg", quality=quality)
    photo, options = read(tmp_path / "a.jpg")
    images.write_image(tmp_path / "b.jpg", photo, **options)
    reference = io.BytesIO()
    Image.fromarray(photo).save(reference, "JPEG", quality=expected)
    with Image.open(tmp_path / "b.jpg") as picture, Image.open(reference) as wanted:
        assert picture.quantization == wanted.quantization


@pytest.mark.parametrize(
    "kind",
    [
        {},
        {"icc_profile": srgb() + bytes(100_001)},
        {"exif": shot_data()},
        {"save_all": True, "append_images": [Image.fromarray(colours()).rotate(180)]},
    ],
    ids=["plain", "profile", "turned", "animated"],
)
@pytest.mark.parametrize("alpha", [False, True])
def test_a_webp_loses_as_much_as_its_source(tmp_path, kind, alpha):
    picture = np.dstack([colours(), colours()[..., 0]]) if alpha else colours()
    Image.fromarray(picture).save(tmp_path / "a.webp", lossless=True, exact=True, **kind)
    Image.fromarray(picture).save(tmp_path / "lossy.webp", quality=90, **kind)
    for name, loses in (("a.webp", False), ("lossy.webp", True)):
        photo, options = read(tmp_path / name)
        images.write_image(tmp_path / "b.webp", photo, **options)
        again = images.read(tmp_path / "b.webp")
        assert (again.pixels != photo).any() == loses
        if alpha:
            np.testing.assert_array_equal(again.options["alpha"], options["alpha"])
        # Others write as they do.
        images.write_image(tmp_path / "b.png", photo, **options)
        np.testing.assert_array_equal(read(tmp_path / "b.png")[0], photo)


def test_profiles_of_other_colour_spaces_are_not_passed_on(tmp_path):
    profile = bytearray(srgb())
    profile[16:20] = b"GRAY"
    Image.fromarray(colours()[..., 0]).save(tmp_path / "grey.png", icc_profile=bytes(profile))
    assert "icc_profile" not in read(tmp_path / "grey.png")[1]


def test_cmyk(tmp_path):
    Image.fromarray(colours()).convert("CMYK").save(tmp_path / "print.jpg", quality=100)
    photo = images.read_photo(tmp_path / "print.jpg")
    assert np.abs(photo.astype(int) - colours()).mean() < 3
    # A profile that Pillow cannot use changes nothing.
    Image.fromarray(colours()).convert("CMYK").save(
        tmp_path / "odd.jpg", quality=100, icc_profile=b"\0" * 200
    )
    np.testing.assert_array_equal(images.read_photo(tmp_path / "odd.jpg"), photo)


@pytest.mark.parametrize("content", [b"", b"no picture", None])
def test_unreadable_files_are_named(tmp_path, content):
    path = tmp_path / "bad.jpg"
    if content is None:
        whole = io.BytesIO()
        Image.fromarray(colours(480, 800)).save(whole, "JPEG")
        content = whole.getvalue()[: len(whole.getvalue()) // 2]
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"bad\.jpg cannot be read"):
        images.read_photo(path)


def test_stack_is_half_size_with_the_depth_map_last():
    depth = np.full((30, 50), 9, np.uint8)
    image = images.stack(colours(), depth)
    assert image.shape == (24, 40, 4)
    assert (image[..., 3] == 9).all()
    np.testing.assert_array_equal(image[..., :3], images.halve(colours()))
