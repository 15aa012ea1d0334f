"""The lines of docs/exported_models.md, as they stand, in a program without this package."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pynet_tf import model
from pynet_tf.export import onnx, saved_model
from pynet_tf.inference import signatures
from pynet_tf.lens.focus import defocus, largest_radius
from pynet_tf.runs.description import Description

PAGE = Path(__file__).parents[2] / "docs" / "exported_models.md"
# It sees all channels, and converts in a fraction of the time of the others.
LEVEL = 7
PROGRAM = """
import sys
import numpy as np
import onnxruntime
import tensorflow as tf
{lines}
photo, depth = (np.load("views.npz")[name] for name in ("photo", "depth"))
image = network_input(photo, depth, focus=0.8, blur=2.0)
session = onnxruntime.InferenceSession("model.onnx")
(onnx,) = session.run(None, {{"image": image}})
network = tf.saved_model.load("model").signatures["network"]
saved = network(image=tf.constant(image))["level_{level}"].numpy()
np.savez("made.npz", image=image, onnx=onnx, saved=saved)
assert not [name for name in sys.modules if name.startswith("pynet_tf")]
"""


def test_thirteen_channels_in_ten_lines(tmp_path):
    pytest.importorskip("tf2onnx")
    pytest.importorskip("onnxruntime")
    pyramid = model.pynet(width=0.05, head="defocus", largest_kernel=3)
    rng = np.random.default_rng(0)
    for weight in pyramid.weights:
        if "head" in weight.path:
            weight.assign(rng.normal(0, 0.1, weight.shape))
    run = Description(LEVEL, 0.05, True, "defocus", {}, 1, largest_kernel=3)
    saved_model.write(pyramid, run, tmp_path / "model")
    (tmp_path / "model.onnx").write_bytes(onnx.convert(pyramid, LEVEL))
    photo = rng.integers(0, 256, (128, 192, 3), np.uint8)
    depth = rng.integers(0, 256, (64, 96), np.uint8)
    np.savez(tmp_path / "views.npz", photo=photo, depth=depth)
    (lines,) = (
        block
        for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
        if "def network_input" in block
    )
    body = lines[lines.index("def network_input") :]
    assert body.strip().count("\n") + 1 <= 10
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(lines=lines, level=LEVEL)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr

    made = np.load(tmp_path / "made.npz")
    plane = defocus(depth, 0.8, largest_radius(2.0, 128, 192))
    image = signatures.to_image(photo[None], plane[None], model.input_format("defocus"))
    np.testing.assert_allclose(made["image"], image, atol=1e-6)
    expected = pyramid(image)[f"level_{LEVEL}"]
    np.testing.assert_allclose(made["saved"], expected, atol=1e-5)
    np.testing.assert_allclose(made["onnx"], expected, atol=1e-4)
