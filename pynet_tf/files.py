"""Output that is either whole or absent: write beside, then rename.

A process killed at any moment leaves the old file, or the new one, never half of one. What it
may leave is a hidden temporary whose name begins with `.partial.`; the next write to the same
path replaces it.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path


def partial_path(path: Path) -> Path:
    """Returns where `path` is prepared: hidden, in the same folder, all suffixes kept."""
    path = Path(path)
    return path.with_name(f".partial.{path.name}")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a temporary path to write a file or a folder to; renames it to `path` on success.

    Args:
        path: the final file or folder. Its parent folders are made. What stands there is kept
            until the new one is complete.

    Yields:
        The temporary path beside it; nothing exists there. On an exception it is removed.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = partial_path(path)
    _remove(partial)
    try:
        yield partial
        if partial.is_dir() and path.is_dir():
            # A folder cannot be renamed over another that has content.
            old = partial.with_name(partial.name + ".old")
            _remove(old)
            os.rename(path, old)
            os.rename(partial, path)
            _remove(old)
        else:
            os.replace(partial, path)
    except BaseException:
        _remove(partial)
        raise


def write_text(path: Path, text: str) -> None:
    """Writes `text` as UTF-8 to `path`, whole or not at all."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
