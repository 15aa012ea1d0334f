"""The training loss: L1, SSIM and VGG-19 content, weighted by the recipe.

Levels 7 to 2 of the 2020 code use L1 alone, level 1 all three (Ignatov et al., CVPRW 2020,
section 3.2; equation 1 of the reproduction). Pictures are `[B, H, W, 3] float32` about [0, 1].
"""

from collections.abc import Callable

import tensorflow as tf

from pynet_tf.metrics import SSIM_SMALLEST
from pynet_tf.train.recipes import Recipe

Features = Callable[[tf.Tensor], tf.Tensor]


def terms(
    output: tf.Tensor, target: tf.Tensor, recipe: Recipe, features: Features | None = None
) -> dict[str, tf.Tensor]:
    """Returns the terms that the recipe gives a weight, each before weighting.

    Args:
        output: the network's level, `[B, H, W, 3] float32`, not clipped.
        target: of the same shape, in [0, 1].
        recipe: names the terms by their weights.
        features: `vgg.load_features(...)`; needed for the content term only.

    Returns:
        Scalars: `l1`, `ssim` (1 - SSIM), `content` (mean squared feature difference).

    Raises:
        ValueError: the content term has a weight and there are no features, or the pictures
            are too small for SSIM.
    """
    result = {}
    if recipe.l1:
        result["l1"] = tf.reduce_mean(tf.abs(output - target))
    if recipe.ssim:
        if min(target.shape[1:3]) < SSIM_SMALLEST:
            raise ValueError(
                f"pictures of {target.shape[1]}x{target.shape[2]} are too small for the SSIM "
                f"term, which needs {SSIM_SMALLEST} pixels a side"
            )
        result["ssim"] = 1.0 - tf.reduce_mean(tf.image.ssim(output, target, max_val=1.0))
    if recipe.content:
        if features is None:
            raise ValueError("the content term needs VGG-19 features")
        result["content"] = tf.reduce_mean(
            tf.math.squared_difference(features(output), features(target))
        )
    return result


def total(terms_by_name: dict[str, tf.Tensor], recipe: Recipe) -> tf.Tensor:
    """Returns the weighted sum of the terms."""
    return tf.add_n([getattr(recipe, name) * term for name, term in terms_by_name.items()])
