"""One level's training as the user asks for it, and how it fits what is already there.

A level goes on from its own checkpoint, or else starts from the level under it, whose kind it
takes over. What was begun with some data and settings is not finished with others.
"""

import dataclasses
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from pynet_tf import __version__
from pynet_tf.errors import InputError
from pynet_tf.runs import checkpoints, run_directory
from pynet_tf.runs.checkpoints import Run
from pynet_tf.train import warm_start
from pynet_tf.train.recipes import Recipe

# Settings that may differ when a level goes on: they do not change what a step does.
FREE_SETTINGS = ("iterations", "eval_step", "eval_photos", "versions")


@dataclasses.dataclass(frozen=True)
class Job:
    """What to train, on what, and where to.

    Attributes:
        level: 7 (smallest) to 1.
        data_dir: with the prepared EBB! shards.
        run_dir: holds or gets the levels' folders.
        recipe: batch, iterations, rate, window, weights of the loss.
        width: scale of the channel counts; None for that of the level under it, or else 1.0.
        depth: whether to use the depth map; None for as the level under it does, or else True.
        head: one of `model.HEADS`; None for that of the level under it, or else `residual`.
        largest_kernel: of levels 3 and 4; None for that of the level under it, or else 9.
        seed: of the initial weights, the order of samples and their augmentation.
        eval_step: steps between validations and checkpoints.
        eval_photos: validation photos, -1 for all.
        vgg: VGG-19 weights for the content term.
        precision: Keras' dtype policy.
        jit: whether to compile the step with XLA.
        recompute: whether to compute the blocks' insides again for the gradient, to save memory.
        allow_changes: whether to go on although data or settings have changed.
        start_from: another run whose finest level gives the first weights; None for the level
            under this one in `run_dir`.
    """

    level: int
    data_dir: Path
    run_dir: Path
    recipe: Recipe
    width: float | None = None
    depth: bool | None = None
    head: str | None = None
    largest_kernel: int | None = None
    seed: int = 0
    eval_step: int = 1000
    eval_photos: int = -1
    vgg: Path | None = None
    precision: str = "float32"
    jit: bool = False
    recompute: bool = False
    allow_changes: bool = False
    start_from: Path | None = None

    @property
    def folder(self) -> Path:
        """Where the level's checkpoints and logs lie."""
        return checkpoints.level_dir(self.run_dir, self.level)


def agreed_run(job: Job, fingerprint: str) -> Run:
    """Settles what the level is, from the job, its earlier run and the level under it.

    Args:
        job: what the user asks for.
        fingerprint: of the training data.

    Raises:
        InputError: the level under it is missing, or the job contradicts what is there.
    """
    earlier = checkpoints.read_run(job.run_dir, job.level)
    run_directory.refuse_no_start(job.level, job.run_dir, job.data_dir, job.start_from)
    known = earlier or _below(job)
    kind = {}
    for name, standard in (checkpoints.KIND | {"head": "residual"}).items():
        asked, found = getattr(job, name), getattr(known, name, None)
        if None not in (asked, found) and asked != found:
            raise InputError(
                f"{checkpoints.level_dir(job.run_dir, known.level)} was trained with --{name} "
                f"{found}, not {asked}; leave the flag away or choose another --run_dir"
            )
        kind[name] = next(value for value in (asked, found, standard) if value is not None)
    settings = {
        **dataclasses.asdict(job.recipe),
        "seed": job.seed,
        "precision": job.precision,
        "eval_step": job.eval_step,
        "eval_photos": job.eval_photos,
        "data": fingerprint,
        "versions": {
            "pynet_tf": __version__,
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "numpy": np.__version__,
        },
    }
    if earlier is not None and earlier.step and not job.allow_changes:
        _refuse_changes(job, earlier.settings, settings)
    return Run(job.level, **kind, settings=settings, step=earlier.step if earlier else 0)


def kernels_seed(job: Job) -> int | None:
    """Returns the seed of the pyramid's kernels, None if `set_first_weights` replaces them all."""
    folder = job.folder
    if not checkpoints.steps(folder):
        below = _below(job)
        folder = folder if below is None else _source(job, below)
    return None if checkpoints.replaces_all(folder) else job.seed


def set_first_weights(job: Job, pyramid: keras.Model, optimizer: keras.Optimizer) -> int:
    """Restores what the level starts from.

    Returns:
        The steps of this level already done.

    Raises:
        InputError: there are checkpoints and none can be read.
    """
    # 1. The level's own newest good checkpoint.
    done = checkpoints.restore(job.folder, model=pyramid, optimizer=optimizer)
    if done is not None:
        return done
    # 2. The level under it, or the run that the user named.
    below = _below(job)
    if below is not None:
        source = _source(job, below)
        step = checkpoints.restore(source, model=pyramid)
        iterations = below.settings.get("iterations", step)
        early = f", which ends before its {iterations}" if step < iterations else ""
        print(f"level {job.level} starts from step {step} of {source}{early}")
        if below.head == "original" and below.level == job.level + 1 and job.level in (2, 1):
            warm_start.start_as_level_below(pyramid, job.level)
    # 3. Level 7: the small random start of `model.pynet`.
    return 0


def _refuse_changes(job: Job, old: dict, new: dict) -> None:
    changed = [
        f"{name} {old[name]} -> {new[name]}"
        for name in new
        if name in old and name not in FREE_SETTINGS and old[name] != new[name]
    ]
    if changed:
        raise InputError(
            f"{job.folder} was begun with other settings ({', '.join(changed)}); use those, "
            "choose another --run_dir, or go on all the same with --allow_changes"
        )


def _source(job: Job, below: Run) -> Path:
    return checkpoints.level_dir(job.start_from or job.run_dir, below.level)


def _below(job: Job) -> Run | None:
    """Returns the run whose weights the level starts from, None if there is none."""
    if job.start_from is not None:
        run_directory.refuse_no_level(job.start_from)
        return checkpoints.finest_run(job.start_from)
    run = checkpoints.read_run(job.run_dir, job.level + 1) if job.level < 7 else None
    return run if run is not None and run.step else None
