"""Reads the tensors of a PyTorch file (`.pth`) without PyTorch, and without running its code.

Such a file is a pickle, which refers to stored numbers by name, and the numbers themselves:

    since 1.6   a zip archive of `NAME/data.pkl` and `NAME/data/KEY` for every storage, uncompressed
    before      five pickles (magic number, version, machine, content, keys), and for every key the
                count of its elements in 8 bytes and then these

A pickle can call whatever it names. This reader knows the few names that tables of tensors need,
and refuses all others.
"""

import collections
import pickle
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from pynet_tf.errors import InputError, refuse_unreadable

# What PyTorch writes first into a file of the older form, and the only version of that form.
_MAGIC, _VERSION = 0x1950A86A20F9469CFC6C, 1001
_TYPES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}


@dataclass(frozen=True)
class _Storage:
    """Numbers that the pickle refers to: their name, NumPy's type and their count."""

    key: str
    kind: str
    count: int


@dataclass(frozen=True)
class _Tensor:
    """A view of a storage, in elements."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Refused(Exception):
    """The file holds what no table of tensors needs."""


def read_state_dict(path: Path) -> dict[str, np.ndarray]:
    """Reads a table of tensors.

    Args:
        path: a `.pth` file of either form.

    Returns:
        Key -> array, float32 for all kinds of numbers, in the order of the file.

    Raises:
        InputError: the file is missing, cut short, or holds anything but a table of tensors.
    """
    path = Path(path)
    refuse_unreadable(path)
    try:
        read = _read_zip if zipfile.is_zipfile(path) else _read_older
        return read(path)
    except _Refused as error:
        raise InputError(
            f"{path} holds no plain table of tensors ({error}); give the file of a state dict"
        ) from error
    # A damaged pickle or archive can end in nearly any exception.
    except Exception as error:
        raise InputError(
            f"{path} cannot be read as PyTorch weights, it is damaged or of another program; get "
            "it anew"
        ) from error


def _read_zip(path: Path) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(path) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith("/data.pkl"))
        folder = name.removesuffix("data.pkl")
        order = f"{folder}byteorder"
        if order in archive.namelist() and archive.read(order) != b"little":
            raise _Refused("its numbers are big-endian")

        def content(storage: _Storage) -> bytes:
            entry = archive.getinfo(f"{folder}data/{storage.key}")
            # PyTorch never compresses: what is compressed may be far larger than the file.
            if entry.compress_type != zipfile.ZIP_STORED:
                raise _Refused("its tensors are compressed")
            return archive.read(entry)

        with archive.open(name) as file:
            return _arrays(_Unpickler(file).load(), content)


def _read_older(path: Path) -> dict[str, np.ndarray]:
    with path.open("rb") as file:
        if (_plain(file), _plain(file)) != (_MAGIC, _VERSION):
            raise _Refused("it begins as no PyTorch file does")
        if not _plain(file).get("little_endian"):
            raise _Refused("its numbers are big-endian")
        unpickler = _Unpickler(file)
        table = unpickler.load()
        contents = {}
        for key in _plain(file):
            storage = unpickler.storages[key]
            (count,) = struct.unpack("<q", file.read(8))
            if count != storage.count:
                raise _Refused(f"it says two lengths of the storage {key}")
            contents[key] = file.read(count * np.dtype(storage.kind).itemsize)
    return _arrays(table, lambda storage: contents[storage.key])


def _arrays(table: object, content: Callable[[_Storage], bytes]) -> dict[str, np.ndarray]:
    if not isinstance(table, dict) or not table:
        raise _Refused(f"it is a {type(table).__name__} with nothing to read")
    found = {}
    for key, value in table.items():
        if not isinstance(value, _Tensor):
            raise _Refused(f"{key} is no tensor")
        # Storages are shared by few tensors, and read anew for each.
        found[str(key)] = _array(value, content(value.storage), str(key))
    return found


def _array(tensor: _Tensor, content: bytes, key: str) -> np.ndarray:
    """Makes an array of a tensor that stays within its storage."""
    values = np.frombuffer(content, tensor.storage.kind)
    shape, strides = tensor.shape, tensor.strides
    last = tensor.offset + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))
    if (
        len(values) != tensor.storage.count
        or min((0, tensor.offset, *strides, *shape)) < 0
        # A stride of 0 repeats numbers without end.
        or int(np.prod(shape, dtype=object)) > len(values)
        or (0 not in shape and last >= len(values))
    ):
        raise _Refused(f"{key} does not fit what is stored")
    view = np.lib.stride_tricks.as_strided(
        values[tensor.offset :], shape, [s * values.itemsize for s in strides]
    )
    return view.astype(np.float32)


class _Unpickler(pickle.Unpickler):
    """Builds plain values, ordered dictionaries and `_Tensor`s; refuses all else.

    Attributes:
        storages: that the pickle named, by key.
    """

    def __init__(self, file: BinaryIO):
        # Files that Python 2 wrote hold text as bytes.
        super().__init__(file, encoding="utf-8")
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> object:
        """Returns what stands for a name in the pickle."""
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if module == "torch._utils" and name in ("_rebuild_tensor", "_rebuild_tensor_v2"):
            return _Rebuild()
        if module == "torch._utils" and name == "_rebuild_parameter":
            return _Parameter()
        # Names of GPUs' storages stand for the same numbers.
        if module in ("torch", "torch.cuda") and name in _TYPES:
            return _TYPES[name]
        raise _Refused(f"it names {module}.{name}")

    def persistent_load(self, pid: object) -> _Storage:
        """Notes the storage that the pickle refers to."""
        word, kind, key, _, count, *view = pid
        if word != "storage" or kind not in _TYPES.values() or any(view):
            raise _Refused("it refers to more than stored numbers")
        if not isinstance(count, int) or count < 0:
            raise _Refused(f"the storage {key} has no length")
        return self.storages.setdefault(str(key), _Storage(str(key), kind, count))


class _Rebuild:
    """Stands for PyTorch's function that makes a tensor; takes its first four arguments."""

    __slots__ = ()

    def __call__(self, storage, offset, shape, strides, *_) -> _Tensor:
        numbers = (offset, *shape, *strides)
        if not isinstance(storage, _Storage) or not all(type(n) is int for n in numbers):
            raise _Refused("it holds a tensor of no numbers")
        return _Tensor(storage, offset, tuple(shape), tuple(strides))


class _Parameter:
    """Stands for PyTorch's function that makes a parameter of a tensor."""

    __slots__ = ()

    def __call__(self, tensor, *_) -> object:
        return tensor


def _plain(file: BinaryIO) -> object:
    """Reads a pickle of plain values."""
    return _Unpickler(file).load()
