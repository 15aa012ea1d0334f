"""What the page says, in sentences: what is sharp, what went wrong."""

import html
import re
import traceback

from pynet_tf.app.open_photo import OpenPhoto
from pynet_tf.app.visitors import Session
from pynet_tf.errors import InputError

NOTHING_OPEN = "This photo is no longer open; drop it again."
NO_DEPTH = (
    "This photo holds no depth map, and {why}. Give a depth map of your own under Depth map, or "
    "take one of the examples."
)


def state(photo: OpenPhoto, session: Session) -> str:
    """Tells what is sharp, and where the depth comes from."""
    if photo.choices.point is not None:
        sharp = "Sharp: where you chose"
    elif photo.found.focus is not None:
        sharp = f"Sharp: {photo.found.focus[1]}"
    else:
        sharp = "Sharp: the nearest subject"
    return _without_folders(f"{sharp}. Depth: {photo.found.source}.", session)


def wrong(error: Exception, session: Session) -> str:
    """Tells what went wrong in a sentence, without the folders of this machine."""
    if isinstance(error, InputError):
        sentence = str(error)
    elif isinstance(error, OSError) and error.strerror:
        sentence = f"this machine could not do it ({error.strerror}); try again later"
    else:
        traceback.print_exception(error)
        sentence = "this did not work, by a fault of the page; the terminal tells more"
    sentence = _without_folders(sentence, session)
    # File names stay as they are.
    if sentence.startswith(("the ", "this ")):
        sentence = sentence[:1].upper() + sentence[1:]
    return in_page(sentence if sentence.endswith(".") else f"{sentence}.", "wrong")


def _without_folders(text: str, session: Session) -> str:
    """Names files as the visitor does: photos and maps lie in folders with names of chance."""
    return re.sub(re.escape(str(session.folder.parent)) + r"/([^/\s]+/)*", "", text)


def in_page(text: str, kind: str = "state") -> str:
    """Returns a sentence as HTML; `kind` is `state`, `busy` or `wrong`."""
    return f'<p class="{kind}" role="status">{html.escape(text)}</p>'
