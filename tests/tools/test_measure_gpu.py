"""What a GPU is measured with needs JAX, which the project does not; it says so."""

import subprocess
import sys

from conftest import ROOT

TOOL = ROOT / "tools" / "measure" / "measure_gpu.py"


def test_without_jax_one_sentence_says_what_to_install(tmp_path):
    # Whether it is installed or not.
    (tmp_path / "jax.py").write_text("raise ImportError('no JAX here')\n")
    code = f"import runpy, sys; sys.path.insert(0, {str(tmp_path)!r}); sys.argv = ['measure_gpu']\n"
    code += f"runpy.run_path({str(TOOL)!r}, run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "no JAX here" in done.stderr
    assert "pip install" in done.stderr
