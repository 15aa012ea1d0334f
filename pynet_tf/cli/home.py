"""A home folder for those who have none."""

import contextlib
import os
import tempfile


def settle_home() -> None:
    """Gives a user without a home folder, as in containers, one for what libraries keep there.

    They would end in a stack trace, or make a folder called `~`.
    """
    if not os.path.isdir(os.path.expanduser("~")):
        with contextlib.suppress(OSError):
            os.makedirs(_homeless(), mode=0o700, exist_ok=True)
        os.environ["HOME"] = _homeless()


def _homeless() -> str:
    return os.path.join(tempfile.gettempdir(), f"pynet_tf_{os.getuid()}")


def is_homeless() -> bool:
    """Tells whether the user's home folder is one of `settle_home`'s."""
    return os.environ.get("HOME") == _homeless()
