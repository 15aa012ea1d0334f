"""What all command lines share: error messages, exit statuses, progress, a quiet start.

Exit statuses: 0 all done; 1 some of many inputs failed, the rest was done; 2 a mistake of the
user's, nothing was damaged; 130 interrupted; 141 the reader of the output has left, such as `head`.

The module does not import TensorFlow, so that `--help` and wrong arguments answer at once.
"""

import argparse
import collections
import contextlib
import io
import os
import select
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from pynet_tf.errors import InputError, of_system

# What shells show of a program that a broken pipe has ended.
_READER_LEFT = 128 + signal.SIGPIPE


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Shows every default that there is, and keeps the line breaks of the description."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default is None or action.default == []:
            return action.help
        return super()._get_help_string(action)


class Parser(argparse.ArgumentParser):
    """The parser of every command line: shows defaults, and knows the home folder.

    A `~` at the beginning of an argument, or of a value in `--flag=~/x`, where most shells leave
    it as it is, stands for the home folder.
    """

    def __init__(self, **options):
        super().__init__(**{"formatter_class": HelpFormatter} | options)

    def parse_known_args(self, args=None, namespace=None):
        """Parses as argparse does, after the home folder has been put in."""
        arguments = sys.argv[1:] if args is None else args
        return super().parse_known_args([self._at_home(text) for text in arguments], namespace)

    def _at_home(self, text: str) -> str:
        flag, equals, value = text.partition("=") if text.startswith("-") else ("", "", text)
        if not value.startswith("~"):
            return text
        expanded = os.path.expanduser(value)
        if expanded.split("/")[0] == "~" or (value[1:2] in ("", "/") and _is_homeless()):
            self.error(f"{text}: this user has no home folder; write the path without ~")
        return flag + equals + expanded


def run(main: Callable[[], int | None], name: str) -> None:
    """Runs a command line and exits with its status.

    Args:
        main: parses the arguments and does the work; returns the exit status, None for 0.
        name: what the user typed, e.g. `pynet_tf.train`; begins every error message.
    """
    _settle_home()
    _settle_keras()
    _settle_streams()
    said = ""
    try:
        status = main() or 0
    except SystemExit as ended:
        status = ended.code
    except InputError as error:
        status, said = 2, f"error: {error}"
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


def _settle_home() -> None:
    """Gives a user without a home folder, as in containers, one for what libraries keep there.

    They would end in a stack trace, or make a folder called `~`.
    """
    if not os.path.isdir(os.path.expanduser("~")):
        with contextlib.suppress(OSError):
            os.makedirs(_homeless(), mode=0o700, exist_ok=True)
        os.environ["HOME"] = _homeless()


def _homeless() -> str:
    return os.path.join(tempfile.gettempdir(), f"pynet_tf_{os.getuid()}")


def _is_homeless() -> bool:
    return os.environ.get("HOME") == _homeless()


def _settle_keras() -> None:
    """Gives Keras, not yet imported, the settings that all commands need.

    Users have others for programs of their own, in the environment or in `~/.keras/keras.json`:
    another backend, channels first, 16-bit floats.
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.pop("TF_USE_LEGACY_KERAS", None)
    # No folder can be there: Keras keeps its defaults and writes no file either.
    os.environ["KERAS_HOME"] = os.path.join(os.devnull, "keras")


def utf8_path(text: str) -> Path:
    """Takes an argument that TensorFlow is to read from or write to: its names are UTF-8.

    Raises:
        argparse.ArgumentTypeError: this one is not, or Python takes names for something else.
    """
    encoding = sys.getfilesystemencoding()
    if encoding != "utf-8" and not text.isascii():
        raise argparse.ArgumentTypeError(
            f"TensorFlow needs {text!r} in UTF-8 and this locale has {encoding}; put PYTHONUTF8=1 "
            "before the command, or choose a name without accents"
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not UTF-8, as TensorFlow needs it; rename it, or choose another name"
        ) from error
    return Path(text)


def import_tensorflow():
    """Imports TensorFlow without its start-up messages and returns the module."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with without_messages():
        import tensorflow as tf

        tf.config.list_physical_devices()
    tf.get_logger().setLevel("ERROR")
    return tf


@contextlib.contextmanager
def without_messages() -> Iterator[None]:
    """Keeps what is written to standard error aside, and shows it only if something fails.

    C++ writes to the file descriptor, some of it before any log level holds.
    """
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as messages:
        os.dup2(messages.fileno(), 2)
        try:
            yield
        except InputError:
            raise
        except BaseException:
            messages.seek(0)
            os.write(terminal, messages.read())
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)


def progress(
    items: Iterable,
    total: int,
    label: str,
    note: Callable[[], str] = str,
    every: float = 10.0,
) -> Iterator:
    """Yields the items, showing how far it is and, once it is known, the time left.

    On a terminal a bar; elsewhere (a log file, a pipe) a plain line at most every `every`
    seconds and one at the end.

    Args:
        items: what to go through.
        total: how many there are.
        label: what is being done, e.g. `rendering`.
        note: gives a few words on the state of things, shown behind the figures.
        every: seconds between plain lines.
    """
    pace = _Pace()
    if sys.stderr.isatty():
        from tqdm import tqdm

        form = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}{postfix}]"
        with tqdm(items, total=total, desc=label, dynamic_ncols=True, bar_format=form) as bar:
            for done, item in enumerate(bar, 1):
                yield item
                pace.passed(time.monotonic())
                words = [pace.left(total - done), note()]
                bar.set_postfix_str(", ".join(filter(None, words)), refresh=False)
        return
    shown = time.monotonic()
    for done, item in enumerate(items, 1):
        yield item
        now = time.monotonic()
        pace.passed(now)
        if done == total or now - shown >= every:
            shown = now
            left = f", {words}" if done < total and (words := pace.left(total - done)) else ""
            print(
                f"{label}: {done} of {total}{left} {note()}".rstrip(), file=sys.stderr, flush=True
            )


class _Pace:
    """Tells how much time is left, once that means something.

    The first items take longest: a network is built, a cache is cold. And items come unevenly,
    several at once from several processes. So nothing is told before the first and the second
    half of the items that have been measured agree on the pace.
    """

    # Never measured; the fewest measured; the most, of a long run the latest.
    SKIPPED, FEWEST, MOST = 2, 6, 2000
    SECONDS = 3.0
    AGREEING = 1.5

    def __init__(self):
        self._skipped = 0
        self._times: collections.deque[float] = collections.deque(maxlen=self.MOST)
        self._known = False

    def passed(self, now: float) -> None:
        """Takes in that an item is done, at a time in seconds."""
        if self._skipped < self.SKIPPED:
            self._skipped += 1
        else:
            self._times.append(now)

    def left(self, items: int) -> str:
        """Returns the time that so many items take, as `12 min left`, or nothing."""
        measured = len(self._times) - 1
        if measured < self.FEWEST or self._times[-1] - self._times[0] < self.SECONDS:
            return ""
        if not self._known:
            middle = measured // 2
            halves = (
                (self._times[middle] - self._times[0]) / middle,
                (self._times[-1] - self._times[middle]) / (measured - middle),
            )
            self._known = max(halves) <= self.AGREEING * min(halves)
        seconds = (self._times[-1] - self._times[0]) / measured
        return f"{duration(seconds * items)} left" if self._known else ""


def duration(seconds: float) -> str:
    """Returns a time as a person would say it: `45 s`, `12 min`, `3 h 20 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
