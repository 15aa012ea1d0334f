"""Imports go one way, and what starts quickly stays quick."""

import ast
import functools
import importlib
import re
import resource
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "pynet_tf"
COMMAND_LINES = ("app", "depth", "evaluate", "export", "inspect_data", "render", "train")
TOOLS = sorted(
    str(path.relative_to(ROOT))
    for path in (ROOT / "tools").rglob("*.py")
    if "__main__" in path.read_text()
)
PROGRAMS = (*(f"pynet_tf.{name}" for name in COMMAND_LINES), *TOOLS)
# From the ground up. A package imports packages of lower floors only, and its own modules.
FLOORS = (
    {"cli", "errors", "metrics", "model"},
    {"convert", "io", "lens"},
    {"data", "depth", "runs", "synthetic"},
    {"ebb", "inference", "inspect_data", "train"},
    {"evaluate", "export", "prepare"},
    {"render"},
    {"app"},
)
# The path by which Python users know MegaDepth; nothing of ours takes it.
DOORS = {"megadepth"}


def _modules() -> dict[str, Path]:
    """Returns all modules of ours, by their dotted names without `pynet_tf`."""
    return {
        ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
        for path in PACKAGE.rglob("*.py")
        if path.parent != PACKAGE or path.name != "__init__.py"
    }


def _imports(path: Path) -> set[str]:
    """Returns the modules of ours that a file imports, at its top or anywhere in it."""
    modules, found = set(_modules()), set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "pynet_tf":
            inner = node.module.split(".")[1:]
            names = {".".join([*inner, alias.name]) for alias in node.names}
            # A name that is no module is found in the module it is imported from.
            found |= {name if name in modules else ".".join(inner) for name in names}
        elif isinstance(node, ast.Import):
            ours = (a.name for a in node.names if a.name.startswith("pynet_tf."))
            found |= {name.removeprefix("pynet_tf.") for name in ours}
    return found & modules


def _room(module: str) -> str:
    return module.split(".")[0]


def test_every_package_has_a_floor():
    assert {_room(name) for name in _modules()} - DOORS == set().union(*FLOORS)


def test_packages_import_lower_floors_only():
    floor = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
    floor |= dict.fromkeys(DOORS, len(FLOORS))
    wrong = [
        f"{name} imports {other}"
        for name, path in _modules().items()
        for other in _imports(path)
        if _room(other) != _room(name)
        and floor[_room(other)] >= floor[_room(name)]
        # The ground floor's own rooms: `cli` needs `errors`.
        and not (floor[_room(name)] == 0 and _room(other) == "errors")
    ]
    assert not wrong


def test_imports_form_no_circle():
    # A package's door imports what is behind it, not the other way round.
    graph = {
        name: _imports(path) - {_room(name)} if "." in name else _imports(path)
        for name, path in _modules().items()
    }
    assert list(TopologicalSorter(graph).static_order())


def test_nothing_imports_a_command():
    for name, path in _modules().items():
        if not name.endswith("__main__"):
            taken = [other for other in _imports(path) if other.endswith(".command")]
            assert not taken, f"{name} imports {taken}"


def test_only_commands_print_as_command_lines_do():
    for name, path in _modules().items():
        if not name.endswith(("__main__", ".command")) and _room(name) != "cli":
            assert "cli" not in map(_room, _imports(path)), (
                f"{name} imports cli; let it take `progress`"
            )


def test_package_never_imports_tools_or_tests():
    for name, path in _modules().items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                names = [a.name for a in node.names] + [getattr(node, "module", "") or ""]
                assert not any(n.split(".")[0] in ("tools", "tests") for n in names), name


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("pynet_tf.model", "pynet"),
        ("pynet_tf.model", "level_model"),
        ("pynet_tf.lens", "render"),
        ("pynet_tf.depth", "estimate_depth"),
        ("pynet_tf.megadepth", "megadepth"),
        ("pynet_tf.ebb", "Ebb"),
    ],
)
def test_paths_that_users_were_promised(module, name):
    assert callable(getattr(importlib.import_module(module), name))


@functools.cache
def quickly(program, *arguments, folder=None):
    """Runs a command line, which may take half a second of CPU and import nothing heavy.

    The same one is run once.
    """
    code = (
        "import os, runpy, sys\n"
        "program, status = sys.argv.pop(1), 0\n"
        "sys.path.insert(0, os.path.dirname(program))\n"
        "run = runpy.run_path if program.endswith('.py') else runpy.run_module\n"
        "try: run(program, run_name='__main__')\n"
        "except SystemExit as end: status = end.code\n"
        "heavy = {'tensorflow', 'keras', 'matplotlib', 'scipy', 'cv2', 'gradio'}\n"
        "heavy &= set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else status)"
    )
    program = str(ROOT / program) if program.endswith(".py") else program
    begun = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    result = subprocess.run(
        [sys.executable, "-c", code, program, *arguments], capture_output=True, text=True,
        cwd=folder,
    )  # fmt: skip
    took = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - begun
    assert "imported" not in result.stderr
    assert took < 0.5
    return result


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_is_quick_and_imports_no_tensorflow(program):
    result = quickly(program, "--help")
    assert result.returncode == 0, result.stderr
    assert "--help" in result.stdout
    # That a switch is off by itself goes without saying.
    assert "default: False" not in result.stdout
    # Values are called by what they are, and not by the flag again.
    taken = re.findall(r"--(\w+) ([A-Z_]+)\b", result.stdout)
    ours = program.startswith(("tools/measure", "tools/studies"))
    assert ours or not [flag for flag, value in taken if flag.upper() == value]


@pytest.mark.parametrize("name", COMMAND_LINES)
def test_help_shows_defaults(name):
    assert "default" in quickly(f"pynet_tf.{name}", "--help").stdout


@pytest.mark.parametrize("program", PROGRAMS)
def test_wrong_flag_is_status_2(program, tmp_path):
    result = quickly(program, "--no_such_flag", folder=tmp_path)
    assert result.returncode == 2
    assert "error: " in result.stderr
    assert result.stderr.endswith(" --help\n")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("pynet_tf.train --level 7 --data_dir nowhere", "nowhere holds no prepared EBB! set ("),
        ("pynet_tf.train --level 7 --data_dir run", "run holds no prepared EBB! set ("),
        (
            "pynet_tf.train --recipe quick --level 3 --data_dir {ebb} --run_dir run --width=0.5",
            "level 3 starts from level 4, which is not in run yet; run this first: "
            "python -m pynet_tf.train --level 4 --recipe quick --data_dir {ebb} --run_dir run "
            "--width=0.5",
        ),
        (
            "pynet_tf.train --data_dir {ebb} --run_dir run --lev=3",
            "level 3 starts from level 4, which is not in run yet; run this first: "
            "python -m pynet_tf.train --level 4 --data_dir {ebb} --run_dir run",
        ),
        (
            "pynet_tf.train --level 7 --data_dir {ebb} --start_from nowhere",
            "nowhere has no trained level to start from",
        ),
        (
            "pynet_tf.train --level 1 --data_dir {ebb} --run_dir run --vgg nowhere.mat",
            "the VGG-19 weights nowhere.mat are not there; get ",
        ),
        (
            "pynet_tf.train --level all --data_dir {ebb} --run_dir new --vgg nowhere.mat",
            "the VGG-19 weights nowhere.mat are not there; get ",
        ),
        ("pynet_tf.export --output x --run_dir nowhere", "nowhere is not there or not a folder; "),
        ("pynet_tf.export --output x --run_dir .", ". holds no model; "),
        (
            "pynet_tf.export --output x --run_dir run --level 1",
            "run has no trained level 1 or finer; ",
        ),
        ("tools/convert_tf1_checkpoint.py nowhere out", "nowhere.index is not there; give "),
        (
            "tools/measure/benchmark.py steps --data_dir nowhere",
            "nowhere holds no prepared EBB! set (",
        ),
    ],
)
def test_what_is_missing_is_told_before_tensorflow_is_imported(tiny_ebb, tmp_path, command, told):
    # Nobody looks into the files before that.
    (tmp_path / "run" / "level_2").mkdir(parents=True)
    for name in ("run.json", "step_00000001.index"):
        (tmp_path / "run" / "level_2" / name).touch()
    result = quickly(*command.format(ebb=tiny_ebb).split(), folder=tmp_path)
    assert result.returncode == 2, result.stderr
    assert f": error: {told.format(ebb=tiny_ebb)}" in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "new").exists()
