"""Files that are there and that the system does not give: its reason, the file and the remedy."""

import errno
import os
import shutil

import numpy as np
import pytest
from command_cases import NARROW
from conftest import write_pair

from pynet_tf import cli, errors, model
from pynet_tf.data import shards
from pynet_tf.export import saved_model
from pynet_tf.runs.run_directory import RunDirectory

LENS = "pynet_tf.render p/original/1.jpg --method lens --output out"
MAPS = "--depth p/original_depth --method lens"
NET = "pynet_tf.render p/original/1.jpg --depth p/original_depth --output out --model"
ESTIMATED = "pynet_tf.depth p/original/1.jpg --output out --model"
TRAIN = "pynet_tf.train --level 7 --width 0.05 --largest_kernel 3 --window 32 --batch_size 1 "
TRAIN += "--iterations 1 --eval_photos 1 --run_dir out --content_weight 1 --data_dir data"
# The file or folder that nobody may read, and a command line that needs it.
CLOSED = {
    "p/original/1.jpg": f"{LENS} --depth p/original_depth",
    "p/original_depth/1.png": f"{LENS} --depth p/original_depth",
    "p/original": f"{LENS} --depth p/original_depth",
    "files/a.npy": "pynet_tf.depth --normalize files --output out",
    "files/a.onnx": f"{ESTIMATED} files/a.onnx",
    "files/a.tflite": f"{NET} files/a.tflite",
    "files/a.weights.h5": f"{ESTIMATED} files/a.weights.h5",
    "files/a.mat": f"{TRAIN} --vgg files/a.mat",
    "files/a.pth": "tools/convert_megadepth.py files/a.pth out/a.weights.h5",
    "files/a.index": "tools/convert_tf1_checkpoint.py files/a out",
    "files/a.data-00000-of-00001": "tools/convert_tf1_checkpoint.py files/a out",
    "files/list.txt": "tools/build_ebb.py p --data_dir out --leave_out files/list.txt",
    "run/level_7": "pynet_tf.export --run_dir run --output out/x",
    "run/level_7/run.json": "pynet_tf.export --run_dir run --output out/x",
    "run/level_7/step_00000001.data-00000-of-00001": "pynet_tf.export --run_dir run --output out/x",
    "saved/saved_model.pb": f"{NET} saved",
    "saved/assets.extra/pynet_tf.json": f"{NET} saved",
    "saved/variables/variables.data-00000-of-00001": f"{NET} saved",
    f"data/ebb/{shards.VERSION}/dataset_info.json": "pynet_tf.evaluate --data_dir data",
    f"data/ebb/{shards.VERSION}/ebb-test.tfrecord-00000-of-00001": (
        "pynet_tf.evaluate --data_dir data --output out"
    ),
}


@pytest.fixture(scope="module")
def place(tiny_ebb, tmp_path_factory):
    """A working folder with all files of `CLOSED`."""
    folder = tmp_path_factory.mktemp("closed")
    for name in "12":
        write_pair(folder / "p", name, 128, 192, 1)
    shutil.copytree(tiny_ebb, folder / "data")
    pyramid = model.pynet(**NARROW)
    RunDirectory(folder / "run").save(7, pyramid, {}, **NARROW)
    saved_model.write(pyramid, RunDirectory(folder / "run").level(7).describe(), folder / "saved")
    (folder / "files").mkdir()
    np.save(folder / "files" / "a.npy", np.arange(12.0).reshape(3, 4))
    for name in CLOSED:
        if not (folder / name).exists():
            (folder / name).write_text("x")
    return folder


@pytest.mark.parametrize("name", CLOSED)
def test_what_nobody_may_read_is_no_damaged_file(name, place, nursery):
    path = place / name
    mode = path.stat().st_mode
    path.chmod(0)
    try:
        ended = nursery.run(*CLOSED[name].split(), cwd=place, obey_permissions=True)
    finally:
        path.chmod(mode)
        shutil.rmtree(place / "out", ignore_errors=True)
    assert ended.status == 2, ended.err
    [line] = [line for line in ended.err.splitlines() if "error: " in line]
    # Of a folder that is closed, what is looked for in it may be named.
    assert f"error: {name}" in line
    assert ": Permission denied; give yourself permission to use it" in line
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (f"round {MAPS} --output out", "round: Too many levels of symbolic links; links lead in"),
        ("p/original/1.jpg --depth round --output out", "round: Too many levels"),
        (f"{'x' * 300}.jpg {MAPS} --output out", "File name too long; give a shorter name"),
        (f"p/original/1.jpg {MAPS} --output {'x' * 300}", "File name too long; give a shorter"),
        ("p/original/1.jpg/x --output out", "1.jpg/x: Not a directory; a part of the path is"),
        (f"p/original/1.jpg {MAPS} --output p/original/1.jpg/x", "Not a directory; a part of"),
        (f"p/original/1.jpg {MAPS} --output /proc/x", "no file can be made in /proc/x; name"),
        # Of many photos too: before the first is rendered, and once.
        (f"p/original {MAPS} --output round/x", "round/x: Too many levels"),
    ],
)
def test_names_of_no_use(arguments, told, place, nursery):
    if not (place / "round").is_symlink():
        (place / "round").symlink_to("round")
    ended = nursery.run("pynet_tf.render", *arguments.split(), cwd=place)
    assert ended.status == 2
    assert told in ended.err
    assert ended.err.count("\n") == 1


NUMBERS = [errno.EROFS, errno.EDQUOT, errno.ENOSPC, errno.EISDIR, errno.EIO, errno.EMFILE]


@pytest.mark.parametrize("number", [*NUMBERS, errno.ESTALE, errno.EBUSY, errno.ENAMETOOLONG])
def test_every_error_of_the_system_has_a_remedy(number, capsys):
    def fail():
        raise OSError(number, os.strerror(number), "out/a.jpg")

    with pytest.raises(SystemExit) as ended:
        cli.run(fail, "x")
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert told.startswith(f"x: error: out/a.jpg: {os.strerror(number)}; ")
    remedy = told.rpartition("; ")[2]
    assert remedy.split()[0] in ("name", "make", "check", "close", "give")


def test_errors_that_name_no_file_are_given_one(tmp_path):
    known = errors.of_system(OSError(errno.ENOSPC, "full"), tmp_path / "a.jpg")
    assert str(known).startswith(f"{tmp_path / 'a.jpg'}: No space left on device; make room")
    assert str(errors.of_system(OSError(errno.ENOSPC, "full"))).startswith("No space left")
