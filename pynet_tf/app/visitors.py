"""Who is at the page, what each has opened, and the files made for them.

A visitor is a browser, known by a secret in its cookie; a session is one of its tabs. Every session
has a folder of its own below that of its visitor, which goes when the tab is closed:

    ROOT/VISITOR/SESSION/           the photo, and the maps that came with it
    ROOT/VISITOR/SESSION/made/      what the page shows and downloads: all that is ever served
    ROOT/VISITOR/uploads/           what has been uploaded and not been opened yet
"""

import contextlib
import hashlib
import itertools
import os
import re
import secrets
import shutil
import tempfile
import threading
from collections import deque
from pathlib import Path

_PREFIX = "pynet_tf_page"
_NAME = re.compile(rf"{_PREFIX}\.(\d+)\.")
# A browser may still be fetching the picture before the newest one.
_KEPT_PICTURES = 6


class Session:
    """What one tab has opened; to be used with its lock held.

    Attributes:
        folder: see the module.
        lock: for all that reads or changes the session.
        photo: what is open, an `open_photo.OpenPhoto`; None if nothing is.
        left: whether the tab is closed, so that nothing may be written any more.
    """

    def __init__(self, folder: Path):
        self.folder, self.lock, self.photo = folder, threading.RLock(), None
        self.left = False
        self._numbers, self._pictures = itertools.count(), deque()
        self.made.mkdir(parents=True)

    @property
    def made(self) -> Path:
        """The folder of what may be served to the visitor."""
        return self.folder / "made"

    def new_picture(self, kind: str) -> Path:
        """Returns where to write a picture to show; the oldest ones are removed.

        Args:
            kind: its suffix with the dot.
        """
        path = self.made / f"{next(self._numbers)}{kind}"
        self._pictures.append(path)
        while len(self._pictures) > _KEPT_PICTURES:
            self._pictures.popleft().unlink(missing_ok=True)
        return path

    def new_folder(self, parent: Path | None = None, prefix: str = "photo_") -> Path:
        """Returns a new, empty folder in the session's, or in another one of its folders."""
        return Path(tempfile.mkdtemp(prefix=prefix, dir=parent or self.folder))

    def close(self) -> None:
        """Closes the photo and removes all that was made of it."""
        self.photo = None
        self._pictures.clear()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.made.mkdir(parents=True)

    def owns(self, path: str | Path) -> bool:
        """Tells whether a file is one of this session's or an upload of its visitor."""
        path = Path(path).resolve()
        return path.is_relative_to(self.folder.parent)


class Visitors:
    """All that are at the page; a context that leaves nothing behind.

    Attributes:
        root: see the module.
    """

    def __init__(self):
        _remove_what_others_left()
        self.root = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}.{os.getpid()}.")).resolve()
        # Of every open tab its visitor, and of those that have opened something the session.
        self._tabs: dict[str, str] = {}
        self._sessions: dict[tuple[str, str], Session] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> "Visitors":
        return self

    def __exit__(self, *_) -> None:
        shutil.rmtree(self.root, ignore_errors=True)

    def is_own_tab(self, visitor: str, tab: str) -> bool:
        """Tells whether a tab is a visitor's: the first one to name it."""
        with self._lock:
            return self._tabs.setdefault(tab, visitor) == visitor

    def folder(self, visitor: str) -> Path:
        """Returns a visitor's folder, whose name does not tell the secret."""
        return self.root / hashlib.sha256(visitor.encode()).hexdigest()[:32]

    def uploads(self, visitor: str) -> Path:
        """Returns the folder of what a visitor uploads."""
        return self.folder(visitor) / "uploads"

    def new_upload(self, visitor: str) -> Path:
        """Returns the folder of one upload: two tabs may be given the same file."""
        return self.uploads(visitor) / secrets.token_hex(8)

    def serves(self, visitor: str, path: Path) -> bool:
        """Tells whether a file was made for a visitor; `path` has no links and no dots."""
        own = self.folder(visitor)
        if not path.is_relative_to(own) or path.is_relative_to(self.uploads(visitor)):
            return False
        return path.relative_to(own).parts[1:2] == ("made",)

    def session(self, visitor: str, tab: str) -> Session:
        """Returns the session of a tab, new if it has none yet.

        Args:
            visitor: the secret of the browser.
            tab: that the browser calls it by.
        """
        with self._lock:
            key = visitor, tab
            if key not in self._sessions:
                name = secrets.token_hex(8)
                self._sessions[key] = Session(self.folder(visitor) / name)
            return self._sessions[key]

    def leave(self, visitor: str, tab: str) -> None:
        """Forgets a tab that was closed, with its files."""
        with self._lock:
            session = self._sessions.pop((visitor, tab), None)
            self._tabs.pop(tab, None)
            # A tab that has opened nothing yet may be uploading.
            others = {*self._tabs.values(), *(other for other, _ in self._sessions)}
        if session is not None:
            # What is still being rendered would be written after all.
            with session.lock:
                session.photo, session.left = None, True
                shutil.rmtree(session.folder, ignore_errors=True)
        if visitor not in others:
            shutil.rmtree(self.folder(visitor), ignore_errors=True)
        # Gradio makes an empty file for every one that is uploaded.
        for empty in self.root.glob("tmp*"):
            empty.unlink(missing_ok=True)


def _remove_what_others_left() -> None:
    """Removes the folders of pages that were killed."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}.*"):
        with contextlib.suppress(OSError):
            number = _NAME.match(path.name)
            if number and path.stat().st_uid == os.getuid():
                try:
                    os.kill(int(number[1]), 0)
                except ProcessLookupError:
                    shutil.rmtree(path, ignore_errors=True)
