"""The learning rate of a step, by the recipe."""

import pytest

from pynet_tf.train import learning_rate
from pynet_tf.train.recipes import Recipe


def test_rate_falls_by_the_same_factor_to_the_last():
    recipe = Recipe(1, 41, 1e-3, last_learning_rate=1e-5)
    rates = [learning_rate.rate(recipe, step) for step in (21, 31, 41)]
    assert rates == pytest.approx([1e-4, 10**-4.5, 1e-5])
    constant = Recipe(1, 41, 1e-3)
    assert {learning_rate.rate(constant, step) for step in range(20, 42)} == {1e-3}


@pytest.mark.parametrize("last", [None, 1e-4])
def test_rate_grows_over_the_first_steps(last):
    recipe = Recipe(1, 5_000, 1e-3, last_learning_rate=last)
    rates = [learning_rate.rate(recipe, step) for step in range(1, 21)]
    assert rates == pytest.approx([1e-3 * step / 20 for step in range(1, 21)], rel=0.02)
    assert learning_rate.rate(Recipe(1, 1, 1e-3, last, warm_up=0), 1) == 1e-3


def test_a_warm_up_that_does_not_end_is_told():
    cold = Recipe(1, 10, 1e-3, warm_up=30)
    assert learning_rate.rate(cold, 10) < 1e-3
    assert "takes 30; --warm_up 5 " in learning_rate.remark(cold)
    assert learning_rate.remark(Recipe(1, 30, 1e-3, warm_up=30)) == ""
