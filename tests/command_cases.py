"""The command lines that write, at their smallest: to be killed and kept from writing."""

import dataclasses
import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf
from faults import Ended, Nursery, tree

from pynet_tf import model
from pynet_tf.data import shards
from pynet_tf.export import saved_model
from pynet_tf.runs.description import Description
from pynet_tf.runs.run_directory import RunDirectory

# Few layers, which are what takes the time.
NARROW = {"width": 0.05, "largest_kernel": 3}


def without_logs(folder: Path) -> dict[str, str]:
    """Returns what is in a folder but TensorBoard's files, of which every start adds one.

    And but the lock, which a process killed after its last step leaves.
    """
    found = tree(folder)
    return {n: found[n] for n in found if "/logs" not in n and not n.endswith("/.lock")}


def exported(folder: Path) -> dict[str, str]:
    """Returns what is in a folder and what the model there computes.

    TensorFlow does not write the same bytes for the same model.
    """
    found = dict.fromkeys(tree(folder), "")
    if (folder / "model").exists():
        network = tf.saved_model.load(str(folder / "model")).signatures["network"]
        image = np.random.default_rng(0).random((1, 64, 64, 4), np.float32)
        output = network(image=tf.constant(image))["level_7"]
        found["model"] = hashlib.sha256(output.numpy().tobytes()).hexdigest()
    return found


def checkpoints_are_whole(folder: Path) -> bool:
    level = RunDirectory(folder / "run").level(7)
    return all(level.is_whole(step) for step in level.steps())


@dataclasses.dataclass(frozen=True)
class Case:
    """A command line to kill.

    Attributes:
        name: of the command.
        arguments: of it, of which `{inputs}` and `{ebb}` are folders.
        seen: what is in the working folder, by name.
        replaced: the folder in it that is to be exchanged as a whole; None: files are added.
        passing: pattern of files that are not yet what they become.
        sound: whether such files are good for what they are.
    """

    name: str
    arguments: str
    seen: Callable[[Path], dict[str, str]] = tree
    replaced: str | None = None
    passing: str = "(?!)"
    sound: Callable[[Path], bool] = Path.exists


CASES = {
    "train": Case(
        "pynet_tf.train",
        "--level 7 --data_dir {ebb}/data --run_dir run --batch_size 1 "
        "--width 0.05 --largest_kernel 3 --window 32 --iterations 10 --eval_step 2 --eval_photos 1",
        seen=without_logs,
        passing=r"run/level_7/step_",
        sound=checkpoints_are_whole,
    ),
    "build_ebb": Case(
        "tools/build_ebb.py",
        "{ebb} --data_dir data --overwrite --workers 2",
        replaced=f"data/ebb/{shards.VERSION}",
    ),
    "make_synthetic_ebb": Case(
        "tools/make_synthetic_ebb.py",
        "set --count 4 --test_count 1 --workers 2 --height 64 --width 96",
    ),
    "render": Case(
        "pynet_tf.render",
        "{ebb}/train/original --depth {ebb}/train/original_depth --method lens --output out",
    ),
    "evaluate": Case(
        "pynet_tf.evaluate",
        "--data_dir {ebb}/data --model {inputs}/run --level 3 --no_lens --output report",
        # A line is added for every photo.
        passing=r"report/results\.jsonl",
    ),
    "export": Case(
        "pynet_tf.export",
        "--run_dir {inputs}/run --level 7 --output model",
        seen=exported,
        replaced="model",
    ),
}


def write_inputs(inputs: Path, nursery: Nursery, ebb: Path) -> None:
    """Writes what the cases are given, and what is in their working folders before them."""
    RunDirectory(inputs / "run").save(3, model.pynet(**NARROW), {}, **NARROW)
    for name in CASES:
        (inputs / name).mkdir()
    other = inputs / "build_ebb"
    nursery.run("tools/build_ebb.py", ebb / "test", "--data_dir", "data", cwd=other)
    run = Description(7, **NARROW, depth=True, head="original", settings={}, step=1)
    saved_model.write(model.pynet(**NARROW, seed=1), run, inputs / "export" / "model")


class Bench:
    """Where cases run, with inputs of `write_inputs` and pairs in the EBB! layout."""

    def __init__(self, nursery: Nursery, ebb: Path, inputs: Path):
        self._nursery, self._ebb, self._inputs = nursery, ebb, inputs

    def begin(self, name: str, folder: Path) -> Path:
        """Makes the working folder of a case."""
        return shutil.copytree(self._inputs / name, folder)

    def run(self, name: str, folder: Path, ebb: Path | None = None, **how) -> Ended:
        """Runs a case in its folder; see `Nursery.run`."""
        given = CASES[name].arguments.format(ebb=ebb or self._ebb, inputs=self._inputs)
        how = {"timeout": 600, **how}
        return self._nursery.run(CASES[name].name, *given.split(), cwd=folder, **how)


def visible(found: dict[str, str]) -> dict[str, str]:
    """Returns the files of `tree` that are not hidden."""
    return {
        name: content
        for name, content in found.items()
        if content != "folder" and not any(part.startswith(".") for part in Path(name).parts)
    }
