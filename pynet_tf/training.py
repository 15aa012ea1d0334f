"""Trains one level of the pyramid (Ignatov et al., CVPRW 2020, section 3.2).

A level is trained from the level under it; everything its output depends on is trained. The loop
is one compiled step under a `tf.distribute` strategy, validation and a checkpoint at times. What
a step sees and does depends on the seed, the step's number and the weights alone, so that training
stopped at any moment and started again ends with the weights of one that was not.
"""

import contextlib
import dataclasses
import math
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from pynet_tf import (
    __version__,
    checkpoints,
    command_line,
    data,
    devices,
    losses,
    metrics,
    model,
    summaries,
    vgg,
)
from pynet_tf.checkpoints import Run
from pynet_tf.errors import InputError
from pynet_tf.locks import locked
from pynet_tf.recipes import Recipe

LOG_STEP = 10
SAVE_SECONDS = 600
SHOWN_WINDOWS = 7

# Settings that may differ when a level goes on: they do not change what a step does.
FREE_SETTINGS = ("iterations", "eval_step", "eval_photos", "versions")


@dataclasses.dataclass(frozen=True)
class Job:
    """One level's training as the user asks for it.

    Attributes:
        level: 7 (smallest) to 1.
        data_dir: with the prepared EBB! shards.
        run_dir: holds or gets the levels' folders.
        recipe: batch, iterations, rate, window, weights of the loss.
        width: scale of the channel counts; None for that of the level under it, or else 1.0.
        depth: whether to use the depth map; None for that of the level under it, or else True.
        head: `original` or `residual`; None for that of the level under it, or else `original`.
        seed: of the initial weights, the order of samples and their augmentation.
        eval_step: steps between validations and checkpoints.
        eval_photos: validation photos, -1 for all.
        vgg: VGG-19 weights for the content term.
        precision: Keras' dtype policy.
        jit: whether to compile the step with XLA.
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
    seed: int = 0
    eval_step: int = 1000
    eval_photos: int = -1
    vgg: Path | None = None
    precision: str = "float32"
    jit: bool = False
    allow_changes: bool = False
    start_from: Path | None = None


def train_level(job: Job, strategy: tf.distribute.Strategy | None = None) -> bool:
    """Trains one level to its end, from where it was left.

    Args:
        job: what to do.
        strategy: from `devices.strategy`; None for the one device.

    Returns:
        True if the level is done, False if a signal stopped it (its state is saved).

    Raises:
        InputError: data, weights or settings are missing or do not fit, the loss is no longer
            finite, or nothing can be written.
    """
    strategy = strategy or tf.distribute.get_strategy()
    chief = devices.is_chief(strategy)
    folder = checkpoints.level_dir(job.run_dir, job.level)
    train_split, test_split = _open_splits(job)
    run = _agreed_run(job, train_split.fingerprint)
    if run.step >= job.recipe.iterations:
        print(f"level {job.level} is done ({run.step} steps): {folder}")
        return True
    _check_batch(job, strategy)
    features = vgg.load_features(job.vgg) if job.recipe.content else None

    with locked(folder) if chief else contextlib.nullcontext():
        keras.mixed_precision.set_dtype_policy(job.precision)
        with strategy.scope():
            pyramid = run.pyramid(job.seed)
            network = model.level_model(pyramid, job.level)
            optimizer = keras.optimizers.Adam(job.recipe.learning_rate, epsilon=1e-8)
            if job.precision == "mixed_float16":
                optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
            optimizer.build(network.trainable_variables)
        first_step = _start(job, run, pyramid, optimizer)
        if chief:
            checkpoints.remove_leftovers(folder)
            checkpoints.write_run(job.run_dir, run)
        print(f"level {job.level}, steps {first_step} to {job.recipe.iterations}, in {folder}")
        for name, value in run.settings.items():
            print(f"  {name}: {value}")
        step = _compiled_step(job, strategy, network, optimizer, features)
        with data.reading(), _stop_signals() as stopping:
            return _loop(
                job,
                run,
                strategy,
                chief,
                step,
                network,
                features,
                train_split,
                test_split,
                first_step,
                stopping,
                {"model": pyramid, "optimizer": optimizer},
            )


def _loop(
    job,
    run,
    strategy,
    chief,
    step,
    network,
    features,
    train_split,
    test_split,
    first_step,
    stopping,
    state,
) -> bool:
    recipe, folder = job.recipe, checkpoints.level_dir(job.run_dir, job.level)
    logs = folder / "logs"
    if chief:
        train_log, validation_log = (summaries.writer(logs, n) for n in ("train", "validation"))
        summaries.write_settings(train_log, {"level": job.level, **run.settings})

    def save(done: int) -> None:
        if chief:
            checkpoints.write(folder, done, **state)

    batches = iter(_distributed(job, run, strategy, train_split, first_step))
    window, saved = _Window(), time.monotonic()
    numbers = range(first_step + 1, recipe.iterations + 1)
    note = {"text": ""}
    for done in command_line.progress(
        numbers, len(numbers), f"level {job.level}", lambda: note["text"]
    ):
        begun = time.perf_counter()
        image, target = next(batches)
        fetched = time.perf_counter()
        figures = {name: float(value) for name, value in step(image, target).items()}
        window.add(figures, fetched - begun, time.perf_counter() - begun)
        if not math.isfinite(figures["loss"]):
            raise InputError(_not_finite(job, done, folder))

        last = done == recipe.iterations
        if done % LOG_STEP == 0 or last:
            means = window.means(recipe.batch_size)
            means["learning_rate"] = recipe.learning_rate
            note["text"] = f"loss {means['loss']:.3f}, {means['psnr']:.2f} dB"
            if chief:
                summaries.write_figures(train_log, means, done)
            window = _Window()
        if done % job.eval_step == 0 or last:
            if chief:
                figures, shown = _validate(job, run, network, features, test_split)
                summaries.write_figures(validation_log, figures, done)
                summaries.write_pictures(validation_log, *shown, done)
                print(_validation_line(job, done, figures), flush=True)
            save(done)
            saved = time.monotonic()
        elif stopping.is_set() or time.monotonic() - saved > SAVE_SECONDS:
            save(done)
            saved = time.monotonic()
        if stopping.is_set() and not last:
            print(f"stopped at step {done}; the same command goes on from there")
            return False
    return True


class _Window:
    """Sums up the figures of the steps between two log entries."""

    def __init__(self):
        self.sums, self.steps, self.waited, self.took = {}, 0, 0.0, 0.0

    def add(self, figures: dict[str, float], waited: float, took: float) -> None:
        for name, value in figures.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
        self.steps, self.waited, self.took = self.steps + 1, self.waited + waited, self.took + took

    def means(self, batch_size: int) -> dict[str, float]:
        figures = {name: value / self.steps for name, value in self.sums.items()}
        figures["samples_per_second"] = self.steps * batch_size / self.took
        figures["share_of_time_waiting_for_data"] = self.waited / self.took
        return figures


def _compiled_step(job, strategy, network, optimizer, features):
    variables = network.trainable_variables
    replicas = strategy.num_replicas_in_sync

    @tf.function(jit_compile=job.jit or None)
    def replica_step(image, target):
        with tf.GradientTape() as tape:
            output = network(image, training=True)
            terms = losses.terms(output, target, job.recipe, features)
            loss = losses.total(terms, job.recipe)
            # Keras' optimizers sum the gradients of all replicas.
            scaled = optimizer.scale_loss(loss / replicas)
        optimizer.apply(tape.gradient(scaled, variables), variables)
        return {"loss": loss, **terms, **_colour_figures(output, target)}

    @tf.function
    def step(image, target):
        figures = strategy.run(replica_step, args=(image, target))
        return {
            name: strategy.reduce(tf.distribute.ReduceOp.MEAN, value, axis=None)
            for name, value in figures.items()
        }

    return step


def _colour_figures(output, target) -> dict[str, tf.Tensor]:
    """Returns PSNR, MSE, and mean and spread of each colour of output and target."""
    clipped = tf.clip_by_value(output, 0.0, 1.0)
    figures = {
        "psnr": tf.reduce_mean(metrics.psnr(clipped, target)),
        "mse": tf.reduce_mean(tf.math.squared_difference(output, target)),
    }
    for name, picture in (("output", output), ("target", target)):
        means = tf.reduce_mean(picture, axis=[0, 1, 2])
        spreads = tf.math.reduce_std(picture, axis=[0, 1, 2])
        for channel, colour in enumerate(("red", "green", "blue")):
            figures[f"colour/{name}_mean_{colour}"] = means[channel]
            figures[f"colour/{name}_spread_{colour}"] = spreads[channel]
    return figures


def _validate(job, run, network, features, split):
    """Returns mean figures over the validation windows, and the first windows for showing."""
    batch_size = min(job.recipe.batch_size, 16)
    batches = data.validation(
        split, job.level, job.recipe.window, batch_size, run.depth, job.eval_photos
    )
    sums, count, shown, shown_count = {}, 0, [], 0
    for image, target in batches:
        output = network(image, training=False)
        terms = losses.terms(output, target, job.recipe, features)
        clipped = tf.clip_by_value(output, 0.0, 1.0)
        size = image.shape[0]
        figures = {
            "loss": losses.total(terms, job.recipe) * size,
            **{name: term * size for name, term in terms.items()},
            "psnr": tf.reduce_sum(metrics.psnr(clipped, target)),
            "ms_ssim": tf.reduce_sum(metrics.ms_ssim(clipped, target)),
            "mse": tf.reduce_mean(tf.math.squared_difference(output, target)) * size,
        }
        for name, value in figures.items():
            sums[name] = sums.get(name, 0.0) + float(value)
        count += size
        if shown_count < SHOWN_WINDOWS:
            shown.append((image, output, target))
            shown_count += size
    pictures = [tf.concat(parts, 0)[:SHOWN_WINDOWS] for parts in zip(*shown, strict=True)]
    return {name: value / count for name, value in sums.items()}, pictures


def _validation_line(job, done, figures) -> str:
    known = {"loss": "{:.3f}", "psnr": "{:.2f} dB", "ms_ssim": "{:.4f}", "mse": "{:.5f}"}
    parts = [
        f"{name} {form.format(figures[name])}"
        for name, form in known.items()
        if figures[name] == figures[name]
    ]
    return f"level {job.level}, step {done}, validation: {', '.join(parts)}"


def _open_splits(job: Job):
    train_split = data.open_split(job.data_dir, "train")
    try:
        return train_split, data.open_split(job.data_dir, "test")
    except InputError as error:
        if "has no samples" not in str(error):
            raise
        print(f"there is no test split in {job.data_dir}: validating on the training photos")
        return train_split, train_split


def _agreed_run(job: Job, fingerprint: str) -> Run:
    """Settles what the level is, from the job, its earlier run and the level under it."""
    earlier = checkpoints.read_run(job.run_dir, job.level)
    below = _below(job)
    if earlier is None and below is None and job.level < 7:
        raise InputError(
            f"level {job.level} starts from level {job.level + 1}, which is not in {job.run_dir} "
            f"yet; run this first: python -m pynet_tf.train --level {job.level + 1} --data_dir "
            f"{job.data_dir} --run_dir {job.run_dir}"
        )
    known = earlier or below
    kind = {}
    for name, standard in (("width", 1.0), ("depth", True), ("head", "original")):
        asked, found = getattr(job, name), getattr(known, name, None)
        if None not in (asked, found) and asked != found:
            raise InputError(
                f"{checkpoints.level_dir(job.run_dir, known.level)} was trained with --{name} "
                f"{found}, not {asked}; leave the flag away or choose another --run_dir"
            )
        kind[name] = next(value for value in (asked, found, standard) if value is not None)
    settings = {
        **dataclasses.asdict(job.recipe),
        **kind,
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


def _refuse_changes(job: Job, old: dict, new: dict) -> None:
    changed = [
        f"{name} {old[name]} -> {new[name]}"
        for name in new
        if name in old and name not in FREE_SETTINGS and old[name] != new[name]
    ]
    if changed:
        raise InputError(
            f"{checkpoints.level_dir(job.run_dir, job.level)} was begun with other settings "
            f"({', '.join(changed)}); use those, choose another --run_dir, or go on all the same "
            "with --allow_changes"
        )


def _below(job: Job) -> Run | None:
    """Returns the run whose weights the level starts from."""
    if job.start_from is not None:
        run = checkpoints.finest_run(job.start_from)
        if run is None:
            raise InputError(f"{job.start_from} has no trained level to start from")
        return run
    run = checkpoints.read_run(job.run_dir, job.level + 1) if job.level < 7 else None
    return run if run is not None and run.step else None


def _start(job: Job, run: Run, pyramid, optimizer) -> int:
    """Sets the first weights and returns the steps already done."""
    # 1. The level's own newest good checkpoint.
    folder = checkpoints.level_dir(job.run_dir, job.level)
    done = checkpoints.restore(folder, model=pyramid, optimizer=optimizer)
    if done is not None:
        return done
    # 2. The level under it, or the run that the user named.
    below = _below(job)
    if below is not None:
        source = checkpoints.level_dir(job.start_from or job.run_dir, below.level)
        step = checkpoints.restore(source, model=pyramid)
        iterations = below.settings.get("iterations", step)
        early = f", which ends before its {iterations}" if step < iterations else ""
        print(f"level {job.level} starts from step {step} of {source}{early}")
    # 3. Level 7: the small random start of `model.pynet`.
    return 0


def _check_batch(job: Job, strategy) -> None:
    replicas = strategy.num_replicas_in_sync
    if job.recipe.batch_size % replicas:
        raise InputError(
            f"--batch_size {job.recipe.batch_size} cannot be split evenly over {replicas} devices"
        )


def _distributed(job: Job, run: Run, strategy, split, first_step: int):
    def local_batches(context):
        return data.training(
            split,
            job.level,
            job.recipe.window,
            job.recipe.batch_size,
            job.seed,
            first_step,
            run.depth,
            worker=context.input_pipeline_id,
            workers=context.num_input_pipelines,
            replicas=context.num_replicas_in_sync // context.num_input_pipelines,
        )

    return strategy.distribute_datasets_from_function(local_batches)


@contextlib.contextmanager
def _stop_signals() -> Iterator[threading.Event]:
    """Turns Ctrl-C and SIGTERM into an event; a second one ends the program as usual."""
    stopping = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stopping
        return
    old = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def stop(number, _):
        stopping.set()
        signal.signal(number, old[number])

    for number in old:
        signal.signal(number, stop)
    try:
        yield stopping
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


def _not_finite(job: Job, done: int, folder: Path) -> str:
    newest = next(iter(checkpoints.steps(folder)), None)
    good = (
        f"the last good one is {checkpoints.prefix(folder, newest)}" if newest else "none is left"
    )
    return (
        f"the loss of level {job.level} is not finite at step {done}; no checkpoint was written, "
        f"{good}; try a lower --learning_rate with --allow_changes"
    )
