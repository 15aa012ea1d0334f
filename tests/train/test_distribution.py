"""Several devices and machines do what one device does; real processes on this machine."""

import json
import random
import signal
import socket
import time

import numpy as np
import pytest
import tensorflow as tf
from faults import Ended, Nursery, Running
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from pynet_tf.errors import InputError
from pynet_tf.runs.run_directory import RunDirectory
from pynet_tf.train import cluster, command

COMMAND = ("pynet_tf.train",)
# The same, but every step's loss goes to the log.
LOGGING_ALL = (
    "-c",
    "from pynet_tf import cli; from pynet_tf.train import command, loop; loop.LOG_STEP = 1; "
    "cli.run(command.main, 'pynet_tf.train')",
)
STEPS = 20
LONG = ("--iterations", "100000")


@pytest.fixture(scope="module")
def start(tiny_ebb, tmp_path_factory):
    """Starts training; with workers' addresses and a number one worker."""
    # Workers need another level of TensorFlow's messages, which holds from its import on.
    folder = tmp_path_factory.mktemp("nursery")
    nursery = Nursery(folder, {"TF_CPP_MIN_LOG_LEVEL": "3"})

    def start(run_dir, *more, program=COMMAND, workers=None, number=None) -> Running:
        given, environment = arguments(tiny_ebb, run_dir, workers, number)
        return nursery.start(*program, *given, *more, cwd=folder, environment=environment)

    yield start
    nursery.close()


def arguments(tiny_ebb, run_dir, workers, number) -> tuple[list[str], dict[str, str]]:
    flags = {
        "level": 7, "data_dir": tiny_ebb, "run_dir": run_dir, "width": 0.05, "largest_kernel": 3,
        "batch_size": 4, "window": 64, "learning_rate": 1e-4, "warm_up": 0, "iterations": STEPS,
        "eval_step": 10, "eval_photos": 1,
    }  # fmt: skip
    given = [text for name, value in flags.items() for text in (f"--{name}", str(value))]
    if workers is None:
        return given, {}
    task = {"cluster": {"worker": workers}, "task": {"type": "worker", "index": number}}
    return [*given, "--strategy", "multi_worker"], {"TF_CONFIG": json.dumps(task)}


def start_two(start, run_dirs, *more, program=COMMAND) -> list[Running]:
    workers = [f"127.0.0.1:{port}" for port in free_ports(2)]
    return [
        start(run_dir, *more, program=program, workers=workers, number=number)
        for number, run_dir in enumerate(run_dirs)
    ]


def free_ports(count: int) -> list[int]:
    """Finds ports that nothing listens at, below those that systems give to any connection.

    One of those may be given away between its choice and the worker's start.
    """
    found = []
    for port in random.SystemRandom().sample(range(20_000, 32_000), 100):
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)):
                found.append(port)
        if len(found) == count:
            return found
    raise AssertionError("no port is free")


def finish(processes: list[Running]) -> list[Ended]:
    """Waits for all; none may hang."""
    return [process.end(timeout=240) for process in processes]


def losses(run_dir) -> np.ndarray:
    events = EventAccumulator(str(run_dir / "level_7/logs/train"), {"tensors": 0}).Reload()
    return np.array([tf.make_ndarray(event.tensor_proto) for event in events.Tensors("loss")])


def weights(run_dir) -> list[np.ndarray]:
    return [weight.numpy() for weight in RunDirectory(run_dir).load()[0].weights]


def wait_for(path, processes):
    end = time.monotonic() + 240
    while not path.exists():
        over = [process for process in processes if process.is_over()]
        assert not over, ["a worker ended early", *(process.end(timeout=1) for process in over)]
        assert time.monotonic() < end, f"{path} did not appear"
        time.sleep(0.01)


@pytest.fixture(scope="module")
def one_device(start, tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("one")
    [ended] = finish([start(run_dir, program=LOGGING_ALL)])
    assert ended.status == 0, ended.err
    found = losses(run_dir)
    # Or to be equal to them would say little.
    assert len(np.unique(found)) == len(found) == STEPS
    return found


@pytest.fixture(scope="module")
def two_workers(start, tmp_path_factory):
    """A run of two processes, each with a folder of its own, and what they printed."""
    folder = tmp_path_factory.mktemp("two")
    ends = finish(start_two(start, [folder / "chief", folder / "other"], program=LOGGING_ALL))
    assert [ended.status for ended in ends] == [0, 0], ends
    return folder, ends


def test_two_devices_have_the_losses_of_one(start, one_device, tmp_path):
    flags = ("--strategy", "mirrored", "--logical_cpus", "2")
    [ended] = finish([start(tmp_path, *flags, program=LOGGING_ALL)])
    assert ended.status == 0, ended.err
    np.testing.assert_allclose(losses(tmp_path), one_device, rtol=1e-5)


def test_two_workers_have_the_losses_of_one_device(one_device, two_workers):
    np.testing.assert_allclose(losses(two_workers[0] / "chief"), one_device, rtol=1e-5)


def test_only_the_chief_writes_and_tells(two_workers):
    folder, [chief, other] = two_workers
    assert not (folder / "other").exists()
    assert "validation: loss" in chief.out
    assert other.out.splitlines() == [
        other.out.splitlines()[0],
        f"level 7, steps 0 to {STEPS}, in {folder / 'other' / 'level_7'}",
    ]
    assert other.out.startswith("worker 1 of 2 at 127.0.0.1:")
    assert "Traceback" not in other.err


def test_workers_that_see_different_checkpoints_say_so(start, two_workers):
    folder, _ = two_workers
    for ended in finish(
        start_two(start, [folder / "chief", folder / "other"], "--iterations", "40")
    ):
        assert ended.status == 2
        assert "--run_dir has to be a folder that all of them share" in ended.err
        assert ended.err.count("\n") == 1


@pytest.mark.slow
def test_a_killed_worker_ends_the_job_which_goes_on_when_started_again(
    start, two_workers, tmp_path
):
    """First the chief is killed, and in the job that goes on from there the other."""
    folder, level = tmp_path / "level_7", RunDirectory(tmp_path).level(7)
    for killed, before, step in ((0, 0, 10), (1, 10, 20)):
        workers = start_two(start, [tmp_path, tmp_path], *LONG)
        wait_for(folder / f"step_{step:08d}.index", workers)
        workers[killed].send_signal(signal.SIGKILL)
        left = finish(workers)[1 - killed]
        assert left.status == 2
        assert f"steps {before} to" in left.out
        # Before it there are the lines of the chief's progress.
        assert left.err.splitlines()[-1].startswith(
            "pynet_tf.train: error: another worker of this job has stopped or cannot be reached "
            f"any more; the last good checkpoint is {folder}/step_000000"
        )
        assert all(line.startswith("level 7: ") for line in left.err.splitlines()[:-1]), left.err
        for later in level.steps():
            if later > step:
                level.remove(later)
        assert level.newest_step() == step
    ends = finish(start_two(start, [tmp_path, tmp_path]))
    assert [ended.status for ended in ends] == [0, 0], ends
    for a, b in zip(weights(tmp_path), weights(two_workers[0] / "chief"), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_a_signal_to_one_worker_stops_all_at_the_same_step(start, tmp_path):
    workers = start_two(start, [tmp_path, tmp_path], *LONG)
    wait_for(tmp_path / "level_7" / "step_00000010.index", workers)
    workers[1].send_signal(signal.SIGTERM)
    ends = finish(workers)
    assert [ended.status for ended in ends] == [130, 130], ends
    step = RunDirectory(tmp_path).level(7).describe().step
    for ended in ends:
        assert ended.out.endswith(f"stopped at step {step}; the same command goes on from there\n")


GOOD = {"cluster": {"worker": ["a:1", "b:2"]}, "task": {"type": "worker", "index": 1}}


def test_cluster_of_workers(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", json.dumps(GOOD))
    assert cluster.from_environment() == cluster.Cluster(("a:1", "b:2"), 1)


def test_cluster_with_a_chief_of_its_own(monkeypatch):
    addresses = {"chief": ["c:3"], "worker": ["a:1", "b:2"]}
    for kind, index, number in (("chief", 0, 0), ("worker", 0, 1), ("worker", 1, 2)):
        config = {"cluster": addresses, "task": {"type": kind, "index": index}}
        monkeypatch.setenv("TF_CONFIG", json.dumps(config))
        assert cluster.from_environment() == cluster.Cluster(("c:3", "a:1", "b:2"), number)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "[]",
        "{}",
        json.dumps({**GOOD, "task": {"type": "worker", "index": 2}}),
        json.dumps({**GOOD, "task": {"type": "worker", "index": -1}}),
        json.dumps({**GOOD, "task": {"type": "evaluator", "index": 0}}),
        json.dumps({**GOOD, "cluster": {"worker": ["a", "b"]}}),
        json.dumps({**GOOD, "cluster": {"worker": ["a:1", "a:1"]}}),
        json.dumps({**GOOD, "cluster": {"worker": "a:1,b:2"}}),
        json.dumps({**GOOD, "cluster": {"worker": ["a:1", "b:2"], "ps": ["c:1"]}}),
    ],
)
def test_malformed_tf_config(monkeypatch, text):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(InputError, match="TF_CONFIG"):
        cluster.from_environment()


def test_missing_tf_config_on_the_command_line(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(InputError, match=r"^--strategy multi_worker needs"):
        command.main(["--level", "7", "--strategy", "multi_worker"])
