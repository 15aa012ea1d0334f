"""A run directory: the levels of one network, each trained from the coarser one.

    RUN_DIR/level_7/  ...  RUN_DIR/level_1/    see `level_directory`

Nothing else builds a path in it. TensorFlow is imported only where weights are read or written.
"""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from pynet_tf import model
from pynet_tf.errors import InputError
from pynet_tf.io.atomic_files import replacing
from pynet_tf.runs.description import ARCHITECTURE, Description
from pynet_tf.runs.level_directory import LevelDirectory

if TYPE_CHECKING:
    import keras

# For messages.
SOURCES = (
    "give a folder written by pynet_tf.export, or a run directory of pynet_tf.train or "
    "tools/convert_tf1_checkpoint.py"
)


@dataclasses.dataclass(frozen=True)
class RunDirectory:
    """The levels of one network.

    Attributes:
        path: of the folder; it need not be there yet.
    """

    path: Path

    def __post_init__(self):
        object.__setattr__(self, "path", Path(self.path))

    def __str__(self) -> str:
        return str(self.path)

    def level(self, level: int) -> LevelDirectory:
        """Returns the folder of one level, 7 (smallest) to 1."""
        return LevelDirectory(self.path / f"level_{level}", level)

    def trained_levels(self) -> list[int]:
        """Returns the levels that have a checkpoint, finest first, by file names alone."""
        return [level for level in sorted(model.LEVELS) if self.level(level).steps()]

    def refuse_no_model(self, level: int | None = None) -> None:
        """Checks that a level can be taken from here, by file names alone.

        Args:
            level: it or a finer one has to be trained; None for any.

        Raises:
            InputError: the folder is missing, is no run directory, or has no such level.
        """
        if not self.path.is_dir():
            raise InputError(f"{self} is not there or not a folder; {SOURCES}")
        if not self._has_levels():
            raise InputError(f"{self} holds no model; {self._nearby() or SOURCES}")
        if not any(held <= (level or 7) for held in self.trained_levels()):
            which = "trained level" if level is None else f"trained level {level} or finer"
            raise InputError(
                f"{self} has no {which}; train it: python -m pynet_tf.train --run_dir {self} "
                f"--level {level or 7}"
            )

    def _has_levels(self) -> bool:
        return any(self.level(held).path.is_dir() for held in model.LEVELS)

    def _nearby(self) -> str | None:
        """Names the run directory that was probably meant: the one around, or one in it."""
        path = self.path.absolute()
        if path.name in {f"level_{level}" for level in model.LEVELS}:
            return f"it is one level of {path.parent}: give that folder"
        inside = sorted(child for child in path.iterdir() if child.is_dir())
        runs = [str(child) for child in inside if RunDirectory(child)._has_levels()]
        if not runs:
            return None
        more = f" or one of {len(runs) - 1} more in it" if len(runs) > 1 else ""
        return f"give {runs[0]}{more}"

    def finest(self) -> Description | None:
        """Describes the finest level that has a checkpoint; None if there is none.

        Raises:
            InputError: its description cannot be used, see `LevelDirectory.describe`.
        """
        levels = (self.level(level).describe() for level in sorted(model.LEVELS))
        return next((found for found in levels if found is not None and found.step), None)

    def holding(self, level: int | None = None) -> Description:
        """Describes the level whose checkpoint gives a level: its own, or the next finer one's.

        Args:
            level: wanted; None for the finest there is.

        Raises:
            InputError: the folder is missing, is no run directory, is damaged, or has neither the
                level nor a finer one.
        """
        self.refuse_no_model(level)
        if level is None:
            return self.finest()
        levels = (self.level(held).describe() for held in range(level, 0, -1))
        return next(found for found in levels if found is not None and found.step)

    def load(self, level: int | None = None) -> tuple["keras.Model", Description]:
        """Loads the weights of a level's own checkpoint.

        Args:
            level: whose checkpoint to take; None for the finest level there is.

        Returns:
            The whole pyramid, and the level's description. Outputs finer than the level are
            untrained.

        Raises:
            InputError: there is no such run or level, or its checkpoints are damaged.
        """
        found = self.finest() if level is None else self.level(level).describe()
        if found is None or not found.step:
            which = "a trained level" if level is None else f"a trained level {level}"
            raise InputError(
                f"{self} has no {which}; train one: python -m pynet_tf.train --run_dir {self} "
                f"--level {level or 7}"
            )
        pyramid = found.pyramid(None)
        step = self.level(found.level).restore(pyramid)
        return pyramid, dataclasses.replace(found, step=step)

    def save(self, level: int, pyramid: "keras.Model", settings: dict, **architecture) -> None:
        """Writes weights from elsewhere as a level that all commands take.

        Args:
            level: the finest level that the weights are trained for.
            pyramid: the weights.
            settings: where they come from; stored in `run.json`.
            **architecture: what the pyramid is, where it differs from `ARCHITECTURE`.
        """
        folder = self.level(level)
        folder.write_description(
            Description(level, **ARCHITECTURE | architecture, settings=settings)
        )
        folder.write(1, pyramid)

    def share(self, described: Description, pyramid: "keras.Model") -> None:
        """Writes the weights of a level alone, small enough to share.

        Args:
            described: what the level is; its folder is replaced.
            pyramid: the weights; only those that the level needs are written.
        """
        with replacing(self.level(described.level).path) as partial:
            partial.mkdir()
            network = model.level_model(pyramid, described.level)
            LevelDirectory(partial, described.level).write_shared(described, network)
