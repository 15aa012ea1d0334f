"""The learning rate of each step: it grows during the warm-up, then stays or falls.

growing   from 0 to `recipe.learning_rate` over the first `recipe.warm_up` steps, in a line
falling   by the same factor at every step, to `recipe.last_learning_rate` at the last one;
          without that, the rate is constant
"""

from pynet_tf.train.recipes import Recipe


def rate(recipe: Recipe, step: int) -> float:
    """Returns the learning rate of a step.

    Args:
        recipe: of the level.
        step: 1 to `recipe.iterations`.
    """
    warmth = min(1.0, step / max(1, recipe.warm_up))
    if recipe.last_learning_rate is None or recipe.iterations == 1:
        return warmth * recipe.learning_rate
    done = (step - 1) / (recipe.iterations - 1)
    return warmth * recipe.learning_rate ** (1 - done) * recipe.last_learning_rate**done


def remark(recipe: Recipe) -> str:
    """Returns a sentence if the steps end before the warm-up does, else nothing."""
    if recipe.iterations >= recipe.warm_up:
        return ""
    return (
        f"the rate is still growing when the {recipe.iterations} steps end, since the warm-up "
        f"takes {recipe.warm_up}; --warm_up {recipe.iterations // 2} would end it half way"
    )
