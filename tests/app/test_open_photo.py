"""A photo that is open: choices, preview, the file and the command of the same picture."""

import shlex

import numpy as np
import pytest
from conftest import ROOT
from PIL import Image

from pynet_tf.app import views
from pynet_tf.app.open_photo import PREVIEW_PIXELS, OpenPhoto, preview
from pynet_tf.app.renderers import NoEstimatorError, Renderers
from pynet_tf.errors import InputError
from pynet_tf.io import images
from pynet_tf.render import command as render

EXAMPLES = ROOT / "docs" / "examples"
MAP = EXAMPLES / "portrait_depth.png"


def no_estimator():
    raise InputError("the depth estimator cannot be had (no network); give a depth map")


@pytest.fixture(scope="module")
def renderers():
    return Renderers(None, no_estimator)


@pytest.fixture
def portrait(renderers, tmp_path):
    path = tmp_path / "portrait.jpg"
    path.write_bytes((EXAMPLES / "portrait.jpg").read_bytes())
    return OpenPhoto(renderers, path, tmp_path)


@pytest.mark.parametrize("method", ["net", "lens"])
def test_the_file_is_the_one_that_the_shown_command_writes(portrait, tmp_path, monkeypatch, method):
    (tmp_path / "map.png").write_bytes(MAP.read_bytes())
    portrait.open(tmp_path / "map.png")
    portrait.choose(
        point=(0.8123, 0.3), blur=1.7, highlights=3.0, sharp_range=(0.1, 0.3), method=method
    )
    path, remarks = portrait.write(tmp_path / "page")
    words = shlex.split(portrait.command())
    assert words[:3] == ["python", "-m", "pynet_tf.render"]
    monkeypatch.chdir(tmp_path)
    assert render.main(words[3:]) == 0
    assert path.read_bytes() == (tmp_path / "out" / "portrait.jpg").read_bytes()
    assert not remarks


def test_what_the_file_keeps_is_kept(renderers, tmp_path):
    photo = Image.fromarray(images.resize(images.read_photo(EXAMPLES / "portrait.jpg"), 96, 128))
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    exif[0x0112] = 6
    photo.save(tmp_path / "turned.jpg", exif=exif, quality=97)
    Image.new("L", (96, 128)).save(tmp_path / "map.png")
    rows = np.repeat(np.linspace(0, 255, 128).astype(np.uint8)[:, None], 96, axis=1)
    Image.fromarray(rows).save(tmp_path / "map.png")
    opened = OpenPhoto(renderers, tmp_path / "turned.jpg", tmp_path).open(tmp_path / "map.png")
    path, _ = opened.write(tmp_path / "out")
    with Image.open(path) as made:
        assert made.size == (96, 128)
        assert made.getexif()[0x010F] == "a camera"
        assert made.getexif().get(0x0112, 1) == 1


def test_without_an_estimator_a_map_of_ones_own_opens_the_photo(portrait):
    with pytest.raises(NoEstimatorError):
        portrait.open()
    portrait.open_without_depth()
    assert not portrait.has_depth
    assert portrait.small.shape == (512, 512, 3)
    portrait.take_map(MAP)
    assert portrait.has_depth
    assert portrait.picture().shape == (512, 512, 3)
    assert portrait.found.source.endswith("portrait_depth.png")
    assert "--depth portrait_depth.png" in portrait.command()


def test_a_wrong_choice_or_map_changes_nothing(portrait, tmp_path):
    portrait.open(MAP)
    choices, found = portrait.choices, portrait.found
    with pytest.raises(InputError, match="blur is 99"):
        portrait.choose(blur=99)
    Image.new("L", (20, 90)).save(tmp_path / "other.png")
    with pytest.raises(InputError, match="photo's proportions"):
        portrait.take_map(tmp_path / "other.png")
    assert portrait.choices == choices
    assert portrait.found is found


def test_a_photo_is_prepared_once_for_many_clicks(portrait, renderers, monkeypatch):
    portrait.open(MAP)

    def never(*_):
        raise AssertionError("prepared or read again")

    for name in ("prepare", "with_depth"):
        monkeypatch.setattr(renderers, name, never)
    monkeypatch.setattr(images, "read", never)
    for x in (0.2, 0.5, 0.8):
        portrait.choose(point=(x, 0.5))
        portrait.picture()


def test_the_preview_is_a_megapixel_of_8_bits():
    small = preview(np.full((1200, 1600, 3), 40_000, np.uint16))
    assert small.dtype == np.uint8
    assert abs(small.shape[0] * small.shape[1] / PREVIEW_PIXELS - 1) < 0.01
    tiny = np.zeros((70, 90, 3), np.uint8)
    assert preview(tiny).shape == tiny.shape


def test_the_focus_is_marked_where_it_is():
    grey = np.full((100, 200, 3), 128, np.uint8)
    for chosen in (True, False):
        marked = np.asarray(views.with_focus(grey, (0.75, 0.25), chosen)).astype(int)
        rows, columns = np.nonzero(np.abs(marked - 128).max(axis=-1) > 20)
        assert abs(rows.mean() - 25) < 2
        assert abs(columns.mean() - 150) < 2
    # At a corner, too.
    views.with_focus(grey, (0.0, 1.0), True)


def test_the_automatic_focus_is_on_the_subject(portrait):
    portrait.open(MAP)
    x, y = portrait.sharp_point()
    depth = np.asarray(Image.open(MAP).convert("L"))
    there = depth[int(y * depth.shape[0]), int(x * depth.shape[1])] / 255
    from pynet_tf.lens.focus import nearest_subject

    assert abs(there - nearest_subject(depth)) < 0.03
