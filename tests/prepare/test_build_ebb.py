import contextlib
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from ebb_pictures import write_pair
from PIL import Image

from pynet_tf import cli
from pynet_tf.data import ebb_layout, shards
from pynet_tf.errors import InputError
from pynet_tf.io import locks
from pynet_tf.prepare import build_shards

TOOL = Path(__file__).parents[2] / "tools" / "build_ebb.py"


@pytest.fixture(scope="module")
def flat(tmp_path_factory):
    root = tmp_path_factory.mktemp("flat")
    for number in (3, 7, 12, 40):
        write_pair(root, str(number), seed=number)
    return root


@pytest.fixture(scope="module")
def tool():
    specification = importlib.util.spec_from_file_location("build_ebb", TOOL)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def run(tool, tmp_path, monkeypatch, capsys):
    """Runs the tool in this process: importing TensorFlow each time would take minutes."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        capsys.readouterr()
        with pytest.raises(SystemExit) as exit_:
            cli.run(lambda: tool.main(list(map(str, arguments))), "tools/build_ebb.py")
        output = capsys.readouterr()
        return subprocess.CompletedProcess(
            arguments, exit_.value.code, stdout=output.out, stderr=output.err
        )

    return run


def run_process(*arguments, cwd):
    command = [sys.executable, TOOL, *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True)


def prepared(data_dir):
    """Everything below the data directory, with its bytes."""
    return {
        str(path.relative_to(data_dir)): path.read_bytes()
        for path in sorted(data_dir.rglob("*"))
        if path.is_file()
    }


def test_any_number_of_workers_gives_the_same_bytes(run, flat, tmp_path):
    one = run_process(
        flat, "--data_dir", "one", "--workers", 1, "--test_range", "7:13", cwd=tmp_path
    )
    assert (one.returncode, one.stdout) == (
        0,
        f"prepared: one/ebb/{shards.VERSION} (train 2, test 2)\n",
    )
    # Nothing of TFDS's or TensorFlow's own messages.
    assert one.stderr.endswith("preparing: 4 of 4\n")
    assert all(line.startswith("preparing: ") for line in one.stderr.splitlines())
    two = run(flat, "--data_dir", "two", "--workers", 2, "--test_range", "7:13")
    assert two.returncode == 0
    assert prepared(tmp_path / "one") == prepared(tmp_path / "two")
    assert len(shards.open_split(tmp_path / "one", "test")) == 2
    report = json.loads((tmp_path / "one" / "ebb" / shards.VERSION / "source.json").read_text())
    assert (report["counts"], report["failed"]) == ({"train": 2, "test": 2}, [])


def test_again_says_already_prepared_and_is_quick(run, flat, tmp_path):
    run(flat, "--data_dir", "data")
    before = prepared(tmp_path / "data")
    start = time.monotonic()
    again = run_process(flat, "--data_dir", "data", cwd=tmp_path)
    assert time.monotonic() - start < 2
    assert again.returncode == 0
    assert again.stdout == f"already prepared: data/ebb/{shards.VERSION} (train 4)\n"
    assert prepared(tmp_path / "data") == before


def test_other_files_need_overwrite(run, flat, tmp_path):
    source = shutil.copytree(flat, tmp_path / "source")
    run(source, "--data_dir", "data")
    before = prepared(tmp_path / "data")
    write_pair(source, "50", seed=50)
    changed = run(source, "--data_dir", "data")
    assert changed.returncode == 2
    assert "--overwrite" in changed.stderr
    assert prepared(tmp_path / "data") == before
    replaced = run(source, "--data_dir", "data", "--overwrite")
    assert replaced.stdout == f"prepared: data/ebb/{shards.VERSION} (train 5)\n"
    assert len(shards.open_split(tmp_path / "data", "train")) == 5
    assert os.listdir(tmp_path / "data" / "ebb") == [shards.VERSION]


def test_what_is_incomplete_or_unusable_is_named(run, flat, tmp_path):
    source = shutil.copytree(flat, tmp_path / "source")
    (source / "original_depth" / "7.png").unlink()
    (source / "bokeh" / "12.jpg").unlink()
    shutil.copy(source / "original" / "3.jpg", source / "original" / "99.jpg")
    write_pair(source, "51", 67, 63)
    write_pair(source, "52")
    cut = source / "bokeh" / "52.jpg"
    cut.write_bytes(cut.read_bytes()[:500])
    grey = np.asarray(Image.open(source / "original_depth" / "40.png"))
    coloured = Image.fromarray(matplotlib.colormaps["magma"](grey, bytes=True)[..., :3])
    coloured.save(source / "original_depth" / "40.png")
    (source / "original" / "._3.jpg").write_bytes(b"a Mac's")
    (source / "original" / "Thumbs.db").write_bytes(b"Windows'")
    first = run(source, "--data_dir", "data")
    assert first.returncode == 1
    assert "left out, train: no depth map (2): 7, 99\n" in first.stderr
    assert "left out, train: no bokeh shot (2): 12, 99\n" in first.stderr
    assert f"left out: {source}/original/51.jpg has 63x67 pixels" in first.stderr
    assert f"left out: {cut} cannot be read" in first.stderr
    assert first.stdout == f"prepared: data/ebb/{shards.VERSION} (train 2, 2 that cannot be used)\n"
    assert len(shards.open_split(tmp_path / "data", "train")) == 2
    again = run(source, "--data_dir", "data")
    assert again.returncode == 1
    assert again.stdout.startswith("already prepared")
    assert "52.jpg cannot be read" in again.stderr
    for run_ in (first, again):
        assert "depth maps (1): 40: read back from the colours of magma\n" in run_.stderr


def test_train_and_test_folders(run, flat, tmp_path):
    shutil.copytree(flat, tmp_path / "source" / "train")
    write_pair(tmp_path / "source" / "test", "0")
    done = run("source", "--data_dir", "data")
    assert done.stdout == f"prepared: data/ebb/{shards.VERSION} (train 4, test 1)\n"
    both = run("source", "--data_dir", "data", "--test_range", "3:4")
    assert both.returncode == 2
    assert "test folder of its own" in both.stderr


def mistakes(tmp_path, flat):
    empty = tmp_path / "empty"
    (empty / "original").mkdir(parents=True)
    no_depth = shutil.copytree(flat, tmp_path / "no_depth")
    shutil.rmtree(no_depth / "original_depth")
    broken = tmp_path / "broken"
    write_pair(broken, "1")
    (broken / "original" / "1.jpg").write_bytes(b"no picture")
    return [
        (["missing"], "missing is not a folder"),
        ([empty], "has no complete pair"),
        ([no_depth], "python -m pynet_tf.depth"),
        ([broken], "none of the pairs for train can be used"),
        ([flat, "--test_range", "7"], "not A:B"),
        ([flat, "--test_range", "9:5"], "not A:B"),
        ([flat, "--test_range", "4400:4694"], "the numbers there go from 3 to 40"),
        ([flat, "--workers", "0"], "not a whole number of 1 or more"),
        ([tmp_path], "neither original/ nor train/original/"),
    ]


def test_mistakes_end_in_one_sentence(run, flat, tmp_path):
    for arguments, message in mistakes(tmp_path, flat):
        result = run(*arguments, "--data_dir", "data")
        assert result.returncode == 2, arguments
        assert message in result.stderr
        assert "Traceback" not in result.stderr
        assert not any(path.is_file() for path in (tmp_path / "data").rglob("*"))


def test_help_is_quick(tmp_path):
    start = time.monotonic()
    shown = run_process("--help", cwd=tmp_path)
    assert time.monotonic() - start < 1
    assert shown.returncode == 0
    assert "--test_range" in shown.stdout
    assert f"ebb/{shards.VERSION} in the folder of --data_dir" in shown.stdout


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_run_leaves_what_was_there(number, run, nursery, flat, tmp_path):
    run(flat, "--data_dir", "data")
    before = prepared(tmp_path / "data")
    source = tmp_path / "source"
    write_pair(source, "0", 1024, 1536)
    for folder in source.iterdir():
        [first] = folder.iterdir()
        for copy in range(1, 120):
            shutil.copy(first, first.with_stem(str(copy)))
    given = (source, "--data_dir", "data", "--overwrite", "--workers", 2)
    started = nursery.start("tools/build_ebb.py", *given, cwd=tmp_path)
    # Shards appear when the run is nearly over: too late to be sure to come before its end.
    begun = "*incomplete*/*tfrecord*" if number == signal.SIGKILL else "*incomplete*"
    _wait_for(lambda: list((tmp_path / "data").rglob(begun)))
    if number == signal.SIGINT:
        # The workers start, of 120 pairs some are done.
        time.sleep(2)
    started.send_signal(number)
    ended = started.end()
    assert ended.status == (130 if number == signal.SIGINT else -number)
    # Workers that a SIGKILL catches while they start cannot help complaining.
    assert "Traceback" not in ended.err or number == signal.SIGKILL
    hidden = tmp_path / "data" / "ebb" / ".preparing"
    assert hidden.exists() == (number == signal.SIGKILL)
    assert {
        name: data
        for name, data in prepared(tmp_path / "data").items()
        if not name.startswith(("ebb/.preparing", "ebb/.lock"))
    } == before
    again = run(flat, "--data_dir", "data", "--overwrite")
    assert again.returncode == 0
    # What the killed run had begun is gone.
    assert prepared(tmp_path / "data") == before


def test_two_at_a_time_are_kept_apart(run, flat, tmp_path):
    with locks.locked(tmp_path / "data" / "ebb"):
        second = run(flat, "--data_dir", "data")
    assert second.returncode == 2
    assert f"another process (number {os.getpid()} on {socket.gethostname()}) is" in second.stderr
    assert list((tmp_path / "data" / "ebb").iterdir()) == []


def test_a_lock_that_a_killed_run_leaves_for_a_moment_is_waited_for(run, flat, tmp_path):
    with contextlib.ExitStack() as held:
        held.enter_context(locks.locked(tmp_path / "data" / "ebb"))
        release = threading.Timer(0.5, held.pop_all().close)
        release.start()
        assert run(flat, "--data_dir", "data", "--workers", 1).returncode == 0
        release.join()


def test_nothing_is_left_among_the_temporary_files(run, flat, tmp_path, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    assert run(flat, "--data_dir", "data").returncode == 0
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_full_disk_is_one_sentence(nursery, flat, tmp_path):
    # One worker: the queue of several has files of its own.
    given = (flat, "--data_dir", "data", "--workers", 1)
    full = nursery.run("tools/build_ebb.py", *given, cwd=tmp_path, file_size=20_000)
    assert full.status == 2
    assert "cannot be written to data" in full.err
    assert "Traceback" not in full.err
    assert os.listdir(tmp_path / "data" / "ebb") == []


def test_too_little_space_is_said_before_the_work(flat, tmp_path, monkeypatch):
    monkeypatch.setattr(
        build_shards.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(9, 9, 0)
    )
    with pytest.raises(InputError, match="0 GB of disk space left"):
        build_shards.check_space(ebb_layout.scan(flat), tmp_path / "data" / "deeper")


def _wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
