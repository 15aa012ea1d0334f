"""What several tests share: a tiny EBB! data set of generated pairs."""

import gc
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ebb_pictures import write_lens
from faults import Nursery
from PIL import Image

from pynet_tf.data import ebb_layout
from pynet_tf.io.locks import locked
from pynet_tf.prepare import build_shards

ROOT = Path(__file__).parent.parent

# A shell starts what runs in its background with Ctrl-C ignored, and so would all commands that
# the tests start, those that are to be interrupted among them.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items):
    """Begins with the folders whose files take long, so that two processes end together."""
    long = ("train", "tools", "export", "evaluate", "convert", "commands", "inference")
    items.sort(key=lambda item: item.path.parent.name not in long)


def pytest_collection_finish():
    """Leaves out what TensorFlow does to every new graph: most graphs of tests run once.

    And keeps the garbage collector from walking through all that is imported, a tenth of the time.
    """
    gc.freeze()
    gc.set_threshold(700, 10, 100)
    if "tensorflow" in sys.modules:
        from pynet_tf.train.step import spare_graph_rewriting

        spare_graph_rewriting()


def write_pair(folder: Path, name: str, height: int, width: int, seed: int) -> None:
    """Writes a smooth random photo, a depth map and a dimmer photo in the EBB! layout."""
    rng = np.random.default_rng(seed)

    def smooth(channels):
        cells = rng.integers(0, 256, (6, 8, channels), np.uint8)
        picture = Image.fromarray(cells if channels == 3 else cells[..., 0])
        return picture.resize((width, height), Image.Resampling.BICUBIC)

    photo = smooth(3)
    for kind in ("original", "bokeh", "original_depth"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    photo.save(folder / "original" / f"{name}.jpg", quality=95)
    photo.point(lambda value: value * 0.8).save(folder / "bokeh" / f"{name}.jpg", quality=95)
    smooth(1).resize((width // 2, height // 2)).save(folder / "original_depth" / f"{name}.png")
    write_lens(folder, name, seed)


@pytest.fixture(scope="session", autouse=True)
def _cache(tmp_path_factory):
    """Keeps what commands keep in the user's cache folder in a folder of the tests."""
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """Returns a folder that one of the tests' processes fills for all; nobody changes it then."""
    root = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent
    folder, made = root / name, root / f"{name}.made"
    with locked(folder, patience=300):
        if not made.exists():
            make(folder)
            made.touch()
    return folder


@pytest.fixture(scope="session")
def tiny_ebb(tmp_path_factory) -> Path:
    """A data_dir with shards of five training and three test pairs of different sizes."""
    return made_once(tmp_path_factory, "ebb", _write_tiny_ebb) / "data"


def _write_tiny_ebb(source: Path) -> None:
    sizes = [(128, 192), (128, 160), (160, 128), (128, 128), (192, 256)]
    for number, (height, width) in enumerate(sizes):
        write_pair(source / "train", str(2 * number), height, width, number)
    for number in range(3):
        write_pair(source / "test", str(100 + number), 128, 192, 100 + number)
    build_shards.build(ebb_layout.scan(source), source / "data")


@pytest.fixture(scope="session")
def nursery(tmp_path_factory, _cache):
    """Starts command lines without importing TensorFlow anew; see `faults`."""
    nursery = Nursery(tmp_path_factory.mktemp("nursery"))
    yield nursery
    nursery.close()


@pytest.fixture(scope="session")
def bench(nursery, tiny_ebb, tmp_path_factory):
    """Runs the cases of `command_cases`."""
    from command_cases import Bench, write_inputs

    def write(folder):
        write_inputs(folder, nursery, tiny_ebb.parent)

    return Bench(nursery, tiny_ebb.parent, made_once(tmp_path_factory, "inputs", write))
