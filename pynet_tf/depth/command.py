"""Makes the depth maps that training and rendering take: near = bright, half the photo's size.

From photos; a map that the phone has stored in the photo is taken, others are estimated:
    python -m pynet_tf.depth photos/ --output depth/
With MegaDepth, as the 2020 authors had them, or with any estimator's file:
    python -m pynet_tf.depth photos/ --model megadepth.weights.h5 --output depth/
MegaDepth's weights come from best_generalization_net_G.pth of its project page at Cornell
(https://www.cs.cornell.edu/projects/megadepth/), converted by tools/convert_megadepth.py.

From the maps of any other estimator or sensor (PNG or TIFF of 8, 16 or 32 bits, .npy):
    python -m pynet_tf.depth --normalize maps/ --photos photos/ --output depth/

Maps that are there already are left alone; --overwrite makes them anew.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from pynet_tf import cli
from pynet_tf.depth.estimators import flags
from pynet_tf.depth.estimators.megadepth import estimate_maps
from pynet_tf.depth.map_form import map_size
from pynet_tf.depth.normalization import MAP_SUFFIXES, normalize_files
from pynet_tf.errors import InputError
from pynet_tf.io.atomic_files import refuse_unwritable
from pynet_tf.io.images import resize, write_image
from pynet_tf.io.photo_paths import (
    names_a_file,
    photo_paths,
    refuse_own_folder,
    refuse_shared_stems,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Makes the maps; returns the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    _check(options, parser)
    if options.normalize:
        paths = photo_paths([options.normalize], MAP_SUFFIXES, print)
    else:
        paths = photo_paths(options.photo, say=print)
    targets = _targets(paths, options)
    waiting = [path for path in paths if options.overwrite or not targets[path].exists()]
    if not waiting:
        print(f"all {len(paths)} maps are in {options.output} already")
        return 0
    for folder in {targets[path].parent for path in waiting}:
        refuse_unwritable(folder)
    if options.normalize:
        maps = normalize_files(waiting, options.invert, options.photos, print)
    else:
        maps = _of_photos(waiting, options)

    failed = 0
    for path, depth in cli.progress(maps, len(waiting), "depth"):
        if isinstance(depth, InputError):
            if len(waiting) == 1:
                raise depth
            failed += 1
            print(f"pynet_tf.depth: {depth}", file=sys.stderr)
        else:
            write_image(targets[path], depth)
    print(
        f"{options.output}: {len(waiting) - failed} maps made, "
        f"{len(paths) - len(waiting)} were there already, {failed} failed"
    )
    return 1 if failed else 0


def _targets(paths: Sequence[Path], options: argparse.Namespace) -> dict[Path, Path]:
    """Returns the file of every map."""
    if names_a_file(options.output, (".png",), paths):
        return {paths[0]: options.output}
    refuse_shared_stems(paths)
    refuse_own_folder(paths, options.output)
    if options.photos and options.photos.resolve() == options.output.resolve():
        raise InputError(f"--output {options.output} holds the photos; name another folder")
    return {path: options.output / f"{path.stem}.png" for path in paths}


def _of_photos(paths: Sequence[Path], options: argparse.Namespace) -> Iterator[tuple]:
    """Yields for every photo its map, or the error for one that cannot be had."""
    from pynet_tf.depth import sources

    load = flags.loader(options, flags.MODEL, cli.without_messages)
    if str(options.model).endswith(".h5"):
        # MegaDepth sees photos of one shape together.
        yield from estimate_maps(paths, load().model, options.batch_size, options.refine)
        return

    source = sources.automatic(load)
    for path in paths:
        try:
            found = source(path)
        except InputError as error:
            yield path, error
            continue
        print(f"{path}: {found.source}")
        yield path, resize(found.depth, *map_size(*found.photo.shape[:2]))


def _check(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Checks what argparse cannot.

    Raises:
        InputError: nothing or too much is named, or options do not go together.
    """

    def given(names: Sequence[str]) -> list[str]:
        return [name for name in names if getattr(options, name) != parser.get_default(name)]

    if bool(options.photo) == bool(options.normalize):
        raise InputError("name photos, or --normalize with a folder of maps; one of the two")
    if options.normalize:
        for flag in given(("refine", "batch_size", *flags.MODEL)):
            raise InputError(f"--{flag} is for photos; leave it out with --normalize")
        if options.photos and not options.photos.is_dir():
            raise InputError(f"--photos {options.photos} is no folder; check the name")
        return
    for flag in given(("invert", "photos")):
        raise InputError(f"--{flag} is for --normalize; leave it out for photos")
    is_megadepth = str(options.model).endswith(".h5")
    for flag in () if is_megadepth else given(("refine", "batch_size")):
        raise InputError(
            f"--{flag} is for MegaDepth; leave it out, or give its weights with --model"
        )
    if is_megadepth and not Path(options.model).is_file():
        raise InputError(
            f"the weights {options.model} are not there; make them with "
            "tools/convert_megadepth.py from best_generalization_net_G.pth"
        )


def _parser() -> argparse.ArgumentParser:
    parser = cli.Parser(
        prog="python -m pynet_tf.depth",
        description=__doc__,
    )
    parser.add_argument("photo", nargs="*", help="photos, folders of photos or patterns")
    flags.add(parser, flags.MODEL)
    parser.add_argument(
        "--output",
        type=Path,
        required=True,
        metavar="PATH",
        help="folder for the maps, NAME.png for NAME.jpg; of one photo also a file, like map.png",
    )
    parser.add_argument(
        "--refine",
        action="store_true",
        help="MegaDepth: draw the edges of the maps to those of the photos (guided filter)",
    )
    parser.add_argument(
        "--batch_size",
        type=cli.whole(1),
        default=1,
        help="MegaDepth: photos of one size that are estimated together; more is quicker on a GPU "
        "only",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="make maps anew that are there already"
    )
    parser.add_argument(
        "--normalize",
        metavar="FOLDER",
        help="instead of photos: a folder of maps made elsewhere, to be stretched to 8 bits",
    )
    parser.add_argument(
        "--invert",
        nargs="?",
        const="auto",
        choices=["auto", "levels", "distance"],
        help="the maps of --normalize are dark (small) where it is near. levels: a relative "
        "scale, turned over; zeros far from what is beside them are holes. distance: metres, "
        "millimetres or any other unit, of which 1/d is taken; 0 and what is no number are holes. "
        "Holes are filled from beside, and that is said. --invert alone (auto): distance for "
        "floats, levels for integers, so say --invert distance for 16-bit millimetres",
    )
    parser.add_argument(
        "--photos",
        metavar="FOLDER",
        type=Path,
        help="the photos of the maps of --normalize: a map becomes half the size of the photo of "
        "its name; a map without photo keeps its own size, and that is said",
    )
    return parser
