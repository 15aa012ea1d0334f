"""Shows what training will see, and finds pairs that would spoil it.

Look at preview.png first: a misaligned pair has coloured edges where it is sharp, and an inverted
depth map is dark where it should be near. Then every pair is measured: alignment, exposure, depth
map, how well a lens of its focus and blur explains the bokeh shot, duplicates (also between train
and test). Writes to the output folder:

  preview.png      training samples: photo and window, depth, input, target, focus and blur
  checks.csv       focus and blur of each pair, and what was measured on it
  suspicious.txt   pairs to look at, with the reason; take out the lines of those that are good and
                   give the rest to tools/build_ebb.py --leave_out suspicious.txt
  suspicious.png   the first of them

  python -m pynet_tf.inspect_data --data_dir data
"""

import argparse
import csv
import io
from collections.abc import Sequence
from pathlib import Path

from pynet_tf import cli
from pynet_tf.data import shards
from pynet_tf.errors import InputError
from pynet_tf.io import atomic_files

# Suspicious pairs that are printed, and drawn in suspicious.png.
SHOWN = 12
# The preview is one picture, drawn in memory.
MOST_SAMPLES = 100
LARGEST_WINDOW = 4096
# Columns of checks.csv, see `checks.Findings`.
MEASURED = ("rows", "columns", "tiles", "exposure", "near_is_sharp", "focus", "blur", "unexplained")
MEASURED += ("range", "likeness", "sharpness")


def main(arguments: Sequence[str] | None = None) -> int | None:
    """Draws the preview and checks the pairs."""
    options = _parser().parse_args(arguments)
    if options.output.exists() and not options.output.is_dir():
        raise InputError(f"{options.output} is a file; give a folder with --output")
    names = [options.split] if options.split else list(shards.split_sizes(options.data_dir))
    splits = [shards.open_split(options.data_dir, name) for name in names]
    atomic_files.refuse_unwritable(options.output)

    cli.import_tensorflow()
    from pynet_tf.data import pipeline
    from pynet_tf.inspect_data import preview
    from pynet_tf.io import image_grid

    rows = preview.training_rows(
        splits[0], options.level, options.window, options.count, options.seed
    )
    with pipeline.reading(splits[0]):
        rows = list(cli.progress(rows, options.count, "drawing"))
    title = f"Training samples of {options.data_dir}, seed {options.seed}"
    image_grid.write(options.output / "preview.png", rows, title, 260)
    print(f"look at {options.output / 'preview.png'}")
    if not options.preview_only:
        _check(splits, options.output)
    return None


def _check(splits: Sequence[shards.Split], output: Path) -> None:
    """Measures all pairs and writes what came out."""
    import numpy as np

    from pynet_tf.data import whole_samples
    from pynet_tf.inspect_data import checks, preview
    from pynet_tf.io import image_grid

    limits = checks.Limits()
    places, found = [], []
    for split in splits:
        samples = cli.progress(whole_samples.photos(split), len(split), f"checking {split.name}")
        for index, sample in enumerate(samples):
            places.append((split, index))
            found.append(checks.measure(sample))
    labels = [f"{split.name}/{f.name}" for (split, _), f in zip(places, found, strict=True)]
    reasons = [checks.suspicions(findings, limits) for findings in found]
    thumbnails = np.stack([findings.thumbnail for findings in found])
    for first, later in checks.duplicates(thumbnails, limits.duplicate):
        reasons[later].append(f"the same photo as {labels[first]}")

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["split", "photo", *MEASURED, "suspicious"])
    for label, findings, why in zip(labels, found, reasons, strict=True):
        numbers = [*findings.shift, findings.tiles, findings.exposure, findings.near_is_sharp]
        numbers += [findings.focus, findings.blur, findings.unexplained]
        numbers += [findings.depth_range, findings.likeness, findings.sharpness]
        fields = ["" if np.isnan(number) else f"{number:.4g}" for number in numbers]
        writer.writerow([label.split("/")[0], findings.name, *fields, "; ".join(why)])
    atomic_files.write_text(output / "checks.csv", text.getvalue())

    bad = [(label, why) for label, why in zip(labels, reasons, strict=True) if why]
    lines = ["# split/name <tab> why; for tools/build_ebb.py --leave_out"]
    lines += [f"{label}\t{'; '.join(why)}" for label, why in bad]
    atomic_files.write_text(output / "suspicious.txt", "\n".join(lines) + "\n")
    rows = []
    for (split, index), why in zip(places, reasons, strict=True):
        if why and len(rows) < SHOWN:
            rows.append(preview.suspicious_row(next(whole_samples.photos(split, [index])), why))
    if rows:
        title = f"Suspicious pairs ({len(rows)} of {len(bad)})"
        image_grid.write(output / "suspicious.png", rows, title, 260)
    for line in lines[1 : SHOWN + 1]:
        print(line)
    print(checks.lenses(found))
    warning = checks.set_warning(found, limits)
    if warning:
        print(warning)
    unknown = sum(not findings.tiles for findings in found)
    not_known = f"; the alignment of {unknown} cannot be measured" if unknown else ""
    print(
        f"{len(bad)} of {len(found)} pairs are suspicious{not_known}; see "
        f"{output / 'suspicious.txt'}"
    )


def _parser() -> argparse.ArgumentParser:
    parser = cli.Parser(
        prog="python -m pynet_tf.inspect_data",
        description=__doc__,
    )
    parser.add_argument(
        "--data_dir",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="photos and bokeh shots, as tools/build_ebb.py has prepared them",
    )
    parser.add_argument(
        "--split", choices=("train", "test"), help="only these pairs; all there are if not given"
    )
    parser.add_argument(
        "--output", type=Path, default=Path("inspection"), metavar="FOLDER", help="for the results"
    )
    parser.add_argument(
        "--count", type=cli.whole(1, MOST_SAMPLES), default=6, help="samples in the preview"
    )
    parser.add_argument(
        "--level",
        type=cli.whole(),
        choices=range(1, 8),
        default=2,
        help="size of the targets in the preview: 1 the photo's, 2 half of it, and so on",
    )
    parser.add_argument(
        "--window",
        type=_window,
        metavar="N",
        default=512,
        help="side of what training cuts out of a photo, in pixels of the photo at half its size",
    )
    parser.add_argument(
        "--seed", type=cli.whole(0, 2**31 - 1), default=0, help="another number shows other samples"
    )
    parser.add_argument("--preview_only", action="store_true", help="do not check the pairs")
    return parser


def _window(text: str) -> int:
    side = cli.whole(32, LARGEST_WINDOW)(text)
    if side % 32:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a multiple of 32 from 32 to {LARGEST_WINDOW}"
        )
    return side
