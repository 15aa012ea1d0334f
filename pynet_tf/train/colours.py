"""Watches that a level keeps its colours.

Level 1 of the 2020 network often turned grey, green or white in training and never came back.
The mean and the spread (standard deviation) of each colour, of output and target, are logged; an
output whose spread stays far below the target's has collapsed.
"""

import tensorflow as tf

COLOURS = ("red", "green", "blue")
# A colour is flat if its spread is under this share of the target's.
FLAT_SHARE = 0.1
# A new level may well begin flat; one that stays so for this long does not recover.
FLAT_STEPS = 500
# Below this, one level of 256, the target itself is flat.
SMALLEST_SPREAD = 1 / 256


def statistics(output: tf.Tensor, target: tf.Tensor) -> dict[str, tf.Tensor]:
    """Returns mean and spread of each colour, e.g. `colour/output_spread_red`.

    Args:
        output: `[B, H, W, 3] float32`.
        target: of the same shape.
    """
    figures = {}
    for name, picture in (("output", output), ("target", target)):
        means = tf.reduce_mean(picture, axis=[0, 1, 2])
        spreads = tf.math.reduce_std(picture, axis=[0, 1, 2])
        for channel, colour in enumerate(COLOURS):
            figures[f"colour/{name}_mean_{colour}"] = means[channel]
            figures[f"colour/{name}_spread_{colour}"] = spreads[channel]
    return figures


def flat_colours(figures: dict[str, float]) -> list[str]:
    """Names the colours whose spread is far below the target's.

    Args:
        figures: from `statistics`, as numbers.
    """
    spreads = {
        colour: (
            figures[f"colour/output_spread_{colour}"],
            figures[f"colour/target_spread_{colour}"],
        )
        for colour in COLOURS
    }
    return [
        colour
        for colour, (output, target) in spreads.items()
        if target >= SMALLEST_SPREAD and output < FLAT_SHARE * target
    ]
