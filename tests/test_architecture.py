"""Imports go one way, and what starts quickly stays quick."""

import ast
import resource
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "pynet_tf"
COMMAND_LINES = ("depth", "evaluate", "export", "inspect_data", "render", "train")
TOOLS = sorted(
    path.name for path in (ROOT / "tools").glob("*.py") if "__main__" in path.read_text()
)
PROGRAMS = (*(f"pynet_tf.{name}" for name in COMMAND_LINES), *(f"tools/{name}" for name in TOOLS))
# Pure functions and files: nothing of ours above them.
GROUND = {
    "errors": set(),
    "files": set(),
    "recipes": set(),
    "blocks": set(),
    "focus": set(),
    "heads": set(),
    "light": {"heads"},
    "model": {"blocks", "focus", "heads", "light"},
    "metrics": set(),
    "starts": set(),
    "run_dirs": {"errors"},
    "tf1_names": {"errors"},
    "vgg_weights": {"errors"},
    "vgg": {"vgg_weights"},
    "megadepth": {"errors", "files"},
    "optics": {"errors"},
    "lens": {"errors", "optics"},
    "metadata": set(),
    "images": {"errors", "files", "metadata"},
    "losses": {"metrics", "recipes"},
    "packed": {"files"},
    "checkpoints": {"errors", "files", "model", "packed", "recipes", "run_dirs"},
}


def _modules() -> dict[str, Path]:
    return {
        ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
        for path in PACKAGE.rglob("*.py")
        if path.name != "__init__.py"
    }


def _imports(path: Path) -> set[str]:
    """Returns the modules of ours that a file imports, at its top or anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pynet_tf"):
            inner = node.module.split(".")[1:]
            found |= {".".join([*inner, alias.name]) for alias in node.names} | {".".join(inner)}
        elif isinstance(node, ast.Import):
            found |= {a.name.removeprefix("pynet_tf.") for a in node.names}
    return found & set(_modules())


def test_imports_form_no_circle():
    graph = {name: _imports(path) for name, path in _modules().items()}
    assert list(TopologicalSorter(graph).static_order())


@pytest.mark.parametrize("name", sorted(GROUND))
def test_ground_modules_import_only_what_lies_under_them(name):
    assert _imports(_modules()[name]) <= GROUND[name]


def test_command_lines_are_at_the_top():
    for name, path in _modules().items():
        assert not _imports(path) & set(COMMAND_LINES), f"{name} imports a command line"


def test_training_is_for_command_lines_only():
    users = {name for name, path in _modules().items() if "training" in _imports(path)}
    assert users <= set(COMMAND_LINES)


def test_package_never_imports_tools_or_tests():
    for name, path in _modules().items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                names = [a.name for a in node.names] + [getattr(node, "module", "") or ""]
                assert not any(n.split(".")[0] in ("tools", "tests") for n in names), name


def quickly(program, *arguments, folder=None):
    """Runs a command line, which may take half a second of CPU and import nothing heavy."""
    code = (
        "import os, runpy, sys\n"
        "program, status = sys.argv.pop(1), 0\n"
        "sys.path.insert(0, os.path.dirname(program))\n"
        "run = runpy.run_path if program.endswith('.py') else runpy.run_module\n"
        "try: run(program, run_name='__main__')\n"
        "except SystemExit as end: status = end.code\n"
        "heavy = {'tensorflow', 'keras', 'matplotlib', 'scipy', 'cv2'} & set(sys.modules)\n"
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


@pytest.mark.parametrize("name", COMMAND_LINES)
def test_help_shows_defaults(name):
    assert "default" in quickly(f"pynet_tf.{name}", "--help").stdout


@pytest.mark.parametrize("program", PROGRAMS)
def test_wrong_flag_is_status_2(program, tmp_path):
    result = quickly(program, "--no_such_flag", folder=tmp_path)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("pynet_tf.train --level 7 --data_dir nowhere", "nowhere holds no prepared EBB! set ("),
        ("pynet_tf.train --level 7 --data_dir run", "run holds no prepared EBB! set ("),
        (
            "pynet_tf.train --level 3 --data_dir {ebb} --run_dir run",
            "level 3 starts from level 4, which is not in run yet; run this first: ",
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
        ("tools/benchmark.py steps --data_dir nowhere", "nowhere holds no prepared EBB! set ("),
    ],
)
def test_what_is_missing_is_told_before_tensorflow_is_imported(tiny_ebb, tmp_path, command, told):
    # Nobody looks into the files before that.
    (tmp_path / "run" / "level_2").mkdir(parents=True)
    for name in ("run.json", "step_00000001.index"):
        (tmp_path / "run" / "level_2" / name).touch()
    result = quickly(*command.format(ebb=tiny_ebb).split(), folder=tmp_path)
    assert result.returncode == 2, result.stderr
    assert f": error: {told}" in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "new").exists()
