"""What the page answers where no estimator can be had, and to what nobody would send."""

import shutil
from types import SimpleNamespace

import pytest
from conftest import ROOT

from pynet_tf.app.renderers import Renderers
from pynet_tf.app.visitors import Visitors
from pynet_tf.errors import InputError

EXAMPLES = ROOT / "docs" / "examples"
SLIDERS = 1.0, 0.0, 20.0, "Network"


@pytest.fixture(scope="module")
def loads():
    return []


@pytest.fixture(scope="module")
def page(loads, tmp_path_factory):
    """Handlers of a page whose estimator cannot be fetched."""
    pytest.importorskip("gradio")
    from pynet_tf.app.handlers import SHOWN, Handlers

    def load():
        loads.append(None)
        raise InputError("the depth estimator small cannot be had (no network); give a map")

    with Visitors() as visitors:
        handlers = Handlers(Renderers(None, load), visitors)

        def ask(name, *arguments):
            """Calls a handler as a visitor; returns its last answer by name."""
            scope = SimpleNamespace(scope={"visitor": "someone"})
            request = SimpleNamespace(request=scope, session_hash="tab")
            answer = getattr(handlers, name)(*arguments, request)
            answer = answer if isinstance(answer, tuple) else list(answer)[-1]
            return dict(zip(SHOWN, answer, strict=True))

        yield SimpleNamespace(ask=ask, uploads=visitors.uploads("someone"))


def uploaded(page, name):
    folder = page.uploads / "0123456789abcdef" / "0123"
    folder.mkdir(parents=True, exist_ok=True)
    return shutil.copy(EXAMPLES / name, folder)


def test_without_an_estimator_a_photo_waits_for_a_map(page, loads):
    for _ in range(2):
        told = page.ask("drop", uploaded(page, "portrait.jpg"), "Picture", *SLIDERS)
        assert "holds no depth map, and the depth estimator small cannot be had" in told["told"]
        assert "under Depth map" in told["told"]
        assert told["studio"]["visible"]
        assert told["picture"]["value"].endswith(".jpg")
    # It may be there the next time.
    assert len(loads) == 2
    told = page.ask("click", "0.5,0.5", "Picture")
    assert "has no depth map yet" in told["told"]
    told = page.ask("take_map", uploaded(page, "portrait_depth.png"), "Picture")
    assert "Depth: portrait_depth.png" in told["told"]
    assert "--focus" not in told["command"]
    told = page.ask("click", "0.41234567,0.5", "Picture")
    assert "--focus 0.4123,0.5" in told["command"]


def test_files_that_were_not_uploaded_are_refused(page):
    for name in ("/etc/hostname", str(EXAMPLES / "bush.jpg")):
        told = page.ask("drop", name, "Picture", *SLIDERS)
        assert "was not uploaded from here" in told["told"]
    page.ask("drop", uploaded(page, "portrait.jpg"), "Picture", *SLIDERS)
    told = page.ask("take_map", str(EXAMPLES / "portrait_depth.png"), "Picture")
    assert "was not uploaded from here" in told["told"]


def test_what_makes_no_sense_changes_nothing(page):
    page.ask("drop", uploaded(page, "portrait.jpg"), "Picture", *SLIDERS)
    page.ask("take_map", uploaded(page, "portrait_depth.png"), "Picture")
    for point in ("", "1", "x,y", "nan,nan", "1,2,3"):
        page.ask("click", point, "Picture")
    told = page.ask("slide", "Picture", 99.0, 0.0, 20.0, "Network")
    assert "blur is 99" in told["told"]
    told = page.ask("look", "Picture")
    assert (
        told["command"]
        == "python -m pynet_tf.render portrait.jpg --depth portrait_depth.png --output out"
    )
    page.ask("another")
    told = page.ask("look", "Picture")
    assert "no longer open" in told["told"]
