"""Measures how well focus and blur of a pair are found again, on synthetic pairs that know both.

    drawn       focus and blur as the pair was made, told through its estimated depth map
    fitted      what `lens.fit` finds from the two shots and the sharpened map
    off         signed discs of these through that map against the scene's own: the root of the
                mean square, in pixels

A pair is found where focus and blur are both near what was drawn; one without blur where the
fitted blur is hardly any, since then no focus is wrong.
"""

import argparse
import time
from collections.abc import Sequence

import numpy as np

from pynet_tf import cli

# The focus is found within this, the blur within this part of it.
FOCUS_WITHIN, BLUR_WITHIN = 0.05, 0.2
# In percent of the longer side: less blur than this is none.
HARDLY_ANY = 0.05
# Width to height of the pairs.
RATIO = 1.5


def main(arguments: Sequence[str] | None = None) -> None:
    """Parses the arguments, measures and prints."""
    parser = cli.Parser(prog="python tools/measure/measure_fit.py", description=__doc__)
    parser.add_argument("--seed", type=cli.whole(0), default=77, help="another seed, other pairs")
    parser.add_argument("--count", type=cli.whole(1), default=40, help="of the pairs")
    parser.add_argument("--first", type=cli.whole(0), default=0, help="number of the first pair")
    parser.add_argument("--width", type=cli.whole(64), default=1152, help="of the pairs")
    flags = parser.parse_args(arguments)
    measure(flags)


def measure(flags: argparse.Namespace) -> None:
    """Prints a row for every pair, how many are found, and the means."""
    from pynet_tf.lens import fit

    _print("pair", "focus drawn", "fitted", "blur drawn", "fitted", "off drawn", "fitted", "found")
    _print(*["---"] * 8)
    height = 2 * round(flags.width / RATIO / 2)
    offs, seconds, right = [], [], []
    for index in range(flags.first, flags.first + flags.count):
        pair, depth, discs = pair_and_discs(flags.seed, index, height, flags.width)
        start = time.process_time()
        fitted = fit.fitted(pair.photo, depth, pair.bokeh)
        seconds.append(time.process_time() - start)
        drawn = pair.focus, pair.blur
        right.append(is_found(fitted, drawn))
        offs.append([off(discs, depth, lens, flags.width) for lens in (drawn, fitted)])
        both = [cell for values in zip(drawn, fitted, strict=True) for cell in values]
        _print(index, *both, *offs[-1], "yes" if right[-1] else "no")
    _print("mean", *[""] * 4, *np.mean(offs, axis=0), f"{sum(right)} of {len(right)}")
    print(f"{np.mean(seconds):.2f} s of processor time a pair")


def pair_and_discs(seed: int, index: int, height: int, width: int):
    """Makes a pair, its sharpened depth map as shards hold it, and the scene's own discs.

    Returns:
        The `Pair`; `[H/2, W/2]` uint8; and `[H/2, W/2]` float32, signed radii in pixels of the
        photo, 0 everywhere in a pair without blur.
    """
    from pynet_tf.lens import depth_edges
    from pynet_tf.lens.focus import defocus, largest_radius
    from pynet_tf.synthetic import pairs

    chances = {"on_subject": 0.6, "night": 0.15}
    pair = pairs.pair(seed, index, height, width, **chances)
    # The same chance draws the same scene.
    rng = pairs.generator(seed, index)
    view, focus, blur = pairs.view_and_lens(rng, height, width, **chances)
    discs = defocus(pairs.true_depth(view), focus, largest_radius(blur, height, width))
    depth = np.rint(255 * depth_edges.sharpened(pair.depth, pair.photo)).astype(np.uint8)
    return pair, depth, discs


def is_found(fitted: tuple[float, float], drawn: tuple[float, float]) -> bool:
    """Tells whether focus and blur are near enough; see the module."""
    if drawn[1] < HARDLY_ANY:
        return fitted[1] < HARDLY_ANY
    near = abs(fitted[0] - drawn[0]) <= FOCUS_WITHIN
    return near and abs(fitted[1] - drawn[1]) <= BLUR_WITHIN * drawn[1]


def off(discs: np.ndarray, depth: np.ndarray, lens: tuple[float, float], width: int) -> float:
    """Returns how far the discs of a focus and a blur are from the scene's own, in pixels."""
    from pynet_tf.lens.focus import defocus, largest_radius

    focus, blur = lens
    difference = defocus(depth, focus, largest_radius(blur, 0, width)) - discs
    return float(np.sqrt(np.mean(difference**2, dtype=np.float64)))


def _print(*cells) -> None:
    texts = [f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in cells]
    print(f"| {' | '.join(texts)} |", flush=True)


if __name__ == "__main__":
    cli.run(main, "tools/measure/measure_fit.py")
