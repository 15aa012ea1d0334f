"""Output that is either whole or absent: write beside, then rename.

A process killed at any moment leaves the old file, or the new one, never half of one. It may leave
hidden files and folders beside them, with the number of the process in their names:

    .partial.<number>.<name>     what was to become `name`
    .replaced.<number>.<name>    the folder `name` that was about to be replaced

The next write to the same folder removes them, and puts a folder back that is missing.
"""

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

_HIDDEN = re.compile(r"\.(partial|replaced)\.(\d+)\.(.+)", re.DOTALL)
# Bytes of a name that the temporary one keeps: file systems allow 255.
_LONGEST_NAME = 200


def partial_path(path: Path) -> Path:
    """Returns where `path` is prepared: hidden, in the same folder, all suffixes kept."""
    path = Path(path)
    return _hidden(path.with_name(os.fsdecode(os.fsencode(path.name)[-_LONGEST_NAME:])), "partial")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a temporary path to write a file or a folder to; renames it to `path` on success.

    Args:
        path: the final file or folder. Its parent folders are made. What stands there is kept
            until the new one is complete. A symbolic link is replaced, not followed.

    Yields:
        The temporary path beside it; nothing exists there. On an exception it is removed.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    settle(path.parent)
    partial = partial_path(path)
    _remove(partial)
    try:
        yield partial
        if partial.is_dir() and (path.is_dir() or path.is_symlink()):
            # A folder cannot be renamed over another that has content, nor over a link.
            old = _hidden(path, "replaced")
            _remove(old)
            os.rename(path, old)
            try:
                os.rename(partial, path)
            except BaseException:
                os.rename(old, path)
                raise
            _remove(old)
        else:
            os.replace(partial, path)
    except BaseException as error:
        _remove(partial)
        if isinstance(error, OSError) and error.filename in (None, str(partial)):
            # A full disk is reported without a name.
            error.filename = str(path)
        raise


def write_text(path: Path, text: str) -> None:
    """Writes `text` as UTF-8 to `path`, whole or not at all."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def settle(folder: Path) -> None:
    """Puts right what killed processes have left in a folder.

    What they were writing is removed; a folder that they were replacing is there again. What
    belongs to processes that still run is left alone. Where this process may not write, nothing
    happens.
    """
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            match = _HIDDEN.fullmatch(name)
            if match and not _runs(int(match[2])):
                left, final = Path(folder) / name, Path(folder) / match[3]
                if match[1] == "replaced" and not os.path.lexists(final):
                    os.rename(left, final)
                else:
                    _remove(left)


def _hidden(path: Path, kind: str) -> Path:
    return path.with_name(f".{kind}.{os.getpid()}.{path.name}")


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
