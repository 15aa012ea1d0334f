"""Measures network and lens on synthetic scenes, whose true bokeh is known at any size.

    sizes    whether large photos get the picture that small ones get: every scene is made and
             rendered at all widths and compared with the truth there, and, reduced, with the
             truth at the smallest; a 6000x4000 scene takes 6 GB and a minute
    lamps    the discs of lamps in night scenes, with default settings: around the lamps is where
             the true bokeh differs from that of the same scene without them; the plain lens
             takes clipped lamps for no brighter than they show

Network and lens are told each scene's focus and blur. All figures are dB of PSNR.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from pynet_tf import cli

# Width to height of the scenes of several sizes.
RATIO = 1.5
# In levels of 255: what light of a lamp can be seen.
LEAST_LEVELS = 2
# Half of the scenes at most have no lamp out of focus; so many tries find enough.
TRIES = 4


def main(arguments: Sequence[str] | None = None) -> None:
    """Parses the arguments, measures and prints."""
    parser = cli.Parser(prog="python tools/measure/measure_scenes.py", description=__doc__)
    parser.add_argument("what", choices=("sizes", "lamps"))
    parser.add_argument("--model", help="as for pynet_tf.render; the one that comes with it if not")
    parser.add_argument("--scenes", type=cli.whole(1), default=12, help="their number")
    parser.add_argument("--seed", type=cli.whole(0), default=0, help="another seed, other scenes")
    parser.add_argument(
        "--widths",
        type=cli.whole(1),
        nargs="+",
        default=[1536, 4242, 6000],
        help="of the scenes of sizes",
    )
    parser.add_argument("--width", type=cli.whole(1), default=1152, help="of the scenes with lamps")
    parser.add_argument("--output", type=Path, help="folder for photo | truth | network's picture")
    flags = parser.parse_args(arguments)
    what = {"sizes": sizes, "lamps": lamps}[flags.what]
    what(flags, _methods(flags.model))


def sizes(flags: argparse.Namespace, methods: dict[str, Callable]) -> None:
    """Prints a row for every scene and width, and the means of the blurred scenes."""
    from pynet_tf.synthetic.sizes import pairs_of_sizes, reduced

    wanted = [_size(width) for width in flags.widths]
    smallest = wanted.index(min(wanted))
    names = ("network", "lens")
    _print("scene", "blur", "width", "nothing", *names, *(f"{name}, reduced" for name in names))
    _print(*["---"] * 8)
    blurred = []
    for index in range(flags.scenes):
        made = pairs_of_sizes(flags.seed, index, wanted)
        truth, rows = made[smallest].bokeh, []
        for pair in made:
            pictures = [methods[name](pair) for name in names]
            at_size = [psnr(picture, pair.bokeh) for picture in (pair.photo, *pictures)]
            small = [psnr(reduced(picture, *truth.shape[:2]), truth) for picture in pictures]
            rows.append(at_size + small)
            _print(index, pair.blur, pair.photo.shape[1], *rows[-1])
            _keep(flags.output, f"{index}_{pair.photo.shape[1]}", pair, pictures[0])
        if made[0].blur > 0:
            blurred.append(rows)
    for (_, width), row in zip(wanted, np.mean(blurred, axis=0) if blurred else [], strict=False):
        _print("mean", "", width, *row)


def lamps(flags: argparse.Namespace, methods: dict[str, Callable]) -> None:
    """Prints a row for every night scene that has a lamp out of focus, and the means."""
    _print("scene", "blur", "percent of the picture", "nothing", *methods)
    _print(*["---"] * (4 + len(methods)))
    rows = []
    for index in range(TRIES * flags.scenes):
        pair, around = night_pair(flags.seed, index, *_size(flags.width))
        if not around.any():
            continue
        pictures = [pair.photo, *(method(pair) for method in methods.values())]
        rows.append([psnr(picture[around], pair.bokeh[around]) for picture in pictures])
        _print(index, pair.blur, 100 * around.mean(), *rows[-1])
        _keep(flags.output, str(index), pair, pictures[-1])
        if len(rows) == flags.scenes:
            break
    if rows:
        _print("mean", "", "", *np.mean(rows, axis=0))


def night_pair(seed: int, index: int, height: int, width: int):
    """Makes a night scene's pair, exposed alike, and `[H, W]` bool: what is around its lamps."""
    from pynet_tf.lens.optics import to_srgb
    from pynet_tf.synthetic import pairs

    rng = pairs.generator(seed, index)
    view, focus, blur = pairs.view_and_lens(rng, height, width, on_subject=0.6, night=1.0)
    light = pairs.through_lens(view, focus, blur)
    dark = pairs.through_lens(replace(view, lamps=()), focus, blur)
    levels = np.abs(to_srgb(light).astype(int) - to_srgb(dark)).max(axis=0)
    depth = pairs.estimated_depth(rng, view)
    told = pairs.as_the_map_shows(depth, pairs.true_depth(view), focus, blur)
    photo = pairs.developed(rng, pairs.sharp(view))
    made = pairs.Pair(photo, depth, pairs.developed(rng, light), *told)
    return made, (levels > LEAST_LEVELS) & (blur > 0)


def psnr(picture: np.ndarray, truth: np.ndarray) -> float:
    """Returns the PSNR of 8-bit values in dB, at most that of rounding."""
    error = np.mean((picture.astype(np.float32) - truth) ** 2, dtype=np.float64)
    return float(10 * np.log10(255**2 / max(error, 1 / 12)))


def _methods(model: str | None) -> dict[str, Callable]:
    """Returns functions from a pair to a picture."""
    from pynet_tf import inference, lens
    from pynet_tf.inference import large_lens

    network = inference.load(model)

    def settings(pair):
        return lens.LensSettings(pair.focus, pair.blur)

    return {
        "plain lens": lambda pair: lens.refocus(pair.photo, pair.depth, settings(pair)),
        "lens": lambda pair: large_lens.render(pair.photo, pair.depth, settings(pair)),
        "network": lambda pair: network.render(
            pair.photo, pair.depth, focus=pair.focus, blur=pair.blur
        ),
    }


def _size(width: int) -> tuple[int, int]:
    return 2 * round(width / RATIO / 2), width


def _keep(folder: Path | None, name: str, pair, picture: np.ndarray) -> None:
    from pynet_tf.io import images

    if folder:
        sheet = np.concatenate([pair.photo, pair.bokeh, picture], axis=1)
        images.write_image(folder / f"{name}.png", sheet)


def _print(*cells) -> None:
    texts = [f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in cells]
    print(f"| {' | '.join(texts)} |", flush=True)


if __name__ == "__main__":
    cli.run(main, "tools/measure/measure_scenes.py")
