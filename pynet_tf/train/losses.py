"""The training loss: L1, SSIM and VGG-19 content, weighted by the recipe.

Levels 7 to 2 of the 2020 code use L1 alone, level 1 all three (Ignatov et al., CVPRW 2020,
section 3.2; equation 1 of the reproduction). Pictures are `[B, H, W, 3] float32` about [0, 1].
"""

from collections.abc import Callable

import tensorflow as tf

from pynet_tf.metrics import SSIM_SMALLEST
from pynet_tf.model import lens_ops
from pynet_tf.train.recipes import Recipe

# The ratios of two exposures are taken at so many places along a side, of light above this.
_PLACES, _BLACK = 32, 1e-3
# Two shots do not differ by more.
_MOST_GAIN = 1.25
# What is as bright as this may be any brighter.
_CLIPPED = 0.98

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
    if recipe.match_exposure:
        target = exposed_alike(target, output)
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


def exposed_alike(target: tf.Tensor, output: tf.Tensor) -> tf.Tensor:
    """Returns the target at the exposure of the output; what is clipped in it stays white.

    The exposures differ by the median of how many times brighter places are, for each colour: a
    few lights of another brightness do not move it.

    Args:
        target: `[B, t, t, 3] float32` in [0, 1].
        output: of the same shape, not clipped. No gradient flows through what is found.
    """
    side = max(1, target.shape[1] // _PLACES)
    shown, wanted = (
        lens_ops.to_light(tf.clip_by_value(picture, 0.0, 1.0)) for picture in (output, target)
    )
    places = [tf.nn.avg_pool2d(light, side, side, "VALID") + _BLACK for light in (shown, wanted)]
    ratios = tf.sort(tf.reshape(places[0] / places[1], [tf.shape(target)[0], -1, 3]), axis=1)
    median = ratios[:, tf.shape(ratios)[1] // 2, None, None]
    exposed = lens_ops.from_light(wanted * tf.clip_by_value(median, 1 / _MOST_GAIN, _MOST_GAIN))
    return tf.stop_gradient(tf.where(target > _CLIPPED, target, exposed))


def total(terms_by_name: dict[str, tf.Tensor], recipe: Recipe) -> tf.Tensor:
    """Returns the weighted sum of the terms."""
    return tf.add_n([getattr(recipe, name) * term for name, term in terms_by_name.items()])
