"""One training step: the loss, its gradient, and the optimizer's update of the weights."""

from collections.abc import Callable

import keras
import tensorflow as tf

from pynet_tf import metrics
from pynet_tf.train import gradient_checkpointing, losses, monitoring
from pynet_tf.train.config import Job
from pynet_tf.train.optimizer import Adam


def new_optimizer(job: Job, network: keras.Model) -> keras.Optimizer:
    """Makes the optimizer of a level, built on its trainable variables.

    Args:
        job: gives the learning rate and the precision.
        network: one level, from `model.level_model`.
    """
    # 1e-8 is TensorFlow 1's default, which the 2020 code used.
    optimizer = Adam(job.recipe.learning_rate, epsilon=1e-8)
    if job.precision == "mixed_float16":
        # Keras' 2**15 for a loss that is 100 times the usual: fewer steps are left out at first.
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=2.0**8)
    optimizer.build(network.trainable_variables)
    return optimizer


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
    spare_graph_rewriting()
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
            **monitoring.colour_statistics(output, target),
        }

    # There is no if and while on tensors for autograph to find, and looking for them takes seconds.
    # Without XLA it must not be a function of its own: replicas could not meet inside it.
    run_step = (
        tf.function(replica_step, autograph=False, jit_compile=True) if job.jit else replica_step
    )

    @tf.function(autograph=False)
    def step(image, target):
        found = strategy.run(run_step, args=(image, target))
        return {
            name: strategy.reduce(tf.distribute.ReduceOp.MEAN, value, axis=None)
            for name, value in found.items()
        }

    return step


def spare_graph_rewriting() -> None:
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
