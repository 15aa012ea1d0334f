"""Synthetic scenes are measured at several sizes, and around their lamps."""

import runpy

import numpy as np
import pytest
from conftest import ROOT

TOOL = runpy.run_path(str(ROOT / "tools" / "measure" / "measure_scenes.py"))


def rows(text):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]


def test_figures_of_scenes_of_sizes(tmp_path, capsys):
    few = ["--scenes", "2", "--seed", "21", "--widths", "96", "192"]
    TOOL["main"](["sizes", *few, "--output", str(tmp_path)])
    head, _, *figures = rows(capsys.readouterr().out)
    assert len(figures) == 6
    assert all(len(row) == len(head) for row in figures)
    small, large = (dict(zip(head, row, strict=True)) for row in figures[-2:])
    assert small["network"] == small["network, reduced"]
    assert float(large["network, reduced"]) > float(large["nothing"])
    assert len(list(tmp_path.glob("*.png"))) == 4


def test_figures_around_lamps(capsys):
    TOOL["main"](["lamps", "--scenes", "1", "--width", "192", "--seed", "3"])
    head, _, *figures = rows(capsys.readouterr().out)
    assert head[-3:] == ["plain lens", "lens", "network"]
    assert figures[-1][3:] == figures[0][3:], "the mean of one"


def test_around_the_lamps_is_where_they_shine():
    seen = 0
    for index in range(6):
        pair, around = TOOL["night_pair"](3, index, 128, 192)
        if around.any():
            seen += 1
            assert around.mean() < 0.5
            assert pair.bokeh[around].mean() > pair.bokeh[~around].mean()
    assert seen


def test_psnr_of_8_bit_pictures():
    grey = np.full((4, 4, 3), 100, np.uint8)
    assert TOOL["psnr"](grey, grey + 10) == pytest.approx(20 * np.log10(25.5))
    assert TOOL["psnr"](grey, grey) == pytest.approx(58.92, abs=0.01)
