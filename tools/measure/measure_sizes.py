"""Measures the network that comes with the project, its 8-bit form and the lens, by size of photo.

Seconds are those of a second call, peak memory is that of a process of its own. With the sizes
given it takes a few minutes, and 100 megapixels take 3.3 GiB; leave the machine to it.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmark import photo_size, table
from benchmark_processes import ROOT
from benchmark_render import measured

from pynet_tf import cli

# 1.5, 6, 12, 24, 48 and 100 megapixels, as cameras and phones have.
SIZES = ["1024x1536", "2000x3000", "3000x4000", "4000x6000", "6000x8000", "8660x11548"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Parses the arguments, measures and prints a row for every size."""
    parser = cli.Parser(prog="python tools/measure/measure_sizes.py", description=__doc__)
    parser.add_argument(
        "--sizes", nargs="+", type=photo_size, default=SIZES, help="height x width of the photos"
    )
    parser.add_argument(
        "--model", type=Path, default=ROOT / "checkpoints" / "small", help="network"
    )
    print(table(rows(parser.parse_args(arguments))))


def rows(flags: argparse.Namespace) -> list[dict]:
    """Measures every size in every way."""
    ways = {"network": (flags.model, ()), "--fast": (flags.model, ("--fast",))}
    ways["lens"] = (Path("lens"), ())
    made = []
    for model, more in ways.values():
        # The first run makes the LiteRT form, which would count as the peak.
        measured(model, 64, 64, 0, *more)
    for size in flags.sizes:
        height, width = (int(side) for side in size.split("x"))
        row = {"photo": size, "megapixels": height * width / 1e6}
        for way, (model, more) in ways.items():
            figures = measured(model, height, width, 1, *more)
            row |= {f"{way} s": figures["seconds"], f"{way} GiB": figures["peak"]}
        made.append(row)
    return made


if __name__ == "__main__":
    cli.run(main, "tools/measure/measure_sizes.py")
