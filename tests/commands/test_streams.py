"""Where a command's words go: a reader that leaves, a full disk, no place at all."""

import os
import subprocess
import sys

import pytest
from conftest import ROOT, write_pair

from pynet_tf.io import images

PHOTOS = 4


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A folder with photos and their depth maps."""
    folder = tmp_path_factory.mktemp("photos")
    for number in range(PHOTOS):
        write_pair(folder, str(number), 128, 192, number)
    return folder


def _started(photos, output, **streams):
    command = [sys.executable, "-m", "pynet_tf.render", photos / "original"]
    command += ["--depth", photos / "original_depth", "--method", "lens", "--output", output]
    return subprocess.Popen(command, cwd=ROOT, text=True, **streams)


def _pictures(output):
    """Returns the names of the pictures in a folder, all of which are whole."""
    names = sorted(os.listdir(output))
    for name in names:
        assert images.read_photo(output / name).shape == (128, 192, 3)
    return names


@pytest.mark.parametrize("which", ["stdout", "stderr"])
def test_a_reader_that_leaves_ends_the_command_as_it_ends_other_programs(photos, tmp_path, which):
    others = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    reading, writing = os.pipe()
    process = _started(photos, tmp_path, **others | {which: writing})
    os.close(writing)
    # One line is read, as by `head -1`; standard error has one only, at the end.
    if which == "stdout":
        assert b"depth" in os.read(reading, 10_000)
    os.close(reading)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 141
    assert "Traceback" not in (out or err)
    assert "roken pipe" not in (out or err)
    made = _pictures(tmp_path)
    assert made[0] == "0.jpg"
    assert which == "stderr" or len(made) < PHOTOS


def test_a_pipe_that_breaks_elsewhere_is_told(photos, tmp_path):
    code = (
        "import os\n"
        "from pynet_tf import cli\n"
        "def main():\n"
        "    reading, writing = os.pipe()\n"
        "    os.close(reading)\n"
        "    os.write(writing, b'x')\n"
        "cli.run(main, 'x')"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert ended.returncode == 2
    assert ended.stderr.startswith("x: error: Broken pipe")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has a disk that is always full")
def test_words_that_cannot_be_written_are_told(photos, tmp_path):
    with open("/dev/full", "w") as full:
        process = _started(photos, tmp_path, stdout=full, stderr=subprocess.PIPE)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "No space left" in err
    assert err.count("\n") == 1
    assert _pictures(tmp_path) == ["0.jpg"]


def test_a_command_without_streams_does_its_work(photos, tmp_path):
    """As some that start commands by themselves leave it."""
    process = _started(photos, tmp_path, preexec_fn=lambda: os.closerange(0, 3))
    assert process.wait(60) == 0
    assert len(_pictures(tmp_path)) == PHOTOS
