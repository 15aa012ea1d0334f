"""What is told of a picture: as sharp as the photo, or blurred, or of another colour."""

import runpy

import numpy as np
import pytest
from conftest import ROOT
from scipy import ndimage

from pynet_tf.errors import InputError
from pynet_tf.io import images

TOOL = runpy.run_path(str(ROOT / "tools" / "measure" / "check_pictures.py"))


@pytest.fixture
def photo_and_depth():
    photo = np.random.default_rng(0).integers(0, 256, (192, 256, 3), np.uint8)
    depth = np.zeros((96, 128), np.uint8)
    depth[24:72, 40:90] = 255
    return photo, depth


def test_the_photo_itself_is_as_sharp_and_of_its_own_colour(photo_and_depth):
    photo, depth = photo_and_depth
    subject = TOOL["find_subject"](photo, depth)
    assert TOOL["measure"](photo, subject, photo) == pytest.approx((1, 1, 0))


def test_blur_around_the_subject_and_a_cast_on_it_are_seen(photo_and_depth):
    photo, depth = photo_and_depth
    picture = ndimage.gaussian_filter(photo, (4, 4, 0)).astype(int)
    picture[48:144, 80:180] = photo[48:144, 80:180]
    picture[..., 1] += 7
    subject = TOOL["find_subject"](photo, depth)
    sharpness, rest, colour = TOOL["measure"](photo, subject, picture)
    assert sharpness == pytest.approx(1)
    assert rest < 0.1
    assert colour == pytest.approx(7)


def test_sheet_and_table_of_a_folder(photo_and_depth, tmp_path, capsys):
    photo, depth = photo_and_depth
    for place, picture in (("photos", photo), ("depths", depth), ("pictures", photo)):
        images.write_image(tmp_path / place / "a.png", picture)
    folders = [str(tmp_path / place) for place in ("photos", "depths", "pictures")]
    TOOL["main"]([*folders, "--output", str(tmp_path / "sheet.png")])
    assert "| a | 1.000 | 1.000 | 0.000 |" in capsys.readouterr().out
    assert images.read_photo(tmp_path / "sheet.png").std() > 10
    (tmp_path / "pictures" / "a.png").unlink()
    with pytest.raises(InputError, match=r"pictures has nothing for .*a\.png"):
        TOOL["main"](folders)
