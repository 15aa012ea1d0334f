"""Makes bokeh pictures of one's own photos, of any size from 64x64.

With the small network that comes with the project:
    python -m pynet_tf.render photo.jpg --depth map.png --output bokeh/
With one's own, and depth maps from pynet_tf.depth:
    python -m pynet_tf.render photos/ --depth depth/ --model checkpoints --output bokeh/
With depth maps made on the way:
    python -m pynet_tf.render photo.jpg --depth_weights megadepth.weights.h5 --output bokeh/
Without a trained network, by a thin lens focused on the middle of the photo:
    python -m pynet_tf.render photo.jpg --depth map.png --method lens --focus 0.5,0.5 --output out/

Pictures have their photos' names, sizes, camera data and colour profiles; those that are there
already are left alone. Photos above 7.6 megapixels go through the network in tiles, with the
same result. One that cannot be rendered is reported, the others are done, and the exit status
is 1.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pynet_tf import cli
from pynet_tf.errors import InputError
from pynet_tf.io import atomic_files
from pynet_tf.io.photo_paths import photo_paths
from pynet_tf.render import photo_files

LENS_OPTIONS = ("focus", "blur", "blades", "highlights")
NET_OPTIONS = ("model", "level", "fast")
SMALL_MODEL = Path(__file__).parents[2] / "checkpoints" / "small"


def main(arguments: Sequence[str] | None = None) -> int:
    """Renders the photos; returns the exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.method == "net" and options.model is None:
        options.model = _small_model()
    _check(options, parser)
    photos = photo_paths(options.photo)
    jobs = photo_files.plan(photos, options.output, options.format, options.depth)
    depth_source = photo_files.depth_files(photos, options.depth) if options.depth else None
    waiting = [job for job in jobs if options.overwrite or not job.output.exists()]
    _tell_skipped([job for job in jobs if job not in waiting])
    if not waiting:
        return 0

    if options.depth_weights or options.method == "net":
        cli.import_tensorflow()
    if options.depth_weights:
        depth_source = _estimated(options.depth_weights)
    render = _lens(options) if options.method == "lens" else _net(options, depth_source)

    failed = 0
    for job in cli.progress(waiting, len(waiting), "rendering"):
        try:
            photo_files.render_file(job, render, depth_source)
        except InputError as error:
            failed += 1
            print(f"pynet_tf.render: {error}", file=sys.stderr)
    print(f"{len(waiting) - failed} of {len(waiting)} pictures written to {options.output}")
    return 1 if failed else 0


def _lens(options: argparse.Namespace) -> photo_files.Renderer:
    from pynet_tf import lens

    def render(photo, depth):
        focus = None if options.focus == "auto" else lens.focus_at(depth, *options.focus)
        return lens.render(
            photo,
            depth,
            focus,
            options.blur,
            blades=options.blades,
            highlights=options.highlights,
        )

    return render


def _net(
    options: argparse.Namespace, depth_source: photo_files.DepthSource | None
) -> photo_files.Renderer:
    from pynet_tf.inference import loading, tiling

    if options.fast:
        from pynet_tf.inference import litert

        print(f"{options.model}: rendering with 8-bit weights (made once, in 1 to 2 minutes)")
        file = litert.fast_form(options.model, options.level)
        with cli.without_messages():
            model = litert.load_model(file)
    else:
        model = loading.load_model(options.model, options.level)
    if model.needs_depth and depth_source is None:
        raise InputError(f"the model {options.model} needs depth maps; {_DEPTH_REMEDY}")
    if model.level > 1:
        print(f"{options.model}: pictures of level {model.level} are enlarged to the photos' size")
    return tiling.renderer(
        model,
        progress=lambda parts, count: cli.progress(parts, count, "tiles of a photo"),
    )


def _estimated(weights: Path) -> photo_files.DepthSource:
    from pynet_tf.depth import estimation, megadepth

    model = megadepth.load_megadepth(weights)
    return lambda path, photo: estimation.estimate_depth(photo, model)


_DEPTH_REMEDY = (
    "give them with --depth, or the weights that make them with --depth_weights "
    "(see python -m pynet_tf.depth --help)"
)


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
    if options.depth and options.depth_weights:
        raise InputError("--depth and --depth_weights both give depth maps; leave one out")
    if options.depth_weights and not options.depth_weights.is_file():
        raise InputError(f"--depth_weights {options.depth_weights} is not there; check the name")
    if options.method == "lens" and not (options.depth or options.depth_weights):
        raise InputError(f"the lens needs depth maps; {_DEPTH_REMEDY}")
    if options.model and not options.model.exists():
        atomic_files.settle(options.model.parent)
    tflite = options.fast and options.model.suffix == ".tflite"
    if options.method == "net" and not (options.model.is_dir() or tflite):
        raise InputError(
            f"--model {options.model} is not there; train one (python -m pynet_tf.train), "
            "convert one (tools/convert_tf1_checkpoint.py), or use --method lens"
        )


def _small_model() -> Path:
    """Returns the model that comes with the project, see checkpoints/README.md.

    Raises:
        InputError: the package was installed without it.
    """
    if not (SMALL_MODEL / "level_1").is_dir():
        raise InputError(
            f"{SMALL_MODEL}, the model that comes with the project, is not there; get it from "
            "the project's repository, or name a model with --model"
        )
    print(f"rendering with {SMALL_MODEL}, the small model that comes with the project")
    return SMALL_MODEL


def _tell_skipped(jobs: Sequence[photo_files.Job]) -> None:
    if jobs:
        names = ", ".join(str(job.output) for job in jobs[:3])
        more = f" and {len(jobs) - 3} more" if len(jobs) > 3 else ""
        print(f"left alone, since --overwrite was not given: {names}{more}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pynet_tf.render",
        description=__doc__,
        formatter_class=cli.HelpFormatter,
    )
    parser.add_argument("photo", nargs="+", help="photos, folders of photos or patterns")
    parser.add_argument("--output", type=Path, required=True, help="folder of the pictures")
    parser.add_argument("--method", choices=("net", "lens"), default="net", help="what renders")
    parser.add_argument(
        "--depth",
        type=Path,
        help="depth map of the photo, or folder of maps with the photos' names; near = bright",
    )
    parser.add_argument(
        "--depth_weights", type=Path, help="MegaDepth weights, to make the depth maps on the way"
    )
    parser.add_argument(
        "--format",
        choices=photo_files.FORMATS,
        default="same",
        help="of the pictures; same: that of the photo",
    )
    parser.add_argument("--overwrite", action="store_true", help="render anew what is there")

    net = parser.add_argument_group("--method net")
    net.add_argument(
        "--model",
        type=cli.utf8_path,
        help="run directory or exported SavedModel, with --fast also a .tflite file; the small "
        "model that comes with the project if not given",
    )
    net.add_argument(
        "--level",
        type=int,
        choices=range(1, 8),
        help="of the network; by default the finest that the model has",
    )
    net.add_argument(
        "--fast",
        action="store_true",
        help="with 8-bit weights, which are made once and kept in the model's folder; needs the "
        "package ai-edge-litert",
    )

    lens = parser.add_argument_group("--method lens")
    lens.add_argument(
        "--focus",
        type=_point,
        default="auto",
        metavar="X,Y|auto",
        help="point that stays sharp, from 0,0 (top left) to 1,1; auto: the nearest subject",
    )
    lens.add_argument(
        "--blur",
        type=_number(1000),
        default=12.0,
        metavar="RADIUS",
        help="of the farthest from the focus, in pixels of the photo at half size",
    )
    lens.add_argument(
        "--blades",
        type=_blades,
        default=0,
        help="of the aperture, 3 or more, which give highlights as many corners; 0: round",
    )
    lens.add_argument(
        "--highlights",
        type=_number(1000),
        default=0.0,
        metavar="TIMES",
        help="how many times brighter to take small clipped lights than the photo shows them",
    )
    return parser


def _point(text: str) -> str | tuple[float, float]:
    if text == "auto":
        return text
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError:
        x = y = -1.0
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither auto nor two numbers from 0 to 1 as in 0.5,0.6"
        )
    return x, y


def _blades(text: str) -> int:
    if not text.isdecimal() or not (int(text) == 0 or 3 <= int(text) <= 100):
        raise argparse.ArgumentTypeError(f"{text!r} is neither 0 nor a number from 3 to 100")
    return int(text)


def _number(largest: float):
    def number(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 <= value <= largest:
            raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to {largest:g}")
        return value

    return number
