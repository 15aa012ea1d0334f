"""Makes pictures with the blurred background of a fast lens, of one's own photos of any size.

With the network that comes with the project, depth and focus found:
    python -m pynet_tf.render photo.jpg --output bokeh/
With another place sharp, and a stronger blur:
    python -m pynet_tf.render photo.jpg --focus 0.4,0.6 --blur 2 --output bokeh/
With depth maps of one's own, and a network of one's own:
    python -m pynet_tf.render photos/ --depth depth/ --model checkpoints --output bokeh/
Without a network, through a thin lens:
    python -m pynet_tf.render photo.jpg --method lens --output bokeh/

The depth map is the phone's own where the photo holds one, and is estimated otherwise. Pictures
have their photos' names, sizes, bits, transparency, camera data and colour profiles, and what their
format cannot keep is said; those that are there already are left alone. Of several photos, one that
cannot be rendered is reported, the others are done, and the exit status is 1.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pynet_tf import cli
from pynet_tf.depth.estimators import flags
from pynet_tf.errors import InputError
from pynet_tf.io import atomic_files
from pynet_tf.io.photo_paths import photo_paths
from pynet_tf.render import photo_files

NET_OPTIONS = ("model", "level", "fast", "full_size_network")
LENS_OPTIONS = ("blades",)
# What a network that chooses focus and blur by itself is not told.
TOLD_OPTIONS = ("focus", "blur", "sharp_range", "highlights")


def main(arguments: Sequence[str] | None = None) -> int:
    """Renders the photos; returns the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    _check(options, parser)
    photos = photo_paths(options.photo, say=print)
    depth = None if options.depth == "auto" else Path(options.depth)
    jobs = photo_files.plan(photos, options.output, options.format, depth)
    from pynet_tf.depth import sources

    if depth is None:
        load = flags.loader(options, flags.DEPTH_MODEL, cli.without_messages)
        source = sources.automatic(load)
    else:
        source = sources.given(photos, depth)
    there = set() if options.overwrite else {job for job in jobs if job.output.exists()}
    waiting = [job for job in jobs if job not in there]
    _tell_skipped([job for job in jobs if job in there])
    if not waiting:
        return 0
    if options.keep_depth is not None:
        photo_files.refuse_lost_by_kept_maps(waiting, options.keep_depth, depth, options.overwrite)
    folders = {job.output.parent for job in waiting} | {options.keep_depth} - {None}
    for folder in folders:
        atomic_files.refuse_unwritable(folder)
    render, is_told = (_lens(options), True) if options.method == "lens" else _net(options, parser)

    failed = 0
    for job in cli.progress(waiting, len(waiting), "rendering"):
        try:
            found = photo_files.render_file(job, render, source, options.keep_depth)
            words = _focus_in_words(options, found) if is_told else "focus by the network's choice"
            print(f"{job.output}: depth {found.source}; {words}")
            for remark in found.remarks:
                print(f"{job.photo}: {remark}")
        except InputError as error:
            if len(waiting) == 1:
                raise
            failed += 1
            print(f"pynet_tf.render: {error}", file=sys.stderr)
    if len(waiting) > 1:
        print(f"{len(waiting) - failed} of {len(waiting)} pictures written to {options.output}")
    return 1 if failed else 0


def _settings(options: argparse.Namespace, found):
    """Returns the lens settings for a photo, whose file may say where the camera focused."""
    from pynet_tf.lens.focus import LensSettings

    focus = None if options.focus == "auto" else options.focus
    if focus is None and found.focus is not None:
        focus = found.focus[0]
    return LensSettings(focus, options.blur, options.sharp_range, options.highlights)


def _focus_in_words(options: argparse.Namespace, found) -> str:
    """Tells what is sharp, with a point that --focus takes to begin from."""
    from pynet_tf.lens.focus import nearest_subject, point_of

    if options.focus != "auto":
        return f"sharp at {options.focus[0]:g},{options.focus[1]:g}"
    if found.focus is not None:
        (x, y), why = found.focus
        return f"sharp at {x:.2f},{y:.2f}, {why}"
    depth = nearest_subject(found.depth)
    x, y = point_of(found.depth, depth)
    return f"sharp at depth {depth:.2f}, the nearest subject, for example at {x:.2f},{y:.2f}"


def _lens(options: argparse.Namespace) -> photo_files.Renderer:
    from pynet_tf.inference import large_lens

    def render(found):
        settings = _settings(options, found)
        return large_lens.render(found.photo, found.depth, settings, blades=options.blades)

    return render


def _net(
    options: argparse.Namespace, parser: argparse.ArgumentParser
) -> tuple[photo_files.Renderer, bool]:
    """Returns what renders, and whether it is told focus and blur."""
    from pynet_tf.inference import renderer

    with cli.without_messages():
        network = renderer.load(
            options.model,
            options.level,
            options.fast,
            full_size=options.full_size_network,
            progress=lambda parts, count: cli.progress(parts, count, "tiles of a photo"),
        )
    if network.level > 1:
        print(f"{network.name}: pictures of level {network.level} are enlarged to the photos' size")
    if not network.is_told:
        given = [n for n in TOLD_OPTIONS if getattr(options, n) != parser.get_default(n)]
        if given:
            raise InputError(
                f"--{given[0]} is for networks that are told it, and {network.name} chooses focus "
                "and blur by itself; leave it out, or take another --model"
            )
        return lambda found: network.render(found.photo, found.depth), False

    def render(found):
        prepared = network.prepare(found.photo, found.depth)
        return network.render_prepared(prepared, _settings(options, found))

    return render, True


def _check(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    """Checks what argparse cannot.

    Raises:
        InputError: options that are missing or do not go together.
    """
    foreign = NET_OPTIONS if options.method == "lens" else LENS_OPTIONS
    for name in foreign:
        if getattr(options, name) != parser.get_default(name):
            other = "net" if options.method == "lens" else "lens"
            raise InputError(f"--{name} belongs to --method {other}; leave it out")
    for name in flags.DEPTH_MODEL:
        if options.depth != "auto" and getattr(options, name) != parser.get_default(name):
            raise InputError(f"--depth gives the maps, and --{name} is of estimates; leave one out")
    if options.model is None:
        return
    if not options.model.exists():
        atomic_files.settle(options.model.parent)
    if options.model.is_file() and options.model.suffix != ".tflite":
        raise InputError(
            f"--model {options.model} is no model; give a folder of pynet_tf.train or "
            "pynet_tf.export, or a .tflite file"
        )
    if not (options.model.is_dir() or options.model.suffix == ".tflite"):
        raise InputError(
            f"--model {options.model} is not there; leave it out for the network that comes with "
            "the project, or train one (python -m pynet_tf.train)"
        )


def _tell_skipped(jobs: Sequence[photo_files.PlannedPicture]) -> None:
    if jobs:
        names = ", ".join(str(job.output) for job in jobs[:3])
        more = f" and {len(jobs) - 3} more" if len(jobs) > 3 else ""
        print(f"left alone, since --overwrite was not given: {names}{more}")


def _parser() -> argparse.ArgumentParser:
    parser = cli.Parser(
        prog="python -m pynet_tf.render",
        description=__doc__,
    )
    parser.add_argument("photo", nargs="+", help="photos, folders of photos or patterns")
    parser.add_argument(
        "--output",
        type=Path,
        required=True,
        metavar="PATH",
        help="folder of the pictures; of one photo also a file, like bokeh.jpg",
    )
    parser.add_argument("--method", choices=("net", "lens"), default="net", help="what renders")
    parser.add_argument(
        "--format",
        choices=photo_files.FORMATS,
        default="same",
        help="of the pictures; same: that of the photo, JPEG for HEIC and AVIF, PNG for others "
        "that are not written",
    )
    parser.add_argument("--overwrite", action="store_true", help="render anew what is there")

    lens = parser.add_argument_group("focus and blur")
    lens.add_argument(
        "--focus",
        type=_point,
        default="auto",
        metavar="X,Y|auto",
        help="point that stays sharp, from 0,0 (top left) to 1,1; auto: where the camera focused, "
        "or else the nearest subject",
    )
    lens.add_argument(
        "--blur",
        type=cli.number(0, 25),
        default=1.0,
        metavar="PERCENT",
        help="radius of the largest blur, in percent of the photo's longer side, 0 to 25",
    )
    lens.add_argument(
        "--sharp_range",
        type=_pair,
        default=(0.05, 0.15),
        metavar="BEHIND,BEFORE",
        help="how far behind and before the focus things stay sharp, in parts of all depths, each "
        "0 to 0.45",
    )
    lens.add_argument(
        "--highlights",
        type=cli.number(0, 1000),
        default=0.0,
        metavar="TIMES",
        help="how many times brighter than white small clipped lights are taken to be, beyond the "
        "first; 0 for what is likely: 9 for lamps and glints, none for gaps and paper; 0.1 leaves "
        "all as they show",
    )

    depth = parser.add_argument_group("depth")
    depth.add_argument(
        "--depth",
        default="auto",
        metavar="auto|FILE|FOLDER",
        help="depth map of the photo, or folder of maps with the photos' names, near = bright; "
        "auto: the one inside the photo, or else an estimated one",
    )
    flags.add(depth, flags.DEPTH_MODEL)
    depth.add_argument(
        "--keep_depth", type=Path, metavar="FOLDER", help="folder for the depth maps that are used"
    )

    net = parser.add_argument_group("--method net")
    net.add_argument(
        "--model",
        type=cli.utf8_path,
        metavar="PATH",
        help="folder of pynet_tf.train, exported SavedModel or .tflite file; the network that "
        "comes with the project if not given",
    )
    net.add_argument(
        "--level",
        type=cli.whole(),
        choices=range(1, 8),
        help="size of the network's picture: 1 the photo's, 2 half of it, and so on, enlarged to "
        "the photo's; the finest that the model has if not given",
    )
    net.add_argument(
        "--fast", action="store_true", help="render quicker, with weights of 8 bits: less exact"
    )
    net.add_argument(
        "--full_size_network",
        action="store_true",
        help="let the network see large photos whole, in tiles: slow, and nearly the same picture",
    )

    aperture = parser.add_argument_group("--method lens")
    aperture.add_argument(
        "--blades",
        type=_blades,
        default=0,
        metavar="N",
        help="of the aperture, 3 or more, which give highlights as many corners; 0: round",
    )
    return parser


def _point(text: str) -> str | tuple[float, float]:
    if text == "auto":
        return text
    x, y = _two(text)
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither auto nor two numbers from 0 to 1 as in 0.5,0.6"
        )
    return x, y


def _pair(text: str) -> tuple[float, float]:
    behind, before = _two(text)
    if not (0 <= behind <= 0.45 and 0 <= before <= 0.45):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not two numbers from 0 to 0.45 as in 0.05,0.15"
        )
    return behind, before


def _two(text: str) -> tuple[float, float]:
    try:
        first, second = (float(part) for part in text.split(","))
    except ValueError:
        return -1.0, -1.0
    return first, second


def _blades(text: str) -> int:
    blades = cli.whole()(text)
    if not (blades == 0 or 3 <= blades <= 100):
        raise argparse.ArgumentTypeError(f"{text!r} is neither 0 nor a number from 3 to 100")
    return blades
