"""Writes PyTorch files, of the zip form and of the older one, without PyTorch.

Tensors are given as NumPy arrays. Everything else is pickled as it is, with the code that it runs.
"""

import collections
import io
import pickle
import struct
import sys
import types
import zipfile
from pathlib import Path
from unittest import mock

import numpy as np

_NAMES = {
    "<f4": "FloatStorage", "<f8": "DoubleStorage", "<f2": "HalfStorage", "<i8": "LongStorage",
    "<i4": "IntStorage", "|u1": "ByteStorage", "|b1": "BoolStorage",
}  # fmt: skip
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C


def save(table: object, path: Path, zip_format: bool = True, **lies) -> None:
    """Writes what `torch.save` would.

    Args:
        table: what to save, its tensors as arrays.
        path: of the file.
        zip_format: since 1.6, or before.
        **lies: `stride`, `offset`, `shape` of all tensors and `count` of their storages, where
            they are to be false; `compression` of the archive; `storage`, the name of its type.
    """
    content = io.BytesIO()
    pickler = _Pickler(content, {**lies, "zip_format": zip_format})
    with mock.patch.dict(sys.modules, pickler.modules):
        pickler.dump(table)
    stored = {key: array.tobytes("A") for key, array in enumerate(pickler.arrays)}
    if zip_format:
        with zipfile.ZipFile(path, "w", lies.get("compression", zipfile.ZIP_STORED)) as archive:
            archive.writestr("net/data.pkl", content.getvalue())
            archive.writestr("net/byteorder", "little")
            for key, data in stored.items():
                archive.writestr(f"net/data/{key}", data)
            archive.writestr("net/version", "3\n")
        return
    machine = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}
    keys = sorted(map(str, stored))
    with open(path, "wb") as file:
        for value in (_LEGACY_MAGIC, 1001, machine):
            pickle.dump(value, file, protocol=2)
        file.write(content.getvalue())
        pickle.dump(keys, file, protocol=2)
        for key in keys:
            array = pickler.arrays[int(key)]
            file.write(struct.pack("<q", lies.get("count", array.size)) + stored[int(key)])


class _Storage:
    def __init__(self, kind: type, key: str, count: int):
        self.identity = ("storage", kind, key, "cpu", count)


class _Pickler(pickle.Pickler):
    """Pickles arrays as PyTorch pickles tensors; `modules` stand for its own meanwhile."""

    def __init__(self, file: io.BytesIO, lies: dict):
        super().__init__(file, protocol=2)
        self.lies, self.arrays = lies, []
        torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
        self.modules = {"torch": torch, "torch._utils": utils}
        for name in (*_NAMES.values(), "UnknownStorage"):
            setattr(torch, name, type(name, (), {"__module__": "torch"}))

        def _rebuild_tensor_v2(*_):
            raise NotImplementedError

        _rebuild_tensor_v2.__module__ = "torch._utils"
        _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
        torch._utils, utils._rebuild_tensor_v2 = utils, _rebuild_tensor_v2

    def persistent_id(self, value: object) -> tuple | None:
        if not isinstance(value, _Storage):
            return None
        return value.identity if self.lies.get("zip_format") else (*value.identity, None)

    def reducer_override(self, value: object):
        if not isinstance(value, np.ndarray):
            return NotImplemented
        torch = self.modules["torch"]
        kind = getattr(torch, self.lies.get("storage", _NAMES[value.dtype.str]))
        storage = _Storage(kind, str(len(self.arrays)), self.lies.get("count", value.size))
        self.arrays.append(value)
        strides = tuple(stride // value.itemsize for stride in value.strides)
        arguments = (
            storage,
            self.lies.get("offset", 0),
            self.lies.get("shape", value.shape),
            self.lies.get("stride", strides),
            False,
            collections.OrderedDict(),
        )
        return self.modules["torch._utils"]._rebuild_tensor_v2, arguments
