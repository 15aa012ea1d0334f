"""Command lines with files damaged at random, cut short or with bits turned over, and odd values.

PYNET_TF_EXAMPLES sets how many of each kind are tried; 60 were before a release.
"""

import os
import shlex
import shutil

import numpy as np
import pytest
from bad_files import encoded, photo, run_json
from bad_work import Case, Place
from ebb_pictures import write_pair
from hypothesis import given, settings
from hypothesis import strategies as st

from pynet_tf import model
from pynet_tf.data import shards
from pynet_tf.export import saved_model
from pynet_tf.runs.description import Description
from pynet_tf.runs.run_directory import RunDirectory

EXAMPLES = int(os.environ.get("PYNET_TF_EXAMPLES", "8"))


def tried(examples: int = EXAMPLES):
    """Settings of a test: the same examples every time, unless more are asked for."""
    repeated = "PYNET_TF_EXAMPLES" not in os.environ
    return settings(max_examples=examples, derandomize=repeated, database=None, deadline=None)


_BITS = st.integers(0, 7)
# Where a file is cut off, as a share of its length; or bits to turn over, and where.
DAMAGES = st.one_of(
    st.floats(0, 1, exclude_max=True),
    st.lists(st.tuples(st.integers(0, 2**30), _BITS), min_size=1, max_size=4),
    # Most of what can go wrong is told at the beginning.
    st.lists(st.tuples(st.integers(0, 400), _BITS), min_size=1, max_size=4),
)
# What can be typed: anything but a zero byte.
TEXTS = st.one_of(
    st.integers().map(str),
    st.floats().map(str),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
)


def damaged(data: bytes, damage: float | list) -> bytes:
    """Returns a file's content with a damage."""
    if isinstance(damage, float):
        return data[: int(len(data) * damage)]
    changed = bytearray(data)
    for where, bit in damage:
        changed[where % len(data)] ^= 1 << bit
    return bytes(changed)


@pytest.fixture(scope="module")
def folder(nursery, tmp_path_factory):
    """A working folder with good files of every kind."""
    work = tmp_path_factory.mktemp("work")
    for number in (1, 2):
        write_pair(work / "good", str(number), seed=number)
    made = nursery.run(
        "tools/build_ebb.py", "good", "--data_dir", "data", "--workers", "1", cwd=work
    )
    assert made.status == 0, made.err
    narrow = {"width": 0.05, "largest_kernel": 3}
    pyramid = model.pynet(**narrow)
    run = Description(7, **narrow, depth=True, head="original", settings={}, step=1)
    RunDirectory(work / "run").share(run, pyramid)
    saved_model.write(pyramid, run, work / "saved")
    for name in ("out", "try"):
        (work / name).mkdir()
    return work


@pytest.fixture(scope="module")
def run(nursery, folder):
    """Runs a case after damaging files in the folder `try`."""

    def run(case: Case) -> None:
        try:
            Place(nursery, folder).run(case)
        finally:
            shutil.rmtree(folder / "try")
            (folder / "try").mkdir()

    return run


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "PPM"])
@pytest.mark.parametrize("command", ["render", "depth"])
@tried()
@given(damage=DAMAGES)
def test_pictures(command, kind, damage, folder, run):
    data = encoded(photo().convert("L") if command == "depth" else photo(), kind)
    (folder / "try" / "1.jpg").write_bytes(damaged(data, damage))
    arguments = {
        "render": "try/1.jpg --depth good/original_depth --method lens --blur 1 --output {out}",
        "depth": "--normalize try --output {out}",
    }
    made = {"render": "1.jpg", "depth": "1.png"}[command]
    run(Case(kind, f"pynet_tf.{command}", arguments[command], "1.jpg", 2, made, perhaps=True))


@tried()
@given(damage=DAMAGES)
def test_arrays(damage, folder, run):
    np.save(folder / "try" / "1.npy", np.linspace(1, 9, 48 * 32).reshape(32, 48))
    data = (folder / "try" / "1.npy").read_bytes()
    (folder / "try" / "1.npy").write_bytes(damaged(data, damage))
    arguments = "--normalize try --output {out} --invert"
    run(Case("npy", "pynet_tf.depth", arguments, "1.npy", 2, "1.png", perhaps=True))


@pytest.mark.parametrize("kind", ["tfrecord-00000-of-00001", "dataset_info.json", "fingerprints"])
@tried()
@given(damage=DAMAGES)
def test_prepared_data(kind, damage, folder, run):
    shutil.copytree(folder / "data", folder / "try" / "data")
    [path] = (folder / "try" / "data" / "ebb" / shards.VERSION).glob(f"*{kind}*")
    path.write_bytes(damaged(path.read_bytes(), damage))
    arguments = "--data_dir try/data --split train --no_lens --output {out}"
    run(Case(kind, "pynet_tf.evaluate", arguments, "try/data", 2, "report.md", perhaps=True))


@tried(2 * EXAMPLES)
@given(damage=DAMAGES)
def test_descriptions(damage, folder, run):
    level = folder / "try" / "run" / "level_3"
    level.mkdir(parents=True)
    (level / "run.json").write_bytes(damaged(run_json().encode(), damage))
    run(Case("run.json", "pynet_tf.export", "--run_dir try/run --output {out}/x", "try/run"))


@tried(2)
@given(damages=st.lists(DAMAGES, min_size=12, max_size=12))
def test_packed_weights(damages, folder, run):
    """One after the other is tried until one is whole enough."""
    shutil.copytree(folder / "run", folder / "try" / "run")
    [path] = (folder / "try" / "run" / "level_7").glob("*.npz")
    data = path.read_bytes()
    for step, damage in enumerate(damages, 1):
        path.with_name(f"step_{step:08d}.npz").write_bytes(damaged(data, damage))
    arguments = "good/original/1.jpg --depth good/original_depth --model try/run --output {out}"
    run(Case("npz", "pynet_tf.render", arguments, "try/run", 2, "1.jpg", perhaps=True))


@pytest.mark.parametrize(
    "name",
    [
        "saved_model.pb",
        "variables/variables.index",
        "variables/variables.data-00000-of-00001",
        "assets.extra/pynet_tf.json",
    ],
)
@tried(max(2, EXAMPLES // 3))
@given(damage=DAMAGES)
def test_saved_models(name, damage, folder, run):
    shutil.copytree(folder / "saved", folder / "try" / "saved")
    path = folder / "try" / "saved" / name
    path.write_bytes(damaged(path.read_bytes(), damage))
    arguments = "good/original/1.jpg --depth good/original_depth --model try/saved --output {out}"
    run(Case(name, "pynet_tf.render", arguments, "try/saved", 2, "1.jpg", perhaps=True))


@pytest.mark.parametrize(
    ("command", "arguments", "flags"),
    [
        (
            "pynet_tf.render",
            "good/original/1.jpg --depth good/original_depth --method lens --output {out}",
            ("blur", "focus", "blades", "highlights", "format", "level"),
        ),
        ("pynet_tf.depth", "nowhere --output {out}", ("batch_size", "invert", "weights", "photos")),
        ("pynet_tf.evaluate", "--data_dir nowhere", ("count", "lens_blur", "level", "model")),
        ("pynet_tf.inspect_data", "--data_dir nowhere", ("count", "window", "seed", "level")),
        (
            "pynet_tf.train",
            "--level 7 --data_dir nowhere --run_dir {out}",
            ("width", "window", "seed", "batch_size", "iterations", "learning_rate", "l1_weight"),
        ),
        ("pynet_tf.export", "--output {out}/x", ("height", "width", "level", "run_dir")),
        ("tools/build_ebb.py", "nowhere --data_dir {out}", ("workers", "test_range", "leave_out")),
        (
            "tools/make_synthetic_ebb.py",
            "good --workers 1",
            ("count", "test_count", "seed", "height", "width", "on_subject"),
        ),
        ("tools/align_pairs.py", "nowhere {out}", ("height", "min_inliers")),
        ("tools/convert_tf1_checkpoint.py", "nowhere {out}", ("level",)),
    ],
)
@tried()
@given(draw=st.data())
def test_values(command, arguments, flags, draw, run):
    value = draw.draw(TEXTS)
    flag = draw.draw(st.sampled_from(flags))
    typed = shlex.quote(f"--{flag}={value}")
    run(Case(flag, command, f"{arguments} {typed}", perhaps=command == "pynet_tf.render"))


@tried()
@given(
    name=st.text(
        st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1, max_size=60
    )
)
def test_names(name, folder, run):
    """Photos of any name, as a folder holds them."""
    (folder / "try" / "photos").mkdir()
    path = folder / "try" / "photos" / f"{name}.png"
    path.write_bytes(encoded(photo(), "PNG"))
    (folder / "try" / "depth").mkdir()
    shutil.copy(folder / "good" / "original_depth" / "1.png", folder / "try" / "depth" / path.name)
    arguments = "try/photos --depth try/depth --method lens --blur 1 --output {out}"
    # Hidden files are no photos.
    visible = not name.startswith(".")
    run(Case("name", "pynet_tf.render", arguments, "", 0 if visible else 2, path.name * visible))
