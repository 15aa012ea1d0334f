"""What is logged is shown once, whatever happened to the run."""

# What TensorBoard's own pages are drawn from.
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator

from pynet_tf.train import tensorboard


def _run(folder, done, steps, value):
    writer = tensorboard.writer(folder, "train", done)
    for step in steps:
        tensorboard.write_metrics(writer, {"loss": value, "psnr": value}, step)
    writer.close()


def _steps(folder, tag="loss"):
    shown = EventAccumulator(str(folder / "train"), tensor_size_guidance={"scalars": 0}).Reload()
    return [event.step for event in shown.Tensors(tag)]


def test_steps_that_are_done_again_after_a_kill_are_shown_once(tmp_path):
    _run(tmp_path, 0, (10, 20, 30, 40), 1.0)
    # Killed after step 40; the last checkpoint was of step 20.
    _run(tmp_path, 20, (30,), 2.0)
    assert _steps(tmp_path) == [10, 20, 30]
    _run(tmp_path, 30, (40, 50), 3.0)
    assert _steps(tmp_path) == [10, 20, 30, 40, 50]


def test_a_clock_that_was_set_back_changes_nothing(tmp_path):
    _run(tmp_path, 0, (10, 20, 30, 40), 1.0)
    [first] = (tmp_path / "train").iterdir()
    first.rename(first.with_name("events.out.tfevents.4000000000.host.1.0.v2"))
    _run(tmp_path, 20, (30,), 2.0)
    assert _steps(tmp_path) == [10, 20, 30]


def test_a_run_that_begins_writes_no_restart(tmp_path):
    _run(tmp_path, 0, (10,), 1.0)
    assert len(list((tmp_path / "train").iterdir())) == 1
