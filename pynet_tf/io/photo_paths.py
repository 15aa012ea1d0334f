"""The photos that a command line is to work on.

Users name files, folders and patterns; results are named after the photo's stem, so that
`holiday.jpg` becomes `holiday.png` beside the others.
"""

import glob
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from pynet_tf.errors import InputError

PHOTO_SUFFIXES = (
    *(".jpg", ".jpeg", ".jfif", ".png", ".webp", ".tif", ".tiff", ".heic", ".heif", ".hif"),
    *(".avif", ".bmp", ".gif"),
)


def photo_paths(
    arguments: Sequence[str | Path], suffixes: Sequence[str] = PHOTO_SUFFIXES
) -> list[Path]:
    """Expands files, folders and patterns to the photos they stand for.

    Args:
        arguments: each a file (taken whatever its suffix), a folder (the files directly in it
            that end in one of `suffixes`, hidden ones left out) or a pattern with `*`, `?` or
            `[...]` (files as for a folder).
        suffixes: the endings of what is looked for, in small letters with the dot.

    Returns:
        The paths, sorted, each once.

    Raises:
        InputError: a name is not there, or a folder or pattern holds no such file.
    """
    found = {}
    for argument in arguments:
        for path in _expand(Path(argument), suffixes):
            found.setdefault(os.path.abspath(path), path)
    return sorted(found.values())


def refuse_shared_stems(paths: Iterable[Path]) -> None:
    """Checks that results named after the photos' stems would not overwrite one another.

    Raises:
        InputError: two photos have the same name but for folder and suffix.
    """
    first: dict[str, Path] = {}
    for path in paths:
        other = first.setdefault(path.stem, path)
        if other != path:
            raise InputError(
                f"{other} and {path} would both be written as {path.stem}; rename one, or do "
                "them one after the other into different output folders"
            )


def refuse_own_folder(paths: Iterable[Path], output: Path) -> None:
    """Checks that results do not go among the photos, where they could take a photo's name.

    Raises:
        InputError: one of the photos lies directly in the output folder.
    """
    for path in paths:
        if os.path.realpath(path.parent) == os.path.realpath(output):
            raise InputError(f"--output {output} is the folder of {path}; name another folder")


def find_by_stem(folder: Path, stem: str, suffixes: Sequence[str] = PHOTO_SUFFIXES) -> Path | None:
    """Returns the file in `folder` with this stem and one of the suffixes, None if none is there.

    Suffixes may be in capitals on disk; an earlier one in `suffixes` wins.
    """
    for suffix in suffixes:
        for spelling in (suffix, suffix.upper()):
            path = Path(folder) / (stem + spelling)
            if path.is_file():
                return path
    return None


def _expand(path: Path, suffixes: Sequence[str]) -> list[Path]:
    if path.is_dir():
        entries, kind = list(path.iterdir()), "folder"
    elif os.path.lexists(path):
        return [path]
    elif glob.has_magic(str(path)):
        entries, kind = [Path(name) for name in glob.glob(str(path))], "pattern"
    else:
        raise InputError(f"{path} is not there; check the name")
    files = [entry for entry in entries if _is_wanted(entry, suffixes)]
    if not files:
        raise InputError(f"the {kind} {path} holds no file that ends in {', '.join(suffixes)}")
    return files


def _is_wanted(path: Path, suffixes: Sequence[str]) -> bool:
    visible = not path.name.startswith(".")
    return visible and path.suffix.lower() in suffixes and not path.is_dir()
