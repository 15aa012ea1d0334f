"""Keeps a second process out of a folder that one is writing to."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from pynet_tf.errors import InputError


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds the lock of a folder; the system frees it when the process ends, however it ends.

    Raises:
        InputError: another process holds it.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(
                f"another process is writing to {folder}; wait until it is done, or choose "
                "another folder"
            ) from error
        yield
