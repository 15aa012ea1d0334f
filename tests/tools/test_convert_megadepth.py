import importlib.util
import os
import pickle
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from megadepth_tensors import DATA, seeded_tensors

from pynet_tf.depth.estimators.megadepth_network import load_megadepth
from pynet_tf.errors import InputError

TOOL = Path(__file__).parents[2] / "tools" / "convert_megadepth.py"


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("convert_megadepth", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


@pytest.fixture(scope="module")
def state(torch):
    return OrderedDict((key, torch.from_numpy(value)) for key, value in seeded_tensors().items())


def run(folder, *arguments):
    command = [sys.executable, str(TOOL), *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_published_format_converts_to_the_published_output(torch, state, tmp_path):
    published = OrderedDict((f"module.{key}", value) for key, value in state.items())
    published["module.1.num_batches_tracked"] = torch.tensor(3)
    torch.save(published, tmp_path / "net.pth", _use_new_zipfile_serialization=False)
    done = run(tmp_path, "net.pth", "net.weights.h5")
    assert done.returncode == 0, done.stderr
    assert "624 tensors, 5,371,297 parameters" in done.stdout
    assert done.stderr == ""
    golden = np.load(DATA / "megadepth_forward.npz")
    log_depth = load_megadepth(tmp_path / "net.weights.h5")(golden["input"], training=False)
    np.testing.assert_allclose(log_depth, golden["log_depth"], rtol=0, atol=1e-4)


@pytest.mark.parametrize("zip_format", [False, True])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_reads_both_formats_with_and_without_prefix(
    tool, torch, state, tmp_path, zip_format, prefix
):
    path = tmp_path / "net.pth"
    few = OrderedDict((prefix + key, state[key]) for key in ("0.weight", "4.bias"))
    torch.save(few, path, _use_new_zipfile_serialization=zip_format)
    read = tool.read_state_dict(path)
    assert list(read) == [f"{prefix}0.weight", f"{prefix}4.bias"]
    np.testing.assert_array_equal(read[f"{prefix}0.weight"], state["0.weight"].numpy())


def test_wrong_tensors_are_named_and_nothing_is_written(tool, torch, state, tmp_path):
    wrong = OrderedDict(state)
    wrong["4.weight"] = wrong["4.weight"][:, :63]
    wrong["5.bias"] = wrong.pop("4.bias")
    torch.save(wrong, tmp_path / "net.pth", _use_new_zipfile_serialization=False)
    with pytest.raises(InputError) as error:
        tool.main([str(tmp_path / "net.pth"), str(tmp_path / "net.weights.h5")])
    for part in ("net.pth", "missing: 4.bias", "unknown: 5.bias", "of another shape: 4.weight"):
        assert part in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["net.pth"]


class Malicious:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


@pytest.mark.parametrize("kind", ["pickle", "legacy", "zip"])
def test_code_in_the_file_is_not_run(tool, torch, tmp_path, kind):
    path, marker = tmp_path / "net.pth", tmp_path / "marker"
    content = {"0.weight": Malicious(marker)}
    if kind == "pickle":
        path.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=kind == "zip")
    with pytest.raises(InputError, match=r"net\.pth"):
        tool.read_state_dict(path)
    assert not marker.exists()


@pytest.mark.parametrize("zip_format", [False, True])
@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.99])
def test_truncated_file_is_refused(tool, torch, state, tmp_path, zip_format, share):
    path = tmp_path / "net.pth"
    few = OrderedDict(list(state.items())[:10])
    torch.save(few, path, _use_new_zipfile_serialization=zip_format)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(InputError, match=r"net\.pth"):
        tool.read_state_dict(path)


@pytest.mark.parametrize("content", [[1, 2], {"epoch": 3}])
def test_file_that_holds_no_tensors_is_refused(tool, torch, tmp_path, content):
    torch.save(content, tmp_path / "net.pth")
    with pytest.raises(InputError, match="no plain table of tensors"):
        tool.read_state_dict(tmp_path / "net.pth")


def test_missing_pytorch_is_explained(tool, tmp_path, monkeypatch):
    (tmp_path / "net.pth").touch()
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(InputError, match="pip install torch"):
        tool.read_state_dict(tmp_path / "net.pth")


def test_mistakes_end_with_one_sentence(tmp_path):
    missing = run(tmp_path, "nothing.pth", "net.weights.h5")
    assert missing.returncode == 2
    assert missing.stderr == (
        "convert_megadepth.py: error: nothing.pth is not there; check the name\n"
    )
    suffix = run(tmp_path, "nothing.pth", "net.h5")
    assert suffix.returncode == 2
    assert "net.h5 must end in .weights.h5" in suffix.stderr
