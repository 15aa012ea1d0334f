"""Measures trained networks on full-size photos, beside doing nothing and a thin lens.

The thin lens, and networks that are told the defocus, are measured twice: told the focus and the
blur of each pair, and with the automatic focus and the default blur. Writes report.md, report.json,
per_image.csv, comparison.png and, with --levels, levels.png to the report's folder. Interrupted,
the same command goes on where it stopped.

  python -m pynet_tf.evaluate --model checkpoints --data_dir data
  python -m pynet_tf.evaluate --model run_a --model run_b --data_dir data --count 20 --levels
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from pynet_tf import cli
from pynet_tf.data import shards
from pynet_tf.errors import InputError
from pynet_tf.io import atomic_files


def main(arguments: Sequence[str] | None = None) -> int | None:
    """Evaluates and writes the report."""
    options = _parser().parse_args(arguments)
    if options.no_lens and options.lens_blur:
        raise InputError("--no_lens leaves out the lenses that --lens_blur asks for; give one")
    if options.photos and options.count:
        raise InputError("--photos names the photos, and --count chooses some; give one of the two")
    models = _labels(options.model)
    if options.output.exists() and not options.output.is_dir():
        raise InputError(f"{options.output} is a file; give a folder with --output")
    shards.open_split(options.data_dir, options.split)
    atomic_files.refuse_unwritable(options.output)

    cli.import_tensorflow()
    from pynet_tf.evaluate import comparison, report
    from pynet_tf.evaluate.results import Store

    plan = comparison.Plan(
        data_dir=options.data_dir,
        split=options.split,
        models=models,
        level=options.level,
        every_level=options.levels,
        lens=not options.no_lens,
        lens_blurs=tuple(dict.fromkeys(options.lens_blur)),
        names=tuple(options.photos),
        count=options.count,
    )
    outcome = comparison.compare(plan, Store(options.output / "results.jsonl"), cli.progress)
    report.write(options.output, plan, outcome)
    print((options.output / "report.md").read_text(encoding="utf-8"))
    print(f"written to {options.output}")
    return None


def _parser() -> argparse.ArgumentParser:
    parser = cli.Parser(
        prog="python -m pynet_tf.evaluate",
        description=__doc__,
    )
    parser.add_argument(
        "--model",
        action="append",
        default=[],
        type=cli.utf8_path,
        metavar="FOLDER",
        help="folder of pynet_tf.train or exported SavedModel; may be given several times",
    )
    parser.add_argument(
        "--data_dir",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="photos and bokeh shots, as tools/build_ebb.py has prepared them",
    )
    parser.add_argument("--split", default="test", choices=("test", "train"), help="which of them")
    parser.add_argument(
        "--level",
        type=cli.whole(),
        choices=(1, 2, 3),
        help="size of the networks' pictures: 1 the photo's, 2 half, 3 a quarter of it; the finest "
        "that each has if not given",
    )
    parser.add_argument(
        "--levels",
        action="store_true",
        help="measure and draw the pictures of all levels too, from 7, the smallest, to 1",
    )
    parser.add_argument(
        "--photos", nargs="+", default=[], metavar="NAME", help="only these photos of the split"
    )
    parser.add_argument(
        "--count", type=cli.whole(1), help="only this many photos, spread evenly over the split"
    )
    parser.add_argument(
        "--lens_blur",
        type=_radius,
        nargs="+",
        default=[],
        metavar="RADIUS",
        help="one more thin lens, of one blur for all photos, in pixels at half size; of several "
        "the best one is taken, which takes as many renderings of up to 12 photos",
    )
    parser.add_argument("--no_lens", action="store_true", help="leave every thin lens out")
    parser.add_argument(
        "--output", type=Path, default=Path("report"), metavar="FOLDER", help="of the report"
    )
    return parser


def _labels(paths: Sequence[Path]) -> dict[str, Path]:
    """Names the models after their folders, with as many parent folders as it takes."""
    paths = list(dict.fromkeys(paths))
    for path in paths:
        if not path.exists():
            atomic_files.settle(path.parent)
        if not path.is_dir():
            raise InputError(f"{path} is not a folder; give a run directory or a SavedModel folder")
    full = [path.absolute().parts for path in paths]
    for used in range(1, max(map(len, full), default=1) + 1):
        labels = ["/".join(parts[-used:]) for parts in full]
        if len(set(labels)) == len(labels):
            break
    return dict(zip(labels, paths, strict=True))


def _radius(text: str) -> float:
    radius = cli.number(0, 1000)(text)
    if radius == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a radius above 0")
    return radius
