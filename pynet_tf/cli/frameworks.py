"""Keras and TensorFlow as all commands need them: with our settings, and quiet."""

import contextlib
import gc
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator

from pynet_tf.errors import InputError

# TensorFlow and Keras import these where they are installed, which takes a quarter of their own
# time; no command calls what needs them.
_NOT_NEEDED = ("matplotlib", "pandas")


def settle_keras() -> None:
    """Gives Keras, not yet imported, the settings that all commands need.

    Users have others for programs of their own, in the environment or in `~/.keras/keras.json`:
    another backend, channels first, 16-bit floats.
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.pop("TF_USE_LEGACY_KERAS", None)
    # No folder can be there: Keras keeps its defaults and writes no file either.
    os.environ["KERAS_HOME"] = os.path.join(os.devnull, "keras")


def import_tensorflow():
    """Imports TensorFlow without its messages and returns the module.

    What is an error to a program reaches it as an exception. What TensorFlow logs as one besides is
    of no use to users: on some processors, which number types oneDNN leaves to it. They see it with
    `TF_CPP_MIN_LOG_LEVEL=2` before the command.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with without_messages(), _taken_for_missing(_NOT_NEEDED), _without_collections():
        import tensorflow as tf

        tf.config.list_physical_devices()
    tf.get_logger().setLevel("ERROR")
    return tf


@contextlib.contextmanager
def _taken_for_missing(names: Iterable[str]) -> Iterator[None]:
    """Lets imports of packages fail that are not imported yet."""
    kept_out = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(kept_out))
    try:
        yield
    finally:
        for name in kept_out:
            del sys.modules[name]


@contextlib.contextmanager
def _without_collections() -> Iterator[None]:
    """Keeps Python from looking for garbage among what is imported, a fifth of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        # Nor does it look there later.
        gc.freeze()
        if enabled:
            gc.enable()


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
