"""The page as tests use it: a server that runs, and a tab with what a person does there."""

import io
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
from PIL import Image

CHROMIUM = shutil.which("chromium")
# A browser for tests: no services of its own, no sandbox of its own inside a container.
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--no-first-run"),
    *("--disable-default-apps", "--disable-domain-reliability", "--disable-breakpad"),
)


# Milliseconds; other tests may be at work.
PATIENCE = 60_000


def write_estimator(path):
    """Writes an ONNX file that takes bright for near."""
    import onnx
    from onnx import TensorProto, helper

    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 70, 70])
    depth = helper.make_tensor_value_info("depth", TensorProto.FLOAT, None)
    mean = helper.make_node("ReduceMean", ["image"], ["depth"], axes=[1], keepdims=0)
    graph = helper.make_graph([mean], "depth", [image], [depth])
    opset = helper.make_opsetid("", 13)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=8), str(path))
    return path


class Server:
    """A page that runs.

    Attributes:
        process: its.
        address: that it has printed.
        folder: for its temporary files.
    """

    def __init__(self, folder, *arguments):
        self.folder = folder
        command = [sys.executable, "-m", "pynet_tf.app", "--port", "0", "--no_browser", *arguments]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder,
            env={**os.environ, "TMPDIR": str(folder)},
        )  # fmt: skip
        first = self.process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", first), first + self.process.stdout.read()
        self.address, self.told = first, []
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        self.told.extend(self.process.stdout)

    def end(self):
        self.process.terminate()
        self.process.wait(20)


class Visit:
    """A tab with the page, and what a person does there."""

    def __init__(self, context, address):
        self.tab, self.requests, self.errors = context.new_page(), [], []
        self.tab.set_default_timeout(PATIENCE)
        self.tab.on("request", lambda request: self.requests.append(request.url))
        self.tab.on("pageerror", lambda error: self.errors.append(str(error)))
        self.tab.goto(address)
        self.tab.wait_for_selector("#drop input[type=file]", state="attached")

    @property
    def told(self):
        return self.tab.evaluate("document.querySelector('#told p')?.innerText ?? ''")

    def wait_told(self, words):
        deadline = time.monotonic() + PATIENCE / 1000
        while words not in self.told:
            assert time.monotonic() < deadline, f"{words!r} was not told, but {self.told!r}"
            self.tab.wait_for_timeout(50)

    @property
    def source(self):
        return self.tab.get_attribute("#picture img", "src")

    def wait_picture(self, other_than=None):
        self.tab.wait_for_function(
            "old => { const i = document.querySelector('#picture img');"
            " return i && i.complete && i.naturalWidth && i.getAttribute('src') !== old }",
            arg=other_than,
        )

    def picture(self, selector="#picture img"):
        """Returns the picture that is shown, `[h, w, 3]`."""
        url = self.tab.get_attribute(selector, "src")
        content = self.tab.context.request.get(url).body()
        return np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(float)

    def example(self, number):
        self.tab.click(f"#examples button >> nth={number}")
        self.wait_picture()

    def drop(self, path, told="Depth:"):
        self.tab.set_input_files("#drop input[type=file]", path)
        self.wait_told(told)

    def point(self, x, y):
        """Moves the pointer to a place of the picture in 0..1."""
        box = self.tab.locator("#picture img").bounding_box()
        self.tab.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])

    def click(self, x, y):
        """Clicks on the picture at a place in 0..1."""
        self.point(x, y)
        self.tab.mouse.down()
        self.tab.mouse.up()

    def settle(self):
        """Waits until nothing more happens to the picture."""
        shown, since = None, time.monotonic()
        while time.monotonic() - since < 4:
            self.tab.wait_for_timeout(100)
            if self.source != shown:
                shown, since = self.source, time.monotonic()

    def command(self):
        """Returns the command that the page shows."""
        if not self.tab.locator("#command").is_visible():
            self.tab.click("text=The same as a command")
        return self.tab.locator("#command .cm-content").inner_text()

    def folder(self):
        """Returns the session's folder on the server."""
        return Path(self.source.partition("file=")[2]).parents[1]

    def view(self, name):
        self.tab.click(f"#view label:has-text('{name}')")

    def slide(self, name, value):
        field = self.tab.locator(f"#{name} input[type=number]")
        field.fill(str(value))
        field.press("Tab")
