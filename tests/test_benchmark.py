"""The benchmark runs and gives figures that can be true; how fast is another machine's matter."""

import json
import subprocess
import sys

import pytest
from conftest import ROOT

BENCHMARK = [sys.executable, ROOT / "tools" / "benchmark.py"]


def benchmark(folder, *arguments):
    return subprocess.run(
        [*BENCHMARK, *map(str, arguments)], cwd=folder, capture_output=True, text=True
    )


def test_steps_and_start_of_a_narrow_net(tiny_ebb, tmp_path):
    figures = tmp_path / "figures.json"
    narrow = ("--width", 0.05, "--levels", 7, "--repeats", 1, "--data_dir", tiny_ebb)
    done = benchmark(tmp_path, "steps", "start", *narrow, "--json", figures)
    assert done.returncode == 0, done.stderr
    assert "### steps" in done.stdout
    assert "### start" in done.stdout
    read = json.loads(figures.read_text())
    [step], [start] = read["steps"], read["start"]
    assert 0 < step["s/step"] < 60
    assert 0 <= step["waiting %"] <= 100
    assert 1 < start["s to its begin"] < start["s to its end"] < 120
    parts = ("import", "data", "network", "weights", "first batch", "trace", "first step")
    assert sum(start[part] for part in parts) == pytest.approx(start["s to its end"])
    assert all(start[part] > 0 for part in parts)
    assert not list(tmp_path.glob("tmp*"))


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["speed"], "speed"),
        (["render", "--sizes", "big"], "big"),
        (["steps", "--levels", "89"], "89"),
    ],
)
def test_mistakes_are_named(tmp_path, arguments, named):
    done = benchmark(tmp_path, *arguments)
    assert done.returncode == 2
    assert named in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_render_measures_every_form(tmp_path):
    pytest.importorskip("ai_edge_litert")
    figures = tmp_path / "figures.json"
    small = ("--width", 0.05, "--sizes", "64x128", "--repeats", 1)
    done = benchmark(tmp_path, "render", *small, "--json", figures)
    assert done.returncode == 0, done.stderr
    rows = json.loads(figures.read_text())["render"]
    assert [row["model"].split(", ")[1] for row in rows] == [
        "SavedModel", "int8", "float32", "int8",
    ]  # fmt: skip
    assert all(row["s"] > 0 and row["peak GiB"] > 0.1 for row in rows)
    assert rows[0]["to bare network"] > 0.5
