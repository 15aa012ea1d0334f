"""Aligning one's own shots: a known warp is found again; pairs that do not fit are refused."""

import subprocess
import sys

import numpy as np
import pytest
from colour_profiles import display_p3
from conftest import ROOT
from PIL import Image
from scipy import ndimage

from pynet_tf.errors import InputError
from pynet_tf.io import images
from pynet_tf.prepare import pair_alignment

cv2 = pytest.importorskip("cv2")

TRUE = np.array([[1.012, -0.011, 5.3], [0.009, 1.008, -4.6], [1.1e-5, -0.7e-5, 1.0]])


def _scene(seed, height=480, width=640):
    """Blots of all sizes: something to hold on to everywhere."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((height, width, 3))
    for cell in (4, 9, 20, 50):
        cells = rng.random((height // cell + 2, width // cell + 2, 3))
        resized = cv2.resize(cells, (width, height), interpolation=cv2.INTER_CUBIC)
        picture += resized
    return np.clip((picture / 4 - 0.2) * 1.6 * 255, 0, 255).astype(np.uint8)


def _moved(scene, homography=TRUE):
    """What a camera sees from whose pixels `homography` leads back to the scene's."""
    size = scene.shape[1], scene.shape[0]
    back = np.linalg.inv(homography)
    return cv2.warpPerspective(
        scene, back, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )


def _blurred_around(scene, sigma=6):
    """Sharp in the middle, blurred and darker elsewhere: a wide aperture."""
    y, x = np.indices(scene.shape[:2])
    sharp = np.hypot(y / scene.shape[0] - 0.5, x / scene.shape[1] - 0.5) < 0.28
    blurred = ndimage.gaussian_filter(scene, (sigma, sigma, 0))
    return (np.where(sharp[..., None], scene, blurred) * 0.85).astype(np.uint8)


def _error(homography, shot):
    corners = pair_alignment._corners(shot)
    difference = pair_alignment.transform(homography, corners) - pair_alignment.transform(
        TRUE, corners
    )
    return np.linalg.norm(difference, axis=1).max()


def test_a_known_warp_is_found_to_half_a_pixel_everywhere():
    scene = _scene(1)
    shot = _moved(scene)
    match = pair_alignment.match(scene, shot)
    assert match.model == "homography"
    assert _error(match.homography, shot) < 0.5
    assert match.inliers > 200
    assert match.cover > 0.5


def test_blur_and_exposure_do_not_mislead_it_where_it_is_sharp():
    scene = _scene(2)
    shot = _moved(_blurred_around(scene))
    match = pair_alignment.match(scene, shot)
    middle = np.array([[320.0, 240.0], [250.0, 200.0], [390.0, 280.0]])
    difference = pair_alignment.transform(match.homography, middle) - pair_alignment.transform(
        TRUE, middle
    )
    assert np.linalg.norm(difference, axis=1).max() < 0.5


def test_the_cropped_pair_is_aligned_and_of_the_wanted_height():
    scene = _scene(3)
    match = pair_alignment.match(scene, _moved(scene))
    photo, bokeh = pair_alignment.crop_pair(scene, _moved(scene), match.homography, height=400)
    assert photo.shape == bokeh.shape
    assert photo.shape[0] == 400
    assert photo.shape[1] % 2 == 0
    assert np.abs(photo.astype(float) - bokeh).mean() < 2.5
    apart = np.abs(photo[:, 1:].astype(float) - bokeh[:, :-1]).mean()
    assert apart > 10, "one pixel of shift would show"
    with pytest.raises(InputError, match="larger shots"):
        pair_alignment.crop_pair(scene, scene, match.homography, height=512)


def test_other_scenes_and_flat_pictures_are_refused():
    with pytest.raises(InputError, match="keypoints"):
        pair_alignment.match(_scene(4), _scene(5))
    flat = np.full((480, 640, 3), 128, np.uint8)
    with pytest.raises(InputError, match="0 keypoints"):
        pair_alignment.match(flat, flat)


def test_a_scene_seen_from_elsewhere_is_refused():
    scene = _scene(6)
    turned = np.ascontiguousarray(np.rot90(scene[:, :480]))
    with pytest.raises(InputError, match="one place"):
        pair_alignment.match(scene[:, :480], turned)


def _run(*arguments, cwd):
    command = [sys.executable, ROOT / "tools" / "align_pairs.py", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True)


@pytest.fixture
def raw(tmp_path):
    for folder in ("original", "bokeh"):
        (tmp_path / "raw" / folder).mkdir(parents=True)

    def put(folder, name, picture):
        path = tmp_path / "raw" / folder / name
        Image.fromarray(picture).save(path, quality=95, icc_profile=display_p3())

    scene = _scene(7)
    put("original", "a.jpg", scene)
    put("bokeh", "a.JPG", _moved(_blurred_around(scene)))
    put("original", "wrong.jpg", scene)
    put("bokeh", "wrong.jpg", _scene(8))
    put("original", "alone.jpg", scene)
    return tmp_path / "raw"


def test_command_aligns_what_it_can_and_names_the_rest(raw, tmp_path):
    ran = _run(raw, "out", "--height", "400", cwd=tmp_path)
    assert ran.returncode == 1, ran.stderr
    assert "aligned 1 of 2 pairs" in ran.stdout
    assert "wrong.jpg do not show the same scene" in ran.stderr
    assert "alone.jpg: has no partner" in ran.stderr
    assert "Traceback" not in ran.stderr
    photo = images.read_photo(tmp_path / "out" / "original" / "a.jpg")
    bokeh = images.read_photo(tmp_path / "out" / "bokeh" / "a.jpg")
    assert photo.shape == bokeh.shape
    assert photo.shape[0] == 400
    for folder in ("original", "bokeh"):
        with Image.open(tmp_path / "out" / folder / "a.jpg") as picture:
            assert picture.info["icc_profile"] == display_p3()
    assert not (tmp_path / "out" / "original" / "wrong.jpg").exists()
    assert images.read_photo(tmp_path / "out" / "sheet_01.png").shape[0] > 300
    again = _run(raw, "out", "--height", "400", cwd=tmp_path)
    assert "aligned 0 of 2 pairs to out, 1 were already there" in again.stdout


def test_a_folder_of_another_layout_is_refused(tmp_path):
    ran = _run(tmp_path, "out", cwd=tmp_path)
    assert ran.returncode == 2
    assert "RAW needs original/ and bokeh/" in ran.stderr
