"""The 2020 checkpoints: read, checked, turned into run directories."""

import dataclasses
import runpy
import subprocess
import sys
from pathlib import Path

import golden
import numpy as np
import pytest
import tensorflow as tf

from pynet_tf import model
from pynet_tf.convert import tf1_checkpoint
from pynet_tf.errors import InputError
from pynet_tf.export import saved_model
from pynet_tf.runs.run_directory import RunDirectory

TOOL = Path(__file__).parents[2] / "tools" / "convert_tf1_checkpoint.py"


def save_as_tf1(prefix, values):
    """Writes variables with TF1's own Saver."""
    v1 = tf.compat.v1
    prefix.parent.mkdir(parents=True, exist_ok=True)
    with v1.Graph().as_default(), v1.Session() as session:
        # Variables want one where a test before has made operations deterministic.
        v1.set_random_seed(0)
        feeds, starts = {}, []
        for name, value in values.items():
            feed = v1.placeholder(tf.float32, value.shape)
            variable = v1.get_variable(name, value.shape, tf.float32, use_resource=False)
            starts.append(v1.assign(variable, feed))
            feeds[feed] = value
        session.run(starts, feeds)
        v1.train.Saver().save(session, str(prefix), write_meta_graph=False)


def convert(*arguments, cwd):
    command = [sys.executable, str(TOOL), *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def values():
    return golden.seeded_values()


@pytest.fixture(scope="module")
def published(tmp_path_factory, values):
    prefix = tmp_path_factory.mktemp("published") / "pynet_bokeh_level_0"
    save_as_tf1(prefix, values)
    return prefix


@pytest.fixture(scope="module")
def converted(published, tmp_path_factory):
    folder = tmp_path_factory.mktemp("converted")
    done = convert(published, folder / "run", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "trained levels: 7, 6, 5, 4, 3, 2, 1" in done.stdout
    return folder / "run"


def untrained(level, values):
    """The seeded values with the finer levels' weights as the 2020 code starts them."""
    started = dict(values)
    for variable, weight in tf1_checkpoint.weight_names().items():
        if any(weight.startswith(f"level_{finer}_") for finer in range(1, level)):
            fill = 0.01 if weight.endswith("bias") else 0.015
            started[variable] = np.full_like(values[variable], fill)
    return started


def assert_golden(outputs):
    figures = np.load(golden.DATA / "pynet_forward.npz")
    for level in model.LEVELS:
        np.testing.assert_allclose(outputs[f"level_{level}"], figures[f"level_{level}"], atol=1e-4)


def test_converted_weights_reproduce_the_2020_network(converted, tmp_path):
    """After conversion, after a training checkpoint, and after export to a SavedModel."""
    image = np.load(golden.DATA / "pynet_forward.npz")["input"]
    pyramid, run = RunDirectory(converted).load()
    assert (run.level, run.width, run.depth, run.head) == (1, 1.0, True, "original")
    assert_golden(pyramid(image))

    folder = RunDirectory(tmp_path / "trained").level(1)
    folder.write(7, pyramid)
    again = run.pyramid(seed=5)
    assert folder.restore(again) == 7
    assert_golden(again(image))

    saved_model.write(again, run, tmp_path / "exported")
    loaded = tf.saved_model.load(str(tmp_path / "exported"))
    assert_golden(loaded.signatures["network"](image=tf.constant(image)))


def test_training_file_of_level_3(tmp_path, values, nursery, capsys):
    """With optimizer state and finer levels as they started, as the 2020 script leaves them."""
    prefix = tmp_path / "pynet_level_3_iteration_30000.ckpt"
    state = {
        "generator/Variable/Adam": values["generator/Variable"],
        "generator/Variable/Adam_1": values["generator/Variable"],
        "beta1_power": np.float32(0.5),
    }
    save_as_tf1(prefix, {**untrained(3, values), **state})
    main = runpy.run_path(str(TOOL))["main"]
    main([f"{prefix}.index", str(tmp_path / "run")])
    printed = capsys.readouterr().out
    assert "trained levels: 7, 6, 5, 4, 3\nuntrained levels: 2, 1" in printed
    assert "left out 3" in printed
    assert "generator/Variable/Adam_1" in printed
    _, run = RunDirectory(tmp_path / "run").load()
    assert run.level == 3
    assert run.settings["iterations"] == 30000

    occupied = nursery.run(
        "tools/convert_tf1_checkpoint.py", prefix, tmp_path / "run", cwd=tmp_path
    )
    assert occupied.status == 2
    assert "already holds" in occupied.err


def test_level_is_the_names_or_else_the_finest_trained(published, tmp_path):
    checkpoint = tf1_checkpoint.read_checkpoint(published)
    assert checkpoint.named_level is None
    assert tf1_checkpoint.finest_level(checkpoint) == 1
    assert tf1_checkpoint.finest_level(checkpoint, wanted=4) == 4

    # A name tells what the weights were trained for last, here from weights of all levels.
    for ending in (".index", ".data-00000-of-00001"):
        named = tmp_path / f"pynet_level_3_iteration_1000.ckpt{ending}"
        named.hardlink_to(f"{published}{ending}")
    checkpoint = tf1_checkpoint.read_checkpoint(tmp_path / "pynet_level_3_iteration_1000.ckpt")
    assert (checkpoint.named_level, checkpoint.iterations) == (3, 1000)
    assert checkpoint.trained == [7, 6, 5, 4, 3, 2, 1]
    assert tf1_checkpoint.finest_level(checkpoint) == 3

    mistaken = dataclasses.replace(checkpoint, trained=[7, 6, 5])
    with pytest.raises(InputError, match=r"level 3 .* trained are only 7, 6, 5"):
        tf1_checkpoint.finest_level(mistaken)
    with pytest.raises(InputError, match="no trained level"):
        tf1_checkpoint.finest_level(dataclasses.replace(checkpoint, trained=[]))


def test_wrong_variables_are_listed_by_name(tmp_path, values):
    wrong = dict(values)
    del wrong["generator/Variable_7"]
    wrong["generator/Variable_440"] = np.zeros(3, np.float32)
    wrong["generator/Variable_9"] = np.zeros((5, 5), np.float32)
    save_as_tf1(tmp_path / "wrong", wrong)
    with pytest.raises(InputError) as error:
        tf1_checkpoint.read_checkpoint(tmp_path / "wrong")
    assert "1 missing: generator/Variable_7;" in str(error.value)
    assert "1 not in the 2020 network: generator/Variable_440;" in str(error.value)
    shape = tuple(values["generator/Variable_9"].shape)
    assert f"generator/Variable_9 (5, 5) instead of {shape}" in str(error.value)

    save_as_tf1(tmp_path / "other", {"dense/kernel": np.zeros(3, np.float32)})
    with pytest.raises(InputError, match=r"440 missing: .* and 420 more"):
        tf1_checkpoint.read_checkpoint(tmp_path / "other")


def test_not_a_number_is_refused_by_name(tmp_path, values):
    broken = {**values, "generator/Variable_3": values["generator/Variable_3"] * np.nan}
    save_as_tf1(tmp_path / "broken", broken)
    with pytest.raises(InputError, match="not finite numbers in generator/Variable_3;"):
        tf1_checkpoint.read_checkpoint(tmp_path / "broken")


def test_missing_and_damaged_files(published, nursery, tmp_path):
    done = nursery.run(
        "tools/convert_tf1_checkpoint.py", "nowhere/pynet", tmp_path / "run", cwd=tmp_path
    )
    assert (done.status, done.err.count("\n")) == (2, 1)
    assert "nowhere/pynet.index is not there" in done.err
    index = Path(f"{published}.index").read_bytes()
    data = Path(f"{published}.data-00000-of-00001").read_bytes()
    damaged = {
        "no_data": (index, None),
        "short_index": (index[:1000], data),
        "text": (b"not a checkpoint", data),
        "short_data": (index, data[: len(data) // 2]),
    }
    for name, (index_bytes, data_bytes) in damaged.items():
        (tmp_path / f"{name}.index").write_bytes(index_bytes)
        if data_bytes is not None:
            (tmp_path / f"{name}.data-00000-of-00001").write_bytes(data_bytes)
        with pytest.raises(InputError, match=f"{name} cannot be read as a checkpoint"):
            tf1_checkpoint.read_checkpoint(tmp_path / name)
    assert not (tmp_path / "run").exists()
