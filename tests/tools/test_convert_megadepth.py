import subprocess
import sys
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import pytorch_files
from megadepth_tensors import DATA, seeded_tensors

from pynet_tf.depth.estimators.megadepth_network import load_megadepth
from pynet_tf.errors import InputError

TOOL = Path(__file__).parents[2] / "tools" / "convert_megadepth.py"
sys.path.insert(0, str(TOOL.parent))

import convert_megadepth  # noqa: E402


def test_published_format_converts_to_the_published_output(tmp_path, capsys):
    published = OrderedDict((f"module.{key}", value) for key, value in seeded_tensors().items())
    published["module.1.num_batches_tracked"] = np.array(3)
    pytorch_files.save(published, tmp_path / "net.pth", zip_format=False)
    convert_megadepth.main([str(tmp_path / "net.pth"), str(tmp_path / "net.weights.h5")])
    assert "624 tensors, 5,371,297 parameters" in capsys.readouterr().out
    golden = np.load(DATA / "megadepth_forward.npz")
    log_depth = load_megadepth(tmp_path / "net.weights.h5")(golden["input"], training=False)
    np.testing.assert_allclose(log_depth, golden["log_depth"], rtol=0, atol=1e-4)


def test_wrong_tensors_are_named_and_nothing_is_written(tmp_path):
    wrong = OrderedDict(seeded_tensors())
    wrong["4.weight"] = wrong["4.weight"][:, :63]
    wrong["5.bias"] = wrong.pop("4.bias")
    pytorch_files.save(wrong, tmp_path / "net.pth")
    with pytest.raises(InputError) as error:
        convert_megadepth.main([str(tmp_path / "net.pth"), str(tmp_path / "net.weights.h5")])
    for part in ("net.pth", "missing: 4.bias", "unknown: 5.bias", "of another shape: 4.weight"):
        assert part in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["net.pth"]


def test_mistakes_end_with_one_sentence(tmp_path):
    command = [sys.executable, str(TOOL), "nothing.pth", "net.weights.h5"]
    missing = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert missing.returncode == 2
    assert missing.stderr == (
        "tools/convert_megadepth.py: error: nothing.pth is not there; check the name\n"
    )
    with pytest.raises(InputError, match=r"net\.h5 must end in \.weights\.h5"):
        convert_megadepth.main(["nothing.pth", "net.h5"])
