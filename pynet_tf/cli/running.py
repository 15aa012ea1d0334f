"""Runs a command line: what it says at its end, and the exit status.

Exit statuses: 0 all done; 1 some of many inputs failed, the rest was done; 2 a mistake of the
user's, nothing was damaged; 130 interrupted; 141 the reader of the output has left, such as `head`.
"""

import io
import os
import select
import signal
import sys
from collections.abc import Callable

from pynet_tf.cli.frameworks import settle_keras
from pynet_tf.cli.home import settle_home
from pynet_tf.errors import InputError, of_system

# What shells show of a program that a broken pipe has ended.
_READER_LEFT = 128 + signal.SIGPIPE


def run(main: Callable[[], int | None], name: str) -> None:
    """Runs a command line and exits with its status.

    Args:
        main: parses the arguments and does the work; returns the exit status, None for 0.
        name: what the user typed, e.g. `pynet_tf.train`; begins every error message.
    """
    settle_home()
    settle_keras()
    _settle_streams()
    said = ""
    try:
        status = main() or 0
    except SystemExit as ended:
        status = ended.code
    except InputError as error:
        status, said = 2, f"error: {error}"
    except MemoryError:
        status, said = (
            2,
            "error: the memory is too small; close other programs, or give less at once",
        )
    except KeyboardInterrupt:
        status, said = 130, "interrupted"
    except OSError as error:
        if error.errno is None:
            raise
        if isinstance(error, BrokenPipeError) and any(map(_has_no_reader, _own_streams())):
            status = _READER_LEFT
        else:
            status, said = 2, f"error: {of_system(error)}"
    sys.exit(_end(name, status, said))


def _end(name: str, status: int, said: str) -> int:
    """Says how a command line ended, if anyone listens; returns the exit status."""
    for stream in _own_streams():
        try:
            stream.flush()
        except BrokenPipeError:
            status = _READER_LEFT
        except OSError as error:
            status, said = 2, f"error: {stream.name} cannot be written to ({error.strerror})"
    if status == _READER_LEFT:
        # Python would try once more to write what is left, and tell.
        for stream in _own_streams():
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    elif said:
        print(f"{name}: {' '.join(said.split())}", file=sys.stderr)
    return status


def _own_streams() -> list[io.TextIOWrapper]:
    return [s for s in (sys.stdout, sys.stderr) if isinstance(s, io.TextIOWrapper)]


def _has_no_reader(stream: io.TextIOWrapper) -> bool:
    watch = select.poll()
    watch.register(stream.fileno(), 0)
    return any(events & select.POLLERR for _, events in watch.poll(0))


def _settle_streams() -> None:
    """Lets standard output and standard error take any name, and show every line at once.

    Where one is closed, it goes nowhere: a file of ours would get its number, and its messages.
    """
    # In the order of their numbers: what is opened gets the lowest one that is free.
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 (open to the end)
    for stream in _own_streams():
        # File names need not be UTF-8.
        stream.reconfigure(errors="backslashreplace", line_buffering=True)
