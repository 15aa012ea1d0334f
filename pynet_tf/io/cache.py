"""The user's folder for what can be made again."""

import os
import tempfile
from pathlib import Path

import platformdirs

from pynet_tf.errors import InputError


def cache_folder(name: str) -> Path:
    """Returns a folder to keep things in: the user's, or a temporary one where that is closed.

    Args:
        name: of the folder, below that of this package.

    Raises:
        InputError: neither can be written to.
    """
    temporary = Path(tempfile.gettempdir()) / f"pynet_tf_{os.getuid()}" / name
    try:
        wanted = Path(platformdirs.user_cache_dir("pynet_tf", appauthor=False)) / name
    except RuntimeError:
        # A user without a home folder.
        wanted = temporary
    # Or, with earlier versions of platformdirs, one whose folders begin with `~`.
    for folder in filter(Path.is_absolute, (wanted, temporary)):
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder
    raise InputError(
        f"neither {wanted} nor {temporary} can be written to; name a folder that can: "
        "XDG_CACHE_HOME=FOLDER before the command"
    )
