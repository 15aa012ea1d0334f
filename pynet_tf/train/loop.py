"""Trains one level of the pyramid (Ignatov et al., CVPRW 2020, section 3.2).

A level is trained from the coarser level; everything its output depends on is trained. The loop
is one compiled step under a `tf.distribute` strategy, validation and a checkpoint at times. What
a step sees and does depends on the seed, the step's number and the weights alone, so that training
stopped at any moment and started again ends with the weights of one that was not.
"""

import contextlib
import dataclasses
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator

import keras
import tensorflow as tf

from pynet_tf import model
from pynet_tf.data import pipeline
from pynet_tf.data.shards import Split
from pynet_tf.errors import InputError
from pynet_tf.runs.level_directory import Writer
from pynet_tf.train import (
    config,
    distribution,
    learning_rate,
    monitoring,
    planning,
    step,
    tensorboard,
    vgg,
)
from pynet_tf.train.config import Job, Splits
from pynet_tf.train.losses import Features
from pynet_tf.train.planning import Plan

LOG_STEP = 10
# A checkpoint comes with every validation, and before that after this time.
SAVE_SECONDS = 600

# (steps, their last, label, words on the newest, keyword `first`: steps done before) -> the steps.
Progress = Callable[..., Iterable[int]]


def train_level(
    job: Job,
    strategy: tf.distribute.Strategy | None = None,
    splits: Splits | None = None,
    progress: Progress = lambda steps, *_, **__: steps,
) -> bool:
    """Trains one level to its end, from where it was left.

    Args:
        job: what to do.
        strategy: from `distribution.strategy`; None for the one device.
        splits: from `config.open_splits`, where several levels share them; None opens them.
        progress: shows the steps as they pass, as `cli.progress` does; called by the chief.

    Returns:
        True if the level is done, False if a signal stopped it (its state is saved).

    Raises:
        InputError: data, weights or settings are missing or do not fit, the loss is no longer
            finite, the colours have collapsed, or nothing can be written.
    """
    strategy = strategy or tf.distribute.get_strategy()
    chief = distribution.is_chief(strategy)
    splits = splits or config.open_splits(job.data_dir)
    plan = planning.plan(job, splits.training.fingerprint)
    job = dataclasses.replace(job, recipe=plan.recipe)
    folder, last = plan.folder, job.recipe.iterations
    _refuse_different_checkpoints(plan, strategy)
    if plan.is_done(last):
        print(f"level {job.level} is done ({plan.level.step} steps): {folder}")
        return True
    _refuse_devices(job, strategy)
    features = vgg.load_features(job.vgg) if job.recipe.content else None

    with (
        folder.writing() if chief else contextlib.nullcontext() as writer,
        distribution.lost_workers(strategy, lambda: _start_again(plan)),
        pipeline.reading(splits.training),
        _stop_signals() as stopping,
        _precision(job.precision),
    ):
        with strategy.scope():
            pyramid = plan.new_pyramid()
            network = model.level_model(pyramid, job.level)
            optimizer = step.new_optimizer(job, network)
        first = plan.set_weights(pyramid, optimizer)
        print(f"level {job.level}, steps {first} to {last}, in {folder}")
        if remark := learning_rate.remark(job.recipe):
            print(remark)
        seen = monitoring.StepMetrics(job.recipe.batch_size)
        steps = range(first + 1, last + 1)
        if chief:
            reports = _Reports(job, plan, writer, splits.validation, features, first)
            label = f"level {job.level}"
            steps = progress(steps, last, label, lambda: seen.text, first=first)
        train_on = step.compiled_step(job, strategy, network, optimizer, features)
        batches = iter(_batches(job, network, strategy, splits.training, first))

        for done in steps:
            begun = time.perf_counter()
            image, target = next(batches)
            waited = time.perf_counter() - begun
            optimizer.learning_rate = learning_rate.rate(job.recipe, done)
            measured = {name: float(value) for name, value in train_on(image, target).items()}
            seen.add(measured, waited, time.perf_counter() - begun)
            monitoring.refuse_hopeless(
                job.level, done, measured, seen.flat_steps, folder.newest_in_words
            )
            if chief and done == first + 1:
                print(f"level {job.level}, first step: {seen.text}", flush=True)
            # A signal to any worker stops all of them, at the same step.
            stop = any(distribution.gather(strategy, int(stopping.is_set())))
            if chief:
                reports.log(done, seen)
                reports.validate_and_save(done, network, pyramid, optimizer, stop)
            if stop and done < last:
                print(f"stopped at step {done}; the same command goes on from there")
                distribution.gather(strategy, done)
                return False
        # No worker leaves or goes on to the next level before the last checkpoint is written.
        distribution.gather(strategy, last)
    return True


class _Reports:
    """What the chief alone does: TensorBoard's logs, validation and checkpoints."""

    def __init__(
        self,
        job: Job,
        plan: Plan,
        writer: Writer,
        validation: Split,
        features: Features | None,
        first: int,
    ):
        self._job, self._writer, self._features = job, writer, features
        self._validation, self._saved = validation, time.monotonic()
        settings = plan.level.architecture | plan.level.settings
        for name, value in settings.items():
            print(f"  {name}: {value}")
        writer.describe(plan.level)
        self._train_log = tensorboard.writer(plan.folder.logs, "train", first)
        self._validation_log = tensorboard.writer(plan.folder.logs, "validation", first)
        tensorboard.write_settings(self._train_log, {"level": job.level, **settings})

    def log(self, done: int, seen: monitoring.StepMetrics) -> None:
        """Logs the metrics of the steps every `LOG_STEP` steps."""
        if done % LOG_STEP == 0 or done == self._job.recipe.iterations:
            rate = {"learning_rate": learning_rate.rate(self._job.recipe, done)}
            tensorboard.write_metrics(self._train_log, seen.take_means() | rate, done)

    def validate_and_save(
        self,
        done: int,
        network: keras.Model,
        pyramid: keras.Model,
        optimizer: keras.Optimizer,
        stop: bool,
    ) -> None:
        """Validates and writes a checkpoint when it is time to; where training stops, the latter.

        Args:
            done: steps done.
            network: the level.
            pyramid: that the level is of.
            optimizer: of its training.
            stop: whether training stops here.
        """
        due = done % self._job.eval_step == 0 or done == self._job.recipe.iterations
        if due:
            self._validate(done, network)
        if due or stop or time.monotonic() - self._saved > SAVE_SECONDS:
            self._writer.save(done, pyramid, optimizer)
            self._saved = time.monotonic()

    def _validate(self, done: int, network: keras.Model) -> None:
        job = self._job
        values, pictures = monitoring.validate(
            network, self._validation, job.level, job.recipe, self._features, job.eval_photos
        )
        tensorboard.write_metrics(self._validation_log, values, done)
        tensorboard.write_pictures(self._validation_log, *pictures, done)
        print(f"level {job.level}, step {done}, validation: {monitoring.line(values)}", flush=True)


def _refuse_different_checkpoints(plan: Plan, strategy: tf.distribute.Strategy) -> None:
    if len(set(distribution.gather(strategy, plan.level.step))) > 1:
        # None leaves before all have their answer: they have it when they ask again.
        with contextlib.suppress(tf.errors.OpError):
            distribution.gather(strategy, plan.level.step)
        raise InputError(
            f"the workers do not find the same checkpoint in {plan.folder}; --run_dir has to be a "
            "folder that all of them share"
        )


def _refuse_devices(job: Job, strategy: tf.distribute.Strategy) -> None:
    """Checks that the devices can do what the job asks for."""
    replicas = strategy.num_replicas_in_sync
    if job.recipe.batch_size % replicas:
        raise InputError(
            f"--batch_size {job.recipe.batch_size} cannot be split evenly over {replicas} devices"
        )
    if job.jit and replicas > 1 and not tf.config.list_physical_devices("GPU"):
        raise InputError(
            "--jit works on one CPU device only; leave it away, or use --strategy auto"
        )


def _start_again(plan: Plan) -> str:
    return f"{plan.folder.newest_in_words()}; start all workers again to go on from it"


def _batches(job: Job, network, strategy: tf.distribute.Strategy, split, first_step: int):
    form = model.format_of(network.input_shape[-1])

    def local_batches(context):
        return pipeline.training(
            split,
            job.level,
            job.recipe.window,
            job.recipe.batch_size,
            job.seed,
            first_step,
            form=form,
            worker=context.input_pipeline_id,
            workers=context.num_input_pipelines,
            replicas=context.num_replicas_in_sync // context.num_input_pipelines,
        )

    return strategy.distribute_datasets_from_function(local_batches)


@contextlib.contextmanager
def _precision(policy: str) -> Iterator[None]:
    """Sets the dtype policy that layers take on when they are made."""
    old = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.mixed_precision.set_dtype_policy(old)


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
