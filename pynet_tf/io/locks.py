"""Keeps a second process out of a folder that one is writing to, on this machine or another.

The lock is `flock` on a file opened for writing. Linux carries it over NFS and SMB, so that it
holds between machines and containers that share a disk, and frees it when the process or its
machine ends, however that happens. NFS needs version 4, or version 3 with its lock service
running; mounts with `nolock` or `local_lock` keep locks to one machine, and so does sshfs.
"""

import contextlib
import errno
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from pynet_tf.errors import InputError

_LOCK = ".lock"
# What file systems say that know no locks.
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF)


@contextlib.contextmanager
def locked(folder: Path, patience: float = 0.0) -> Iterator[None]:
    """Holds the lock of a folder; the system frees it when the process ends, however it ends.

    Args:
        folder: is made if it is not there.
        patience: seconds to wait for another process to free it.

    Raises:
        InputError: another process holds it, its file leads somewhere else, or the disk knows no
            locks.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path, deadline = folder / _LOCK, time.monotonic() + patience
    while (file := _taken(path)) is None:
        if time.monotonic() >= deadline:
            raise InputError(
                f"another process{_holder(path)} is writing to {folder}; wait until it is done, or "
                "choose another folder"
            )
        time.sleep(0.05)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            if _is_same(file, path):
                path.unlink()
        os.close(file)


def is_gone(folder: Path) -> bool:
    """Tells whether the file of the lock has been removed, with the folder or without."""
    return not (Path(folder) / _LOCK).exists()


def try_lock(file: int) -> bool:
    """Locks an open file; returns False if another process has it locked.

    Raises:
        OSError: the disk knows no locks.
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _taken(path: Path) -> int | None:
    """Opens and locks a file; None if another process has it."""
    while True:
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            raise InputError(f"{path} is a symbolic link; remove it") from error
        try:
            if not try_lock(file):
                os.close(file)
                return None
            if _is_same(file, path):
                # For the message that others get; a full disk is no reason to stop.
                with contextlib.suppress(OSError):
                    os.truncate(file, 0)
                    os.pwrite(file, f"{socket.gethostname()} {os.getpid()}\n".encode(), 0)
                return file
            # Its last holder has removed it meanwhile.
            os.close(file)
        except OSError as error:
            os.close(file)
            if error.errno in _NO_LOCKS:
                raise InputError(
                    f"{path.parent} is on a disk that cannot lock files; mount it with locks (NFS: "
                    "version 4, without nolock), or choose another folder"
                ) from error
            raise


def _is_same(file: int, path: Path) -> bool:
    """Tells whether an open file is still the one of this name."""
    try:
        return os.path.samestat(os.fstat(file), os.stat(path))
    except FileNotFoundError:
        return False


def _holder(path: Path) -> str:
    """Says who holds the lock, if its file tells."""
    try:
        host, process = path.read_text(encoding="utf-8").split()
    except (OSError, ValueError):
        return ""
    return f" (number {process} on {host})"
