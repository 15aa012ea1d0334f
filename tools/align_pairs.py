"""Makes an EBB!-like data set of one's own shots: aligned and cropped pairs, 1024 pixels high.

RAW holds two folders with the same names: original/NAME.jpg taken with a narrow aperture (f/16)
and bokeh/NAME.jpg with a wide one (f/1.8), from a tripod or the same place, focused alike. JPEG,
PNG, WebP and TIFF are read; develop a camera's raw files first.

OUT gets original/NAME.jpg and bokeh/NAME.jpg, and sheet_01.png ... to look at: coloured edges in
the overlay show what is not aligned. Pairs that cannot be aligned are named, the others done, and
the exit status is 1. Pairs that OUT already has are left alone.

Next: python -m pynet_tf.depth OUT/original --output OUT/original_depth

Needs OpenCV: pip install opencv-python-headless
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pynet_tf import cli
from pynet_tf.errors import InputError
from pynet_tf.io import images, photo_paths

FOLDERS = ("original", "bokeh")
ROWS_PER_SHEET = 12


def main(arguments: Sequence[str] | None = None) -> int | None:
    """Aligns all pairs; returns the exit status."""
    options = _parser().parse_args(arguments)
    if options.output.exists() and not options.output.is_dir():
        raise InputError(f"{options.output} is a file; name a folder for OUT")
    if os.path.realpath(options.output) == os.path.realpath(options.raw):
        raise InputError(f"{options.output} holds the raw shots; name another folder for OUT")
    pairs, alone = _find(options.raw)
    from pynet_tf.prepare import pair_alignment

    pair_alignment.require_opencv()
    failures = [f"{path}: has no partner of the same name" for path in alone]
    rows, done = [], 0
    for name, paths in cli.progress(pairs.items(), len(pairs), "aligning"):
        results = [options.output / folder / f"{name}.jpg" for folder in FOLDERS]
        if all(path.exists() for path in results) and not options.overwrite:
            continue
        try:
            rows.append(_align(name, paths, results, options))
            done += 1
        except InputError as error:
            failures.append(str(error))
        if len(rows) == ROWS_PER_SHEET:
            _write_sheet(options.output, rows)
            rows = []
    if rows:
        _write_sheet(options.output, rows)
    for failure in failures:
        print(f"left out: {failure}", file=sys.stderr)
    kept = len(pairs) + len(alone) - done - len(failures)
    already = f", {kept} were already there" if kept else ""
    print(f"aligned {done} of {len(pairs)} pairs to {options.output}{already}")
    return 1 if failures else 0


def _parser() -> argparse.ArgumentParser:
    parser = cli.Parser(prog="python tools/align_pairs.py", description=__doc__)
    parser.add_argument("raw", metavar="RAW", type=Path, help="folder with original/ and bokeh/")
    parser.add_argument("output", metavar="OUT", type=Path, help="folder for the aligned pairs")
    parser.add_argument(
        "--height", type=_even, metavar="N", default=1024, help="rows of the aligned pairs"
    )
    parser.add_argument(
        "--min_inliers",
        type=cli.whole(4),
        default=40,
        help="refuse pairs in which fewer points agree",
    )
    parser.add_argument("--overwrite", action="store_true", help="align again what OUT has")
    return parser


def _find(raw: Path) -> tuple[dict[str, list[Path]], list[Path]]:
    """Returns name -> (narrow, wide) of all pairs, and the files without a partner."""
    folders = [raw / folder for folder in FOLDERS]
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"{folder} is not a folder; RAW needs original/ and bokeh/")
    found = []
    for folder in folders:
        paths = photo_paths.photo_paths([folder], say=print)
        photo_paths.refuse_shared_stems(paths)
        found.append({photo_paths.same_name(path.stem): path for path in paths})
    narrow, wide = found
    pairs = {name: [narrow[name], wide[name]] for name in narrow if name in wide}
    alone = [shots[name] for shots in found for name in shots if name not in pairs]
    return pairs, alone


def _align(name: str, paths: Sequence[Path], results: Sequence[Path], options) -> list:
    """Aligns and writes one pair; returns its row of the sheet."""
    from pynet_tf.io.image_grid import Panel
    from pynet_tf.prepare import pair_alignment

    photos = [images.read(path) for path in paths]
    narrow, wide = (images.eight_bit(photo.pixels) for photo in photos)
    try:
        match = pair_alignment.match(narrow, wide, options.min_inliers)
        pair = pair_alignment.crop_pair(narrow, wide, match.homography, options.height)
    except InputError as error:
        raise InputError(f"{paths[0]} and {paths[1]} {error}") from error
    for path, picture, photo in zip(results, pair, photos, strict=True):
        images.write_image(path, picture, icc_profile=photo.options.get("icc_profile"))
    raw_wide = images.resize(wide, *narrow.shape[:2])
    figures = (
        f"{match.model} from {match.inliers} of {match.matches} keypoints, {match.residual:.2f} px "
        f"apart, over {match.cover:.0%} of the picture"
    )
    panels = [
        Panel(pair[0], f"{name}: photo", f"{pair[0].shape[1]}x{pair[0].shape[0]}"),
        Panel(pair[1], "bokeh, aligned", figures, warning=match.cover < 0.1),
        Panel(pair_alignment.overlay(narrow, raw_wide), "overlay before"),
        Panel(pair_alignment.overlay(*pair), "overlay after"),
    ]
    # Thumbnails, so that a sheet of large shots fits into memory.
    return [
        Panel(images.resize(p.picture, *_thumbnail(p.picture)), p.title, p.caption, p.warning)
        for p in panels
    ]


def _thumbnail(picture) -> tuple[int, int]:
    height, width = picture.shape[:2]
    factor = min(1.0, 320 / height)
    return round(height * factor), round(width * factor)


def _write_sheet(folder: Path, rows: list) -> None:
    from pynet_tf.io import image_grid

    number = 1
    while (path := folder / f"sheet_{number:02d}.png").exists():
        number += 1
    image_grid.write(path, rows, "Aligned pairs: look for coloured edges in what is sharp", 320)


def _even(text: str) -> int:
    rows = cli.whole(64)(text)
    if rows % 2:
        raise argparse.ArgumentTypeError(f"{text!r} is not even")
    return rows


if __name__ == "__main__":
    cli.run(main, "tools/align_pairs.py")
