"""`tools/make_synthetic_ebb.py`: the same files however they are made, and nothing overwritten."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from faults import NOBODY
from PIL import Image

from pynet_tf.io import owners

TOOL = Path(__file__).parents[2] / "tools" / "make_synthetic_ebb.py"
KINDS = {"original": ".jpg", "original_depth": ".png", "bokeh": ".jpg", "lens": ".json"}
SMALL = ("--height", 64, "--width", 96, "--seed", 5)


@pytest.fixture
def make(nursery):
    """Runs the tool in a folder."""
    return lambda folder, *arguments: nursery.run(
        "tools/make_synthetic_ebb.py", *arguments, cwd=folder
    )


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    command = [TOOL, "set", "--count", 4, "--test_count", 1, "--workers", 1, *SMALL]
    subprocess.run([sys.executable, *map(str, command)], cwd=folder, check=True)
    return folder / "set"


def test_layout_is_that_of_ebb(made):
    expected = {
        f"{split}/{kind}/{name}{suffix}"
        for split, count in (("train", 4), ("test", 1))
        for name in range(count)
        for kind, suffix in KINDS.items()
    }
    assert set(contents(made)) == expected | {"synthetic_ebb.json"}
    photo = Image.open(made / "train/original/2.jpg")
    bokeh = Image.open(made / "train/bokeh/2.jpg")
    depth = Image.open(made / "train/original_depth/2.png")
    assert photo.size == bokeh.size == (96, 64)
    assert (depth.size, depth.mode) == ((48, 32), "L")
    assert np.asarray(photo).std() > 5
    told = json.loads((made / "train/lens/2.json").read_text())
    assert 0 <= told["focus"] <= 1
    assert 0 <= told["blur"] <= 5


def test_train_and_test_show_different_scenes(made):
    train, test = (Image.open(made / split / "original/0.jpg") for split in ("train", "test"))
    assert np.abs(np.asarray(train, float) - np.asarray(test, float)).mean() > 10


def test_true_depths_and_empty_scenes_are_sets_of_their_own(made, tmp_path, make):
    few = ("--count", 1, "--test_count", 0, "--workers", 1, *SMALL)
    done = make(tmp_path, "exact", *few, "--exact_depth")
    assert done.status == 0, done.err
    assert make(tmp_path, "empty", *few, "--backdrop_only", "--exact_depth").status == 0
    photos, depths = (
        [np.asarray(Image.open(folder / "train" / kind)) for folder in
         (made, tmp_path / "exact", tmp_path / "empty")]
        for kind in ("original/0.jpg", "original_depth/0.png")
    )  # fmt: skip
    np.testing.assert_array_equal(photos[0], photos[1])
    assert np.any(depths[0] != depths[1])
    assert np.abs(np.diff(depths[2].astype(int))).max() < 8, "no edge of depth"
    refused = make(tmp_path, "exact", *few)
    assert refused.status == 2
    assert "exact_depth True" in refused.err


def test_plain_pairs_are_for_training_alone(made, tmp_path, make):
    few = ("--count", 2, "--test_count", 1, "--workers", 1, *SMALL)
    done = make(tmp_path, "plain", *few, "--plain")
    assert done.status == 0, done.err
    same = [
        [(tmp_path / "plain" / split / f"bokeh/{name}.jpg").read_bytes()
         == (made / split / f"bokeh/{name}.jpg").read_bytes() for name in range(count)]
        for split, count in (("test", 1), ("train", 2))
    ]  # fmt: skip
    assert same[0] == [True]
    assert not all(same[1])


def test_workers_and_growing_do_not_change_the_files(made, tmp_path, make):
    assert make(tmp_path, "set", "--count", 2, "--test_count", 0, *SMALL).status == 0
    done = make(tmp_path, "set", "--count", 4, "--test_count", 1, "--workers", 2, *SMALL)
    assert done.status == 0, done.err
    assert "2 of them there before" in done.out
    assert contents(tmp_path / "set") == contents(made)


def test_a_run_that_was_interrupted_is_completed(made, tmp_path, make):
    shutil.copytree(made, tmp_path / "set")
    kept = tmp_path / "set/train/original/0.jpg"
    before = kept.stat().st_mtime_ns
    # What a kill in the middle of writing leaves, beside files that are there and one missing.
    (tmp_path / "set/train/bokeh/0.jpg").unlink()
    writer = f"host-{owners._kernel()}-{NOBODY}-00000000"
    (tmp_path / f"set/train/bokeh/.partial.{writer}.0.jpg").write_bytes(b"half")
    (tmp_path / f"set/train/bokeh/.writing.{writer}").touch()
    done = make(tmp_path, "set", "--count", 4, "--test_count", 1, "--workers", 1, *SMALL)
    assert done.status == 0, done.err
    assert contents(tmp_path / "set") == contents(made)
    assert kept.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--seed", 6, "--height", 64, "--width", 96), "seed 5"),
        (("--seed", 5, "--height", 64, "--width", 128), "width 96"),
    ],
)
def test_a_set_of_another_seed_or_size_is_refused(made, arguments, named, make):
    before = contents(made)
    done = make(made.parent, "set", "--count", 5, *arguments)
    assert done.status == 2
    assert named in done.err
    assert "Traceback" not in done.err
    assert contents(made) == before


def test_a_folder_with_other_files_is_refused(tmp_path, make):
    (tmp_path / "set/train/original").mkdir(parents=True)
    (tmp_path / "set/train/original/0.jpg").write_bytes(b"a real photo")
    done = make(tmp_path, "set", "--count", 1, *SMALL)
    assert done.status == 2
    assert "train/original/0.jpg" in done.err
    assert len(contents(tmp_path / "set")) == 1


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--count", -1), "--count: '-1' is not a whole number from 0 to"),
        (("--count", 0), "nothing to make"),
        (("--count", 1, "--height", 65), "--height is 65; give an even number"),
        (("--count", 1, "--width", 10), "--width: '10' is not a whole number from 64"),
        (("--count", 1, "--workers", 0), "--workers: '0' is not a whole number of 1 or more"),
        (("--count", 1, "--seed", -3), "--seed: '-3' is not a whole number of 0 or more"),
    ],
)
def test_bad_values_are_named(tmp_path, arguments, named, make):
    done = make(tmp_path, "set", *arguments)
    assert done.status == 2
    assert named in done.err
    assert not (tmp_path / "set").exists()
