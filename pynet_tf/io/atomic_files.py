"""Output that is either whole or absent: write beside, then rename.

A process killed at any moment leaves the old file, or the new one, never half of one. It may leave
hidden files and folders beside them, with its name (see `owners`) in theirs:

    .partial.<writer>.<name>     what was to become `name`
    .replaced.<writer>/<name>    the folder `name` that was about to be replaced

The next process that writes to the same folder removes them, and puts a folder back that is
missing. What another machine writes there is left alone, until nothing has changed for a day.
"""

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pynet_tf.errors import InputError, of_system
from pynet_tf.io import owners

_HIDDEN = re.compile(r"\.(partial|replaced|writing)\.([^.]+)(?:\..+)?", re.DOTALL)
# Folders that this process has put right: to list a large one for every file takes long.
_settled: set[str] = set()
# Seconds that two renames never take: until then another machine may be replacing a folder.
_EXCHANGE = 60.0
# Bytes of a name; file systems allow no more.
_LONGEST_NAME = 255


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a temporary path to write a file or a folder to; renames it to `path` on success.

    Args:
        path: the final file or folder. Its parent folders are made. What stands there is kept
            until the new one is complete. A symbolic link is replaced, not followed.

    Yields:
        The temporary path beside it, all suffixes kept; nothing exists there. On an exception it
        is removed.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = os.path.abspath(path.parent)
    if folder not in _settled:
        settle(path.parent)
        _settled.add(folder)
    with contextlib.ExitStack() as marked:
        writer = marked.enter_context(owners.writing(path.parent))
        partial = path.with_name(_shortened(f".partial.{writer}.", path.name))
        try:
            yield partial
            # The mark goes first: once the file is there, nobody may write here again and find it.
            marked.close()
            if partial.is_dir() and (path.is_dir() or path.is_symlink()):
                _replace_folder(partial, path, writer)
            else:
                os.replace(partial, path)
        except BaseException as error:
            _remove(partial)
            if isinstance(error, OSError):
                # A full disk is reported without a name.
                named = str(error.filename or partial)
                error.filename = named.replace(str(partial), str(path))
            raise


def _replace_folder(partial: Path, path: Path, writer: str) -> None:
    # A folder cannot be renamed over another that has content, nor over a link.
    aside = path.with_name(f".replaced.{writer}")
    aside.mkdir()
    os.rename(path, aside / path.name)
    try:
        os.rename(partial, path)
    except BaseException:
        os.rename(aside / path.name, path)
        aside.rmdir()
        raise
    _remove(aside)


def write_text(path: Path, text: str) -> None:
    """Writes `text` as UTF-8 to `path`, whole or not at all."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def refuse_unwritable(folder: Path) -> None:
    """Checks that files can be made in a folder, before work that takes long.

    Args:
        folder: that will be written to; where it is not there, the one that it will be made in
            counts.

    Raises:
        InputError: they cannot.
    """
    there = Path(os.path.abspath(folder))
    while not os.path.lexists(there):
        there = there.parent
    try:
        with tempfile.TemporaryFile(dir=there):
            return
    except FileNotFoundError as error:
        # What the kernel shows as folders, and links to nowhere.
        raise InputError(f"no file can be made in {folder}; name another folder") from error
    except OSError as error:
        error.filename = str(folder)
        raise of_system(error) from error


def is_passing(name: str) -> bool:
    """Tells whether a file's name is one of those that a killed process leaves, see the module."""
    return _HIDDEN.fullmatch(name) is not None


def settle(folder: Path) -> None:
    """Puts right what killed processes have left in a folder.

    What they were writing is removed; a folder that they were replacing is there again. What
    belongs to processes that still run is left alone. Where this process may not write, nothing
    happens.
    """
    with contextlib.suppress(OSError):
        # The marks of writers come last: they tell who is dead.
        for name in sorted(os.listdir(folder)):
            if match := _HIDDEN.fullmatch(name):
                _settle(Path(folder), Path(folder) / name, *match.groups())


def _settle(folder: Path, left: Path, kind: str, writer: str) -> None:
    """Puts right what a writer has left, if it is dead."""
    # Others may do the same at the same time.
    with contextlib.suppress(OSError):
        patience = _EXCHANGE if kind == "replaced" else owners.OLD
        if owners.is_dead(folder, writer, _last_change(left), patience):
            if kind == "replaced":
                for old in left.iterdir():
                    if not os.path.lexists(folder / old.name):
                        os.rename(old, folder / old.name)
            _remove(left)


def _shortened(prefix: str, name: str) -> str:
    """Puts a prefix before a name, of which the end is kept where both are too long."""
    kept = os.fsencode(name)[-(_LONGEST_NAME - len(prefix)) :]
    # Not from the middle of a character: some programs and disks take whole ones only.
    while len(kept) < len(os.fsencode(name)) and kept[:1] and 0x80 <= kept[0] < 0xC0:
        kept = kept[1:]
    return prefix + os.fsdecode(kept)


def _last_change(path: Path) -> float:
    """Returns when a file, or anything in a folder, was last changed or renamed."""
    inside = path.rglob("*") if path.is_dir() and not path.is_symlink() else ()
    return max(entry.lstat().st_ctime for entry in (path, *inside))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
