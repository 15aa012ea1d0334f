"""Makes a synthetic EBB! set: procedural scenes, sharp, with a depth map, and through a lens.

Writes OUT/{train,test}/{original,original_depth,bokeh,lens}/NAME.{jpg,png,jpg,json}; `lens` holds
the focus and the blur of the bokeh shot, as its depth map shows them. The same seed and size give
the same files, however many workers make them; the same command again completes a set that was
interrupted, or adds to it.
"""

import argparse
import functools
import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from pynet_tf import cli
from pynet_tf.errors import InputError
from pynet_tf.io import atomic_files

MANIFEST = "synthetic_ebb.json"
# Changes when the same seed no longer gives the same pictures.
VERSION = 5
KINDS = {"original": ".jpg", "original_depth": ".png", "bokeh": ".jpg", "lens": ".json"}
# Test pairs are numbered from here in the stream of chance, so that neither split's size
# changes the other.
FIRST_TEST = 1_000_000
# Of the photos; scenes are drawn in memory, many layers at a time.
LARGEST_SIDE = 8192


def main(arguments: Sequence[str] | None = None) -> None:
    """Parses the arguments and makes what is missing."""
    parser = cli.Parser(
        prog="python tools/make_synthetic_ebb.py",
        description=__doc__,
    )
    parser.add_argument("out", metavar="OUT", type=Path, help="folder to write to")
    parser.add_argument(
        "--count", type=cli.whole(0, FIRST_TEST), default=200, help="training pairs"
    )
    parser.add_argument(
        "--test_count",
        type=cli.whole(0, FIRST_TEST),
        help="test pairs; a fifth of --count if not given",
    )
    parser.add_argument("--seed", type=cli.whole(0), default=0, help="another seed, other scenes")
    parser.add_argument(
        "--height", type=cli.whole(64, LARGEST_SIDE), default=1024, help="of the photos, even"
    )
    parser.add_argument(
        "--width", type=cli.whole(64, LARGEST_SIDE), default=1536, help="of the photos, even"
    )
    parser.add_argument(
        "--on_subject",
        type=cli.number(0, 1),
        default=0.6,
        help="share of pairs focused on the subject; the others on something else",
    )
    parser.add_argument(
        "--night",
        type=cli.number(0, 1),
        default=0.15,
        help="share of night scenes, dark and full of lamps",
    )
    parser.add_argument(
        "--exact_depth",
        action="store_true",
        help="true depths in place of maps as soft and wrong as estimated ones",
    )
    parser.add_argument(
        "--backdrop_only",
        action="store_true",
        help="nothing before the backdrop, so that nothing hides anything",
    )
    parser.add_argument(
        "--plain",
        action="store_true",
        help="training pairs for the head defocus: without lamps, which rendering takes out of "
        "the photo first, and both shots exposed alike; test pairs stay as they are",
    )
    parser.add_argument(
        "--workers", type=cli.whole(1), default=os.cpu_count(), help="processes that make pairs"
    )
    options = parser.parse_args(arguments)
    tests = -(-options.count // 5) if options.test_count is None else options.test_count
    _check(options, tests)
    names = ("seed", "height", "width", "on_subject", "night")
    settings = {name: getattr(options, name) for name in names}
    chosen = ("exact_depth", "backdrop_only", "plain")
    settings |= {name: True for name in chosen if getattr(options, name)}
    _claim(options.out, {"made_by": "pynet_tf synthetic EBB!", "version": VERSION, **settings})

    wanted = [("train", i) for i in range(options.count)] + [("test", i) for i in range(tests)]
    missing = [job for job in wanted if not all(map(Path.is_file, _paths(options.out, *job)))]
    make = functools.partial(_make, options.out, settings)
    if missing:
        from pynet_tf.prepare.process_pool import ordered_map

        done = ordered_map(make, missing, min(options.workers, len(missing)))
        for _ in cli.progress(done, len(missing), "making pairs"):
            pass
    before = len(wanted) - len(missing)
    kept = f", {before} of them there before" if before else ""
    print(f"{options.out}: {options.count} training and {tests} test pairs{kept}")


def _check(options: argparse.Namespace, tests: int) -> None:
    if options.count + tests == 0:
        raise InputError("--count and --test_count are both 0; there is nothing to make")
    for name in ("height", "width"):
        value = getattr(options, name)
        if value % 2:
            raise InputError(f"--{name} is {value}; give an even number")


def _claim(out: Path, settings: dict) -> None:
    """Makes `out` the folder of this set; refuses what holds anything else."""
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file; name a folder")
    manifest = out / MANIFEST
    if manifest.is_file():
        try:
            found = json.loads(manifest.read_text(encoding="utf-8"))
        # Brackets without end are too deep for Python's parser.
        except (ValueError, RecursionError) as error:
            raise InputError(f"{manifest} is damaged; name another folder") from error
        if found != settings:
            known = found if isinstance(found, dict) else {}
            names = {**settings, **known}
            differing = [name for name in names if known.get(name) != settings.get(name)]
            listed = ", ".join(f"{name} {known.get(name)}" for name in differing)
            raise InputError(
                f"{out} holds a set made with {listed or 'other settings'}; "
                "give the same values or name another folder"
            )
    for path in _foreign(out, manifest.is_file()):
        raise InputError(f"{path} is not from this set; name another folder or move it away")
    if not manifest.is_file():
        atomic_files.write_text(manifest, json.dumps(settings, indent=2) + "\n")


def _foreign(out: Path, begun: bool) -> Iterator[Path]:
    """Yields the files in `out` that this program does not write."""
    pattern = "|".join(rf"{kind}/\d+\{suffix}" for kind, suffix in KINDS.items())
    for path in sorted(out.rglob("*")):
        name = path.relative_to(out).as_posix()
        ours = re.fullmatch(rf"(train|test)/({pattern})", name) and begun
        # What a kill leaves is removed by the next write to its folder.
        passing = atomic_files.is_passing(path.name)
        if path.is_file() and not (ours or passing or path == out / MANIFEST):
            yield path


def _paths(out: Path, split: str, number: int) -> list[Path]:
    return [out / split / kind / f"{number}{suffix}" for kind, suffix in KINDS.items()]


def _make(out: Path, settings: dict, job: tuple[str, int]) -> None:
    """Makes one pair; runs in a worker."""
    from pynet_tf.io.images import write_image
    from pynet_tf.synthetic import pairs

    split, number = job
    index = number + (FIRST_TEST if split == "test" else 0)
    if split == "test":
        settings = {**settings, "plain": False}
    made = pairs.pair(index=index, **settings)
    photo, depth, bokeh, lens = _paths(out, split, number)
    for path, image in ((photo, made.photo), (depth, made.depth), (bokeh, made.bokeh)):
        if not path.is_file():
            write_image(path, image)
    if not lens.is_file():
        atomic_files.write_text(lens, json.dumps({"focus": made.focus, "blur": made.blur}) + "\n")


if __name__ == "__main__":
    cli.run(main, "tools/make_synthetic_ebb.py")
