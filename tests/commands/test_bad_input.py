"""Every command line with bad files and values: a sentence and a status, and nothing else changes.

The files are made once, in one working folder; what must hold for every case is in `bad_work`.
"""

import fcntl
import importlib.util
import os
import shlex
from pathlib import Path

import bad_folders
import pytest
from bad_files import MAPS, PHOTOS
from bad_folders import DATA_SETS, RAW, SAMPLES, SETS, SOURCES
from bad_models import COMMON, ESTIMATORS, H5, LITERT, MODELS, PTH, TF1, VGG
from bad_work import Case, Place
from faults import COMMANDS, TOOLS, tree

from pynet_tf.data import shards

SMALL = "--count 1 --test_count 0 --workers 1 --height 64 --width 64"
DATA = "--data_dir data/good"
EXPORT = "--run_dir models/empty --output {out}/x"
ALIGN = "raw/photos {out}"
LENS = "--method lens --blur 2 --output {out}"
GOOD = "good/original/1.jpg --depth good/original_depth/1.png"
TRAIN = (
    "--width 0.05 --largest_kernel 3 --batch_size 1 --window 32 --iterations 1 --eval_photos 1 "
    "--run_dir {out}"
)


# Photos that may be depth maps.
GREY = {"grey", "grey_alpha", "black_and_white", "16_bit", "16_bit_tiff", "floats"}
LENS_PHOTO = f"{GOOD} {LENS}"


def _photos():
    """Photos and depth maps, one by one."""
    for kind, file in PHOTOS.items():
        name = kind + file.name
        path = shlex.quote(f"photos/{name}")
        status = 0 if file.good else 2
        made = name if file.good else ""
        told = "" if file.good else name
        yield Case(f"photo-{kind}", "pynet_tf.render",
                   f"{path} --depth depth {LENS}", told, status, made)  # fmt: skip
        # Coloured pictures are no depth maps.
        usable = file.good and kind in GREY
        status = 0 if usable else 2
        told = "" if usable else "1.jpg" if kind == "folder" else name
        yield Case(f"depth-{kind}", "pynet_tf.render",
                   f"good/original/1.jpg --depth {path} {LENS}",
                   told, status, "1.jpg" if usable else "")  # fmt: skip


def _maps():
    """Maps of other programs, each in a folder of its own."""
    for kind, file in {**PHOTOS, **MAPS}.items():
        good = kind in GREY or (kind in MAPS and file.good)
        # Beside the link there is what it leads to.
        status = 0 if good else 1 if kind == "link" else 2
        made = f"{kind}.png" if good else ""
        yield Case(f"map-{kind}", "pynet_tf.depth",
                   f"--normalize {shlex.quote(f'maps/{kind}')} --output {{out}}",
                   "" if good else kind, status, made)  # fmt: skip


def _models():
    """Run directories and SavedModels, through all that take them."""
    for kind in MODELS:
        place = f"models/{kind}"
        for command, arguments in (
            ("render", f"{GOOD} --model {place} --output {{out}}"),
            ("export", f"--run_dir {place} --output {{out}}/x"),
            ("evaluate", f"--model {place} --data_dir data/good --output {{out}}"),
            ("train", f"--level 7 --start_from {place} --data_dir data/good {TRAIN}"),
        ):
            yield Case(kind, f"pynet_tf.{command}", arguments, place)


def _data_sets():
    for kind in (*DATA_SETS, *SAMPLES):
        place = f"--data_dir data/{kind}"
        told = f"data/{kind}"
        yield Case(kind, "pynet_tf.evaluate", f"{place} --output {{out}}", told)
        yield Case(kind, "pynet_tf.inspect_data", f"{place} --output {{out}}", told)
        # The others take as long as the network does to be built.
        if kind in DATA_SETS or kind in ("noise", "damaged_jpeg"):
            yield Case(kind, "pynet_tf.train", f"--level 7 {place} {TRAIN}", told)


def _weights():
    for kind in ESTIMATORS:
        yield Case(kind, "pynet_tf.depth",
                   f"good/original/1.jpg --model weights/{kind} --output {{out}}",
                   kind)  # fmt: skip
        yield Case(kind, "pynet_tf.render",
                   f"good/original/1.jpg --depth_model weights/{kind} {LENS}", kind)  # fmt: skip
    for kind in LITERT:
        yield Case(kind, "pynet_tf.render",
                   f"{GOOD} --fast --model weights/{kind} --output {{out}}", kind)  # fmt: skip
    for kind in (*COMMON, *H5, *VGG):
        arguments = f"--level 7 --data_dir data/good --content_weight 1 {TRAIN}"
        yield Case(kind, "pynet_tf.train", f"{arguments} --vgg weights/{kind}", kind)
    for kind in (*COMMON, *H5, *PTH):
        yield Case(kind, "tools/convert_megadepth.py",
                   f"weights/{kind} {{out}}/net.weights.h5", kind)  # fmt: skip
    for kind in TF1:
        yield Case(kind, "tools/convert_tf1_checkpoint.py", f"tf1/{kind} {{out}}", kind)


def _names():
    """Names that are not UTF-8: refused where TensorFlow wants it, of use elsewhere."""
    strange = "{out}/\udcff ü"
    for command, arguments, made in (
        ("pynet_tf.evaluate", f"{DATA} --lens_blur 4 --output '{strange}'", "report.md"),
        ("pynet_tf.inspect_data", f"{DATA} --preview_only --output '{strange}'", "preview.png"),
        ("tools/make_synthetic_ebb.py", f"'{strange}' {SMALL}", "synthetic_ebb.json"),
    ):
        yield Case("not_utf8", command, arguments, "", 0, f"\udcff ü/{made}")
    for command, arguments in (
        ("pynet_tf.render", f"{GOOD} --output {{out}} --model '{strange}'"),
        ("pynet_tf.evaluate", f"{DATA} --output {{out}} --model '{strange}'"),
        ("pynet_tf.train", f"--level 7 {DATA} --run_dir '{strange}'"),
        ("pynet_tf.train", f"--level 7 {DATA} {TRAIN} --start_from '{strange}'"),
        ("pynet_tf.export", f"--output '{strange}'"),
        ("pynet_tf.export", f"--output {{out}}/x --run_dir '{strange}'"),
        ("tools/build_ebb.py", f"good --data_dir '{strange}'"),
        ("tools/convert_tf1_checkpoint.py", f"tf1/other_network '{strange}'"),
        ("tools/convert_tf1_checkpoint.py", f"'{strange}' {{out}}"),
    ):
        yield Case("not_utf8", command, arguments, "is not UTF-8")


def _folders():
    for kind, (_, status) in SOURCES.items():
        yield Case(kind, "tools/build_ebb.py", f"sources/{kind} --data_dir {{out}} --workers 1",
                   "" if status == 0 else kind, status,
                   "" if status == 2 else f"ebb/{shards.VERSION}/fingerprints.json")  # fmt: skip
    for kind in RAW:
        status = 1 if kind in ("different_names", "photos") else 2
        yield Case(kind, "tools/align_pairs.py", f"raw/{kind} {{out}}", f"raw/{kind}", status)
    for kind in SETS:
        yield Case(kind, "tools/make_synthetic_ebb.py", f"sets/{kind} {SMALL}", f"sets/{kind}")


def _arguments():
    for command, lines in ARGUMENTS.items():
        for line in lines:
            yield Case(line, command, line)


# Values that are out of range, files in the place of folders, what does not go together.
ARGUMENTS = {
    "pynet_tf.render": [
        "", "good/original/1.jpg", "--output {out}",
        *(f"{LENS_PHOTO} {more}" for more in (
            "--blur nan", "--blur -1", "--blur inf", "--blur 1e9", "--focus 2,2", "--focus nan,0",
            "--focus -0.1,0.5", "--focus 1", "--focus ,", "--highlights x", "--blades -5",
            "--blades 1",
            "--blades 99999999999", "--level 1", "--level 9", "--fast", "--model models/empty",
            "--format bmp", "--depth_model weights/noise", "--depth_weights x",
            "--depth nowhere.png",
            "--depth 'no\nwhere'", "--output file", "--output file/below",
            "--output good/original", "--output good/original_depth", "--unknown",
        )),
        f"nowhere.jpg --depth depth {LENS}", f"'nothing*.jpg' --depth depth {LENS}",
        f"models --depth depth {LENS}", f"good/original --depth good/original_depth/1.png {LENS}",
        f"{GOOD} --method lens --output {'x' * 300}",
        f"good/original/1.jpg photos/1.png --depth depth {LENS} --format png",
        f"{GOOD} --fast --model weights/noise --output {{out}}",
    ],
    "pynet_tf.depth": [
        "", "--output {out}", "good/original --weights weights/noise --output {out}",
        "good/original --model nowhere --output {out}",
        "good/original --model weights/noise --output {out} --batch_size 0",
        "good/original --model weights/noise --output good/original",
        "good/original --model weights/noise --output {out} --invert levels",
        "good/original --normalize maps/array --output {out}",
        "--normalize maps/array --refine --output {out}",
        "--normalize maps/array --photos nowhere --output {out}",
        "--normalize maps/array --output file", "--normalize maps/array --output file/below",
        "--normalize nowhere --output {out}", "--normalize maps/array --output maps/array",
        "--normalize good/original --invert upside --output {out}",
    ],
    "pynet_tf.evaluate": [
        "", *(f"{DATA} --output {{out}} {more}" for more in (
            "--model nowhere", "--model file", "--output file", "--output file/below",
            "--count 0", "--count x", "--level 7", "--photos nobody", "--lens_blur nan",
            "--lens_blur -1", "--lens_blur 1e9", "--split validation",
        )),
    ],
    "pynet_tf.inspect_data": [
        "", *(f"{DATA} --output {{out}} {more}" for more in (
            "--count 0", "--count -1", "--window 33", "--window 0", "--level 0", "--seed x",
            "--output file", "--output file/below", "--split other", "--window 99999999999968",
            "--seed -1", "--seed 99999999999999999999",
        )),
    ],
    "pynet_tf.train": [
        "", "--level 8", "--level 7 --data_dir nowhere", f"--level 6 {DATA} {TRAIN}",
        *(f"--level 7 {DATA} {TRAIN} {more}" for more in (
            "--run_dir file", "--run_dir file/below", "--width 0", "--width nan", "--width 1e9",
            "--width wide", "--batch_size 0", "--batch_size 1.5", "--batch_size 99999999999",
            "--iterations -1", "--iterations 99999999999999999999", "--learning_rate 0",
            "--learning_rate nan", "--learning_rate inf", "--l1_weight 0", "--l1_weight -1",
            "--ssim_weight nan", "--window 33", "--window 99999968", "--seed -1", "--seed 1e5",
            "--eval_step 0", "--eval_photos -2", "--logical_cpus 99", "--jit --deterministic",
            "--precision float8", "--head other", "--recipe other", "--start_from nowhere",
            "--content_weight 1 --vgg nowhere", "--strategy multi_worker",
            "--batch_size 3 --logical_cpus 2 --strategy mirrored",
        )),
    ],
    "pynet_tf.export": [
        "", "--output {out}/x", f"{EXPORT}", *(f"{EXPORT} {more}" for more in (
            "--level 0", "--format h5", "--height 64", "--format onnx --height 64 --width 1",
            "--height 64 --width 64", "--quantize int8", "--format litert --quantize full_int8",
            "--format litert --calibration good", "--format litert --output good",
            "--format litert --quantize full_int8 --calibration nowhere", "--output good",
            "--output file", "--format weights --output good", "--output .", "--output /",
            "--format litert --height 99999999999999999 --width 99999999999999999",
        )),
    ],
    "tools/align_pairs.py": [
        "", "raw/photos", "nowhere {out}", *(f"{ALIGN} {more}" for more in (
            "--height 63", "--height 65", "--height 0", "--height x", "--min_inliers x",
        )), "raw/photos file", "raw/photos raw/photos",
    ],
    "tools/build_ebb.py": [
        "", "good", *(f"good --data_dir {{out}} {more}" for more in (
            "--test_range 5:1", "--test_range x", "--test_range 100:200", "--test_range -1:2",
            "--workers 0", "--workers x", "--leave_out nowhere", "--leave_out weights/noise",
            "--leave_out file", "--leave_out good", "--data_dir file", "--data_dir file/below",
            "--data_dir data/good", "--data_dir data/info_cut_short", "--data_dir photos/pipe.jpg",
        )),
    ],
    "tools/make_synthetic_ebb.py": [
        "", *(f"{{out}} --count 1 --test_count 0 --workers 1 {more}" for more in (
            "--count -1", "--count 0", "--test_count -1", "--seed -1", "--workers 0",
            "--height 63", "--height 65", "--height 0", "--width 2", "--width x",
            "--count 1000001", "--test_count 99999999999999999999",
            "--on_subject nan", "--on_subject 2",
            "--height 1000000 --width 1000000",
            "--height 99999999999999999998",
        )), f"file/below {SMALL}", f"good {SMALL}",
    ],
    "tools/convert_megadepth.py": [
        "", "weights/noise", "weights/noise {out}/net.h5", "weights/noise {out}", "nowhere {out}",
        "nowhere {out}/net.weights.h5", "nowhere file/net.weights.h5", "good x.weights.h5",
    ],
    "tools/convert_tf1_checkpoint.py": [
        "", "nowhere", "nowhere {out}", "nowhere {out} --level 8", ". {out}", "/ {out}",
        "'' {out}", ".. {out}", "file {out}", "good {out}", "tf1/index_noise.index {out}",
    ],
}  # fmt: skip

# What the tools need beside the package.
OPTIONAL = {"tools/align_pairs.py": "cv2"}
CASES = [
    *_photos(), *_maps(), *_models(), *_data_sets(), *_weights(), *_names(), *_folders(),
    *_arguments(),
]  # fmt: skip


@pytest.fixture(scope="module")
def place(nursery, tmp_path_factory):
    """Where all cases run."""
    work = tmp_path_factory.mktemp("work")
    bad_folders.build(work, nursery)
    return Place(nursery, work)


def test_every_command_has_cases():
    commands = {f"pynet_tf.{name}" for name in COMMANDS} | {f"tools/{name}.py" for name in TOOLS}
    assert {case.command for case in CASES} == commands


@pytest.mark.parametrize("case", CASES, ids=str)
def test_ends_with_a_sentence_and_changes_nothing_else(case, place):
    needed = OPTIONAL.get(case.command)
    if needed and not importlib.util.find_spec(needed):
        pytest.skip(f"needs {needed}")
    place.run(case)


@pytest.mark.parametrize(
    ("command", "arguments", "lock"),
    [
        ("pynet_tf.train", f"--level 7 {DATA} {TRAIN} --run_dir locked", "level_7/.lock"),
        ("tools/build_ebb.py", "good --workers 1 --data_dir locked", "ebb/.lock"),
    ],
)
def test_second_run_in_one_folder_is_refused(command, arguments, lock, nursery, place, tmp_path):
    held = tmp_path / "locked" / lock
    held.parent.mkdir(parents=True)
    held.touch()
    file = os.open(held, os.O_RDONLY)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        (tmp_path / "data").symlink_to(place.folder / "data")
        (tmp_path / "good").symlink_to(place.folder / "good")
        ended = nursery.run(command, *shlex.split(arguments), cwd=tmp_path)
    finally:
        os.close(file)
    assert ended.status == 2
    assert "another process is" in ended.err
    assert set(tree(tmp_path / "locked")) == {lock, *map(str, Path(lock).parents)} - {"."}
