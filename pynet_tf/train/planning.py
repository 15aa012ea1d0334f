"""Where a level's first weights come from, and what they make of it.

1. A level that was begun goes on from its own newest checkpoint, with the settings it began with.
2. A new level starts from the coarser level, or from another run that the user names, and is a
   network of the same architecture.
3. Level 7 starts from small random weights.

The plan is made once, before anything is written. The module does not import TensorFlow until
weights are set.
"""

import dataclasses
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pynet_tf.errors import InputError
from pynet_tf.runs.description import ARCHITECTURE, Description
from pynet_tf.runs.level_directory import LevelDirectory
from pynet_tf.runs.run_directory import RunDirectory
from pynet_tf.train.config import Job
from pynet_tf.train.recipes import Recipe

if TYPE_CHECKING:
    import keras

# What of a job is kept in `run.json` beside the recipe and the architecture.
SETTINGS = ("seed", "precision", "eval_step", "eval_photos")
# Settings that may differ when a level goes on: they do not change what a step does.
FREE_SETTINGS = ("iterations", "eval_step", "eval_photos", "versions")
# New networks correct the photo and the coarser level; the 2020 network's outputs are `original`.
_NEW = ARCHITECTURE | {"head": "residual"}


@dataclasses.dataclass(frozen=True)
class Plan:
    """How a level's training begins.

    Attributes:
        level: what the level is; its step is that of its newest checkpoint.
        folder: of the level.
        recipe: what it is trained with.
        source: what the level from which the first weights come is; the level itself where it
            was begun, None for random weights.
        source_folder: where these weights lie.
    """

    level: Description
    folder: LevelDirectory
    recipe: Recipe
    source: Description | None
    source_folder: LevelDirectory | None

    def is_done(self, iterations: int) -> bool:
        """Tells whether the level has all its steps, and the checkpoint of the last is whole."""
        return self.level.step >= iterations and self.folder.is_whole(self.level.step)

    def new_pyramid(self) -> "keras.Model":
        """Builds the pyramid; random weights cost time, and are left out where none stays."""
        replaced = self.source_folder is not None and self.source_folder.replaces_all_weights()
        return self.level.pyramid(None if replaced else self.level.settings["seed"])

    def set_weights(self, pyramid: "keras.Model", optimizer: "keras.Optimizer") -> int:
        """Restores the first weights.

        Args:
            pyramid: from `new_pyramid`.
            optimizer: gets its state where the level goes on.

        Returns:
            The steps of this level already done.

        Raises:
            InputError: there are checkpoints and none can be read.
        """
        if self.source is None:
            return 0
        level, source = self.level.level, self.source
        if self.source_folder == self.folder:
            return self.folder.restore(pyramid, optimizer)
        step = self.source_folder.restore(pyramid)
        iterations = source.settings.get("iterations", step)
        early = f", which ends before its {iterations}" if step < iterations else ""
        print(f"level {level} starts from step {step} of {self.source_folder}{early}")
        if source.head == "original" and source.level == level + 1 and level in (2, 1):
            from pynet_tf.train import warm_start

            warm_start.start_as_coarser_level(pyramid, level)
        return 0


def plan(job: Job, fingerprint: str) -> Plan:
    """Settles what a level is and what it starts from.

    Args:
        job: what the user asks for.
        fingerprint: of the training data.

    Raises:
        InputError: the weights to start from are missing, or the job contradicts what is there.
    """
    refuse_no_start(job)
    earlier = job.folder.describe()
    if earlier is not None and earlier.step:
        source, source_folder = earlier, job.folder
    else:
        source, source_folder = _coarser(job)
    known, known_folder = (earlier, job.folder) if earlier else (source, source_folder)
    architecture = {}
    for name, standard in _NEW.items():
        asked, found = getattr(job, name), getattr(known, name, None)
        if None not in (asked, found) and asked != found:
            had, wanted = f"--{name} {found}", str(asked)
            if isinstance(found, bool):
                had, wanted = (f"--{name}" if value else f"--no-{name}" for value in (found, asked))
            raise InputError(
                f"{known_folder} was trained with {had}, not {wanted}; leave the flag away or "
                "choose another --run_dir"
            )
        architecture[name] = next(v for v in (asked, found, standard) if v is not None)
    matched = job.recipe.match_exposure and architecture["head"] == "defocus"
    recipe = dataclasses.replace(job.recipe, match_exposure=matched)
    settings = {
        **dataclasses.asdict(recipe),
        **{name: getattr(job, name) for name in SETTINGS},
        "data": fingerprint,
        "versions": _versions(),
    }
    step = earlier.step if earlier else 0
    if step and not job.allow_changes:
        _refuse_changes(job.folder, earlier.settings, settings)
    level = Description(job.level, **architecture, settings=settings, step=step)
    return Plan(level, job.folder, recipe, source, source_folder)


def refuse_no_start(job: Job, arguments: Sequence[str] | None = None) -> None:
    """Checks by file names alone that a level that has not begun has weights to start from.

    Args:
        job: what the user asks for.
        arguments: of the command line that asks for it, but for the level; the message says how
            to train the coarser level with them.

    Raises:
        InputError: the coarser level, or any level of the other run, is not trained.
    """
    if job.folder.steps():
        return
    run, coarser = RunDirectory(job.run_dir), job.level + 1
    if job.start_from is not None:
        if not RunDirectory(job.start_from).trained_levels():
            raise InputError(f"{job.start_from} has no trained level to start from")
    elif coarser <= 7 and not run.level(coarser).steps():
        if arguments is None:
            arguments = ("--data_dir", str(job.data_dir), "--run_dir", str(job.run_dir))
        raise InputError(
            f"level {job.level} starts from level {coarser}, which is not in {run} yet; run this "
            f"first: python -m pynet_tf.train --level {coarser} {shlex.join(arguments)}"
        )


def _coarser(job: Job) -> tuple[Description | None, LevelDirectory | None]:
    """Returns the level that a new level starts from, and where its weights lie."""
    if job.start_from is not None:
        run = RunDirectory(job.start_from)
        source = run.finest()
    elif job.level < 7:
        run = RunDirectory(job.run_dir)
        source = run.level(job.level + 1).describe()
    else:
        return None, None
    return source, run.level(source.level)


def _refuse_changes(folder: LevelDirectory, old: dict, new: dict) -> None:
    changed = [
        f"{name} {old[name]} -> {new[name]}"
        for name in new
        if name in old and name not in FREE_SETTINGS and old[name] != new[name]
    ]
    if changed:
        raise InputError(
            f"{folder} was begun with other settings ({', '.join(changed)}); use those, "
            "choose another --run_dir, or go on all the same with --allow_changes"
        )


def _versions() -> dict[str, str]:
    import keras
    import numpy as np
    import tensorflow as tf

    from pynet_tf import __version__

    return {
        "pynet_tf": __version__,
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
    }
