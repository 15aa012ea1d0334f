"""A wheel built of the project renders where it is installed, outside the checkout."""

import os
import subprocess
import sys

from conftest import ROOT

PIP = (sys.executable, "-m", "pip")


def test_an_installed_wheel_renders(tmp_path):
    build = [*PIP, "wheel", "--no-deps", "--quiet", "-w", tmp_path, ROOT]
    subprocess.run(build, check=True, cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    installed = tmp_path / "installed"
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--no-deps",
            "--quiet",
            "--target",
            installed,
            wheel,
        ],
        check=True,
        cwd=tmp_path,
    )
    examples = ROOT / "docs" / "examples"
    render = [sys.executable, "-m", "pynet_tf.render", examples / "portrait.jpg"]
    render += ["--depth", examples / "portrait_depth.png", "--output", tmp_path / "out"]
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    told = subprocess.run(render, check=True, cwd=tmp_path, env=environment, capture_output=True)
    assert (tmp_path / "out" / "portrait.jpg").is_file(), told
    inside = installed / "pynet_tf"
    for name in ("example_photos/portrait_depth.png", "app/looks/page.js"):
        assert (inside / name).is_file()
