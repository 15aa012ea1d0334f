"""What happens at a drop, a click, a slide: from the events of the page to what it shows.

Every handler answers with updates of `SHOWN`, in this order. What goes wrong is told in a sentence
and leaves the page as it was.
"""

import contextlib
import shutil
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import gradio as gr
import numpy as np

from pynet_tf.app import examples, sentences, views
from pynet_tf.app.open_photo import Choices, OpenPhoto, rounded
from pynet_tf.app.renderers import NoEstimatorError, Renderers
from pynet_tf.app.visitors import Session, Visitors
from pynet_tf.errors import InputError
from pynet_tf.io import images

VIEWS = ("Picture", "Before / after", "In focus", "Depth")
METHODS = {"Network": "net", "Thin lens": "lens"}
# What the handlers change: a sentence; what is there before a photo is open and after, and the way
# back; the picture; the two pictures of before and after; the command that makes the same picture;
# where the depth map is, and which place is sharp; and last the two places to drop files at, which
# are emptied.
SHOWN = (
    "told",
    "start",
    "studio",
    "another",
    "picture",
    "compare",
    "command",
    "depth",
    "sharp",
    "photo",
    "given",
)
Updates = tuple
# Longer side of the depth map that the page's script dims the picture with.
_SMALL_MAP = 480


class Handlers:
    """The handlers of the page's events.

    Args:
        renderers: shared by all visitors.
        visitors: who is at the page.
    """

    def __init__(self, renderers: Renderers, visitors: Visitors):
        self._renderers, self._visitors = renderers, visitors

    def drop(
        self, file: str, view: str, blur, lights, sharp_range, method, request: gr.Request
    ) -> Iterator[Updates]:
        """Opens a photo that was uploaded."""
        if file is None:
            yield _updates()
            return
        yield _updates(told=sentences.in_page("Reading the photo and finding its depth …", "busy"))
        # Steps of a generator run in threads of their own, so that none may end with the lock held.
        with self._session(request) as session:
            sliders = blur, lights, sharp_range, method
            shown = self._opened(session, Path(file), None, view, sliders)
        # Room for the next one.
        yield *shown[:-2], None, None

    def example(
        self, view: str, blur, lights, sharp_range, method, request: gr.Request,
        event: gr.SelectData,
    ) -> Iterator[Updates]:  # fmt: skip
        """Opens an example."""
        example = examples.found()[event.index]
        yield _updates(told=sentences.in_page("Opening the example …", "busy"))
        with self._session(request) as session:
            sliders = blur, lights, sharp_range, method
            shown = self._opened(session, example.photo, example.depth, view, sliders)
        yield shown

    def _opened(self, session: Session, file: Path, depth: Path | None, view: str, sliders):
        session.close()
        folder = session.new_folder()
        photo = OpenPhoto(self._renderers, folder / file.name, folder, _choices(*sliders))

        def run() -> Updates:
            given = depth
            if depth is not None:
                shutil.copy(file, photo.path)
                given = shutil.copy(depth, folder)
            elif session.owns(file):
                file.rename(photo.path)
            else:
                raise InputError("this file was not uploaded from here; drop it again")
            session.photo = photo
            try:
                photo.open(given and Path(given))
            except NoEstimatorError as error:
                return self._without_depth(session, error)
            except InputError:
                session.close()
                raise
            return self._shown(session, view)

        return _answer(run, session)

    def _without_depth(self, session: Session, error: NoEstimatorError) -> Updates:
        # Without the photo's path, which says nothing to visitors.
        why = str(error.__cause__ or error).partition("; ")[0]
        photo = session.photo
        photo.open_without_depth()
        picture = _written(session, photo.small, photo)
        return _updates(
            told=sentences.in_page(sentences.NO_DEPTH.format(why=why), "wrong"),
            start=gr.update(visible=False),
            studio=gr.update(visible=True), another=gr.update(visible=True),
            picture=gr.update(value=picture, visible=True),
            compare=gr.update(visible=False), command="",
        )  # fmt: skip

    def click(self, point: str, view: str, request: gr.Request) -> Updates:
        """Makes a place sharp; `point` is "x,y" in 0..1."""
        try:
            x, y = (float(value) for value in point.split(","))
        except ValueError:
            return _updates()
        return self._changed(request, view, lambda photo: photo.choose(point=rounded(x, y)))

    def automatic(self, view: str, request: gr.Request) -> Updates:
        """Goes back to the automatic focus."""
        return self._changed(request, view, lambda photo: photo.choose(point=None))

    def slide(self, view: str, blur, lights, sharp_range, method, request: gr.Request) -> Updates:
        """Changes blur, lights, sharp range or method."""
        chosen = vars(_choices(blur, lights, sharp_range, method)) | {}
        del chosen["point"]
        return self._changed(request, view, lambda photo: photo.choose(**chosen))

    def look(self, view: str, request: gr.Request) -> Updates:
        """Shows another view."""
        return self._changed(request, view, lambda photo: None)

    def take_map(self, file: str, view: str, request: gr.Request) -> Updates:
        """Uses a depth map of the visitor's own."""

        def take(photo: OpenPhoto) -> None:
            if file is not None:
                photo.take_map(Path(file))
                Path(file).unlink(missing_ok=True)

        return self._changed(request, view, take, owned=file)

    def drop_map(self, view: str, request: gr.Request) -> Updates:
        """Goes back to the depth map that was found."""
        return self._changed(request, view, OpenPhoto.take_own_map)

    def _changed(
        self,
        request: gr.Request,
        view: str,
        change: Callable[[OpenPhoto], None],
        owned: str | None = None,
    ) -> Updates:
        with self._session(request) as session:

            def run() -> Updates:
                if owned is not None and not session.owns(owned):
                    raise InputError("this file was not uploaded from here; drop it again")
                if owned is None or session.photo is None:
                    _open(session)
                change(session.photo)
                return self._shown(session, view)

            return _answer(run, session)

    def download(self, request: gr.Request) -> Iterator[tuple[str, str]]:
        """Writes the picture at full size; tells so, and where the file is."""
        yield sentences.in_page("Rendering at full size …", "busy"), ""
        with self._session(request) as session:
            answer = self._written_whole(session)
        yield answer

    def _written_whole(self, session: Session) -> tuple[str, str]:
        try:
            photo = _open(session)
            for earlier in session.made.glob("full_*"):
                shutil.rmtree(earlier, ignore_errors=True)
            path, remarks = photo.write(session.new_folder(session.made, "full_"))
        except Exception as error:
            return sentences.wrong(error, session), ""
        height, width = photo.found.photo.shape[:2]
        told = [f"Downloaded: {path.name}, {width}x{height} pixels", *remarks]
        return sentences.in_page("; ".join(told) + "."), _address(path)

    def another(self, request: gr.Request) -> Updates:
        """Closes the photo."""
        with self._session(request) as session:
            session.close()
        return _updates(
            told="", start=gr.update(visible=True), studio=gr.update(visible=False),
            another=gr.update(visible=False),
            picture=gr.update(value=None), compare=gr.update(value=None), command="",
            photo=None, given=None,
        )  # fmt: skip

    def leave(self, request: gr.Request) -> None:
        """Forgets a tab that was closed."""
        visitor = request.request.scope["visitor"]
        self._visitors.leave(visitor, request.session_hash)

    @contextlib.contextmanager
    def _session(self, request: gr.Request) -> Iterator[Session]:
        visitor = request.request.scope["visitor"]
        session = self._visitors.session(visitor, request.session_hash)
        with session.lock:
            if session.left:
                raise gr.Error(sentences.NOTHING_OPEN, print_exception=False)
            yield session

    def _small_map(self, session: Session) -> Path:
        """Returns the file of the depth map for the page's script, new for a new map."""
        depth = session.photo.found.depth
        path = session.made / f"depth_{zlib.crc32(depth.tobytes()):08x}.png"
        if not path.is_file():
            height, width = session.photo.small.shape[:2]
            scale = min(1.0, _SMALL_MAP / max(height, width))
            size = max(1, round(height * scale)), max(1, round(width * scale))
            images.write_image(path, images.resize(depth, *size))
        return path

    def _shown(self, session: Session, view: str) -> Updates:
        """Shows the open photo."""
        photo = session.photo
        compare, picture = gr.update(visible=False), gr.update(visible=False)
        if view == VIEWS[1]:
            pair = photo.small, photo.picture()
            compare = gr.update(value=[_written(session, p, photo) for p in pair], visible=True)
        else:
            height, width = photo.small.shape[:2]
            if view == VIEWS[2]:
                made = views.what_is_sharp(photo.small, photo.defocus())
            elif view == VIEWS[3]:
                made = views.depth_picture(photo.found.depth, height, width)
            else:
                made = photo.picture()
            chosen = photo.choices.point is not None
            made = np.asarray(views.with_focus(made, photo.sharp_point(), chosen))
            picture = gr.update(value=_written(session, made, photo), visible=True)
        return _updates(
            told=sentences.in_page(sentences.state(photo, session)),
            start=gr.update(visible=False),
            studio=gr.update(visible=True), another=gr.update(visible=True),
            picture=picture, compare=compare,
            command=photo.command(), depth=_address(self._small_map(session)),
            sharp=",".join(f"{value:.5f}" for value in photo.sharp_point()),
        )  # fmt: skip


def _address(path: Path) -> str:
    """Returns where the page finds a file, below its own address."""
    return f"gradio_api/file={quote(str(path))}"


def _choices(blur: float, lights: float, sharp_range: float, method: str) -> Choices:
    """Returns what the sliders say; the sharp range is in percent of all depths, a quarter behind.

    Raises:
        InputError: a value is out of its range.
    """
    behind = round(sharp_range / 400, 4)
    return Choices(
        None, float(blur), float(lights), (behind, round(3 * behind, 4)), METHODS[method]
    )


def _open(session: Session) -> OpenPhoto:
    if session.photo is None:
        raise InputError(sentences.NOTHING_OPEN)
    if not session.photo.has_depth:
        raise InputError(
            "this photo has no depth map yet; give one under Depth map, or take another photo"
        )
    return session.photo


def _written(session: Session, picture: np.ndarray, photo: OpenPhoto) -> str:
    path = session.new_picture(".jpg")
    profile = photo.profile
    images.write_image(path, picture, **({"icc_profile": profile} if profile else {}))
    return str(path)


def _answer(run: Callable[[], Updates], session: Session) -> Updates:
    try:
        return run()
    except Exception as error:
        return _updates(told=sentences.wrong(error, session))


def _updates(**values) -> Updates:
    return tuple(values.get(name, gr.skip()) for name in SHOWN)
