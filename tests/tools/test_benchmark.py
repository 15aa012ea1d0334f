"""The benchmark runs and gives figures that can be true; how fast is another machine's matter."""

import json
import re
import subprocess
import sys

import pytest
from conftest import ROOT

BENCHMARK = [sys.executable, ROOT / "tools" / "measure" / "benchmark.py"]


def benchmark(folder, *arguments):
    return subprocess.run(
        [*BENCHMARK, *map(str, arguments)], cwd=folder, capture_output=True, text=True
    )


def measured(folder, *arguments):
    """Returns the figures, and what was printed."""
    figures = folder / "figures.json"
    done = benchmark(folder, *arguments, "--repeats", 1, "--json", figures)
    assert done.returncode == 0, done.stderr
    assert not list(folder.glob("tmp*"))
    return json.loads(figures.read_text()), done.stdout


def test_data_memory_and_start_of_a_narrow_net(tiny_ebb, tmp_path):
    narrow = ("--width", 0.05, "--levels", 7, "--data_dir", tiny_ebb)
    read, printed = measured(tmp_path, "data", "memory", "start", *narrow)
    assert re.findall("### (.*)", printed) == list(read) == ["data", "memory", "start"]
    [data], [memory], [start] = read.values()
    assert data["level"] == 7
    assert 1 < data["samples/s"] < 10_000
    assert 1 < data["plain loader"] < 10_000
    assert data["ratio"] == pytest.approx(data["samples/s"] / data["plain loader"])
    assert (memory["samples"], memory["VGG-19"]) == (5, "no")
    assert 0.3 < memory["peak GiB"] < 4
    assert 1 < memory["s in all"] < 120
    assert 1 < start["s to its begin"] < start["s to its end"] < 120
    parts = ("import", "plan", "network", "weights", "first batch", "trace", "first step")
    assert sum(start[part] for part in parts) == pytest.approx(start["s to its end"])
    assert all(start[part] > 0 for part in parts)


def test_steps_of_the_full_net_are_compared_with_a_matrix_product(tiny_ebb, tmp_path):
    read, printed = measured(tmp_path, "steps", "--levels", 7, "--data_dir", tiny_ebb)
    assert "GFLOP/s | matrix product | share |" in printed
    [step] = read["steps"]
    assert 0 < step["s/step"] < 60
    assert 0 <= step["waiting %"] <= 100
    assert step["GFLOP/s"] * step["s/step"] == pytest.approx(3 * 4 * 16.3)
    assert step["share"] == pytest.approx(step["GFLOP/s"] / step["matrix product"])
    assert 0.02 < step["share"] < 2


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["speed"], "speed"),
        (["render", "--sizes", "big"], "big"),
        (["steps", "--levels", "89"], "89"),
        (["steps", "--repeats", "0"], "argument --repeats: '0' is not a whole number"),
        (["memory", "--width", "0"], "--width is 0"),
        (["data", "--data_dir", "nowhere"], "nowhere holds no prepared EBB! set"),
    ],
)
def test_mistakes_are_named(tmp_path, arguments, named):
    done = benchmark(tmp_path, *arguments)
    assert done.returncode == 2
    assert named in done.stderr
    assert "Traceback" not in done.stderr


def test_a_failing_process_is_told_in_a_sentence(tiny_ebb, tmp_path):
    given = ("--levels", 7, "--head", "no_such_head", "--data_dir", tiny_ebb)
    done = benchmark(tmp_path, "memory", *given)
    assert done.returncode == 2
    assert done.stderr.startswith(
        "tools/measure/benchmark.py: error: training level 7 ended with status 2 ("
    )
    assert "no_such_head" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_render_measures_every_form(tmp_path):
    pytest.importorskip("ai_edge_litert")
    figures = tmp_path / "figures.json"
    small = ("--width", 0.05, "--levels", 7, "--sizes", "128x192", "--repeats", 1)
    done = benchmark(tmp_path, "render", *small, "--json", figures)
    assert done.returncode == 0, done.stderr
    rows = json.loads(figures.read_text())["render"]
    assert [row["model"].split(", ")[1] for row in rows] == [
        "SavedModel", "int8", "float32", "int8", "float32",
    ]  # fmt: skip
    assert all(row["s"] > 0 and row["peak GiB"] > 0.03 for row in rows)
    assert rows[0]["to bare network"] > 0.5
