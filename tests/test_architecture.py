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
# Pure functions and files: nothing of ours above them.
GROUND = {
    "errors": set(),
    "files": set(),
    "recipes": set(),
    "heads": set(),
    "model": {"heads"},
    "metrics": set(),
    "starts": set(),
    "vgg": {"errors"},
    "megadepth": {"errors", "files"},
    "optics": {"errors"},
    "lens": {"errors", "optics"},
    "metadata": set(),
    "images": {"errors", "files", "metadata"},
    "losses": {"metrics", "recipes"},
    "packed": {"files"},
    "checkpoints": {"errors", "files", "model", "packed", "recipes"},
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


@pytest.mark.parametrize("name", COMMAND_LINES)
def test_help_is_quick_and_imports_no_tensorflow(name):
    code = (
        "import sys, runpy; sys.argv = ['x', '--help']\n"
        f"try: runpy.run_module('pynet_tf.{name}', run_name='__main__')\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'tensorflow', 'keras', 'matplotlib', 'scipy', 'cv2'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    begun = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "--help" in result.stdout
    assert "default" in result.stdout
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - begun < 0.5


@pytest.mark.parametrize("name", COMMAND_LINES)
def test_wrong_flag_is_status_2(name):
    result = subprocess.run(
        [sys.executable, "-m", f"pynet_tf.{name}", "--no_such_flag"], capture_output=True, text=True
    )
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
