"""The page as people use it: dropped photos, clicks, slides, downloads, in a real browser."""

import contextlib
import time

import numpy as np
import pytest
from conftest import ROOT
from page_visits import CHROMIUM, FLAGS, Server, Visit

from pynet_tf.io import images
from pynet_tf.render import command as render

EXAMPLES = ROOT / "docs" / "examples"


@pytest.fixture(scope="module")
def server(tmp_path_factory, _cache):
    """The page, at a port of its own."""
    server = Server(tmp_path_factory.mktemp("page"))
    yield server
    with contextlib.suppress(ProcessLookupError):
        server.end()


@pytest.fixture(scope="module")
def browser():
    """Chromium, without a screen."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not there, which shows the page; install it: chromium of Debian")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser, server):
    """Returns what opens the page as a new visitor, or as one who has been there."""
    contexts = []

    def arrive(context=None, **options):
        if context is None:
            context = browser.new_context(viewport={"width": 1280, "height": 900}, **options)
            contexts.append(context)
        return Visit(context, server.address)

    yield arrive
    for context in contexts:
        context.close()


def detail(picture, x, y, reach=0.06):
    """Returns how much detail there is around a place in 0..1."""
    height, width = picture.shape[:2]
    rows = slice(int((y - reach) * height), int((y + reach) * height))
    columns = slice(int((x - reach) * width), int((x + reach) * width))
    return np.abs(np.diff(picture[rows, columns].mean(axis=-1), axis=0)).mean()


# On the face and on the shuttle of the portrait.
FACE, SHUTTLE = (0.43, 0.25), (0.80, 0.42)


def test_a_click_makes_its_place_sharp_and_a_slide_blurs_more(visit):
    page = visit()
    page.example(0)
    assert "nearest subject" in page.told
    automatic, first = page.picture(), page.source
    began = time.monotonic()
    page.click(*SHUTTLE)
    page.wait_picture(first)
    # A person waits half a second on an idle machine; here others may be at work.
    assert time.monotonic() - began < 10
    clicked, second = page.picture(), page.source
    assert "where you clicked" in page.told
    assert detail(clicked, *SHUTTLE) > 1.5 * detail(automatic, *SHUTTLE)
    assert detail(clicked, *FACE) < 0.7 * detail(automatic, *FACE)
    page.slide("blur", 3)
    page.wait_picture(second)
    assert detail(page.picture(), *FACE) < 0.8 * detail(clicked, *FACE)
    assert not page.errors


def test_the_page_asks_no_other_server(visit, server):
    page = visit()
    page.example(1)
    page.tab.wait_for_timeout(500)
    assert page.requests
    foreign = [
        url for url in page.requests if not url.startswith((server.address, "data:", "blob:"))
    ]
    assert not foreign


def test_downloads_are_what_the_command_line_writes(visit, tmp_path):
    page = visit()
    photo, depth = EXAMPLES / "portrait.jpg", EXAMPLES / "portrait_depth.png"
    page.example(0)
    shown = page.source
    page.click(0.8, 0.3)
    page.wait_picture(shown)
    page.tab.click("text=The same from the command line")
    words = page.tab.locator("#command .cm-line").first.inner_text().split()
    with page.tab.expect_download() as download:
        page.tab.click("#download")
    assert download.value.suggested_filename == "portrait.jpg"
    assert words[3] == "portrait.jpg"
    output = tmp_path / "out"
    assert words[-2:] == ["--output", "out"]
    assert render.main([str(photo), *words[4:-1], str(output), "--depth", str(depth)]) == 0
    assert download.value.path().read_bytes() == (output / "portrait.jpg").read_bytes()
    assert images.read_photo(output / "portrait.jpg").shape == images.read_photo(photo).shape
