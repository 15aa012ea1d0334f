"""Measures the project's speed and memory.

    data    samples/s of the input pipeline per level, beside a plain loader of the same photos
    steps   seconds of a training step per level, as a share of a plain matrix product's GFLOP/s,
            and the share of the time that it waits for data
    memory  peak resident memory of training per level, for a small and a large data set
    render  seconds and peak memory of a photo, by size and by form of the model, at the finest
            of the levels
    start   seconds from the command to the begin and the end of the first step, per level

Each figure is the median of repeated runs; compare ratios from one run, not times of two.
"""

import argparse
import json
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

import benchmark_render
import benchmark_training

from pynet_tf import cli
from pynet_tf.data import shards
from pynet_tf.errors import InputError
from pynet_tf.io import atomic_files
from pynet_tf.model import LARGEST_WIDTH

KINDS = {
    "data": benchmark_training.data,
    "steps": benchmark_training.steps,
    "memory": benchmark_training.memory,
    "render": benchmark_render.render,
    "start": benchmark_training.start,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Parses the arguments and prints one table per kind of measurement."""
    flags = _parser().parse_args(arguments)
    _check(flags)
    levels = sorted({int(level) for level in flags.levels}, reverse=True)
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind in flags.kinds or KINDS:
            rows = KINDS[kind](flags, levels, Path(folder))
            figures[kind] = rows
            print(f"\n### {kind}\n\n{table(rows)}", flush=True)
            if flags.json:
                # After every kind: all of them take long, and one of the later ones may fail.
                atomic_files.write_text(flags.json, json.dumps(figures, indent=2) + "\n")


def table(rows: list[dict]) -> str:
    """Returns the rows as a Markdown table; what is None stays empty."""
    names = list(rows[0])
    lines = [names, ["---"] * len(names)]
    for row in rows:
        lines.append([_cell(row[name]) for name in names])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value) -> str:
    if value is None:
        return ""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _check(flags: argparse.Namespace) -> None:
    """Checks what argparse cannot, before anything that takes time.

    Raises:
        InputError: a value that nothing can be measured with.
    """
    unknown = [kind for kind in flags.kinds if kind not in KINDS]
    if unknown:
        raise InputError(f"{', '.join(unknown)} cannot be measured; choose from {', '.join(KINDS)}")
    if flags.width == 0:
        raise InputError(f"--width is {flags.width}, but has to be above 0")
    if flags.width > LARGEST_WIDTH:
        raise InputError(f"--width is {flags.width}, but can be at most {LARGEST_WIDTH}")
    if flags.json and flags.json.is_dir():
        raise InputError(f"--json {flags.json} is a folder; name a file in it")
    if flags.data_dir:
        shards.open_split(flags.data_dir, "train")


def _parser() -> argparse.ArgumentParser:
    parser = cli.Parser(prog="python tools/measure/benchmark.py", description=__doc__)
    parser.add_argument("kinds", nargs="*", help=f"any of {', '.join(KINDS)}; all if none")
    parser.add_argument(
        "--levels", type=_levels, default="7654321", help="levels to measure, e.g. 71"
    )
    parser.add_argument(
        "--width", type=cli.number(0), default=1.0, help="scale of the channel counts"
    )
    parser.add_argument(
        "--head",
        default="residual",
        help="data, steps, memory, start: that of pynet_tf.train --head",
    )
    parser.add_argument(
        "--repeats", type=cli.whole(1), default=3, help="runs that the median is taken of"
    )
    parser.add_argument("--data_dir", type=Path, help="prepared shards; made if not given")
    parser.add_argument(
        "--large", type=cli.whole(1), default=1000, help="samples of memory's large set"
    )
    parser.add_argument(
        "--sizes", nargs="+", type=photo_size, default=["1024x1536"], help="render: height x width"
    )
    parser.add_argument("--vgg", type=Path, help="memory: train level 1 with this VGG-19 too")
    parser.add_argument("--json", type=Path, help="file for the figures")
    return parser


def _levels(text: str) -> str:
    if not text or not set(text) <= set("7654321"):
        raise argparse.ArgumentTypeError(f"{text!r} is not levels from 7 to 1, as in 71")
    return text


def photo_size(text: str) -> str:
    """Checks a size of the command line, height x width."""
    if not re.fullmatch(r"[1-9]\d+x[1-9]\d+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not height x width, as in 1024x1536")
    return text


if __name__ == "__main__":
    cli.run(main, "tools/measure/benchmark.py")
