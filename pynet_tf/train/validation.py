"""Measures a level on the fixed middle windows of the validation photos."""

import keras
import tensorflow as tf

from pynet_tf import metrics, model
from pynet_tf.data import pipeline
from pynet_tf.data.shards import Split
from pynet_tf.train import losses
from pynet_tf.train.recipes import Recipe

# Windows shown in TensorBoard, as in the 2020 code.
SHOWN_WINDOWS = 7
LARGEST_BATCH = 16


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
        for name, value in _figures(output, target, recipe, features).items():
            sums[name] = sums.get(name, 0.0) + float(value) * batch
        count += batch
    pictures = [tf.concat(parts, 0)[:SHOWN_WINDOWS] for parts in zip(*shown, strict=True)]
    return {name: value / count for name, value in sums.items()}, pictures


def line(figures: dict[str, float]) -> str:
    """Returns the figures that are available as a line for people."""
    forms = {"loss": "{:.3f}", "psnr": "{:.2f} dB", "ms_ssim": "{:.4f}", "mse": "{:.5f}"}
    return ", ".join(
        f"{name} {form.format(figures[name])}"
        for name, form in forms.items()
        if figures[name] == figures[name]
    )


def _figures(output, target, recipe, features) -> dict[str, tf.Tensor]:
    terms = losses.terms(output, target, recipe, features)
    clipped = tf.clip_by_value(output, 0.0, 1.0)
    return {
        "loss": losses.total(terms, recipe),
        **terms,
        "psnr": tf.reduce_mean(metrics.psnr(clipped, target)),
        "ms_ssim": tf.reduce_mean(metrics.ms_ssim(clipped, target)),
        "mse": tf.reduce_mean(tf.math.squared_difference(output, target)),
    }
