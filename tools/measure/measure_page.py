"""Times clicks on the page in Chromium, and how much memory the page's process takes.

Opens an example, clicks at places of chance one after another, and prints for every twenty clicks
the median seconds from a click to its picture and the memory of the server. Needs Chromium and the
Python package playwright.
"""

import random
import re
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from pynet_tf import cli
from pynet_tf.errors import InputError

GROUP = 20
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
SOURCE = "document.querySelector('#picture img')?.getAttribute('src')"


def main() -> None:
    """Starts the page, clicks and prints."""
    parser = cli.Parser(prog="python tools/measure/measure_page.py", description=__doc__)
    parser.add_argument("--clicks", type=cli.whole(1), default=200, help="one after another")
    parser.add_argument(
        "--example", type=cli.whole(0), default=1, help="number of the photo, from 0"
    )
    options = parser.parse_args()
    chromium = shutil.which("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise InputError("playwright is not there; install it: pip install playwright") from error
    if chromium is None:
        raise InputError("chromium is not there; install it with the system's packages")
    command = [sys.executable, "-m", "pynet_tf.app", "--port", "0", "--no_browser"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=chromium, args=FLAGS)
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.goto(server.stdout.readline().strip())
            page.click(f"#examples button >> nth={options.example}")
            page.wait_for_selector("#picture img")
            page.wait_for_timeout(2000)
            _click(page, options.clicks, server.pid)
    finally:
        server.terminate()
        server.wait()


def _click(page, clicks: int, process: int) -> None:
    rng, times = random.Random(0), []
    for number in range(1, clicks + 1):
        box, shown = page.locator("#picture img").bounding_box(), page.evaluate(SOURCE)
        x, y = (rng.uniform(0.1, 0.9) for _ in "xy")
        began = time.monotonic()
        page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
        page.wait_for_function(f"shown => {SOURCE} !== shown", arg=shown)
        times.append(time.monotonic() - began)
        if number % GROUP == 0:
            seconds = statistics.median(times[-GROUP:])
            print(f"{number} clicks: {seconds:.2f} s, {_memory(process)} MiB", flush=True)


def _memory(process: int) -> int:
    status = Path(f"/proc/{process}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) // 1024


if __name__ == "__main__":
    cli.run(main, "tools/measure/measure_page.py")
