"""Exit statuses, messages, progress, and a quiet TensorFlow."""

import argparse
import os
import pwd
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from conftest import ROOT

from pynet_tf import cli
from pynet_tf.cli import progress_bar
from pynet_tf.errors import InputError
from pynet_tf.io.atomic_files import replacing, write_text
from pynet_tf.io.cache import cache_folder


def _run(main, capsys) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        cli.run(main, "pynet_tf.test")
    return ended.value.code, capsys.readouterr().err


def _raise(error):
    raise error


def test_statuses_and_messages(capsys, tmp_path):
    assert _run(lambda: None, capsys) == (0, "")
    assert _run(lambda: 1, capsys) == (1, "")
    status, said = _run(lambda: _raise(InputError("a.jpg is\nnot there; check it")), capsys)
    assert (status, said) == (2, "pynet_tf.test: error: a.jpg is not there; check it\n")
    status, said = _run(lambda: (tmp_path / "no" / "such").write_text(""), capsys)
    assert status == 2
    assert str(tmp_path / "no" / "such") in said
    assert _run(lambda: _raise(KeyboardInterrupt()), capsys)[0] == 130


def test_every_argument_knows_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    parser = cli.Parser()
    parser.add_argument("photo", nargs="+")
    parser.add_argument("--data_dir", type=Path)
    given = ["--data_dir=~/x", "~/a b/*.jpg", "a~b", "~"]
    options = parser.parse_args(given)
    assert options.data_dir == tmp_path / "x"
    assert options.photo == [f"{tmp_path}/a b/*.jpg", "a~b", str(tmp_path)]
    assert parser.parse_args(["p", "--data_dir", "~/y"]).data_dir == tmp_path / "y"


def _parser():
    parser = cli.Parser(prog="python -m pynet_tf.test")
    parser.add_argument("photo", nargs="*", type=Path)
    parser.add_argument("--depth", type=Path)
    parser.add_argument("--depth_model")
    parser.add_argument("--level", type=cli.whole(1, 7))
    parser.add_argument("--count", type=cli.whole(1))
    parser.add_argument("--blur", type=cli.number(0, 25))
    parser.add_argument("--method", choices=("net", "lens"))
    return parser


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--no_such"], "there is no flag --no_such"),
        (["--depth-model", "x"], "there is no flag --depth-model; try --depth_model"),
        # What is missing or wrong besides is not told in its place.
        (["--blurr=1", "--level", "9"], "there is no flag --blurr; try --blur"),
        (["--depth", ""], "--depth is empty, perhaps by a variable that is not set; give a value"),
        (["--depth="], "--depth is empty"),
        (["a.jpg", ""], "an argument is empty"),
        (["--", ""], "an argument is empty"),
        (["--method", "of all"], "argument --method: invalid choice: 'of all'"),
        (["--depth"], "argument --depth: expected one argument"),
        (["--level", "8"], "argument --level: '8' is not a whole number from 1 to 7"),
        (["--level", "1.0"], "'1.0' is not a whole number from 1 to 7"),
        (["--level", "9" * 10_000], "is not a whole number from 1 to 7"),
        (["--count", "0"], "'0' is not a whole number of 1 or more"),
        (["--blur", "nan"], "'nan' is not a number from 0 to 25"),
        (["--blur", "two"], "'two' is not a number from 0 to 25"),
    ],
)
def test_wrong_arguments_are_told_in_a_sentence(arguments, told, capsys):
    status, said = _run(lambda: _parser().parse_args(arguments), capsys)
    assert status == 2
    assert said.startswith("pynet_tf.test: error: ")
    assert told in said
    assert said.endswith("; see python -m pynet_tf.test --help\n")
    assert said.count("\n") == 1


def test_right_arguments_are_taken():
    given = ["--depth_m", "x", "--level", "7", "--blur", "1e1", "--", "--no_flag", "-a="]
    options = _parser().parse_args(given)
    assert (options.depth_model, options.level, options.blur) == ("x", 7, 10.0)
    assert options.photo == [Path("--no_flag"), Path("-a=")]


def test_two_numbers_that_begin_with_a_minus_are_the_flag_s():
    options = _parser().parse_args(["photo.jpg", "--depth_model", "-0.1,0.5", "--blur", "2"])
    assert (options.depth_model, options.blur) == ("-0.1,0.5", 2)


def test_a_locale_without_utf_8_is_told_where_it_matters(monkeypatch):
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: "iso8859-1")
    assert cli.utf8_path("run") == Path("run")
    with pytest.raises(argparse.ArgumentTypeError, match="PYTHONUTF8=1"):
        cli.utf8_path("\N{LATIN SMALL LETTER E WITH ACUTE}")


@pytest.mark.parametrize("home", [None, "gone"])
def test_a_user_without_a_home_folder(home, monkeypatch, capsys, tmp_path):
    """As in many containers: the number has no entry in the list of users."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pwd, "getpwuid", lambda number: {}[number])
    monkeypatch.delenv("XDG_CACHE_HOME")
    if home is None:
        monkeypatch.delenv("HOME", raising=False)
    else:
        monkeypatch.setenv("HOME", str(tmp_path / home))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    if home is None:
        assert cache_folder("a").is_relative_to(tmp_path / "temporary")

    def main():
        assert cache_folder("a").is_relative_to(tmp_path / "temporary")
        (Path.home() / "kept").touch()
        parser = cli.Parser()
        parser.add_argument("--data_dir")
        parser.parse_args(["--data_dir=~/x"])

    assert "--data_dir=~/x: this user has no home folder" in _run(main, capsys)[1]
    assert os.listdir(tmp_path) == ["temporary"]
    assert list((tmp_path / "temporary").glob("*/kept"))


def test_every_command_line_has_this_parser():
    files = [*ROOT.glob("pynet_tf/**/*.py"), *ROOT.glob("tools/**/*.py")]
    assert len(files) > 100
    assert [f for f in files if "= argparse.ArgumentParser(" in f.read_text()] == []


def test_bugs_are_not_hidden():
    with pytest.raises(ValueError, match="ours"):
        cli.run(lambda: _raise(ValueError("ours")), "x")


def test_progress_passes_everything_on_and_ends_with_a_line(capsys):
    assert list(cli.progress(range(3), 3, "counting", lambda: "note")) == [0, 1, 2]
    assert capsys.readouterr().err == "counting: 3 of 3 note\n"
    assert list(cli.progress(range(7, 9), 9, "counting", first=7)) == [7, 8]
    assert capsys.readouterr().err == "counting: 9 of 9\n"


def test_help_shows_defaults_as_they_are_typed():
    parser = cli.Parser()
    parser.add_argument("--range", default=(0.05, 0.15), help="of depths")
    parser.add_argument("--share", default=0.5, help="of all")
    told = parser.format_help()
    assert "of depths (default: 0.05,0.15)" in told
    assert "of all (default: 0.5)" in told


def _told(durations, total, capsys, monkeypatch):
    """Returns the time left in words after each item, empty where none is told."""
    now = 0.0
    monkeypatch.setattr(progress_bar.time, "monotonic", lambda: now)
    for item in cli.progress(durations, total, "working", every=0.0):
        now += item
    lines = capsys.readouterr().err.splitlines()
    return [line.partition(", ")[2] for line in lines]


def test_no_time_left_is_told_before_it_means_something(capsys, monkeypatch):
    """A training's first steps: the graph is built, caches are cold."""
    told = _told([40.0, 3.0, 1.5] + [1.0] * 97, 1000, capsys, monkeypatch)
    first = next(number for number, words in enumerate(told) if words)
    assert 5 <= first <= 15
    # Never far off: 990 steps of a second each.
    assert set(told[first:]) <= {f"{minutes} min left" for minutes in range(15, 19)}


def test_items_that_come_several_at_a_time_are_not_taken_for_quick(capsys, monkeypatch):
    told = _told([20.0, 0.01, 0.01, 0.01] * 12, 480, capsys, monkeypatch)
    known = [words for words in told if words]
    assert known
    assert set(known) <= {f"{minutes} min left" for minutes in range(30, 56)}


def test_a_pause_does_not_hide_the_time_left(capsys, monkeypatch):
    told = _told([1.0] * 50 + [30.0] + [1.0] * 50, 200, capsys, monkeypatch)
    assert all(told[10:-1])


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(4, "4 s"), (600, "10 min"), (12_000, "3 h 20 min"), (5_430, "1 h 30 min")],
)
def test_durations(seconds, text):
    assert cli.duration(seconds) == text


def test_tensorflow_starts_without_a_word_and_without_what_nobody_needs():
    # On some processors oneDNN reports as an error that it leaves such a slice to TensorFlow.
    code = (
        "import sys\n"
        "from pynet_tf import cli\n"
        "tf = cli.import_tensorflow()\n"
        "assert not {'matplotlib', 'pandas'} & set(sys.modules)\n"
        "import matplotlib, pandas\n"
        "photo = tf.ones((8, 8), tf.uint8)\n"
        "print(tf.function(lambda photo: photo[2:4, 1:])(photo).shape)"
    )
    told = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=told)
    assert (result.stdout, result.stderr) == ("(2, 7)\n", "")


def test_replacing_keeps_the_old_file_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "file.txt"
    write_text(path, "old")

    def fail():
        with replacing(path) as partial:
            partial.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_replacing_a_folder(tmp_path):
    path = tmp_path / "folder"
    for content in ("first", "second"):
        with replacing(path) as partial:
            partial.mkdir()
            (partial / "file").write_text(content)
    assert (path / "file").read_text() == "second"
    assert list(tmp_path.iterdir()) == [path]
