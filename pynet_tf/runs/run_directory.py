"""Where the levels of a run lie and which of them are trained, by the names of their files alone.

The module does not import TensorFlow, so that a missing level is told at once; what is in the
files is the matter of `pynet_tf.checkpoints`.
"""

import re
from pathlib import Path

from pynet_tf.errors import InputError

CHECKPOINT = re.compile(r"step_(\d{8,})\.(index|npz)")
# For messages.
SOURCES = (
    "give a folder written by pynet_tf.export, or a run directory of pynet_tf.train or "
    "tools/convert_tf1_checkpoint.py; pynet_tf.render --method lens needs no model"
)


def level_dir(run_dir: Path, level: int) -> Path:
    """Returns the folder of one level."""
    return Path(run_dir) / f"level_{level}"


def steps(folder: Path) -> list[int]:
    """Returns the steps of a level's checkpoints, newest first."""
    names = (CHECKPOINT.fullmatch(path.name) for path in Path(folder).glob("step_*"))
    return sorted({int(name[1]) for name in names if name}, reverse=True)


def refuse_no_start(level: int, run_dir: Path, data_dir: Path, start_from: Path | None) -> None:
    """Checks that a level that has not begun has weights to start from.

    Args:
        level: to be trained.
        run_dir: that it belongs to.
        data_dir: to train on, for the message.
        start_from: another run to take the weights from; None for the level below.

    Raises:
        InputError: the level below, or any level of the other run, is not trained.
    """
    folder = level_dir(run_dir, level)
    if (folder / "run.json").is_file() or steps(folder):
        return
    if start_from is not None:
        refuse_no_level(start_from)
    elif level < 7 and not steps(level_dir(run_dir, level + 1)):
        raise InputError(
            f"level {level} starts from level {level + 1}, which is not in {run_dir} yet; run this "
            f"first: python -m pynet_tf.train --level {level + 1} --data_dir {data_dir} --run_dir "
            f"{run_dir}"
        )


def refuse_no_level(start_from: Path) -> None:
    """Checks that a run has a level to start from.

    Raises:
        InputError: none is trained.
    """
    if not _trained(start_from):
        raise InputError(f"{start_from} has no trained level to start from")


def refuse_no_model(run_dir: Path, level: int | None = None) -> None:
    """Checks that a folder is a run directory that a level can be taken from.

    Args:
        run_dir: of the run.
        level: it or a finer one has to be trained; None for any.

    Raises:
        InputError: the folder is missing, is no run directory, or has no such level.
    """
    run_dir = Path(run_dir)
    if not run_dir.is_dir():
        raise InputError(f"{run_dir} is not there or not a folder; {SOURCES}")
    if not any(level_dir(run_dir, held).is_dir() for held in range(1, 8)):
        raise InputError(f"{run_dir} holds no model; {SOURCES}")
    if not _trained(run_dir, level or 7):
        which = "trained level" if level is None else f"trained level {level} or finer"
        raise InputError(
            f"{run_dir} has no {which}; train it: python -m pynet_tf.train --run_dir {run_dir} "
            f"--level {level or 7}"
        )


def _trained(run_dir: Path, coarsest: int = 7) -> bool:
    return any(steps(level_dir(run_dir, held)) for held in range(1, coarsest + 1))
