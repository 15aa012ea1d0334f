"""PyTorch files of both forms, whole, damaged and hostile."""

import os
import pickle
import zipfile
from collections import OrderedDict

import numpy as np
import pytest
import pytorch_files

from pynet_tf.convert.pytorch_file import read_state_dict
from pynet_tf.errors import InputError

both_forms = pytest.mark.parametrize("zip_format", [False, True])


def table() -> OrderedDict:
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((4, 3, 5, 5)).astype(np.float32)
    # Two tensors that lie otherwise in memory than in their indices.
    turned = np.arange(6, dtype=np.float64).reshape(2, 3).T
    return OrderedDict(
        {"module.0.weight": weight, "1.turned": turned, "1.num_batches_tracked": np.array(7)}
    )


@both_forms
def test_reads_every_tensor_in_order(zip_format, tmp_path):
    pytorch_files.save(table(), tmp_path / "net.pth", zip_format)
    read = read_state_dict(tmp_path / "net.pth")
    assert list(read) == list(table())
    for key, value in table().items():
        assert read[key].dtype == np.float32
        np.testing.assert_array_equal(read[key], value)


def test_text_that_python_2_wrote_is_read(tmp_path):
    pytorch_files.save(table(), tmp_path / "net.pth", zip_format=False)
    content = (tmp_path / "net.pth").read_bytes()
    key = b"module.0.weight"
    # From a string of Unicode with a length of four bytes to one of bytes with a length of one.
    unicode = b"X" + len(key).to_bytes(4, "little") + key
    assert unicode in content
    short = b"U" + bytes([len(key)]) + key
    (tmp_path / "net.pth").write_bytes(content.replace(unicode, short))
    assert list(read_state_dict(tmp_path / "net.pth")) == list(table())


class Malicious:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


@pytest.mark.parametrize("kind", ["pickle", "legacy", "zip"])
def test_code_in_the_file_is_not_run(kind, tmp_path):
    path, marker = tmp_path / "net.pth", tmp_path / "marker"
    content = {"0.weight": Malicious(marker)}
    if kind == "pickle":
        path.write_bytes(pickle.dumps(content))
    else:
        pytorch_files.save(content, path, kind == "zip")
    with pytest.raises(InputError, match=r"net\.pth"):
        read_state_dict(path)
    assert not marker.exists()


@both_forms
@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.99])
def test_truncated_file_is_refused(zip_format, share, tmp_path):
    path = tmp_path / "net.pth"
    pytorch_files.save(table(), path, zip_format)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(InputError, match=r"net\.pth"):
        read_state_dict(path)


@both_forms
@pytest.mark.parametrize("content", [[1, 2], {"epoch": 3}, {}, {"0.weight": "zero"}])
def test_file_that_holds_no_tensors_is_refused(zip_format, content, tmp_path):
    pytorch_files.save(content, tmp_path / "net.pth", zip_format)
    with pytest.raises(InputError, match="no plain table of tensors"):
        read_state_dict(tmp_path / "net.pth")


@both_forms
@pytest.mark.parametrize(
    "lie",
    [
        {"count": 10**15},
        {"count": -1},
        {"offset": 1},
        {"offset": -1},
        {"shape": (10**9, 10**9), "stride": (0, 0)},
        {"shape": (3, 3), "stride": (3, -1)},
        {"shape": (100, 100), "stride": (100, 1)},
        {"shape": ("3", "3"), "stride": (3, 1)},
        {"storage": "UnknownStorage"},
    ],
    ids=str,
)
def test_tensors_that_reach_beyond_what_is_stored_are_refused(zip_format, lie, tmp_path):
    weight = {"0.weight": np.ones((3, 3), np.float32)}
    pytorch_files.save(weight, tmp_path / "net.pth", zip_format, **lie)
    with pytest.raises(InputError, match=r"net\.pth (holds no plain table|cannot be read)"):
        read_state_dict(tmp_path / "net.pth")


def test_a_compressed_archive_is_not_unpacked(tmp_path):
    bomb = {"0.weight": np.zeros(10**6, np.float32)}
    pytorch_files.save(bomb, tmp_path / "net.pth", compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(InputError, match="compressed"):
        read_state_dict(tmp_path / "net.pth")
