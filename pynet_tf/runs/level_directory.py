"""One level of a run directory: its description, checkpoints, logs and lock.

    level_3/run.json               what the level is and how it is trained, see `description`
    level_3/step_00001000.index    a checkpoint of training, see `checkpoint_file`
    level_3/step_00001000.data-00000-of-00001
    level_3/step_00001000.npz      or weights alone, to share, see `weights_file`
    level_3/logs/                  TensorBoard

A level is known by its `run.json`, a checkpoint by its complete name; other files in the folder do
no harm. The newest two checkpoints are kept: if one is damaged the other serves.

TensorFlow is imported only where weights are read or written, so that what is missing is told at
once.
"""

import contextlib
import dataclasses
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pynet_tf import model
from pynet_tf.errors import InputError, refuse_unreadable
from pynet_tf.io import locks
from pynet_tf.io.atomic_files import write_text
from pynet_tf.runs import description
from pynet_tf.runs.description import Description

if TYPE_CHECKING:
    import keras

KEPT = 2
_CHECKPOINT = re.compile(r"step_(\d{8,})\.(index|npz)")


@dataclasses.dataclass(frozen=True)
class LevelDirectory:
    """The folder of one level.

    Attributes:
        path: of the folder; it need not be there yet.
        level: 7 (smallest) to 1.
    """

    path: Path
    level: int

    def __str__(self) -> str:
        return str(self.path)

    @property
    def logs(self) -> Path:
        """Where TensorBoard's logs lie."""
        return self.path / "logs"

    def steps(self) -> list[int]:
        """Returns the training steps of the checkpoints, newest first.

        Raises:
            OSError: the folder is there and cannot be looked into.
        """
        try:
            names = map(_CHECKPOINT.fullmatch, os.listdir(self.path))
        except (FileNotFoundError, NotADirectoryError):
            return []
        return sorted({int(name[1]) for name in names if name}, reverse=True)

    def newest_step(self) -> int:
        """Returns the training steps of the newest checkpoint, 0 if there is none."""
        return max(self.steps(), default=0)

    def newest_in_words(self) -> str:
        """Says which checkpoint is the newest, for messages."""
        newest = self.newest_step()
        if not newest:
            return "there is no checkpoint yet"
        return f"the last good checkpoint is {self._checkpoint(newest)}"

    def describe(self) -> Description | None:
        """Reads `run.json` and the newest step; None if the level has not begun.

        Raises:
            InputError: the file is damaged or another program's, describes a network that is no
                more, or is missing beside checkpoints.
        """
        file = self._description
        if not file.is_file():
            if self.steps():
                raise InputError(
                    f"{file} is missing, which says what the checkpoints beside it are; restore "
                    "it or move the folder away"
                )
            return None
        try:
            found = description.parse(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InputError(
                f"{file} does not describe a level of this program ({error}); restore it or "
                "choose another --run_dir"
            ) from error
        if found.head not in model.HEADS:
            raise InputError(
                f"{self.path} holds a network of the head light of earlier versions, which chose "
                "focus and blur by itself and cannot be used any more; train one of the head "
                "defocus in another --run_dir, or render with a SavedModel that was exported from "
                "this one"
            )
        if found.level != self.level:
            raise InputError(
                f"{file} describes level {found.level}; it was copied from another folder: "
                "restore it"
            )
        return dataclasses.replace(found, step=self.newest_step())

    def write_description(self, described: Description) -> None:
        """Writes `run.json`."""
        text = described.as_json()
        write_text(self._description, text)

    def restore(
        self, pyramid: "keras.Model", optimizer: "keras.Optimizer | None" = None
    ) -> int | None:
        """Restores the newest good checkpoint, telling on standard error about damaged ones.

        Args:
            pyramid: gets the weights; of weights to share, those that the file has.
            optimizer: gets its state, if it is a checkpoint of training; None: the weights alone.

        Returns:
            Its step, or None if there is no checkpoint at all.

        Raises:
            InputError: there are checkpoints and none can be read, or not by this user.
        """
        from pynet_tf.runs import checkpoint_file, weights_file

        found = self.steps()
        for step in found:
            path = self._checkpoint(step)
            try:
                if self._shared(step).exists():
                    weights_file.read(self._shared(step), pyramid)
                else:
                    checkpoint_file.read(path, pyramid, optimizer)
                _check_finite(pyramid, path)
            # TensorFlow reports a damaged file by almost any exception.
            except Exception as error:
                for file in self.checkpoint_files(step):
                    refuse_unreadable(file)
                reason = " ".join(str(error).split())[:200]
                problem = "holds other weights" if self.is_whole(step) else "is damaged"
                print(
                    f"warning: {path} {problem} ({reason}); trying the one before",
                    file=sys.stderr,
                )
                continue
            return step
        if found:
            raise InputError(
                f"no checkpoint in {self.path} can be read, at least by this version of pynet_tf; "
                "move the folder away and train the level again"
            )
        return None

    def replaces_all_weights(self) -> bool:
        """Tells whether `restore` leaves no weight of a pyramid as it was."""
        found = self.steps()
        return bool(found) and not any(self._shared(step).exists() for step in found)

    def is_whole(self, step: int) -> bool:
        """Reads a checkpoint through, which compares its checksums."""
        from pynet_tf.runs import checkpoint_file, weights_file

        if self._shared(step).exists():
            return weights_file.is_whole(self._shared(step))
        return checkpoint_file.is_whole(self._checkpoint(step))

    def checkpoint_files(self, step: int) -> list[Path]:
        """Returns the files of a checkpoint, the index first."""
        name = self._checkpoint(step).name
        return [
            file
            for ending in ("index", "npz", "data-*")
            for file in self.path.glob(f"{name}.{ending}")
        ]

    def write(
        self, step: int, pyramid: "keras.Model", optimizer: "keras.Optimizer | None" = None
    ) -> None:
        """Writes a checkpoint and removes all but the newest `KEPT`.

        Args:
            step: counts the training steps done.
            pyramid: gives the weights.
            optimizer: gives its state; None writes the weights alone.

        Raises:
            InputError: the disk is full or the folder cannot be written to.
        """
        import tensorflow as tf

        from pynet_tf.runs import checkpoint_file

        path = self._checkpoint(step)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            checkpoint_file.write(path, pyramid, optimizer)
        except (tf.errors.OpError, OSError) as error:
            self.remove_leftovers()
            reason = getattr(error, "message", None) or str(error)
            raise InputError(
                f"the checkpoint {path} could not be written ({reason.splitlines()[0]}); "
                f"{self.newest_in_words()}; make room and start the same command again"
            ) from error
        self._remove_old()

    def write_shared(self, described: Description, network: "keras.Model") -> None:
        """Writes weights alone, see `weights_file`, beside their description."""
        from pynet_tf.runs import weights_file

        weights_file.write(self._shared(described.step), network)
        self.write_description(described)

    def remove(self, step: int) -> None:
        """Removes a checkpoint."""
        # The index first: without it the rest is no checkpoint any more.
        for file in self.checkpoint_files(step):
            file.unlink(missing_ok=True)

    def remove_leftovers(self) -> None:
        """Removes what a process killed while writing a checkpoint has left, old ones too."""
        self._remove_old()
        for path in self.path.glob("step_*"):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            elif not (
                _CHECKPOINT.fullmatch(path.name)
                or path.with_name(f"{path.name.split('.')[0]}.index").exists()
            ):
                path.unlink(missing_ok=True)
        for path in self.path.glob("*.tempstate*"):
            path.unlink(missing_ok=True)

    def _remove_old(self) -> None:
        for old in self.steps()[KEPT:]:
            self.remove(old)

    @contextlib.contextmanager
    def writing(self) -> Iterator["Writer"]:
        """Locks the folder, removes leftovers, and yields what writes the level's training.

        Raises:
            InputError: another process is writing to the folder.
        """
        with contextlib.ExitStack() as held:
            writer = Writer(self, held)
            self.remove_leftovers()
            yield writer

    @property
    def _description(self) -> Path:
        return self.path / "run.json"

    def _checkpoint(self, step: int) -> Path:
        return self.path / f"step_{step:08d}"

    def _shared(self, step: int) -> Path:
        return self.path / f"step_{step:08d}.npz"


class Writer:
    """Writes a level while it holds the lock of its folder; from `LevelDirectory.writing`."""

    def __init__(self, folder: LevelDirectory, held: contextlib.ExitStack):
        self._folder, self._held, self._described = folder, held, None
        self._lock()

    def describe(self, described: Description) -> None:
        """Writes `run.json`."""
        self._described = described
        self._folder.write_description(described)

    def save(self, step: int, pyramid: "keras.Model", optimizer: "keras.Optimizer") -> None:
        """Writes a checkpoint; begins the folder anew if somebody has removed it.

        Raises:
            InputError: the disk is full or the folder cannot be written to.
        """
        if locks.is_gone(self._folder.path):
            print(f"warning: {self._folder} was removed; beginning it anew", file=sys.stderr)
            self._lock()
            self._folder.write_description(self._described)
        self._folder.write(step, pyramid, optimizer)

    def _lock(self) -> None:
        self._held.enter_context(locks.locked(self._folder.path))


def _check_finite(pyramid: "keras.Model", path: Path) -> None:
    bad = [w.path for w in pyramid.weights if not np.isfinite(w.numpy()).all()]
    if bad:
        raise ValueError(f"{path}: {bad[0]} and {len(bad) - 1} other weights are not finite")
