"""The photos that a command line is to work on.

Users name files, folders and patterns; results are named after the photo's stem, so that
`holiday.jpg` becomes `holiday.png` beside the others.
"""

import glob
import os
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from pynet_tf.errors import InputError, refuse_unreadable

PHOTO_SUFFIXES = (
    *(".jpg", ".jpeg", ".jfif", ".png", ".webp", ".tif", ".tiff", ".heic", ".heif", ".hif"),
    *(".avif", ".bmp", ".gif", ".ppm", ".pgm", ".pnm"),
)
_RAW = frozenset(
    {
        *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".gpr", ".iiq"),
        *(".kdc", ".mef", ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2"),
        *(".rwl", ".sr2", ".srf", ".srw", ".x3f"),
    }
)
_VIDEOS = frozenset({".mov", ".mp4", ".mp", ".m4v", ".avi", ".mkv", ".3gp"})
# What programs and cameras keep beside photos: nobody misses it in the result.
_BESIDE = frozenset({".aae", ".xmp", ".thm", ".dop", ".pp3", ".lrv", ".ini", ".db", ".json"})
RAW_REASON = "raw files, which have to be developed to JPEG, PNG or TIFF first"


def photo_paths(
    arguments: Sequence[str | Path],
    suffixes: Sequence[str] = PHOTO_SUFFIXES,
    say: Callable[[str], None] = lambda sentence: None,
) -> list[Path]:
    """Expands files, folders and patterns to the photos they stand for.

    Args:
        arguments: each a file (taken whatever its suffix), a folder (the files directly in it
            that end in one of `suffixes`, hidden ones left out) or a pattern with `*`, `?` or
            `[...]` (files as for a folder).
        suffixes: the endings of what is looked for, in small letters with the dot.
        say: is told in a sentence what of a folder or pattern is left out, and why.

    Returns:
        The paths, sorted, each once.

    Raises:
        InputError: a name is not there, is a raw file's, or a folder or pattern holds no such
            file.
    """
    found = {}
    for argument in arguments:
        for path in _expand(Path(argument), suffixes, say):
            found.setdefault(os.path.abspath(path), path)
    return sorted(found.values())


def left_out(paths: Iterable[Path], suffixes: Sequence[str]) -> dict[str, list[str]]:
    """Tells which files of a folder are none of those that are read, but perhaps missed.

    Folders, hidden files, what programs keep beside photos, and videos beside a photo of the same
    name are passed over.

    Args:
        paths: what is in the folder.
        suffixes: of what is read.

    Returns:
        For each reason the names, sorted.
    """
    paths = sorted(paths)
    read = {path.stem for path in paths if _is_wanted(path, suffixes)}
    found: dict[str, list[str]] = {}
    for path in paths:
        suffix = path.suffix.lower()
        moving = suffix in _VIDEOS and path.stem in read
        if path.name.startswith(".") or suffix in (*suffixes, *_BESIDE) or moving or path.is_dir():
            continue
        if suffix in _RAW:
            reason = RAW_REASON
        elif suffix in _VIDEOS:
            reason = "videos"
        else:
            reason = f"files that end in none of {', '.join(suffixes)}"
        found.setdefault(reason, []).append(path.name)
    return found


def same_name(stem: str) -> str:
    """Returns what names have in common that look alike.

    An accent may be a character of its own (as Macs write names) or part of its letter.
    """
    return unicodedata.normalize("NFC", stem)


def refuse_shared_stems(paths: Iterable[Path]) -> None:
    """Checks that results named after the photos' stems would not overwrite one another.

    Raises:
        InputError: two photos have the same name but for folder and suffix.
    """
    first: dict[str, Path] = {}
    for path in paths:
        other = first.setdefault(same_name(path.stem), path)
        if other != path:
            raise InputError(
                f"{other} and {path} would both be written as {path.stem}; rename one, or do "
                "them one after the other into different output folders"
            )


def refuse_own_folder(paths: Iterable[Path], output: Path, flag: str = "--output") -> None:
    """Checks that results do not go among the photos, where they could take a photo's name.

    Args:
        paths: of the photos, or what else is read.
        output: where results go.
        flag: that named it.

    Raises:
        InputError: one of the photos, or the file that it links to, lies directly in that folder.
    """
    folder = os.path.realpath(output)
    for path in paths:
        if folder in (os.path.realpath(path.parent), os.path.dirname(os.path.realpath(path))):
            raise InputError(f"{flag} {output} is the folder of {path}; name another folder")


def names_a_file(output: Path, suffixes: Sequence[str], inputs: Sequence[Path]) -> bool:
    """Tells whether `--output` names the one file that is to be made, and not a folder.

    Args:
        output: what was named.
        suffixes: that the file may have.
        inputs: what is read.

    Raises:
        InputError: it looks like a file and cannot be the one: it has another suffix, there are
            several inputs, or it is one of them.
    """
    suffix = output.suffix.lower()
    if output.is_dir() or suffix not in {*PHOTO_SUFFIXES, *suffixes}:
        return False
    if suffix not in suffixes:
        listed = ", ".join(suffixes)
        raise InputError(
            f"--output {output} cannot be written; end it in {listed}, or name a folder"
        )
    if len(inputs) > 1:
        raise InputError(
            f"--output {output} is the name of one picture, and {len(inputs)} are to be made; name "
            "a folder"
        )
    if os.path.realpath(output) in map(os.path.realpath, inputs):
        raise InputError(f"--output {output} is what is read; name another file")
    return True


def find_by_stem(folder: Path, stem: str, suffixes: Sequence[str] = PHOTO_SUFFIXES) -> Path | None:
    """Returns the file in `folder` with this stem and one of the suffixes, None if none is there.

    Suffixes may be in capitals on disk, and accents written otherwise, see `same_name`; an
    earlier suffix in `suffixes` wins.
    """
    forms = dict.fromkeys((stem, same_name(stem), unicodedata.normalize("NFD", stem)))
    for suffix in suffixes:
        for spelling in (suffix, suffix.upper()):
            for form in forms:
                path = Path(folder) / (form + spelling)
                if path.is_file():
                    return path
    return None


def _expand(path: Path, suffixes: Sequence[str], say: Callable[[str], None]) -> list[Path]:
    if path.is_dir():
        entries, kind = list(path.iterdir()), "folder"
    elif os.path.lexists(path):
        if path.suffix.lower() in _RAW:
            raise InputError(f"{path} is one of the {RAW_REASON}")
        return [path]
    elif glob.has_magic(str(path)):
        entries, kind = [Path(name) for name in glob.glob(str(path))], "pattern"
    else:
        refuse_unreadable(path)
        return [path]
    files = [entry for entry in entries if _is_wanted(entry, suffixes)]
    others = left_out(entries, suffixes)
    if not files:
        why = "; ".join(f"{reason}: {_listed(names)}" for reason, names in others.items())
        raise InputError(
            f"the {kind} {path} holds no file that ends in {', '.join(suffixes)}"
            + (f" (left out, {why})" if why else "")
        )
    for reason, names in others.items():
        say(f"{path}: left out, {reason} ({len(names)}): {_listed(names)}")
    return files


def _listed(names: Sequence[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _is_wanted(path: Path, suffixes: Sequence[str]) -> bool:
    visible = not path.name.startswith(".")
    return visible and path.suffix.lower() in suffixes and not path.is_dir()
