"""Where the depth map of a photo file comes from, and where the camera focused."""

import numpy as np
import phone_files
import pillow_heif
import pytest
from PIL import Image

from pynet_tf.depth import sources
from pynet_tf.depth.camera_focus import camera_focus
from pynet_tf.errors import InputError
from pynet_tf.io import images


class Grey:
    """An estimator for tests: brightness is nearness."""

    name = "grey"

    def estimate(self, photo):
        return photo[::2, ::2, 0]


def never():
    raise AssertionError("no estimator is needed")


def test_the_photos_own_map_comes_first(tmp_path):
    (tmp_path / "photo.jpg").write_bytes(phone_files.gdepth())
    found = sources.automatic(never)(tmp_path / "photo.jpg")
    assert "GDepth" in found.source
    assert found.depth.shape == phone_files.nearness().shape


def test_the_photo_from_before_it_was_blurred_is_rendered(tmp_path):
    content = phone_files.gdepth(orientation=6, unblurred=phone_files.photo(160))
    (tmp_path / "photo.jpg").write_bytes(content)
    found = sources.automatic(never)(tmp_path / "photo.jpg")
    assert "before it was blurred" in found.source
    assert found.photo.shape[:2] == (phone_files.WIDTH, phone_files.HEIGHT)
    assert abs(int(np.median(found.photo)) - 160) < 4


def test_others_are_estimated_and_a_broken_map_is_told(tmp_path):
    loaded = []

    def estimator():
        loaded.append(1)
        return Grey()

    source = sources.automatic(estimator)
    (tmp_path / "plain.jpg").write_bytes(phone_files.encoded(phone_files.photo()))
    (tmp_path / "broken.jpg").write_bytes(phone_files.gdepth(drop=1))
    assert source(tmp_path / "plain.jpg").source == "estimated by grey"
    assert "extended XMP is missing" in source(tmp_path / "broken.jpg").source
    assert loaded == [1]


def of_orientation(orientation: int, image: np.ndarray) -> np.ndarray:
    return np.rot90(image, {1: 0, 3: 2, 6: 3, 8: 1}[orientation])


def assert_lies_on_what_is_bright(point, upright):
    row, column = int(point[1] * upright.shape[0]), int(point[0] * upright.shape[1])
    assert upright[row, column, 0] > 150


def test_a_photo_that_gets_no_map_is_named(tmp_path):
    def estimator():
        raise InputError("no network")

    source = sources.automatic(estimator)
    (tmp_path / "plain.jpg").write_bytes(phone_files.encoded(phone_files.photo()))
    (tmp_path / "broken.jpg").write_bytes(phone_files.gdepth(drop=1))
    with pytest.raises(InputError, match=r"plain\.jpg holds no depth map, .*: no network"):
        source(tmp_path / "plain.jpg")
    with pytest.raises(InputError, match=r"broken\.jpg holds a depth map of no use \(a part of"):
        source(tmp_path / "broken.jpg")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".heic", ".avif"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_where_the_camera_focused_lies_on_the_photo(orientation, suffix, tmp_path):
    image = np.zeros((60, 90, 3), np.uint8)
    image[36:44, 18:26] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif.get_ifd(0x8769)[0x9214] = (22, 40, 8, 8)
    pillow_heif.register_heif_opener()
    Image.fromarray(image).save(tmp_path / f"photo{suffix}", exif=exif.tobytes())
    photo = images.read_photo(tmp_path / f"photo{suffix}")
    assert photo.shape == of_orientation(orientation, image).shape
    point, why = camera_focus(tmp_path / f"photo{suffix}", photo.shape)
    assert_lies_on_what_is_bright(point, photo)
    assert why == "where the camera focused"


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_faces_come_before_the_subject_area(orientation, tmp_path):
    xmp = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        b'xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/" '
        b'xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#">'
        b'<mwg-rs:Area stArea:x="0.9" stArea:y="0.3" stArea:w="0.1" stArea:h="0.1"/>'
        b'<mwg-rs:Area stArea:x="0.2" stArea:y="0.75" stArea:w="0.2" stArea:h="0.3"/>'
        b"</rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    plain = phone_files.encoded(phone_files.photo(), orientation=orientation)
    content = phone_files.with_segments(plain, b"http://ns.adobe.com/xap/1.0/\0" + xmp)
    (tmp_path / "photo.jpg").write_bytes(content)
    upright = of_orientation(orientation, phone_files.photo(0))
    point, why = camera_focus(tmp_path / "photo.jpg", upright.shape)
    assert_lies_on_what_is_bright(point, upright)
    assert why == "the largest face"


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_focus_beside_a_map_lies_on_the_photo(orientation, tmp_path):
    content = phone_files.gdepth(orientation=orientation, focus=(0.2, 0.75))
    (tmp_path / "photo.jpg").write_bytes(content)
    point, why = sources.automatic(never)(tmp_path / "photo.jpg").focus
    assert_lies_on_what_is_bright(point, of_orientation(orientation, phone_files.photo(0)))
    assert why == "where the camera focused"


def test_most_photos_do_not_say(tmp_path):
    (tmp_path / "photo.jpg").write_bytes(phone_files.encoded(phone_files.photo()))
    assert camera_focus(tmp_path / "photo.jpg", phone_files.photo().shape) is None
    (tmp_path / "text.jpg").write_text("no photo")
    assert camera_focus(tmp_path / "text.jpg", (9, 9)) is None
