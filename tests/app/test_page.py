"""The page as people use it: dropped photos, clicks, slides, downloads, in a real browser."""

import contextlib
import http.client
import io
import json
import os
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from page_visits import CHROMIUM, FLAGS, Server, Visit, write_estimator
from PIL import Image

from pynet_tf.io import images
from pynet_tf.render import command as render

WINDOW = {"width": 1280, "height": 900}
EXAMPLES = ROOT / "docs" / "examples"


@pytest.fixture(scope="module")
def server(tmp_path_factory, _cache):
    """The page, at a port of its own."""
    folder = tmp_path_factory.mktemp("page")
    server = Server(folder, "--depth_model", str(write_estimator(folder / "depth.onnx")))
    yield server
    server.end()
    assert not list(folder.glob("pynet_tf_page*"))
    # Nobody was told of a fault of the page.
    assert server.told == []


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


@pytest.fixture(scope="module")
def regular(browser):
    """The browser of one who comes often, and has kept the page's scripts."""
    return browser.new_context(viewport=WINDOW)


@pytest.fixture
def visit(browser, regular, server):
    """Returns what opens the page in a new tab, of the regular visitor or of a new one."""
    tabs, contexts = [], []

    def arrive(stranger=False):
        if stranger:
            contexts.append(browser.new_context(viewport=WINDOW))
        page = Visit(contexts[-1] if stranger else regular, server.address)
        tabs.append(page.tab)
        return page

    yield arrive
    for opened in (*tabs, *contexts):
        opened.close()


def detail(picture, x, y, reach=0.06):
    """Returns how much detail there is around a place in 0..1."""
    height, width = picture.shape[:2]
    rows = slice(int((y - reach) * height), int((y + reach) * height))
    columns = slice(int((x - reach) * width), int((x + reach) * width))
    return np.abs(np.diff(picture[rows, columns].mean(axis=-1), axis=0)).mean()


# On the face, the shuttle and the wall of the portrait.
FACE, SHUTTLE, WALL = (0.43, 0.25), (0.80, 0.42), (0.65, 0.1)


def test_a_click_makes_its_place_sharp_and_a_slide_blurs_more(visit):
    page = visit()
    page.example(0)
    assert "nearest subject" in page.told
    automatic, first = page.picture(), page.source
    began = time.monotonic()
    page.click(*SHUTTLE)
    page.wait_picture(first)
    # A person waits half a second on an idle machine; here others may be at work.
    assert time.monotonic() - began < 20
    clicked, second = page.picture(), page.source
    assert "where you chose" in page.told
    assert detail(clicked, *SHUTTLE) > 1.5 * detail(automatic, *SHUTTLE)
    assert detail(clicked, *FACE) < 0.7 * detail(automatic, *FACE)
    page.slide("blur", 3)
    page.wait_picture(second)
    assert detail(page.picture(), *FACE) < 0.8 * detail(clicked, *FACE)
    assert not page.errors


def test_a_wide_window_is_used(visit):
    page = visit()
    page.tab.set_viewport_size({"width": 1200, "height": 900})
    page.example(2)
    left = page.tab.locator("#picture").bounding_box()
    right = page.tab.locator("#blur").bounding_box()
    assert left["width"] > 700
    assert right["x"] + right["width"] - left["x"] > 1100


def test_the_page_asks_no_other_server(visit, server):
    page = visit(stranger=True)
    page.example(1)
    page.tab.wait_for_timeout(500)
    assert page.requests
    foreign = [
        url for url in page.requests if not url.startswith((server.address, "data:", "blob:"))
    ]
    assert not foreign


def test_downloads_are_what_the_command_line_writes(visit, tmp_path, monkeypatch):
    page = visit()
    photo = EXAMPLES / "portrait.jpg"
    page.example(0)
    shown = page.source
    page.click(0.8, 0.3)
    page.wait_picture(shown)
    words = page.command().split()
    with page.tab.expect_download() as download:
        page.tab.click("#download")
    assert download.value.suggested_filename == "portrait.jpg"
    assert words[3] == "portrait.jpg"
    assert words[-2:] == ["--output", "out"]
    monkeypatch.chdir(EXAMPLES)
    output = tmp_path / "out"
    assert render.main([*words[3:-1], str(output)]) == 0
    assert download.value.path().read_bytes() == (output / "portrait.jpg").read_bytes()
    assert images.read_photo(output / "portrait.jpg").shape == images.read_photo(photo).shape


def test_twenty_clicks_in_a_row_end_with_the_picture_of_the_last(visit):
    page = visit()
    page.example(0)
    for number in range(20):
        page.click(0.1 + 0.04 * number, 0.5)
    page.click(*SHUTTLE)
    page.settle()
    many, files = page.picture(), list((page.folder() / "made").iterdir())
    shown = page.source
    page.click(*FACE)
    page.wait_picture(shown)
    shown = page.source
    page.click(*SHUTTLE)
    page.wait_picture(shown)
    np.testing.assert_array_equal(many, page.picture())
    # Old pictures are not kept.
    assert len(files) < 15


def test_views_show_both_pictures_what_is_in_focus_and_the_depth(visit):
    page = visit()
    page.example(0)
    page.view("Before / after")
    page.tab.wait_for_selector("#compare img >> nth=1")
    before, after = (page.picture(f"#compare img >> nth={number}") for number in (1, 0))
    assert page.tab.locator("#picture img").count() == 0
    if detail(before, *SHUTTLE) < detail(after, *SHUTTLE):
        before, after = after, before
    assert detail(before, *SHUTTLE) > 1.5 * detail(after, *SHUTTLE)
    page.view("In focus")
    page.wait_picture()
    focus = page.picture()
    # The background is dimmed and grey, the person is as in the photo.
    assert np.ptp(focus[20:60, 300:340], axis=-1).max() < 12
    assert np.abs(focus - before)[120:150, 200:240].mean() < 3
    shown = page.source
    page.view("Depth")
    page.wait_picture(shown)
    assert np.ptp(page.picture(), axis=-1).max() < 12


def test_while_the_pointer_is_down_what_would_not_be_sharp_is_dimmed(visit):
    page = visit()
    page.example(0)
    shown = page.source
    page.point(*FACE)
    page.tab.mouse.down()
    page.tab.wait_for_selector(".overlay")
    look = """places => places.map(([x, y]) => {
        const canvas = document.querySelector('.overlay');
        const pixel = [x * canvas.width, y * canvas.height, 1, 1];
        return canvas.getContext('2d').getImageData(...pixel).data[3];
    })"""
    assert page.tab.evaluate(look, [FACE, WALL]) == [0, 191]
    page.point(*WALL)
    assert page.tab.evaluate(look, [FACE, WALL]) == [191, 0]
    page.tab.mouse.up()
    assert page.tab.locator(".overlay").count() == 0
    page.wait_picture(shown)
    assert "where you chose" in page.told


def test_arrow_keys_move_the_focus(visit):
    page = visit()
    page.example(0)
    keys, shown = page.tab.keyboard, page.source
    picture = "document.activeElement.matches('#picture .image-container > button')"
    page.tab.focus("#view input:checked")
    for _ in range(8):
        if not page.tab.evaluate(picture):
            keys.press("Tab")
    x, y = map(float, page.tab.input_value("#sharp textarea").split(","))
    for _ in range(5):
        keys.press("ArrowRight")
    keys.press("Shift+ArrowUp")
    page.wait_told("where you chose")
    page.wait_picture(shown)
    page.settle()
    moved = [float(value) for value in page.command().split("--focus ")[1].split()[0].split(",")]
    assert moved == pytest.approx([x + 0.1, y - 0.004], abs=1e-3)
    # It goes on from there, and stays in the picture.
    page.tab.focus("#picture .image-container > button")
    shown = page.source
    keys.down("ArrowLeft")
    page.tab.wait_for_selector(".overlay")
    for _ in range(60):
        keys.down("ArrowLeft")
    assert page.source == shown, "while it is down nothing is rendered"
    keys.up("ArrowLeft")
    assert page.tab.locator(".overlay").count() == 0
    page.wait_picture(shown)
    assert page.tab.evaluate(picture), "the next key is for the picture too"
    # The picture's own keys are left alone.
    shown = page.source
    keys.press("Enter")
    page.tab.wait_for_timeout(500)
    assert page.source == shown
    assert f"--focus 0,{moved[1]:g}" in page.command()
    assert not page.errors


def test_two_visitors_do_not_see_each_others_photos_or_settings(visit):
    first, second = visit(), visit(stranger=True)
    first.example(0)
    shown = first.source
    first.slide("blur", 3)
    first.wait_picture(shown)
    url = first.source
    second.example(2)
    assert "night" in second.command()
    assert "--blur" not in second.command()
    assert first.tab.request.get(url).ok
    assert second.tab.request.get(url).status == 404
    # Two tabs of one browser are two sessions.
    third = visit()
    assert third.tab.context == first.tab.context
    assert third.tab.locator("#picture img").count() == 0
    third.example(1)
    shown = first.source
    first.click(*SHUTTLE)
    first.wait_picture(shown)
    assert "portrait.jpg" in first.command()
    assert "--blur 3" in first.command()
    assert "bush.jpg" in third.command()


def test_a_closed_tab_leaves_no_file(visit):
    page = visit()
    page.drop(EXAMPLES / "portrait.jpg")
    folder = page.folder()
    assert len(list(folder.rglob("*.jpg"))) > 1
    page.tab.close()
    deadline = time.monotonic() + 15
    root = folder.parents[1]
    while (folder.exists() or list(root.glob("tmp*"))) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not folder.exists()
    assert not [path for path in root.iterdir() if path.is_file()]


def gradient(height, width):
    """A picture `[height, width, 3]` that is brighter, so nearer, at the bottom."""
    rows = np.linspace(20, 240, height).astype(np.uint8)
    return np.repeat(np.repeat(rows[:, None, None], width, axis=1), 3, axis=2)


def encoded(picture, kind="PNG"):
    content = io.BytesIO()
    Image.fromarray(picture).save(content, kind)
    return content.getvalue()


def saved(path, picture):
    path.write_bytes(encoded(picture))
    return path


def test_what_cannot_be_used_is_told_in_a_sentence(visit, tmp_path):
    page = visit()
    for name, content, told in (
        ("notes.jpg", b"no photo", "notes.jpg cannot be read as a picture"),
        ("cut.jpg", (EXAMPLES / "portrait.jpg").read_bytes()[:40_000], "cut.jpg cannot be read"),
        ("drawing.svg", b"<svg/>", "drawing.svg cannot be read as a picture"),
        ("small.png", encoded(gradient(40, 50)), "The photo is 50x40 pixels, but both sides"),
        (
            "large.png",
            encoded(np.zeros((10_000, 20_000), bool)),
            "million pixels; make it smaller",
        ),
    ):
        (tmp_path / name).write_bytes(content)
        page.drop(tmp_path / name, told)
        assert page.tab.locator("#told .wrong").count() == 1
        assert "/tmp" not in page.told
        # And the page goes on.
        page.tab.wait_for_selector("#drop input[type=file]", state="attached")
    uploads = [url for url in page.requests if "/upload" in url]
    with open(tmp_path / "huge.jpg", "wb") as huge:
        huge.truncate(101 * 2**20)
    page.drop(tmp_path / "huge.jpg", "huge.jpg is larger than 100 MB; make it smaller.")
    assert [url for url in page.requests if "/upload" in url] == uploads
    page.drop(EXAMPLES / "portrait.jpg")
    assert page.tab.locator("#told .wrong").count() == 0
    assert not page.errors


def test_odd_photos_are_opened(visit, tmp_path):
    pytest.importorskip("pillow_heif").register_heif_opener()
    page = visit()
    grey = gradient(240, 320)[..., 0]
    for name, picture in (
        ("deep.png", grey.astype(np.uint16) * 257),
        ("clear.png", np.dstack([grey] * 4)),
        ("phone.heic", np.dstack([grey] * 3)),
    ):
        kind = "HEIF" if name.endswith("heic") else "PNG"
        (tmp_path / name).write_bytes(encoded(picture, kind))
        page.drop(tmp_path / name)
        assert page.picture().shape == (240, 320, 3)
        assert "estimated by depth.onnx" in page.told
        assert name in page.command()
        page.tab.click("#another")
        page.tab.wait_for_selector("#drop", state="visible")


def test_the_depth_map_can_be_ones_own(visit, tmp_path):
    page = visit()
    page.drop(EXAMPLES / "portrait.jpg")
    found = page.picture()
    page.tab.click("#depth button")
    other = saved(tmp_path / "other.png", np.zeros((100, 300), np.uint8))
    page.tab.set_input_files("#given input[type=file]", other)
    page.wait_told("a depth map has its photo's proportions")
    # What was there is still there.
    shown = page.source
    page.click(*FACE)
    page.wait_picture(shown)
    shown = page.source
    page.tab.click("#given [aria-label='Clear']")
    page.settle()
    page.tab.set_input_files("#given input[type=file]", EXAMPLES / "portrait_depth.png")
    page.wait_told("Depth: portrait_depth.png")
    page.wait_picture(shown)
    assert np.abs(page.picture() - found).mean() > 1
    shown = page.source
    page.tab.click("#given [aria-label='Clear']")
    page.wait_told("estimated by")


def test_files_are_the_visitors_own_and_those_made_for_it(visit, server):
    page = visit()
    page.drop(EXAMPLES / "portrait.jpg")
    get = page.tab.request.get
    own, root = page.folder(), next(server.folder.glob("pynet_tf_page.*"))
    photo = next(path for path in own.rglob("portrait.jpg"))
    made = page.source.partition("file=")[2]
    refused = [
        "/etc/passwd",
        str(photo),
        str(ROOT / "setup.cfg"),
        "../../../../etc/passwd",
        f"{made}/../../../../../../etc/passwd",
        f"{root}/../secret.txt",
        f"{Path(made).parent}/../{photo.parent.name}/portrait.jpg",
        "http://127.0.0.1:1/x",
        "file:///etc/passwd",
        "%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "%2Fetc%2Fpasswd",
        "\\etc\\passwd",
        str(EXAMPLES / "portrait_depth.png"),
    ]
    (server.folder / "secret.txt").write_text("secret")
    for name in refused:
        assert get(f"{server.address}/gradio_api/file={name}").status == 404, name
    assert get(f"{server.address}/gradio_api/file={made}").ok
    # A link that leads out of what was made.
    link = Path(made).parent / "link.jpg"
    link.symlink_to(server.folder / "secret.txt")
    assert get(f"{server.address}/gradio_api/file={link}").status == 404
    link.unlink()


NOT_ANSWERED = (
    *("/docs", "/openapi.json", "/gradio_api/openapi.json", "/gradio_api/info", "/monitoring"),
    *("/gradio_api/proxy=http://127.0.0.1:1/", "/gradio_api/deep_link?session_hash=a", "/login"),
    *("/gradio_api/run/drop", "/gradio_api/call/drop", "/gradio_api/vibe-code", "/pwa_icon"),
    *("/gradio_api/runs", "/gradio_api/run-history/buckets", "/gradio_api/stream/a/b/1/x"),
    *("/gradio_api/process_recording", "/gradio_api/component_server", "/manifest.json"),
    *("/assets/../../routes.py", "/assets/..%2f..%2froutes.py", "/static/%2e%2e/%2e%2e/app.py"),
    *("/svelte/svelte.js", "/gradio_api/custom_component/a/client/b/c.js", "//etc/passwd"),
)


def ask(server, path, method="GET", body=None, **headers):
    """Asks for a path as it stands, which other clients would tidy up; returns the answer."""
    connection = http.client.HTTPConnection(server.address.removeprefix("http://"), timeout=20)
    skip = {"skip_host": True} if "Host" in headers else {}
    connection.putrequest(method, path, **skip)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    answer.body = answer.read() if method != "GET" or "heartbeat" not in path else b""
    connection.close()
    return answer


@pytest.fixture(scope="module")
def cookie(server):
    """A visitor's cookie."""
    given = ask(server, "/").headers["Set-Cookie"]
    assert "HttpOnly" in given
    assert "SameSite=Strict" in given
    return given.partition(";")[0]


@contextlib.contextmanager
def open_tab(server, cookie, name):
    """Is open at the page, as a tab."""
    address = server.address.removeprefix("http://").split(":")
    with contextlib.closing(http.client.HTTPConnection(*address)) as connection:
        connection.request("GET", f"/gradio_api/heartbeat/{name}", headers={"Cookie": cookie})
        assert connection.getresponse().status == 200
        yield


def test_what_the_page_does_not_ask_for_is_not_answered(server, cookie):
    for path in NOT_ANSWERED:
        for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS"):
            status = ask(server, path, method, Cookie=cookie).status
            assert status in (403, 404, 405), (method, path)


def test_other_sites_and_strangers_are_refused(server, cookie):
    port = server.address.rpartition(":")[2]
    # A name of another site that leads to this machine.
    assert ask(server, "/", Host=f"elsewhere.example:{port}").status == 421
    assert ask(server, "/", Host=f"localhost:{port}").status == 200
    for path in ("/gradio_api/queue/data?session_hash=abc", "/gradio_api/heartbeat/abc"):
        assert ask(server, path).status == 403
    assert ask(server, "/gradio_api/upload", "POST").status == 403
    assert ask(server, "/gradio_api/queue/join", "POST").status == 403
    # The tab of another visitor.
    other = ask(server, "/").headers["Set-Cookie"].partition(";")[0]
    with open_tab(server, cookie, "mine"):
        assert ask(server, "/gradio_api/heartbeat/mine", Cookie=other).status == 403
        path = "/gradio_api/queue/data?session_hash=mine"
        assert ask(server, path, Cookie=other).status == 403


def uploaded(server, cookie, content):
    """Uploads a file; returns the answer."""
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n'
    body = head + content + b"\r\n--x--\r\n"
    return ask(
        server, "/gradio_api/upload", "POST", body, Cookie=cookie,
        **{"Content-Type": "multipart/form-data; boundary=x", "Content-Length": str(len(body))},
    )  # fmt: skip


def test_two_tabs_can_be_given_the_same_file(server, cookie):
    with open_tab(server, cookie, "first"), open_tab(server, cookie, "second"):
        files = [json.loads(uploaded(server, cookie, b"photo").body)[0] for _ in range(2)]
        # Each is moved when its tab opens it.
        assert len(set(files)) == 2
        assert all(Path(file).read_bytes() == b"photo" for file in files)


def sizes(folder):
    """Returns the sizes of all files, while the page removes those of a tab that was closed."""
    found = []
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                found.append(os.lstat(os.path.join(parent, name)).st_size)
    return found


def test_a_file_of_more_than_100_mb_is_refused(server, cookie):
    with open_tab(server, cookie, "large"):
        answer = uploaded(server, cookie, bytes(101 * 2**20))
    assert answer.status == 413
    assert b"larger than 100 MB" in answer.body
    # Of what was refused, nothing stays.
    assert all(size < 2**26 for size in sizes(server.folder))
