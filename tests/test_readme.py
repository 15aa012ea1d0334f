"""The commands and programs of README.md, as they stand, and the flags of all other pages."""

import argparse
import importlib
import re
import runpy
import shlex
import shutil
import sys

import numpy as np
import pytest
from conftest import ROOT
from PIL import Image

from pynet_tf import model
from pynet_tf.io import images
from pynet_tf.runs.run_directory import RunDirectory

sys.path.append(str(ROOT / "tests" / "depth"))
import phone_files

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "checkpoints/README.md"]
# What needs EBB!, runs until it is stopped, or runs these tests.
ELSEWHERE = ("EBB", "--data_dir data", "pynet_tf.app", "tools/quickstart", "tools/test")
COMMAND = re.compile(r"python (-m pynet_tf\.\w+|tools/[\w/]+\.py)([^;'\n]*)")


def blocks(page, language):
    """Returns the page's blocks of code, without their indentation and with whole lines."""
    found = re.findall(rf"^ *```{language}\n(.*?)^ *```", page.read_text(), re.DOTALL | re.M)
    return [re.sub(r"\\\n *", " ", block) for block in found]


def commands(page):
    """Returns program and arguments of all commands of a page."""
    for block in blocks(page, "bash"):
        for program, arguments in COMMAND.findall(block):
            given = shlex.split(arguments.replace("$level", "7"), comments=True)
            yield program.removeprefix("-m "), given


class Parsed(Exception):
    """The arguments were understood."""


def parse(program, arguments, monkeypatch):
    """Starts a program's command line and stops it where its arguments have been read."""
    read = argparse.ArgumentParser.parse_args

    def stop(*given, **options):
        read(*given, **options)
        raise Parsed

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", stop)
    if program.startswith("pynet_tf."):
        main = importlib.import_module(f"{program}.command").main
    else:
        monkeypatch.syspath_prepend(str((ROOT / program).parent))
        main = runpy.run_path(str(ROOT / program))["main"]
    with pytest.raises(Parsed):
        main(arguments)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_have_the_flags_that_the_pages_give(page, monkeypatch):
    for program, arguments in commands(page):
        parse(program, arguments, monkeypatch)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where a reader has photos: one of a phone's, and one with a map."""
    folder = tmp_path_factory.mktemp("readme")
    with pytest.MonkeyPatch.context() as larger:
        larger.setattr(phone_files, "HEIGHT", 120)
        larger.setattr(phone_files, "WIDTH", 180)
        (folder / "photo.jpg").write_bytes(phone_files.mpo())
    photo, depth = (
        ROOT / "docs/examples" / name for name in ("portrait.jpg", "portrait_depth.png")
    )
    images.write_image(folder / "photos/portrait.jpg", images.read_photo(photo)[::2, ::2])
    (folder / "depth").mkdir()
    shutil.copy(depth, folder / "depth/portrait.png")
    shutil.copy(depth, folder / "depth.png")
    # In place of the network that comes along, a narrower one of level 7 alone.
    told = {"width": 0.05, "largest_kernel": 3, "head": "defocus"}
    RunDirectory(folder / "checkpoints/small").save(7, model.pynet(**told), {}, **told)
    return folder


def test_blocks_that_can_be_run_everywhere_run(nursery, folder):
    run = []
    for block in blocks(PAGES[0], "bash"):
        for line in block.splitlines():
            if not any(words in line for words in ELSEWHERE):
                start, *arguments = shlex.split(line, comments=True)
                assert start == "python"
                name, *arguments = arguments[1:] if arguments[0] == "-m" else arguments
                ended = nursery.run(name, *arguments, cwd=folder, timeout=400)
                assert ended.status == 0, f"{line}\n{ended.err}"
                run.append(name)
    assert {"pynet_tf.render", "pynet_tf.export"} <= set(run)
    for block in blocks(PAGES[0], "python"):
        given = "import numpy as np; photo = np.zeros((64, 96, 3), np.uint8); depth = photo[..., 0]"
        ended = nursery.run("-c", f"{given}\n{block}", cwd=folder)
        assert ended.status == 0, f"{block}\n{ended.err}"
    for name in ("out/photo.jpg", "out/portrait.jpg"):
        assert np.asarray(Image.open(folder / name)).std() > 5
    for name in ("bokeh_model", "bokeh.tflite", "bokeh.onnx", "bokeh.png"):
        assert (folder / name).exists()
