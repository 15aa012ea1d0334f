"""Trains one level of the pyramid (Ignatov et al., CVPRW 2020, section 3.2).

A level is trained from the level under it; everything its output depends on is trained. The loop
is one compiled step under a `tf.distribute` strategy, validation and a checkpoint at times. What
a step sees and does depends on the seed, the step's number and the weights alone, so that training
stopped at any moment and started again ends with the weights of one that was not.
"""

import contextlib
import math
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator

import keras
import tensorflow as tf

from pynet_tf import cli, metrics, model
from pynet_tf.data import pipeline
from pynet_tf.errors import InputError
from pynet_tf.io import locks
from pynet_tf.runs import checkpoints
from pynet_tf.train import (
    colours,
    config,
    distribution,
    gradient_checkpointing,
    losses,
    recipes,
    tensorboard,
    validation,
    vgg,
)
from pynet_tf.train.config import Job
from pynet_tf.train.optimizer import Adam

LOG_STEP = 10
# A checkpoint comes with every validation, and before that after this time.
SAVE_SECONDS = 600


def train_level(job: Job, strategy: tf.distribute.Strategy | None = None) -> bool:
    """Trains one level to its end, from where it was left.

    Args:
        job: what to do.
        strategy: from `devices.strategy`; None for the one device.

    Returns:
        True if the level is done, False if a signal stopped it (its state is saved).

    Raises:
        InputError: data, weights or settings are missing or do not fit, the loss is no longer
            finite, the colours have collapsed, or nothing can be written.
    """
    strategy = strategy or tf.distribute.get_strategy()
    chief = distribution.is_chief(strategy)
    train_split, test_split = _open_splits(job)
    run = config.agreed_run(job, train_split.fingerprint)
    if len(set(distribution.gather(strategy, run.step))) > 1:
        raise InputError(
            f"the workers do not find the same checkpoint in {job.folder}; --run_dir has to be a "
            "folder that all of them share"
        )
    if run.step >= job.recipe.iterations and checkpoints.is_whole(job.folder, run.step):
        print(f"level {job.level} is done ({run.step} steps): {job.folder}")
        return True
    if job.recipe.batch_size % strategy.num_replicas_in_sync:
        raise InputError(
            f"--batch_size {job.recipe.batch_size} cannot be split evenly over "
            f"{strategy.num_replicas_in_sync} devices"
        )
    if job.jit and strategy.num_replicas_in_sync > 1 and not tf.config.list_physical_devices("GPU"):
        raise InputError(
            "--jit works on one CPU device only; leave it away, or use --strategy auto"
        )
    features = vgg.load_features(job.vgg) if job.recipe.content else None

    with contextlib.ExitStack() as stack:
        if chief:
            stack.enter_context(locks.locked(job.folder))
            checkpoints.remove_leftovers(job.folder)
        stack.enter_context(distribution.lost_workers(strategy, lambda: _start_again(job)))
        stack.enter_context(pipeline.reading(train_split))
        stopping = stack.enter_context(_stop_signals())
        stack.enter_context(_precision(job.precision))
        with strategy.scope():
            pyramid = run.pyramid(config.kernels_seed(job))
            network = model.level_model(pyramid, job.level)
            optimizer = _optimizer(job, network)
        first_step = config.set_first_weights(job, pyramid, optimizer)
        print(f"level {job.level}, steps {first_step} to {job.recipe.iterations}, in {job.folder}")
        if chief:
            settings = run.kind | run.settings
            for name, value in settings.items():
                print(f"  {name}: {value}")
            checkpoints.write_run(job.run_dir, run)
            train_log = tensorboard.writer(job.folder / "logs", "train")
            validation_log = tensorboard.writer(job.folder / "logs", "validation")
            tensorboard.write_settings(train_log, {"level": job.level, **settings})

        def validate_and_log(done: int) -> None:
            figures, pictures = validation.validate(
                network, test_split, job.level, job.recipe, features, job.eval_photos
            )
            tensorboard.write_figures(validation_log, figures, done)
            tensorboard.write_pictures(validation_log, *pictures, done)
            print(
                f"level {job.level}, step {done}, validation: {validation.line(figures)}",
                flush=True,
            )

        def save(done: int) -> None:
            if locks.is_gone(job.folder):
                print(f"warning: {job.folder} was removed; beginning it anew", file=sys.stderr)
                stack.enter_context(locks.locked(job.folder))
                checkpoints.write_run(job.run_dir, run)
            checkpoints.write(job.folder, done, model=pyramid, optimizer=optimizer)

        step = compiled_step(job, strategy, network, optimizer, features)
        batches = iter(_batches(job, network, strategy, train_split, first_step))
        numbers = range(first_step + 1, job.recipe.iterations + 1)
        shown = cli.progress if chief else _unseen
        notes = _Notes(job.recipe.batch_size)
        saved = time.monotonic()
        for done in shown(numbers, len(numbers), f"level {job.level}", notes.short):
            begun = time.perf_counter()
            image, target = next(batches)
            waited = time.perf_counter() - begun
            optimizer.learning_rate = recipes.rate(job.recipe, done)
            figures = {name: float(value) for name, value in step(image, target).items()}
            notes.add(figures, waited, time.perf_counter() - begun)
            _check(job, done, figures, notes.flat_steps)
            if chief and done == first_step + 1:
                print(f"level {job.level}, first step: {notes.short()}", flush=True)

            last = done == job.recipe.iterations
            # A signal to any worker stops all of them, at the same step.
            stop = any(distribution.gather(strategy, int(stopping.is_set())))
            if chief and (done % LOG_STEP == 0 or last):
                rate = {"learning_rate": recipes.rate(job.recipe, done)}
                tensorboard.write_figures(train_log, notes.means() | rate, done)
            if chief and (done % job.eval_step == 0 or last):
                validate_and_log(done)
                save(done)
                saved = time.monotonic()
            elif chief and (stop or time.monotonic() - saved > SAVE_SECONDS):
                save(done)
                saved = time.monotonic()
            if stop and not last:
                print(f"stopped at step {done}; the same command goes on from there")
                distribution.gather(strategy, done)
                return False
        # No worker leaves or goes on to the next level before the last checkpoint is written.
        distribution.gather(strategy, job.recipe.iterations)
    return True


def compiled_step(
    job: Job,
    strategy: tf.distribute.Strategy,
    network: keras.Model,
    optimizer: keras.Optimizer,
    features: losses.Features | None = None,
) -> Callable[[tf.Tensor, tf.Tensor], dict[str, tf.Tensor]]:
    """Returns the function that does one training step.

    Args:
        job: gives the loss and whether XLA compiles the step.
        strategy: that the network and the optimizer were made under.
        network: one level, from `model.level_model`.
        optimizer: built on the network's variables.
        features: VGG-19, where the recipe has the content term.

    Returns:
        A function of image and target (per replica) that updates the weights and gives `loss`,
        its terms, `psnr`, `mse` and the colours' statistics, means over the replicas.
    """
    _spare_graph_rewriting()
    variables = network.trainable_variables
    replicas = strategy.num_replicas_in_sync
    forward = gradient_checkpointing.recomputing(network) if job.recompute else network

    def replica_step(image, target):
        with tf.GradientTape() as tape:
            output = forward(image, training=True)
            terms = losses.terms(output, target, job.recipe, features)
            loss = losses.total(terms, job.recipe)
            # Keras' optimizers sum the gradients of all replicas.
            scaled = optimizer.scale_loss(loss / replicas)
        gradients = tape.gradient(scaled, variables)
        if replicas > 1 and job.precision == "mixed_float16":
            gradients = _finite_for_all(gradients)
        optimizer.apply(gradients, variables)
        clipped = tf.clip_by_value(output, 0.0, 1.0)
        return {
            "loss": loss,
            **terms,
            "psnr": tf.reduce_mean(metrics.psnr(clipped, target)),
            "mse": tf.reduce_mean(tf.math.squared_difference(output, target)),
            **colours.statistics(output, target),
        }

    # There is no if and while on tensors for autograph to find, and looking for them takes seconds.
    # Without XLA it must not be a function of its own: replicas could not meet inside it.
    run_step = (
        tf.function(replica_step, autograph=False, jit_compile=True) if job.jit else replica_step
    )

    @tf.function(autograph=False)
    def step(image, target):
        figures = strategy.run(run_step, args=(image, target))
        return {
            name: strategy.reduce(tf.distribute.ReduceOp.MEAN, value, axis=None)
            for name, value in figures.items()
        }

    return step


def _spare_graph_rewriting() -> None:
    """Leaves out the rewriting of graphs that costs time and gains none."""
    if tf.config.list_physical_devices("GPU"):
        # TensorFlow's remapper breaks on the gradient of this graph, loudly, and gives up.
        tf.config.optimizer.set_experimental_options({"remapping": False})
    else:
        # On a CPU the other passes take seconds before the first step as well, and the steps are
        # as fast without them, take as much memory and give the same bits.
        tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


def _finite_for_all(gradients: list[tf.Tensor]) -> list[tf.Tensor]:
    """Makes all gradients nan if any replica's are not finite.

    Keras' LossScaleOptimizer skips a step by looking at its own replica only.
    """
    own = tf.add_n([tf.reduce_sum(0.0 * gradient) for gradient in gradients])
    zero_or_nan = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, own)
    return [gradient + zero_or_nan for gradient in gradients]


class _Notes:
    """Sums up the figures of the steps from one log entry to the next."""

    def __init__(self, batch_size: int):
        self.batch_size, self.flat_steps = batch_size, 0
        self._clear()

    def _clear(self) -> None:
        self.sums, self.steps, self.waited, self.took = {}, 0, 0.0, 0.0

    def add(self, figures: dict[str, float], waited: float, took: float) -> None:
        for name, value in figures.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
        self.steps, self.waited, self.took = self.steps + 1, self.waited + waited, self.took + took
        self.flat_steps = self.flat_steps + 1 if colours.flat_colours(figures) else 0
        self.text = f"loss {figures['loss']:.3f}, {figures['psnr']:.2f} dB"

    def short(self) -> str:
        return self.text

    def means(self) -> dict[str, float]:
        figures = {name: value / self.steps for name, value in self.sums.items()}
        figures["speed/samples_per_second"] = self.steps * self.batch_size / self.took
        figures["speed/share_of_time_waiting_for_data"] = self.waited / self.took
        self._clear()
        return figures


def _check(job: Job, done: int, figures: dict[str, float], flat_steps: int) -> None:
    """Stops training that has gone wrong for good."""
    if not math.isfinite(figures["loss"]):
        raise InputError(
            f"the loss of level {job.level} is not finite at step {done}; "
            f"{checkpoints.newest_in_words(job.folder)}; go on with a lower --learning_rate and "
            "--allow_changes"
        )
    if flat_steps >= colours.FLAT_STEPS:
        flat = " and ".join(colours.flat_colours(figures))
        raise InputError(
            f"level {job.level} has lost its colours: {flat} varied less than "
            f"{colours.FLAT_SHARE:.0%} as much as in the targets for the last {flat_steps} steps; "
            f"{checkpoints.newest_in_words(job.folder)}; try a lower --learning_rate, another "
            "--seed or --head residual in a new --run_dir"
        )


def _start_again(job: Job) -> str:
    return f"{checkpoints.newest_in_words(job.folder)}; start all workers again to go on from it"


def _open_splits(job: Job):
    train_split = pipeline.open_split(job.data_dir, "train")
    if pipeline.split_sizes(job.data_dir).get("test"):
        return train_split, pipeline.open_split(job.data_dir, "test")
    print(f"there is no test split in {job.data_dir}: validating on the training photos")
    return train_split, train_split


def _optimizer(job: Job, network: keras.Model) -> keras.Optimizer:
    # 1e-8 is TensorFlow 1's default, which the 2020 code used.
    optimizer = Adam(job.recipe.learning_rate, epsilon=1e-8)
    if job.precision == "mixed_float16":
        # Keras' 2**15 for a loss that is 100 times the usual: fewer steps are left out at first.
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=2.0**8)
    optimizer.build(network.trainable_variables)
    return optimizer


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


def _unseen(items, *_):
    """Stands in for the progress bar where the chief shows it."""
    return items


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
