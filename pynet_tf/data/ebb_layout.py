"""Pictures in the EBB! layout on disk, and how one sample is made of them.

A folder has `original/NAME.jpg`, `bokeh/NAME.jpg` (of the same size, at least 64 px) and
`original_depth/NAME.png` (of any size); or it has such folders below `train/` and `test/`. Names
may have gaps; they are sorted by the numbers in them. Any picture format will do.

The network halves a photo, so that a sample's sides are even. Of an odd side, as about half of the
shots of EBB! have, the last row or column is cut off: of photo, bokeh shot and depth map alike.
All other pixels stay the camera's own; resampling would change every one of them, and blur the
photo as much as a lens does that is slightly out of focus.

A sample is

    name    str
    photo   JPEG, [H, W, 3]
    image   uint8 [H/2, W/2, 4], the halved photo with its depth map
    bokeh   JPEG, [H, W, 3]
    sharp_depth  uint8 [H/2, W/2], the depth map sharpened along the photo's edges, for networks
                 that are told the defocus (`lens.depth_edges`)
    focus   float, the depth of `sharp_depth` that is sharp in the bokeh shot, 0..1
    blur    float, of the bokeh shot, in percent of the longer side (`lens.focus`)

Focus and blur are read from `lens/NAME.json` where there is one, as {"focus": 0.9, "blur": 1.2}.
For all others they are fitted (`lens.fit`).

JPEGs are taken over byte by byte where that is possible, see `jpeg_content`; what has to be encoded
changes by at most two levels. `image` is made of the exact pixels.

The module imports neither TensorFlow nor TFDS: it also runs in the worker processes.
"""

import hashlib
import json
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from pynet_tf.data import jpeg_content
from pynet_tf.errors import InputError, refuse_unreadable
from pynet_tf.io import depth_map_files, images, photo_paths
from pynet_tf.io.photo_paths import PHOTO_SUFFIXES
from pynet_tf.lens.focus import LensSettings

PHOTOS, BOKEH, DEPTHS = "original", "bokeh", "original_depth"
LENS = "lens"
LACKS = {PHOTOS: "photo", BOKEH: "bokeh shot", DEPTHS: "depth map"}
MIN_SIDE = 64


@dataclass(frozen=True)
class Pair:
    """The three files of one sample."""

    name: str
    photo: Path
    bokeh: Path
    depth: Path
    # Focus and blur where they are known.
    lens: tuple[float, float] | None = None


@dataclass(frozen=True)
class Source:
    """What a folder holds.

    Attributes:
        splits: the complete pairs of `train` and `test`, in order; no split is empty.
        incomplete: for each reason, such as `train: no depth map`, the names left out for it.
    """

    splits: Mapping[str, tuple[Pair, ...]]
    incomplete: Mapping[str, tuple[str, ...]]


def scan(
    source: Path, test_range: tuple[int, int] | None = None, leave_out: Path | None = None
) -> Source:
    """Lists the pairs of a folder in EBB! layout, without opening a picture.

    Args:
        source: holds `original`, `bokeh` and `original_depth`, or `train` and `test` with these.
        test_range: (first, end); pairs with first <= number < end make the test split, where the
            number is the last one in the name.
        leave_out: a list as `python -m pynet_tf.inspect_data` writes it: one pair a line, its
            name or split/name, anything after a tab or a # at the beginning is not read.

    Raises:
        InputError: the folder is missing or laid out otherwise, no pair is complete, or a pair
            to leave out is not there.
    """
    source = Path(source)
    if not source.is_dir():
        raise InputError(f"{source} is not a folder; give one in EBB! layout")
    flat = (source / PHOTOS).is_dir()
    roots = {name: source / name for name in ("train", "test") if (source / name).is_dir()}
    if flat and roots:
        raise InputError(
            f"{source} holds both {PHOTOS}/ and {' and '.join(f'{name}/' for name in roots)}; "
            "keep one of the two layouts"
        )
    if flat:
        roots = {"train": source}
    if not roots:
        raise InputError(
            f"{source} holds neither {PHOTOS}/ nor train/{PHOTOS}/; give a folder in EBB! layout"
        )
    if test_range and "test" in roots:
        raise InputError(f"{source} has a test folder of its own; leave out the test range")
    splits, incomplete = {}, {}
    for split, root in roots.items():
        splits[split], reasons = _pairs(root)
        incomplete |= {f"{split}: {reason}": names for reason, names in reasons.items()}
    if test_range:
        first, end = test_range
        pairs = splits["train"]
        splits["test"] = tuple(p for p in pairs if first <= _number(p.name) < end)
        splits["train"] = tuple(p for p in pairs if not first <= _number(p.name) < end)
        if pairs and not splits["test"]:
            raise InputError(
                f"no complete pair in {source} has a number from {first} to {end - 1}; the "
                f"numbers there go from {_number(pairs[0].name)} to {_number(pairs[-1].name)}"
            )
    if leave_out is not None:
        incomplete |= _leave_out(splits, leave_out)
    if not any(splits.values()):
        reasons = "; ".join(f"{reason} ({len(names)})" for reason, names in incomplete.items())
        raise InputError(
            f"{source} has no complete pair ({reasons or 'no pictures'}); photo, bokeh shot and "
            "depth map need the same name"
        )
    return Source({name: pairs for name, pairs in splits.items() if pairs}, incomplete)


def source_hash(source: Source) -> str:
    """Returns a hash of names, sizes and times of change: equal if nothing was touched."""
    digest = hashlib.sha256()
    for split, pairs in sorted(source.splits.items()):
        for pair in pairs:
            for path in (pair.photo, pair.bokeh, pair.depth):
                status = path.stat()
                line = [split, pair.name, path.name, status.st_size, status.st_mtime_ns]
                digest.update(json.dumps(line).encode())
            digest.update(json.dumps(pair.lens).encode())
    return digest.hexdigest()


def stored_bytes(pair: Pair) -> int:
    """Estimates the bytes of a sample from the files' sizes and the photo's header."""
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(pair.photo) as photo:
            raw = photo.width * photo.height
    # Pillow reports a damaged file by almost any exception; `read_sample` will say what is wrong.
    except Exception:
        raw = 0
    return pair.photo.stat().st_size + pair.bokeh.stat().st_size + raw


def read_sample(pair: Pair) -> dict[str, str | bytes | np.ndarray]:
    """Reads and checks the three pictures of a pair and makes the sample (see above).

    Beside the sample there is `doubt`, which is not stored: what is odd about the depth map, in
    words, empty if nothing is.

    Raises:
        InputError: a file cannot be read, the sizes do not fit, or the depth map shows no depth of
            the photo.
    """
    # They need SciPy, which starts slowly.
    from pynet_tf.lens import depth_edges, fit

    try:
        pair.name.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{pair.photo} has a name that is not UTF-8; rename it") from error
    photo = images.read_photo(pair.photo)
    height, width = photo.shape[:2]
    if min(height, width) < MIN_SIDE:
        raise InputError(
            f"{pair.photo} has {width}x{height} pixels; both sides must be at least {MIN_SIDE}"
        )
    bokeh = images.read_photo(pair.bokeh)
    if bokeh.shape != photo.shape:
        raise InputError(
            f"{pair.bokeh} has {bokeh.shape[1]}x{bokeh.shape[0]} pixels and {pair.photo} "
            f"{width}x{height}; they must be equal"
        )
    depth, doubt = depth_map_files.read_map(pair.depth, pair.photo, photo.shape[:2])
    if height % 2 or width % 2:
        depth = _cut_depth(depth, height, width)
        photo, bokeh = (shot[: height // 2 * 2, : width // 2 * 2] for shot in (photo, bokeh))
    sharp_depth = np.rint(depth_edges.sharpened(depth, photo) * 255).astype(np.uint8)
    focus, blur = pair.lens or fit.fitted(photo, sharp_depth, bokeh)
    return {
        "name": pair.name,
        "photo": jpeg_content.of_file(pair.photo, photo),
        "image": images.stack(photo, depth),
        "bokeh": jpeg_content.of_file(pair.bokeh, bokeh),
        "sharp_depth": sharp_depth,
        "focus": focus,
        "blur": blur,
        "doubt": doubt.lstrip(",; "),
    }


def read_samples(pairs: Iterator[Pair]) -> Iterator[dict | InputError]:
    """Reads one pair after the other; one that is not usable yields its error."""
    for pair in pairs:
        yield sample_or_error(pair)


def sample_or_error(pair: Pair) -> dict | InputError:
    """Returns `read_sample(pair)` or the error it raises."""
    try:
        return read_sample(pair)
    except InputError as error:
        return error


def _cut_depth(depth: np.ndarray, height: int, width: int) -> np.ndarray:
    """Halves the part of a depth map that is left of a photo when its odd sides are cut.

    Args:
        depth: `[h, w]` uint8, of the whole photo.
        height: of the whole photo.
        width: of the whole photo.

    Returns:
        `[height // 2, width // 2]` uint8.
    """
    rows, columns = depth.shape
    left = (0, 0, columns * (width // 2 * 2) / width, rows * (height // 2 * 2) / height)
    half = (width // 2, height // 2)
    return np.asarray(Image.fromarray(depth).resize(half, Image.Resampling.BICUBIC, box=left))


def _leave_out(splits: dict[str, tuple[Pair, ...]], path: Path) -> dict[str, tuple[str, ...]]:
    """Takes the listed pairs out of the splits; returns them by reason."""
    refuse_unreadable(path, f"{path} is not there; give a list of pairs, one a line")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not a text file; give a list of pairs, one a line") from error
    listed = [line.split("\t")[0].strip() for line in lines if not line.startswith("#")]
    listed = {photo_paths.same_name(entry) for entry in listed if entry}
    there = {entry for name, pairs in splits.items() for p in pairs for entry in _entries(name, p)}
    unknown = sorted(listed - there, key=_natural)
    if unknown:
        raise InputError(
            f"{path} lists {', '.join(unknown[:5])}, of which there is no complete pair; list "
            "names or split/name as they are in the folder"
        )
    left_out = {}
    for split, pairs in splits.items():
        out = {pair.name for pair in pairs if listed & _entries(split, pair)}
        splits[split] = tuple(pair for pair in pairs if pair.name not in out)
        if out:
            left_out[f"{split}: listed in {path}"] = tuple(sorted(out, key=_natural))
    return left_out


def _entries(split: str, pair: Pair) -> set[str]:
    """Returns how a list may name a pair."""
    name = photo_paths.same_name(pair.name)
    return {name, f"{split}/{name}"}


def _pairs(root: Path) -> tuple[tuple[Pair, ...], dict[str, tuple[str, ...]]]:
    """Matches the files of the three folders by name; returns the pairs and who lacks what."""
    found = {kind: _pictures(root / kind) for kind in LACKS}
    if found[PHOTOS] and not found[DEPTHS]:
        raise InputError(
            f"{root / DEPTHS} has no depth maps; make them with python -m pynet_tf.depth "
            f"{root / PHOTOS} --output {root / DEPTHS}"
        )
    pairs: list[Pair] = []
    incomplete: dict[str, list[str]] = {}
    for kind in LACKS:
        if (root / kind).is_dir():
            entries = (root / kind).iterdir()
            for reason, names in photo_paths.left_out(entries, PHOTO_SUFFIXES).items():
                incomplete.setdefault(f"in {kind} {reason}", []).extend(names)
    for name in sorted(set().union(*found.values()), key=_natural):
        reasons = [f"no {lack}" for kind, lack in LACKS.items() if name not in found[kind]]
        reasons += [
            f"more than one {lack} of the name"
            for kind, lack in LACKS.items()
            if len(found[kind].get(name, ())) > 1
        ]
        for reason in reasons:
            incomplete.setdefault(reason, []).append(name)
        if not reasons:
            photo, bokeh, depth = (found[kind][name][0] for kind in (PHOTOS, BOKEH, DEPTHS))
            lens = photo_paths.find_by_stem(root / LENS, photo.stem, (".json",))
            pairs.append(Pair(photo.stem, photo, bokeh, depth, _read_lens(lens)))
    return tuple(pairs), {reason: tuple(names) for reason, names in incomplete.items()}


def _read_lens(path: Path | None) -> tuple[float, float] | None:
    """Reads the focus and the blur of a pair; None where there is no such file."""
    if path is None:
        return None
    try:
        entry = json.loads(path.read_text(encoding="utf-8"))
        focus, blur = float(entry["focus"]), float(entry["blur"])
        LensSettings(focus=focus, blur=blur)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InputError(
            f"{path} does not give the focus and the blur of a pair; write it as "
            '{"focus": 0.9, "blur": 1.2}, or remove it to have them fitted'
        ) from error
    return focus, blur


def _pictures(folder: Path) -> dict[str, list[Path]]:
    """Returns the pictures in a folder by what they are matched by, see `photo_paths.same_name`."""
    found: dict[str, list[Path]] = {}
    if folder.is_dir():
        for path in folder.iterdir():
            hidden = path.name.startswith(".")
            if not hidden and path.suffix.lower() in PHOTO_SUFFIXES and path.is_file():
                found.setdefault(photo_paths.same_name(path.stem), []).append(path)
    return found


def _natural(name: str) -> tuple:
    """Sorts 9 before 10: the numbers in a name count as numbers."""
    parts = re.split(r"(\d+)", name)
    parts[1::2] = map(int, parts[1::2])
    return tuple(parts), name


def _number(name: str) -> int:
    """Returns the last number in a name, -1 if it has none."""
    numbers = re.findall(r"\d+", name)
    return int(numbers[-1]) if numbers else -1
