"""The one exception for mistakes that the user can mend, and how the system's errors become it."""

import errno
import os
import stat
from pathlib import Path

_REMEDIES = {
    (errno.EACCES, errno.EPERM): "give yourself permission to use it, or name another one",
    (errno.EROFS,): "name a place that can be written to",
    (errno.ENOSPC, errno.EDQUOT, errno.EFBIG): "make room there, or name another place",
    (errno.ENAMETOOLONG,): "give a shorter name",
    (errno.ELOOP,): "links lead in a circle there; name what they were to lead to",
    (errno.EISDIR,): "name a file",
    (errno.ENOTDIR,): "a part of the path is a file; name a folder",
    (errno.EEXIST, errno.ENOTEMPTY): "name another place",
    (errno.ENOENT,): "check the name",
    (errno.EBUSY, errno.ETXTBSY): "close the program that uses it",
    (errno.EMFILE, errno.ENFILE): "close other programs, or allow more files (ulimit -n)",
    (errno.ENOMEM,): "close other programs",
    (errno.EINVAL, errno.EILSEQ): "the disk may not take such a name; give a simpler one",
}
_OTHERS = "check the disk, or the connection to it"


class InputError(ValueError):
    """A wrong file, value or setting.

    The message is one sentence that names the file or value and the remedy; the command lines
    print it as it is and exit with status 2.
    """


def of_system(error: OSError, path: Path | None = None) -> InputError:
    """Returns what the system says of a file, with the remedy.

    Args:
        error: with a number, as the system's own have.
        path: of the file, where the error does not name it.
    """
    name = error.filename if error.filename is not None else path
    where = "" if name is None else f"{os.fsdecode(name)}: "
    known = (words for numbers, words in _REMEDIES.items() if error.errno in numbers)
    return InputError(f"{where}{os.strerror(error.errno)}; {next(known, _OTHERS)}")


def refuse_missing(path: Path, missing: str | None = None) -> int:
    """Checks that a file or folder is there; returns its kind, as `os.stat` tells it.

    Args:
        path: of the file or folder.
        missing: what is told of one that is not there, with the remedy; None for "check the name".

    Raises:
        InputError: it is not there, or what the system says of it.
    """
    try:
        return os.stat(path).st_mode
    except FileNotFoundError as error:
        raise InputError(missing or f"{path} is not there; check the name") from error
    except OSError as error:
        raise of_system(error, path) from error


def refuse_unreadable(path: Path, missing: str | None = None) -> None:
    """Checks that a file can be read, for libraries that would call it damaged.

    Args:
        path: of the file.
        missing: see `refuse_missing`.

    Raises:
        InputError: it cannot be read.
    """
    kind = refuse_missing(path, missing)
    # What is no file may keep its reader waiting.
    if not stat.S_ISREG(kind):
        what = "a folder" if stat.S_ISDIR(kind) else "no file"
        raise InputError(f"{path} is {what}; name a file")
    try:
        with open(path, "rb"):
            return
    except OSError as error:
        raise of_system(error, path) from error
