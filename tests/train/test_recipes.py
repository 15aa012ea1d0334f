"""The tables against the papers' figures."""

import dataclasses

import pytest

from pynet_tf.model import LEVELS
from pynet_tf.train import config, learning_rate, planning, recipes


def test_2020_batches_iterations_and_rate():
    table = {level: recipes.recipe("original", level) for level in LEVELS}
    assert [table[level].batch_size for level in LEVELS] == [50, 50, 40, 14, 9, 9, 5]
    assert [table[level].iterations for level in LEVELS] == [
        5_000, 5_000, 20_000, 20_000, 30_000, 80_000, 100_000,
    ]  # fmt: skip
    assert {recipe.learning_rate for recipe in table.values()} == {5e-5}
    assert (table[1].l1, table[1].ssim, table[1].content) == (10, 10, 0.1)
    assert [level for level in LEVELS if table[level].last_learning_rate] == [1]


def test_reproduction_is_table_1():
    table = {level: recipes.recipe("reproduction", level) for level in LEVELS}
    assert [table[level].batch_size for level in LEVELS[:6]] == [50, 50, 40, 14, 9, 5]
    assert [table[level].iterations for level in LEVELS[:6]] == [
        5_000, 5_000, 5_000, 5_000, 10_000, 40_000,
    ]  # fmt: skip
    assert [table[level].learning_rate for level in LEVELS[:6]] == [
        5e-5, 5e-5, 1e-4, 1e-4, 5e-5, 5e-5,
    ]  # fmt: skip
    assert (table[2].l1, table[2].ssim, table[2].content) == (1, 1, 0.01)


@pytest.mark.parametrize("name", recipes.NAMES)
def test_the_rate_of_level_1_falls(name):
    recipe = recipes.recipe(name, 1)
    last = learning_rate.rate(recipe, recipe.iterations)
    assert last < recipe.learning_rate / 5


@pytest.mark.parametrize("name", recipes.NAMES)
@pytest.mark.parametrize("level", LEVELS)
def test_every_level_has_a_target_and_only_large_ones_ssim(name, level):
    recipe = recipes.recipe(name, level)
    assert recipe.window % 32 == 0
    side = recipe.window * 2 // 2 ** (level - 1)
    assert side >= (11 if recipe.ssim else 1)


@pytest.mark.parametrize(("head", "matched"), [("defocus", True), ("residual", False)])
def test_exposures_are_matched_for_the_head_defocus_alone(tmp_path, head, matched):
    recipe = dataclasses.replace(recipes.recipe("quick", 7), match_exposure=True)
    job = config.Job(7, tmp_path, tmp_path, recipe, head=head)
    assert planning.plan(job, "data").recipe.match_exposure == matched
