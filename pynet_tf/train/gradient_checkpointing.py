"""Trades time for memory in training (Chen et al., Training Deep Nets with Sublinear Memory Cost).

Of each block of convolutions, `multi` in `blocks.py`, only what goes in is kept for the gradient;
its inside is computed a second time when the gradient gets there. Weights, values and gradients
are those of the network itself.
"""

from collections.abc import Callable

import keras
import tensorflow as tf


def recomputing(network: keras.Model) -> Callable[..., tf.Tensor]:
    """Returns a function that does what the network does, with less memory for its gradient.

    Args:
        network: one level, from `model.level_model`.
    """
    blocks = _blocks(network)
    source, goal = id(network.inputs[0]), id(network.outputs[0])
    operations = [operation for operation in network.operations if id(operation.output) != source]

    def forward(image: tf.Tensor, training: bool = True) -> tf.Tensor:
        values = {source: image}
        # Keras sorts the operations: whatever one needs comes before it.
        for operation in operations:
            block = blocks.get(_block_name(operation))
            if block is None:
                _apply([operation], values)
            elif operation is block[0]:
                values.update(_recomputed(block, values))
        return values[goal]

    return forward


def _recomputed(block: list, values: dict) -> dict:
    """Computes a block from its one input; returns the ends of its branches by id."""
    start = id(block[0].input)
    used = {id(layer.input) for layer in block}
    ends = [id(layer.output) for layer in block if id(layer.output) not in used]

    @tf.recompute_grad
    def compute(x):
        inside = {start: x}
        _apply(block, inside)
        return [inside[end] for end in ends]

    return dict(zip(ends, compute(values[start]), strict=True))


def _apply(operations: list, values: dict) -> None:
    for operation in operations:
        # As Keras' own graphs are run; `operation.input` alone loses which argument is which.
        arguments = operation._inbound_nodes[0].arguments
        positional, named = arguments.fill_in(values)
        outputs = keras.tree.flatten(operation.output)
        results = keras.tree.flatten(operation(*positional, **named))
        values.update((id(o), result) for o, result in zip(outputs, results, strict=True))


def _blocks(network: keras.Model) -> dict[str, list]:
    """Returns the layers of each block in order, by the block's name."""
    blocks = {}
    for layer in network.layers:
        name = _block_name(layer)
        if name:
            blocks.setdefault(name, []).append(layer)
    return blocks


def _block_name(operation: keras.Operation) -> str:
    """Returns e.g. `level_7_a1` for the layers named `level_7_a1_conv3_1...`, and else nothing."""
    block, found, _ = operation.name.partition("_conv")
    return block if found else ""
