"""Keeps a second process out of a folder that one is writing to."""

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from pynet_tf.errors import InputError

_LOCK = ".lock"


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds the lock of a folder; the system frees it when the process ends, however it ends.

    Raises:
        InputError: another process holds it, or its file leads somewhere else.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / _LOCK
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise InputError(f"{path} is a symbolic link; remove it") from error
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(
                f"another process is writing to {folder}; wait until it is done, or choose "
                "another folder"
            ) from error
        yield
    finally:
        os.close(file)


def is_gone(folder: Path) -> bool:
    """Tells whether the file of the lock has been removed, with the folder or without."""
    return not (Path(folder) / _LOCK).exists()
