"""Checks of pairs: each fault is found, and a good pair is left in peace."""

import csv
import dataclasses
import json
import math
import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT
from PIL import Image
from scipy import ndimage

from pynet_tf.data import ebb_layout, shards, whole_samples
from pynet_tf.errors import InputError
from pynet_tf.inspect_data import checks
from pynet_tf.io import images
from pynet_tf.lens import fit

LIMITS = checks.Limits()
HEIGHT, WIDTH = 384, 512


def _scene(seed):
    """A textured photo, a disc of it near and sharp, the background blurred in the bokeh shot."""
    rng = np.random.default_rng(seed)
    photo = np.zeros((HEIGHT, WIDTH, 3))
    for cell in (4, 12, 48):
        cells = Image.fromarray(rng.integers(0, 256, (HEIGHT // cell, WIDTH // cell, 3), np.uint8))
        photo += np.asarray(cells.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC))
    photo = (photo / 3).astype(np.uint8)
    y, x = np.indices((HEIGHT, WIDTH))
    near = np.hypot(y - HEIGHT / 2, x - WIDTH / 2) < 140
    blurred = ndimage.gaussian_filter(photo, (5, 5, 0), mode="nearest")
    bokeh = np.where(near[..., None], photo, blurred)
    depth = np.where(near, 230, 20 + x * 60 // WIDTH).astype(np.uint8)
    return photo, bokeh, images.resize(depth, HEIGHT // 2, WIDTH // 2)


# Near is 230 of 255, and Gaussian blur of 5 pixels about a disc of twice that radius.
FOCUS, BLUR = 0.9, 2.0


def _measure(photo, bokeh, depth, focus=FOCUS, blur=BLUR):
    sample = {"name": "a", "photo": photo, "image": images.stack(photo, depth), "bokeh": bokeh}
    return checks.measure(sample | {"sharp_depth": depth, "focus": focus, "blur": blur})


def _why(*sample):
    return "; ".join(checks.suspicions(_measure(*sample), LIMITS))


@pytest.mark.parametrize("seed", range(3))
def test_a_good_pair_is_not_suspicious(seed):
    photo, bokeh, depth = _scene(seed)
    found = _measure(photo, bokeh, depth)
    assert checks.suspicions(found, LIMITS) == []
    assert found.tiles > 0
    assert math.hypot(*found.shift) < 0.5
    assert found.near_is_sharp > 0.5


@pytest.mark.parametrize("shift", [(10, -14), (-8, 0), (0, 21)])
def test_shift_is_measured_to_a_pixel_through_blur_and_exposure(shift):
    photo, bokeh, depth = _scene(0)
    moved = (np.roll(bokeh, shift, (0, 1)) * 0.8).astype(np.uint8)
    found = _measure(photo, moved, depth)
    assert found.shift == pytest.approx(shift, abs=1)
    assert f"misaligned by {shift[1]} columns and {shift[0]} rows" in _why(photo, moved, depth)


def test_parallax_of_the_blurred_background_is_not_misalignment():
    photo, bokeh, depth = _scene(0)
    near = np.asarray(Image.fromarray(depth).resize((WIDTH, HEIGHT))) > 150
    moved = np.where(near[..., None], bokeh, np.roll(bokeh, 20, 1))
    assert abs(_measure(photo, moved, depth).shift[1]) < 2


def test_depth_faults_are_found():
    photo, bokeh, depth = _scene(1)
    assert "far is sharp" in _why(photo, bokeh, 255 - depth)
    assert "depth nearly constant" in _why(photo, bokeh, np.full_like(depth, 90))


def test_a_pair_that_no_focus_explains_is_named():
    photo, bokeh, depth = _scene(1)
    assert _measure(photo, bokeh, depth).unexplained < 0.4
    named = "no focus explains the bokeh shot"
    # Another photo's depth map.
    assert named in _why(photo, bokeh, np.roll(depth, depth.shape[1] // 2, axis=1))
    # Shots far out of place: the largest blur halves their difference, and is fitted.
    moved = _measure(photo, np.roll(bokeh, (40, 60), (0, 1)), depth)
    for blur, expected in ((2.0, False), (fit.LARGEST_BLUR_TRIED, True)):
        found = dataclasses.replace(moved, blur=blur, unexplained=0.5)
        assert (named in "; ".join(checks.suspicions(found, LIMITS))) == expected


def test_blurs_too_small_to_tell_are_not_held_against_a_pair():
    photo, bokeh, depth = _scene(2)
    assert "no focus" not in _why(photo, photo, depth, FOCUS, 0.0)
    found = dataclasses.replace(_measure(photo, bokeh, depth), blur=0.1, unexplained=1.0)
    for sharpness, expected in ((0.98, False), (0.8, True)):
        named = checks.suspicions(dataclasses.replace(found, sharpness=sharpness), LIMITS)
        assert ("no focus" in "; ".join(named)) == expected


def test_foci_and_blurs_of_a_set_are_said():
    found = [_measure(*_scene(0), focus, blur) for focus, blur in ((0.2, 1.0), (0.9, 3.0))]
    assert checks.lenses(found) == (
        "focus 0.20 to 0.90 (median 0.55), blur 1.00 to 3.00 percent (median 2.00)"
    )


def test_an_inverted_set_is_told_from_single_pairs():
    good = [_measure(*_scene(seed)) for seed in range(3)]
    turned = [_measure(photo, bokeh, 255 - depth) for photo, bokeh, depth in map(_scene, range(3))]
    assert checks.set_warning(turned, LIMITS).startswith("in 3 of 3 pairs far is sharp")
    assert checks.set_warning([*good, turned[0]], LIMITS) == ""


def test_faults_of_the_shots_are_found():
    photo, bokeh, depth = _scene(1)
    assert "different scenes" in _why(photo, _scene(2)[1], depth)
    assert "stops darker" in _why(photo, (bokeh * 0.6).astype(np.uint8), depth)
    assert "exchanged" in _why(bokeh, photo, depth)
    assert "the same picture" in _why(photo, photo, depth)


def test_exposure_is_measured_in_stops():
    photo = _scene(1)[0] // 2
    brighter = (255 * (np.minimum(1, 2 * (photo / 255) ** 2.2)) ** (1 / 2.2)).astype(np.uint8)
    assert checks.exposure(photo, brighter) == pytest.approx(1, abs=0.05)


def test_flat_pictures_are_measured_without_a_warning():
    flat = np.full((64, 96, 3), 90, np.uint8)
    found = _measure(flat, flat, np.full((32, 48), 7, np.uint8))
    assert found.tiles == 0
    assert math.isnan(found.shift[0])
    assert math.isnan(found.near_is_sharp)
    assert "depth nearly constant" in "; ".join(checks.suspicions(found, LIMITS))


def test_duplicates_survive_compression_and_others_are_apart():
    thumbnails = [_measure(*_scene(seed)).thumbnail for seed in range(4)]
    again = thumbnails[1] + np.random.default_rng(0).uniform(-1, 1, 256)
    stacked = np.stack([*thumbnails, again])
    assert checks.duplicates(stacked, LIMITS.duplicate) == [(1, 4)]


def test_command_finds_what_is_wrong_and_the_list_leaves_it_out(nursery, tmp_path):
    def build(*more):
        given = ("source", "--data_dir", "data", "--workers", 1, *more)
        return nursery.run("tools/build_ebb.py", *given, cwd=tmp_path)

    source = tmp_path / "source"
    for folder in ("original", "bokeh", "original_depth", "lens"):
        (source / folder).mkdir(parents=True)
    for number in range(4):
        photo, bokeh, depth = _scene(number % 3)
        if number == 1:
            bokeh = np.roll(bokeh, 16, 1)
        Image.fromarray(photo).save(source / "original" / f"{number}.jpg", quality=95)
        Image.fromarray(bokeh).save(source / "bokeh" / f"{number}.jpg", quality=95)
        Image.fromarray(depth).save(source / "original_depth" / f"{number}.png")
        (source / "lens" / f"{number}.json").write_text(json.dumps({"focus": FOCUS, "blur": BLUR}))
    built = build()
    assert built.status == 0, built.err
    command = [sys.executable, "-m", "pynet_tf.inspect_data", "--data_dir", "data"]
    ran = subprocess.run(
        [*command, "--output", "seen", "--count", "2", "--window", "128"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    assert "2 of 4 pairs are suspicious" in ran.stdout
    lines = (tmp_path / "seen" / "suspicious.txt").read_text().splitlines()[1:]
    assert lines[0].startswith("train/1\tmisaligned by 16 columns")
    assert lines[1] == "train/3\tthe same photo as train/0"
    with (tmp_path / "seen" / "checks.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["photo"] for row in rows] == ["0", "1", "2", "3"]
    assert float(rows[1]["columns"]) == pytest.approx(16, abs=1)
    stored = next(whole_samples.photos(shards.open_split(tmp_path / "data", "train"), [0]))
    for name in ("focus", "blur"):
        assert float(rows[0][name]) == pytest.approx(stored[name], abs=1e-3)
    assert float(rows[0]["unexplained"]) < 0.7
    assert "focus 0." in ran.stdout
    for picture in ("preview.png", "suspicious.png"):
        assert images.read_photo(tmp_path / "seen" / picture).std() > 20

    rebuilt = build("--overwrite", "--leave_out", "seen/suspicious.txt")
    assert rebuilt.status == 0, rebuilt.err
    assert "suspicious.txt (2): 1, 3" in rebuilt.err
    assert len(shards.open_split(tmp_path / "data", "train")) == 2


def test_a_wrong_list_is_refused(tmp_path):
    for folder in ("original", "bokeh", "original_depth"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "7.png").touch()
    listed = tmp_path / "list.txt"
    listed.write_text("# a remark\n\n7\tfor a reason\n8\n")
    with pytest.raises(InputError, match=r"list.txt lists 8, of which there is no complete pair"):
        ebb_layout.scan(tmp_path, leave_out=listed)
    with pytest.raises(InputError, match="is not there"):
        ebb_layout.scan(tmp_path, leave_out=tmp_path / "none.txt")


def test_nothing_prepared_is_said_without_tensorflow(tmp_path):
    ran = subprocess.run(
        [sys.executable, "-m", "pynet_tf.inspect_data", "--data_dir", "nowhere"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 2
    assert "nowhere holds no prepared EBB! set" in ran.stderr
    check = "import pynet_tf.inspect_data.command, sys; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], cwd=ROOT).returncode == 0
