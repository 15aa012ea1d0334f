"""Prepares pairs of photos in EBB! layout for training, as a data set of TensorFlow Datasets.

SRC holds original/NAME.jpg, bokeh/NAME.jpg and original_depth/NAME.png, or train/ and test/ with
these folders. Photo and bokeh shot must have the same size of at least 64 px; depth maps may have
any. Of an odd side, as many shots of EBB! have, the last row or column is cut off all three. Names
may have gaps. EBB! does not come with depth maps: make them first with python -m pynet_tf.depth.

Photos without depth map or partner are named and left out. Files that cannot be used are named and
left out too, and the exit status is then 1.

What is prepared goes to ebb/2.0.0 in the folder of --data_dir. Run again, it says that there is
nothing to do.
"""

import argparse
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from pynet_tf import cli
from pynet_tf.data import ebb_layout, shards
from pynet_tf.prepare import build_shards

SHOWN_NAMES = 20


def main(arguments: Sequence[str] | None = None) -> int | None:
    """Prepares the shards; returns the exit status."""
    options = _parser().parse_args(arguments)
    source = ebb_layout.scan(options.src, options.test_range, options.leave_out)
    for reason, names in source.incomplete.items():
        print(f"left out, {reason} {_named(names)}", file=sys.stderr)
    report = None if options.overwrite else build_shards.up_to_date(source, options.data_dir)
    done = "already prepared"
    if report is None:
        build_shards.check_space(source, options.data_dir)
        cli.import_tensorflow()
        report = build_shards.build(source, options.data_dir, options.workers, cli.progress)
        done = "prepared"
    for failure in report.failed:
        print(f"left out: {failure}", file=sys.stderr)
    for doubt, names in report.doubts.items():
        print(f"depth maps {_named(names)}: {doubt}", file=sys.stderr)
    counts = ", ".join(f"{name} {count}" for name, count in report.counts.items())
    left_out = f", {len(report.failed)} that cannot be used" if report.failed else ""
    print(f"{done}: {shards.folder(options.data_dir)} ({counts}{left_out})")
    return 1 if report.failed else 0


def _named(names: Sequence[str]) -> str:
    shown = ", ".join(names[:SHOWN_NAMES])
    more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    return f"({len(names)}): {shown}{more}"


def _parser() -> argparse.ArgumentParser:
    parser = cli.Parser(
        prog="python tools/build_ebb.py",
        description=__doc__,
    )
    parser.add_argument("src", metavar="SRC", type=Path, help="folder in EBB! layout")
    parser.add_argument(
        "--data_dir",
        type=cli.utf8_path,
        required=True,
        metavar="FOLDER",
        help="where the data set goes: --data_dir of the other commands",
    )
    parser.add_argument(
        "--test_range",
        metavar="A:B",
        type=_range,
        help="pairs numbered A to B-1 become the test split; 4400:4694 are EBB!'s 294 for "
        "validation",
    )
    parser.add_argument(
        "--leave_out",
        metavar="FILE",
        type=Path,
        help="list of pairs to leave out, as python -m pynet_tf.inspect_data writes it",
    )
    parser.add_argument(
        "--workers",
        type=cli.whole(1),
        default=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1,
        help="processes that decode and halve the pictures",
    )
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="replace what is prepared there, once the new data set is complete",
    )
    return parser


def _range(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+):(\d+)", text)
    if not match or int(match[1]) >= int(match[2]):
        raise argparse.ArgumentTypeError(f"{text!r} is not A:B with A < B, such as 4400:4694")
    return int(match[1]), int(match[2])


if __name__ == "__main__":
    cli.run(main, "tools/build_ebb.py")
