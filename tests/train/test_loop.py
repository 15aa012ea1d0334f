"""The loop: levels in turn, resuming bit for bit, and what stops it."""

import contextlib
import dataclasses
import functools
import io
import json
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from pynet_tf import model
from pynet_tf.errors import InputError
from pynet_tf.runs.description import Description
from pynet_tf.runs.run_directory import RunDirectory
from pynet_tf.train import config, loop, monitoring, planning, recipes

TINY = recipes.Recipe(batch_size=2, iterations=4, learning_rate=1e-3, window=32)
# Fewer layers, which are what takes the time.
NARROW = {"width": 0.05, "largest_kernel": 3}


@pytest.fixture(autouse=True)
def _deterministic():
    # It holds for the whole process, where random operations then need a seed.
    tf.random.set_seed(0)
    tf.config.experimental.enable_op_determinism()


@pytest.fixture(scope="module")
def all_levels(tiny_ebb, tmp_path_factory):
    """A run directory with all levels trained in turn, four steps each; and what was said.

    Level 7 has a checkpoint in the middle and all photos for validation, as most tests look at it.
    """
    tf.config.experimental.enable_op_determinism()
    run_dir = tmp_path_factory.mktemp("levels")
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        for level in range(7, 0, -1):
            once = {} if level == 7 else {"eval_step": 4, "eval_photos": 1}
            assert loop.train_level(job(tiny_ebb, run_dir, level, **once))
    return run_dir, said.getvalue()


@pytest.fixture(scope="module")
def level_weights(all_levels):
    """Returns the weights of a level of `all_levels`."""
    return functools.cache(lambda level: weights(all_levels[0], level))


@pytest.fixture
def trained(all_levels, tmp_path):
    """A copy of level 7, to do anything with."""
    shutil.copytree(all_levels[0] / "level_7", tmp_path / "level_7")
    return tmp_path


def job(tiny_ebb, run_dir, level=7, **changes) -> config.Job:
    values = {"recipe": TINY, **NARROW, "eval_step": 2, **changes}
    return config.Job(level, tiny_ebb, run_dir, **values)


def agreed(asked: config.Job, fingerprint: str) -> Description:
    return planning.plan(asked, fingerprint).level


def weights(run_dir, level) -> list[np.ndarray]:
    pyramid, _ = RunDirectory(run_dir).load(level)
    return [weight.numpy() for weight in pyramid.weights]


def assert_same_weights(one, other):
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


def command(tiny_ebb, run_dir, *more) -> list[str]:
    return [
        sys.executable, "-m", "pynet_tf.train", "--level", "7", "--data_dir", str(tiny_ebb),
        "--run_dir", str(run_dir), "--width", "0.05", "--largest_kernel", "3", "--batch_size", "2",
        "--window", "32", "--eval_step", "5", *more,
    ]  # fmt: skip


def test_all_levels_in_turn(all_levels):
    run_dir, said = all_levels
    for level in range(7, 0, -1):
        run = RunDirectory(run_dir).level(level).describe()
        assert (run.level, run.step, run.width) == (level, 4, 0.05)
        assert f"level {level}, step 4, validation: loss" in said
    assert "level 1 starts from step 4" in said
    assert RunDirectory(run_dir).finest().level == 1


def test_a_level_starts_from_the_one_under_it_and_leaves_finer_ones_alone(
    all_levels, level_weights
):
    fresh = RunDirectory(all_levels[0]).level(7).describe().pyramid(0)
    names = [weight.path for weight in fresh.weights]
    at = {level: dict(zip(names, level_weights(level), strict=True)) for level in (7, 6)}
    moved = {
        name.split("_")[1]
        for name in names
        if name.startswith("level") and np.abs(at[7][name] - at[6][name]).max() > 0
    }
    assert moved == {"7", "6"}
    finer = names.index("level_5_c3_conv3_1/kernel")
    np.testing.assert_array_equal(at[6][names[finer]], fresh.weights[finer])


def test_first_steps_are_short_so_that_a_level_keeps_its_start(level_weights):
    """Adam's are as long as the rate: four of them, at 1 to 4 of the 20 to the whole rate."""
    for level in (6, 1):
        pairs = zip(level_weights(level), level_weights(level + 1), strict=True)
        furthest = max(np.abs(now - before).max() for now, before in pairs)
        assert 0 < furthest < 1.1 * TINY.learning_rate * (1 + 2 + 3 + 4) / 20


def test_loss_falls_and_a_resumed_run_gives_the_same_bits(tiny_ebb, tmp_path):
    whole, parts, shown = tmp_path / "whole", tmp_path / "parts", []

    def progress(steps, last, *_, first):
        shown.append((first, last))
        return steps

    for run_dir, ends in ((whole, [40]), (parts, [13, 40])):
        for iterations in ends:
            recipe = dataclasses.replace(TINY, iterations=iterations, warm_up=0)
            # A residual head's loss starts low.
            changes = {"recipe": recipe, "head": "original", "eval_step": 10}
            loop.train_level(job(tiny_ebb, run_dir, **changes), progress=progress)
    assert shown == [(0, 40), (0, 13), (13, 40)]
    assert_same_weights(weights(whole, 7), weights(parts, 7))
    losses = _scalars(whole / "level_7/logs/validation", "loss")
    assert losses[-1] < 0.8 * losses[0]


def test_done_says_so_and_touches_nothing(tiny_ebb, trained, capsys):
    before = sorted(p.stat().st_mtime_ns for p in (trained / "level_7").rglob("*"))
    assert loop.train_level(job(tiny_ebb, trained))
    assert "is done (4 steps)" in capsys.readouterr().out
    assert before == sorted(p.stat().st_mtime_ns for p in (trained / "level_7").rglob("*"))


def test_first_level_missing_says_what_to_run(tiny_ebb, tmp_path):
    with pytest.raises(InputError, match=r"pynet_tf\.train --level 4 "):
        loop.train_level(job(tiny_ebb, tmp_path, 3))
    assert not (tmp_path / "level_3").exists()


def test_other_files_in_the_run_directory_do_no_harm(trained):
    for name in ("level_70", "level_7_old", "level_7x"):
        shutil.copytree(trained / "level_7", trained / name)
    (trained / "level_7" / "step_99999999.index.bak").write_text("mine")
    (trained / "level_7" / "step_best.index").write_text("mine")
    assert RunDirectory(trained).load()[1].step == 4
    RunDirectory(trained).level(7).remove_leftovers()
    assert (trained / "level_7" / "step_best.index").read_text() == "mine"


@pytest.mark.parametrize("damage", ["truncated", "flipped", "data gone"])
def test_damaged_newest_checkpoint_falls_back_and_says_so(
    tiny_ebb, trained, level_weights, damage, capfd
):
    path = trained / "level_7" / "step_00000004.data-00000-of-00001"
    content = bytearray(path.read_bytes())
    if damage == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "flipped":
        # Among the weights and among the optimizer's moments.
        for place in range(1, 10):
            content[place * len(content) // 10] ^= 0x10
        path.write_bytes(content)
    else:
        path.unlink()
    _, run = RunDirectory(trained).load()
    assert run.step == 2
    assert "step_00000004 is damaged" in capfd.readouterr().err
    if damage == "flipped":
        loop.train_level(job(tiny_ebb, trained))
        assert_same_weights(weights(trained, 7), level_weights(7))


def test_all_checkpoints_damaged_is_one_sentence(trained):
    for path in (trained / "level_7").glob("step_*.data*"):
        path.write_bytes(b"")
    with pytest.raises(InputError, match=r"no checkpoint in .* can be read"):
        RunDirectory(trained).load()


def test_whole_checkpoint_of_another_network_is_not_called_damaged(tmp_path, capfd):
    # As a version of the project with other networks would have left it.
    RunDirectory(tmp_path).save(3, model.pynet(0.05, largest_kernel=3), {}, width=0.05)
    with pytest.raises(InputError, match="by this version of pynet_tf; move the folder away"):
        RunDirectory(tmp_path).load()
    told = capfd.readouterr().err
    assert "step_00000001 holds other weights" in told
    assert "damaged" not in told


@pytest.mark.parametrize(
    "change",
    [{"seed": 1}, {"recipe": dataclasses.replace(TINY, learning_rate=5e-4, iterations=8)}],
)
def test_other_settings_are_refused_unless_allowed(tiny_ebb, trained, change):
    data = RunDirectory(trained).level(7).describe().settings["data"]
    assert agreed(job(tiny_ebb, trained, eval_step=7), data).step == 4
    with pytest.raises(InputError, match=r"seed 0 -> 1|learning_rate 0\.001 -> 0\.0005"):
        agreed(job(tiny_ebb, trained, **change), data)
    assert agreed(job(tiny_ebb, trained, allow_changes=True, **change), data).step == 4


def test_new_runs_have_residual_heads_unless_told_otherwise(tiny_ebb, tmp_path, trained):
    assert agreed(job(tiny_ebb, tmp_path / "new"), "any").head == "residual"
    asked = job(tiny_ebb, tmp_path / "new", head="original")
    assert agreed(asked, "any").head == "original"
    RunDirectory(tmp_path / "old").save(7, model.pynet(**NARROW), {}, **NARROW)
    assert agreed(job(tiny_ebb, tmp_path / "old", 6), "any").head == "original"
    with pytest.raises(InputError, match="--head residual, not original"):
        agreed(job(tiny_ebb, trained, 6, head="original"), "any")
    with pytest.raises(InputError, match="trained with --depth, not --no-depth"):
        agreed(job(tiny_ebb, trained, 6, depth=False), "any")


def test_other_data_is_refused(tiny_ebb, trained):
    with pytest.raises(InputError, match=r"data .* -> 0123"):
        agreed(job(tiny_ebb, trained), "0123")


def test_other_width_is_refused_and_that_of_the_level_below_taken_over(tiny_ebb, trained):
    with pytest.raises(InputError, match=r"--width 0\.05, not 0\.1"):
        agreed(job(tiny_ebb, trained, 6, width=0.1), "any")
    assert agreed(job(tiny_ebb, trained, 6, width=None), "any").width == 0.05


def test_loss_that_is_not_finite_stops_with_the_last_good_checkpoint(tiny_ebb, trained):
    wild = dataclasses.replace(TINY, l1=float("inf"), iterations=50)
    with pytest.raises(InputError, match=r"not finite at step \d+.*step_00000004"):
        loop.train_level(job(tiny_ebb, trained, recipe=wild, allow_changes=True, eval_step=1000))
    assert RunDirectory(trained).load()[1].step == 4


def test_flat_colours_are_noticed():
    grey = {f"colour/{n}_spread_{c}": 0.2 for n in ("output", "target") for c in monitoring.COLOURS}
    assert monitoring.flat_colours(grey) == []
    grey["colour/output_spread_green"] = 0.019
    assert monitoring.flat_colours(grey) == ["green"]
    grey["colour/target_spread_green"] = 0.001
    assert monitoring.flat_colours(grey) == []


def test_collapse_stops_training(tiny_ebb, tmp_path, monkeypatch):
    monkeypatch.setattr(monitoring, "FLAT_STEPS", 5)
    still = dataclasses.replace(TINY, learning_rate=1e-12, iterations=50)
    with pytest.raises(InputError, match="lost its colours: red and green and blue"):
        loop.train_level(job(tiny_ebb, tmp_path, recipe=still, head="original", eval_step=1000))


def test_full_disk_keeps_the_checkpoint_before(trained, monkeypatch):
    pyramid, run = RunDirectory(trained).load()

    def full(*_, **__):
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    monkeypatch.setattr(tf.train.Checkpoint, "write", full)
    with pytest.raises(InputError, match=r"No space left.*step_00000004"):
        RunDirectory(trained).level(7).write(6, pyramid)
    monkeypatch.undo()
    assert RunDirectory(trained).load()[1] == run


def test_tensorboard_shows_what_it_should(all_levels):
    logs = all_levels[0] / "level_7/logs"
    train = EventAccumulator(str(logs / "train"), {"tensors": 0}).Reload()
    assert {
        "loss", "l1", "psnr", "mse", "learning_rate", "speed/samples_per_second",
        "speed/share_of_time_waiting_for_data", "colour/output_spread_red",
    } <= set(train.Tags()["tensors"])  # fmt: skip
    shown = EventAccumulator(str(logs / "validation"), {"tensors": 0}).Reload()
    tags = set(shown.Tags()["tensors"])
    assert {"loss", "l1", "psnr", "mse"} <= tags
    assert "ms_ssim" not in tags, "level 7 is too small for MS-SSIM"
    width, height, picture = shown.Tensors("input, output, target/0")[-1].tensor_proto.string_val
    assert (int(width), int(height)) == (768, 256)
    pixels = tf.io.decode_png(picture).numpy().reshape(256, 3, 256, 3)
    assert pixels[:, 0].std() > 10, "the input is shown"
    assert pixels[:, 2].std() > 10, "the target is shown"


def test_second_process_in_a_run_directory_is_refused(tiny_ebb, nursery, tmp_path):
    first = subprocess.Popen(
        command(tiny_ebb, tmp_path, "--iterations", "100000"),
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        _wait_for(tmp_path / "level_7" / "run.json")
        given = command(tiny_ebb, tmp_path, "--iterations", "100000")[3:]
        second = nursery.run("pynet_tf.train", *given, cwd=tmp_path)
        assert second.status == 2
        said = rf"pynet_tf\.train: error: another process \(number {first.pid} .*\) is writing to"
        assert re.match(said, second.err)
        assert second.err.count("\n") == 1
    finally:
        first.send_signal(signal.SIGTERM)
        output = first.communicate(timeout=120)[0]
    assert first.returncode == 130
    assert "the same command goes on from there" in output
    step = RunDirectory(tmp_path).level(7).describe().step
    assert f"stopped at step {step};" in output


def test_run_json_tells_what_was_in_force(all_levels):
    settings = json.loads((all_levels[0] / "level_7" / "run.json").read_text())["settings"]
    assert settings["seed"] == 0
    assert settings["learning_rate"] == 1e-3
    assert settings["versions"]["tensorflow"] == tf.__version__
    assert len(settings["data"]) == 64


def _wait_for(path, seconds=120):
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not appear"
        time.sleep(0.05)


def _scalars(logs, tag) -> list[float]:
    events = EventAccumulator(str(logs), {"tensors": 0}).Reload()
    return [float(tf.make_ndarray(e.tensor_proto)) for e in events.Tensors(tag)]
