"""The fit of focus and blur is measured on pairs that know both."""

import runpy

import numpy as np
import pytest
from conftest import ROOT

TOOL = runpy.run_path(str(ROOT / "tools" / "measure" / "measure_fit.py"))


def test_figures_of_pairs(capsys):
    TOOL["main"](["--seed", "21", "--first", "2", "--count", "3", "--width", "192"])
    head, _, *rows, time = capsys.readouterr().out.splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in (head, *rows)]
    assert all(len(row) == len(cells[0]) for row in cells)
    assert [row[0] for row in cells[1:]] == ["2", "3", "4", "mean"]
    assert cells[-1][-1] == f"{sum(row[-1] == 'yes' for row in cells[1:-1])} of 3"
    assert float(time.split()[0]) > 0


def test_discs_of_the_true_map_are_the_scenes_own():
    pair, depth, discs = TOOL["pair_and_discs"](21, 2, 128, 192)
    assert pair.blur > 0
    assert depth.shape == discs.shape == (64, 96)
    drawn = TOOL["off"](discs, depth, (pair.focus, pair.blur), 192)
    assert drawn < np.sqrt(np.mean(discs**2)), "no better than no discs at all"
    assert drawn < TOOL["off"](discs, 255 - depth, (pair.focus, pair.blur), 192)


@pytest.mark.parametrize(
    ("fitted", "expected"),
    [((0.54, 1.1), True), ((0.56, 1.0), False), ((0.5, 1.25), False), ((0.5, 0.0), False)],
)
def test_a_pair_is_found_where_focus_and_blur_are_near(fitted, expected):
    assert TOOL["is_found"](fitted, (0.5, 1.0)) == expected


def test_without_blur_every_focus_is_right():
    assert TOOL["is_found"]((0.1, 0.0), (0.9, 0.0))
    assert not TOOL["is_found"]((0.9, 0.3), (0.9, 0.0))
