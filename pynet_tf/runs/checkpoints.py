"""Run directories: what a level's training leaves, and how it is found again.

    RUN_DIR/level_3/run.json               what the level is and how it is trained
    RUN_DIR/level_3/step_00001000.index    a tf.train.Checkpoint of step, pyramid and optimizer
    RUN_DIR/level_3/step_00001000.data-00000-of-00001
    RUN_DIR/level_3/step_00001000.npz      or the weights alone, see `pynet_tf.packed`
    RUN_DIR/level_3/logs/                  TensorBoard

A level is found by its `run.json`, a checkpoint by its complete name; other files in the folder
do no harm. The newest two checkpoints are kept: if one is damaged the other serves.
"""

import dataclasses
import json
import shutil
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from pynet_tf import model
from pynet_tf.errors import InputError
from pynet_tf.io.atomic_files import replacing, write_text
from pynet_tf.model import LARGEST_WIDTH
from pynet_tf.runs import weights_file
from pynet_tf.runs.run_directory import CHECKPOINT, level_dir, steps

KEPT = 2
# What a network is: arguments of `model.pynet`, and the 2020 network's values.
KIND = {
    "width": 1.0,
    "depth": True,
    "head": "original",
    "largest_kernel": model.LARGEST_KERNEL,
}


@dataclasses.dataclass(frozen=True)
class Run:
    """What `run.json` says of one level.

    Attributes:
        level: 7 (smallest) to 1.
        width: scale of the channel counts.
        depth: whether the input has a depth map.
        head: one of `model.HEADS`.
        settings: everything else in force: recipe, seed, versions, data fingerprint.
        step: of the newest checkpoint; 0 where there is none.
        largest_kernel: of levels 3 and 4.
    """

    level: int
    width: float
    depth: bool
    head: str
    settings: dict
    step: int = 0
    largest_kernel: int = model.LARGEST_KERNEL

    @property
    def kind(self) -> dict:
        """What the network is, by the names of `model.pynet`'s arguments."""
        return {name: getattr(self, name) for name in KIND}

    @property
    def input(self) -> model.InputFormat:
        """What the network takes."""
        return model.input_format(self.head, self.depth)

    def pyramid(self, seed: int | None = 0) -> keras.Model:
        """Builds a new pyramid of this kind, see `model.pynet`."""
        return model.pynet(**self.kind, seed=seed)


def read_run(run_dir: Path, level: int) -> Run | None:
    """Reads a level's `run.json`; None if the level has none.

    Raises:
        InputError: the file is damaged or another program's, or is missing beside checkpoints.
    """
    path = level_dir(run_dir, level) / "run.json"
    if not path.is_file():
        if steps(path.parent):
            raise InputError(
                f"{path} is missing, which says what the checkpoints beside it are; restore it or "
                "move the folder away"
            )
        return None
    try:
        run = parse_run(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(
            f"{path} does not describe a level of this program ({error}); restore it or "
            "choose another --run_dir"
        ) from error
    if run.head == "light":
        raise InputError(
            f"{path.parent} holds a network of the head light of earlier versions, which chose "
            "focus and blur by itself and cannot be used any more; train one of the head defocus "
            "in another --run_dir, or render with a SavedModel that was exported from this one"
        )
    if run.level != level:
        raise InputError(
            f"{path} describes level {run.level}; it was copied from another folder: restore it"
        )
    return dataclasses.replace(run, step=next(iter(steps(path.parent)), 0))


def parse_run(text: str) -> Run:
    """Reads the description of a level from JSON, as `run.json` and exported models have it.

    Exported models may be of the head `light`, which no pyramid is built of any more.

    Raises:
        ValueError: it is none, or none of a network that can be.
    """
    try:
        fields = json.loads(text)
        run = Run(
            level=int(fields["level"]),
            width=float(fields["width"]),
            depth=bool(fields["depth"]),
            head=str(fields["head"]),
            settings=dict(fields["settings"]),
            step=int(fields.get("step", 0)),
            largest_kernel=int(fields.get("largest_kernel", model.LARGEST_KERNEL)),
        )
    except (AttributeError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError(repr(error)) from error
    if run.level not in model.LEVELS or run.head not in (*model.HEADS, "light"):
        raise ValueError(f"there is no level {run.level} with the head {run.head[:40]!r}")
    if run.largest_kernel not in model.KERNELS:
        raise ValueError(f"there is no network with the largest kernel {run.largest_kernel}")
    if not 0 < run.width <= LARGEST_WIDTH:
        raise ValueError(f"the width is {run.width:g}")
    return run


def write_run(run_dir: Path, run: Run) -> None:
    """Writes a level's `run.json`."""
    write_text(level_dir(run_dir, run.level) / "run.json", _as_text(run))


def prefix(folder: Path, step: int) -> str:
    """Returns the path of a checkpoint without the endings of its files."""
    return str(Path(folder) / f"step_{step:08d}")


def newest_in_words(folder: Path) -> str:
    """Says which checkpoint is the newest, for messages."""
    found = steps(folder)
    if not found:
        return "there is no checkpoint yet"
    return f"the last good checkpoint is {prefix(folder, found[0])}"


def write(folder: Path, step: int, **objects) -> None:
    """Writes a checkpoint and removes all but the newest `KEPT`.

    The index file appears last, so that a checkpoint with an index is whole.

    Args:
        folder: of the level.
        step: counts the training steps done.
        **objects: what to store, by name: `model`, `optimizer`, `step`.

    Raises:
        InputError: the disk is full or the folder cannot be written to.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tf.train.Checkpoint(**objects).write(prefix(folder, step))
    except (tf.errors.OpError, OSError) as error:
        remove_leftovers(folder)
        reason = getattr(error, "message", None) or str(error)
        raise InputError(
            f"the checkpoint {prefix(folder, step)} could not be written "
            f"({reason.splitlines()[0]}); {newest_in_words(folder)}; make room and start the same "
            "command again"
        ) from error
    for old in steps(folder)[KEPT:]:
        _remove(folder, old)


def restore(folder: Path, **objects) -> int | None:
    """Restores the newest good checkpoint, telling on standard error about damaged ones.

    Args:
        folder: of the level.
        **objects: what to restore, by name, `model` among them; others in the file are
            ignored. Weights alone restore the model only.

    Returns:
        Its step, or None if the folder has no checkpoint at all.

    Raises:
        InputError: there are checkpoints and none can be read.
    """
    found = steps(folder)
    for step in found:
        path = prefix(folder, step)
        try:
            if _packed(folder, step).exists():
                weights_file.read(_packed(folder, step), objects["model"])
            else:
                status = tf.train.Checkpoint(**objects).read(path)
                status.expect_partial().assert_existing_objects_matched()
            _check_finite(objects["model"], path)
        # TensorFlow reports a damaged file by almost any exception.
        except Exception as error:
            reason = " ".join(str(error).split())[:200]
            problem = "holds other weights" if is_whole(folder, step) else "is damaged"
            print(f"warning: {path} {problem} ({reason}); trying the one before", file=sys.stderr)
            continue
        return step
    if found:
        raise InputError(
            f"no checkpoint in {folder} can be read, at least by this version of pynet_tf; move "
            "the folder away and train the level again"
        )
    return None


def replaces_all(folder: Path) -> bool:
    """Returns whether `restore` from the folder leaves no weight of a pyramid as it was."""
    found = steps(folder)
    return bool(found) and not any(_packed(folder, step).exists() for step in found)


def is_whole(folder: Path, step: int) -> bool:
    """Reads a checkpoint through, which compares its checksums."""
    if _packed(folder, step).exists():
        return weights_file.is_whole(_packed(folder, step))
    try:
        reader = tf.train.load_checkpoint(prefix(folder, step))
        for name in reader.get_variable_to_shape_map():
            reader.get_tensor(name)
    # TensorFlow reports a damaged file by almost any exception.
    except Exception:
        return False
    return True


def load_pyramid(run_dir: Path, level: int | None = None) -> tuple[keras.Model, Run]:
    """Loads the weights of a run.

    Args:
        run_dir: of the run.
        level: whose checkpoint to take; None for the finest (smallest number) there is.

    Returns:
        The whole pyramid, and what the run says of the level. Outputs finer than the level are
        untrained.

    Raises:
        InputError: there is no such run or level, or its checkpoints are damaged.
    """
    run = finest_run(run_dir) if level is None else read_run(run_dir, level)
    if run is None or not run.step:
        which = "a trained level" if level is None else f"a trained level {level}"
        raise InputError(
            f"{run_dir} has no {which}; train one: python -m pynet_tf.train --run_dir {run_dir} "
            f"--level {level or 7}"
        )
    pyramid = run.pyramid(None)
    step = restore(level_dir(run_dir, run.level), model=pyramid)
    return pyramid, dataclasses.replace(run, step=step)


def finest_run(run_dir: Path) -> Run | None:
    """Returns the finest level of a run that has a checkpoint."""
    runs = (read_run(run_dir, level) for level in sorted(model.LEVELS))
    return next((run for run in runs if run is not None and run.step), None)


def save_level(run_dir: Path, level: int, pyramid: keras.Model, settings: dict, **kind) -> None:
    """Writes weights from elsewhere as a run directory that all commands take.

    Args:
        run_dir: of the run.
        level: the finest level that the weights are trained for.
        pyramid: the weights.
        settings: where they come from; stored in `run.json`.
        **kind: what the pyramid is, where it differs from `KIND`.
    """
    run = Run(level, **KIND | kind, settings=settings)
    folder = level_dir(run_dir, level)
    write_run(run_dir, run)
    write(folder, 1, model=pyramid)


def share_level(run_dir: Path, run: Run, pyramid: keras.Model) -> None:
    """Writes the weights of a level alone, small enough to share, as a run directory.

    Args:
        run_dir: to write; its level's folder is replaced.
        run: what the level is.
        pyramid: the weights; only those that the level needs are written.
    """
    with replacing(level_dir(run_dir, run.level)) as partial:
        partial.mkdir()
        network = model.level_model(pyramid, run.level)
        weights_file.write(_packed(partial, run.step), network)
        write_text(partial / "run.json", _as_text(run))


def remove_leftovers(folder: Path) -> None:
    """Removes what a process killed while writing a checkpoint has left."""
    for path in Path(folder).glob("step_*"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif not (
            CHECKPOINT.fullmatch(path.name)
            or path.with_name(f"{path.name.split('.')[0]}.index").exists()
        ):
            path.unlink(missing_ok=True)
    for path in Path(folder).glob("*.tempstate*"):
        path.unlink(missing_ok=True)


def _remove(folder: Path, step: int) -> None:
    # The index first: without it the rest is no checkpoint any more.
    (folder / f"step_{step:08d}.index").unlink(missing_ok=True)
    _packed(folder, step).unlink(missing_ok=True)
    for path in folder.glob(f"step_{step:08d}.data-*"):
        path.unlink(missing_ok=True)


def _packed(folder: Path, step: int) -> Path:
    return Path(folder) / f"step_{step:08d}.npz"


def _as_text(run: Run) -> str:
    fields = {"level": run.level, **run.kind, "settings": run.settings}
    return json.dumps(fields, indent=2) + "\n"


def _check_finite(pyramid: keras.Model, path: str) -> None:
    bad = [w.path for w in pyramid.weights if not np.isfinite(w.numpy()).all()]
    if bad:
        raise ValueError(f"{path}: {bad[0]} and {len(bad) - 1} other weights are not finite")
