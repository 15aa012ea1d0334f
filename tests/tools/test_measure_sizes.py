"""One command tells seconds and memory of every way of rendering, by size."""

import subprocess
import sys

from conftest import ROOT


def test_a_row_for_every_size():
    tool = ROOT / "tools" / "measure" / "measure_sizes.py"
    command = [sys.executable, tool, "--sizes", "64x96", "512x768"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    head, _, *rows = (
        [cell.strip() for cell in line.strip("|").split("|")] for line in done.stdout.splitlines()
    )
    small, large = (dict(zip(head, row, strict=True)) for row in rows)
    assert (small["photo"], large["photo"]) == ("64x96", "512x768")
    assert float(large["megapixels"]) == 0.393
    for way in ("network", "--fast", "lens"):
        assert 0 < float(small[f"{way} s"]) < float(large[f"{way} s"]) < 60
        assert 0.05 < float(small[f"{way} GiB"]) < float(large[f"{way} GiB"]) < 4
