"""Who is writing a file: processes of this machine, of its containers, and of others.

Processes that share a disk see what one of them leaves when it is killed, and have to tell it from
what another is still writing. A process number tells nothing on another machine. So a writer has a
name of its own, and holds the lock of a file of that name (see `locks`) while it writes:

    .writing.<host>-<kernel>-<process>-<token>

`kernel` stands for the running kernel and, in a container, its own counting of processes.
"""

import contextlib
import functools
import hashlib
import os
import re
import secrets
import socket
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from pynet_tf.io import locks

_MARK = ".writing."
_NAME = re.compile(r"[A-Za-z0-9_]{0,20}-([0-9a-f]{8})-(\d+)-[0-9a-f]{8}")
# Seconds without a change after which what another machine was writing may be a dead process's.
OLD = 24 * 3600


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[str]:
    """Yields a new name of this process, without dots, and shows in the folder that it writes."""
    name = f"{_host()}-{_kernel()}-{os.getpid()}-{secrets.token_hex(4)}"
    path = Path(folder) / (_MARK + name)
    with contextlib.ExitStack() as held:
        # Without a mark, or a lock on it, others go by the time of the last change.
        with contextlib.suppress(OSError):
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            held.callback(os.close, file)
            held.callback(_unlink, path)
            locks.try_lock(file)
        yield name


def is_dead(folder: Path, name: str, changed: float, patience: float = OLD) -> bool:
    """Tells whether a writer has ended without cleaning up.

    Args:
        folder: that it wrote to.
        name: of the writer, from `writing`.
        changed: when what it wrote was last changed, in seconds of the disk's clock.
        patience: seconds without a change that a writer of another machine is given.
    """
    match = _NAME.fullmatch(name)
    free = _lock_is_free(Path(folder) / (_MARK + name))
    if match and match[1] == _kernel():
        # A number is given again; the lock tells who has it now.
        return free is True or not _runs(int(match[2]))
    return free is not False and _now(folder) - changed > patience


def _lock_is_free(path: Path) -> bool | None:
    """Tells whether nobody holds a lock; None where that cannot be known."""
    try:
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return locks.try_lock(file)
    except OSError:
        return None
    finally:
        os.close(file)


def _now(folder: Path) -> float:
    """Returns the time by the clock of the folder's disk, which may be another machine's."""
    probe = Path(folder) / f"{_MARK}{_host()}-{_kernel()}-{os.getpid()}-{secrets.token_hex(4)}"
    try:
        probe.touch()
        return probe.stat().st_ctime
    except OSError:
        return time.time()
    finally:
        _unlink(probe)


def _unlink(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9_]", "_", socket.gethostname())[:20]


@functools.cache
def _kernel() -> str:
    """Returns 8 hexadecimal digits that two processes share if their numbers are comparable."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text()
        parts = [boot, os.readlink("/proc/self/ns/pid")]
    except OSError:
        parts = [str(uuid.getnode())]
    return hashlib.sha256("\n".join([socket.gethostname(), *parts]).encode()).hexdigest()[:8]


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True
