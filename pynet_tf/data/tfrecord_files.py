"""Random access to TFRecord files.

For each record a file holds its length (uint64), a checksum of the length (uint32), the data and a
checksum of the data (uint32); little-endian, the checksums masked CRC-32C
(tensorflow/core/lib/io/record_writer.h). A scan walks over lengths and checksums and reads no data,
so that it is quick and takes 24 bytes of memory per record. Every record is then one positioned
read away, from any thread. NumPy only.
"""

import hashlib
import os
import struct
from collections.abc import Iterable
from pathlib import Path

import crc32c
import numpy as np

from pynet_tf.errors import InputError, refuse_unreadable

# Before the data: its length, and the length's checksum. After it: its own checksum.
_HEADER = struct.Struct("<QI")
_CHECKSUM = struct.Struct("<I")


def prepare_again(data_dir: Path) -> str:
    """Returns the remedy for damaged shards, for messages."""
    return f"prepare it again with python tools/build_ebb.py SRC --data_dir {data_dir} --overwrite"


def open_file(path: Path) -> int:
    """Opens a shard for reading; returns its file descriptor.

    Raises:
        InputError: it is missing, or cannot be read.
    """
    refuse_unreadable(path, f"{path} is missing; {_remedy(path)}")
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def scan(file: int, path: Path, count: int) -> np.ndarray:
    """Walks over a shard's records.

    Args:
        file: from `open_file`.
        path: of the file, for messages.
        count: records that it should hold.

    Returns:
        `[3, count]` int64: offset, length and checksum of the data of each record.

    Raises:
        InputError: the file is damaged, or holds more or fewer records.
    """
    size = os.fstat(file).st_size
    # Checked before memory for so many is asked for.
    if count * (_HEADER.size + _CHECKSUM.size) > size:
        raise _cut_short(path, size // (_HEADER.size + _CHECKSUM.size), count)
    found = np.empty((3, count), np.int64)
    end = 0
    # The checksum at one record's end and the header of the next are read together.
    header = os.pread(file, _HEADER.size, 0)
    for index in range(count):
        if len(header) < _HEADER.size:
            raise _cut_short(path, index, count)
        length, checksum = _HEADER.unpack(header)
        if _masked_crc(header[:8]) != checksum:
            raise InputError(f"{path} is damaged at record {index}; {_remedy(path)}")
        start = end + _HEADER.size
        end = start + length + _CHECKSUM.size
        if end > size:
            raise _cut_short(path, index, count)
        tail = os.pread(file, _CHECKSUM.size + _HEADER.size, start + length)
        found[:, index] = start, length, _CHECKSUM.unpack_from(tail)[0]
        header = tail[_CHECKSUM.size :]
    if end != size:
        raise InputError(
            f"{path} is longer than the {count} records it should hold; {_remedy(path)}"
        )
    return found


def _cut_short(path: Path, index: int, count: int) -> InputError:
    return InputError(f"{path} is cut short: it ends in record {index} of {count}; {_remedy(path)}")


def read(file: int, offset: int, length: int, checksum: int) -> bytes | None:
    """Reads the data of one record, from any thread; None if it is not what was written.

    Args:
        file: from `open_file`.
        offset: from `scan`, as are length and checksum.
        length: in bytes.
        checksum: masked CRC-32C.
    """
    data = os.pread(file, length, offset)
    return data if len(data) == length and _masked_crc(data) == checksum else None


def digest(scans: Iterable[np.ndarray]) -> str:
    """Hashes lengths and checksums of all records in order, from `scan`.

    The same samples in other shards give the same digest: nothing else of a shard is hashed.
    """
    hashed = hashlib.sha256()
    for scan in scans:
        hashed.update(np.ascontiguousarray(scan[1:].T).astype("<i8").tobytes())
    return hashed.hexdigest()


def _remedy(path: Path) -> str:
    # DATA_DIR/ebb/VERSION/shard
    return prepare_again(path.parents[2])


def _masked_crc(data: bytes) -> int:
    crc = crc32c.crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
