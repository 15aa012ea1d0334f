"""Computing blocks again for the gradient changes nothing but time and memory."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from pynet_tf import model
from pynet_tf.train import config, gradient_checkpointing, recipes, step
from pynet_tf.train.step import compiled_step, new_optimizer

RECIPE = recipes.Recipe(batch_size=2, iterations=4, learning_rate=1e-3, window=64)


def gradients(forward, variables, image):
    @tf.function(autograph=False)
    def compute(image):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(forward(image, training=True)))
        return loss, tape.gradient(loss, variables)

    return compute(image)


@pytest.mark.parametrize(("level", "head"), [(5, "original"), (6, "residual"), (6, "defocus")])
def test_values_and_gradients_are_the_networks(level, head):
    step.spare_graph_rewriting()
    # Level 5's blocks still have two kinds of kernels.
    network = model.level_model(model.pynet(0.05, head=head, largest_kernel=3), level)
    # Larger weights than the initial ones, so that every gradient counts.
    rng = np.random.default_rng(0)
    for weight in network.trainable_variables:
        if weight.path.endswith("kernel"):
            fan_in = np.prod(weight.shape[:3])
            weight.assign(rng.standard_normal(weight.shape) / np.sqrt(fan_in))
    variables = network.trainable_variables
    image = tf.constant(rng.random((1, 64, 64, network.input_shape[-1]), np.float32))
    loss, plain = gradients(network, variables, image)
    again, recomputed = gradients(gradient_checkpointing.recomputing(network), variables, image)
    np.testing.assert_allclose(again, loss, rtol=1e-6)
    largest = {v.path: np.abs(a).max() for v, a in zip(variables, plain, strict=True)}
    normalized = {
        layer.name.removesuffix("_norm") for layer in network.layers if layer.name.endswith("_norm")
    }
    for variable, a, b in zip(variables, plain, recomputed, strict=True):
        layer, _, kind = variable.path.partition("/")
        if kind == "bias" and layer in normalized:
            # The norm takes it away again: its gradient is zero but for rounding.
            scale = largest[f"{layer}/kernel"]
            assert largest[variable.path] < 1e-5 * scale, variable.path
        else:
            scale = largest[variable.path]
        assert scale > 0, variable.path
        # What is not computed again, or twice, is off by as much as it is; rounding, which differs
        # by processor, by 1e-5 of it.
        np.testing.assert_allclose(b, a, atol=1e-4 * scale, err_msg=variable.path)


def test_every_block_but_no_more_is_computed_again():
    network = model.level_model(model.pynet(0.05, largest_kernel=3), 7)
    blocks = gradient_checkpointing._blocks(network)
    assert list(blocks) == [f"encoder_e{n}" for n in (3, 4, 5, 6)] + [
        f"level_7_a{n}" for n in (1, 2, 3, 4)
    ]
    convolutions = {layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)}
    inside = {layer for block in blocks.values() for layer in block}
    assert {layer.name for layer in convolutions - inside} == {"level_7_head"}


def test_losses_of_training_are_the_same():
    losses = []
    for again in (False, True):
        job = config.Job(6, None, None, RECIPE, recompute=again)
        network = model.level_model(model.pynet(0.05, largest_kernel=3), 6)
        optimizer = new_optimizer(job, network)
        step = compiled_step(job, tf.distribute.get_strategy(), network, optimizer)
        rng = np.random.default_rng(0)
        batches = [
            (rng.random((2, 64, 64, 4), np.float32), rng.random((2, 4, 4, 3), np.float32))
            for _ in range(4)
        ]
        losses.append([float(step(*map(tf.constant, batch))["loss"]) for batch in batches])
    assert losses[0][-1] < losses[0][0]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-6)
