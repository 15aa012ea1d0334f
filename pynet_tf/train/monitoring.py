"""Watches a level while it is trained: validation, metrics of the steps, and its colours.

Validation measures the level on the fixed middle windows of the validation photos. Of every step
the mean and the spread (standard deviation) of each colour are measured, of output and target:
level 1 of the 2020 network often turned grey, green or white and never came back. An output whose
spread stays far below the target's has collapsed.
"""

import math
from collections.abc import Callable

import keras
import tensorflow as tf

from pynet_tf import metrics, model
from pynet_tf.data import pipeline
from pynet_tf.data.shards import Split
from pynet_tf.errors import InputError
from pynet_tf.train import losses
from pynet_tf.train.recipes import Recipe

# Windows shown in TensorBoard, as in the 2020 code.
SHOWN_WINDOWS = 7
LARGEST_BATCH = 16

COLOURS = ("red", "green", "blue")
# A colour is flat if its spread is under this share of the target's.
FLAT_SHARE = 0.1
# A new level may well begin flat; one that stays so for this long does not recover.
FLAT_STEPS = 500
# Below this, one level of 256, the target itself is flat.
SMALLEST_SPREAD = 1 / 256


def validate(
    network: keras.Model,
    split: Split,
    level: int,
    recipe: Recipe,
    features: losses.Features | None = None,
    photos: int = -1,
) -> tuple[dict[str, float], list[tf.Tensor]]:
    """Returns means over the windows, every window counted once.

    Args:
        network: one level, from `model.level_model`.
        split: of the validation photos.
        level: 7 (smallest) to 1.
        recipe: gives window, batch size and the terms of the loss.
        features: VGG-19, where the recipe has the content term.
        photos: how many to take, -1 for all.

    Returns:
        `loss`, its terms, `psnr` (dB), `ms_ssim` (nan where the level is too small) and `mse`;
        and input, output and target of the first windows.
    """
    form = model.format_of(network.input_shape[-1])
    size = min(recipe.batch_size, LARGEST_BATCH)
    sums, count, shown = {}, 0, []
    windows = pipeline.validation(split, level, recipe.window, size, form, photos)
    for image, target in windows:
        output = network(image, training=False)
        if count < SHOWN_WINDOWS:
            shown.append((image, output, target))
        batch = image.shape[0]
        for name, value in _metrics(output, target, recipe, features).items():
            sums[name] = sums.get(name, 0.0) + float(value) * batch
        count += batch
    pictures = [tf.concat(parts, 0)[:SHOWN_WINDOWS] for parts in zip(*shown, strict=True)]
    return {name: value / count for name, value in sums.items()}, pictures


def line(values: dict[str, float]) -> str:
    """Returns the metrics that are available (not nan) as a line for people."""
    forms = {"loss": "{:.3f}", "psnr": "{:.2f} dB", "ms_ssim": "{:.4f}", "mse": "{:.5f}"}
    return ", ".join(
        f"{name} {form.format(values[name])}"
        for name, form in forms.items()
        if values[name] == values[name]
    )


def _metrics(output, target, recipe, features) -> dict[str, tf.Tensor]:
    terms = losses.terms(output, target, recipe, features)
    clipped = tf.clip_by_value(output, 0.0, 1.0)
    return {
        "loss": losses.total(terms, recipe),
        **terms,
        "psnr": tf.reduce_mean(metrics.psnr(clipped, target)),
        "ms_ssim": tf.reduce_mean(metrics.ms_ssim(clipped, target)),
        "mse": tf.reduce_mean(tf.math.squared_difference(output, target)),
    }


def colour_statistics(output: tf.Tensor, target: tf.Tensor) -> dict[str, tf.Tensor]:
    """Returns mean and spread of each colour, e.g. `colour/output_spread_red`.

    Args:
        output: `[B, H, W, 3] float32`.
        target: of the same shape.
    """
    found = {}
    for name, picture in (("output", output), ("target", target)):
        means = tf.reduce_mean(picture, axis=[0, 1, 2])
        spreads = tf.math.reduce_std(picture, axis=[0, 1, 2])
        for channel, colour in enumerate(COLOURS):
            found[f"colour/{name}_mean_{colour}"] = means[channel]
            found[f"colour/{name}_spread_{colour}"] = spreads[channel]
    return found


def flat_colours(statistics: dict[str, float]) -> list[str]:
    """Names the colours whose spread is far below the target's.

    Args:
        statistics: from `colour_statistics`, as numbers.
    """
    spreads = {
        colour: (
            statistics[f"colour/output_spread_{colour}"],
            statistics[f"colour/target_spread_{colour}"],
        )
        for colour in COLOURS
    }
    return [
        colour
        for colour, (output, target) in spreads.items()
        if target >= SMALLEST_SPREAD and output < FLAT_SHARE * target
    ]


class StepMetrics:
    """Sums up the metrics of the steps from one log entry to the next.

    Attributes:
        flat_steps: steps since every colour was last as varied as it should be.
        text: the newest step in a few words.
    """

    def __init__(self, batch_size: int):
        self.batch_size, self.flat_steps, self.text = batch_size, 0, ""
        self._clear()

    def add(self, metrics_of_step: dict[str, float], waited: float, took: float) -> None:
        """Adds a step.

        Args:
            metrics_of_step: from `step.compiled_step`.
            waited: seconds that it waited for its batch.
            took: seconds that it took in all.
        """
        for name, value in metrics_of_step.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._steps += 1
        self._waited += waited
        self._took += took
        self.flat_steps = self.flat_steps + 1 if flat_colours(metrics_of_step) else 0
        self.text = f"loss {metrics_of_step['loss']:.3f}, {metrics_of_step['psnr']:.2f} dB"

    def take_means(self) -> dict[str, float]:
        """Returns the means since the last call, and the speed."""
        means = {name: value / self._steps for name, value in self._sums.items()}
        means["speed/samples_per_second"] = self._steps * self.batch_size / self._took
        means["speed/share_of_time_waiting_for_data"] = self._waited / self._took
        self._clear()
        return means

    def _clear(self) -> None:
        self._sums, self._steps, self._waited, self._took = {}, 0, 0.0, 0.0


def refuse_hopeless(
    level: int,
    done: int,
    metrics_of_step: dict[str, float],
    flat_steps: int,
    newest: Callable[[], str],
) -> None:
    """Checks that a step leaves something to go on from.

    Args:
        level: that is trained.
        done: number of the step.
        metrics_of_step: from `step.compiled_step`.
        flat_steps: see `StepMetrics`.
        newest: tells which checkpoint is the newest.

    Raises:
        InputError: the loss is not finite, or the colours have collapsed.
    """
    if not math.isfinite(metrics_of_step["loss"]):
        raise InputError(
            f"the loss of level {level} is not finite at step {done}; {newest()}; go on with a "
            "lower --learning_rate and --allow_changes"
        )
    if flat_steps >= FLAT_STEPS:
        flat = " and ".join(flat_colours(metrics_of_step))
        raise InputError(
            f"level {level} has lost its colours: {flat} varied less than {FLAT_SHARE:.0%} as "
            f"much as in the targets for the last {flat_steps} steps; {newest()}; try a lower "
            "--learning_rate, another --seed or --head residual in a new --run_dir"
        )
