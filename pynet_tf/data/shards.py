"""Random access to the EBB! shards that `tools/build_ebb.py` has prepared.

A shard is a TFRecord file: for each record its length (uint64), a checksum of the length (uint32),
the data and a checksum of the data (uint32); little-endian, the checksums masked CRC-32C
(tensorflow/core/lib/io/record_writer.h). Opening a split walks over lengths and checksums and
reads no data, so that it is quick and takes 24 bytes of memory per sample; every record is then
one positioned read away, from any thread.

The data of a record is a `tf.train.Example`, see `parse`.

TensorFlow is needed by `parse` alone, TensorFlow Datasets by nothing here.
"""

import hashlib
import itertools
import json
import os
import struct
import weakref
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import crc32c
import numpy as np

from pynet_tf.errors import InputError
from pynet_tf.io import atomic_files

NAME = "ebb"
VERSION = "2.0.0"
FINGERPRINTS = "fingerprints.json"

_HEADER = struct.Struct("<QI")
_CHECKSUM = struct.Struct("<I")


@dataclass(frozen=True, eq=False)
class Split:
    """The records of one split, ready to be read in any order; `len(split)` is their number.

    Attributes:
        name: `train` or `test`.
        paths: the shards.
        files: their open file descriptors, closed when the split is no longer referenced.
        shard: `[N]` int32, the shard of each record.
        offset: `[N]` int64, the byte at which its data begins.
        length: `[N]` int64, the bytes of its data.
        checksum: `[N]` uint32, the masked CRC-32C of its data.
        fingerprint: hexadecimal; the same for the same samples in the same order.
    """

    name: str
    paths: tuple[Path, ...]
    files: tuple[int, ...]
    shard: np.ndarray
    offset: np.ndarray
    length: np.ndarray
    checksum: np.ndarray
    fingerprint: str

    def __post_init__(self):
        weakref.finalize(self, _close, self.files)

    def __len__(self) -> int:
        return len(self.offset)


def folder(data_dir: Path) -> Path:
    """Returns where TFDS keeps the shards of the data set below `data_dir`."""
    return Path(data_dir) / NAME / VERSION


def open_split(data_dir: Path, split: str) -> Split:
    """Opens a split and checks that its shards are whole and the ones that were prepared.

    Args:
        data_dir: what `tools/build_ebb.py --data_dir` was given.
        split: `train` or `test`.

    Raises:
        InputError: nothing is prepared there, the split has no samples, or a shard is missing,
            cut short, damaged or not the one that was prepared.
    """
    counts = _shard_counts(data_dir, split)
    expected = fingerprint(data_dir, split)
    paths = [
        folder(data_dir) / f"{NAME}-{split}.tfrecord-{number:05d}-of-{len(counts):05d}"
        for number in range(len(counts))
    ]
    opened: list[int] = []
    try:
        scans = []
        for path, count in zip(paths, counts, strict=True):
            opened.append(_open(path))
            scans.append(_scan(opened[-1], path, count))
        found = _digest(scans)
        if found != expected:
            raise InputError(
                f"the shards in {folder(data_dir)} are not the ones that were prepared there; "
                + _again(data_dir)
            )
    except BaseException:
        _close(opened)
        raise
    offset, length, checksum = np.concatenate(scans, axis=1)
    return Split(
        name=split,
        paths=tuple(paths),
        files=tuple(opened),
        shard=np.repeat(np.arange(len(counts), dtype=np.int32), counts),
        offset=offset,
        length=length,
        checksum=checksum.astype(np.uint32),
        fingerprint=found,
    )


def read(split: Split, index: int) -> bytes:
    """Reads one record, at random, from any thread.

    Args:
        split: see `open_split`.
        index: 0 to `len(split) - 1`, in the order of the shards.

    Returns:
        The serialized sample, for `parse`.

    Raises:
        InputError: the data is not what was written.
        IndexError: no such record.
    """
    if not 0 <= index < len(split):
        raise IndexError(f"record {index} of {len(split)}")
    length = int(split.length[index])
    shard = int(split.shard[index])
    data = os.pread(split.files[shard], length, int(split.offset[index]))
    if len(data) != length or _masked_crc(data) != split.checksum[index]:
        first = int(np.searchsorted(split.shard, shard))
        raise InputError(
            f"{split.paths[shard]} is damaged in record {index - first}; prepare it again with "
            "tools/build_ebb.py --overwrite"
        )
    return data


def parse(serialized) -> dict:
    """Takes a serialized sample apart, as a TensorFlow graph or eagerly.

    Args:
        serialized: scalar string tensor, see `read`.

    Returns:
        `name`: scalar string; `photo` and `bokeh`: scalar strings, JPEGs of `[2h, 2w, 3]`, to be
        decoded with `dct_method="INTEGER_ACCURATE"` if Pillow's pixels are wanted; `image`:
        `[h, w, 4]` uint8, the halved photo with its depth map; `sharp_depth`: `[h, w]` uint8;
        `focus` and `blur`: scalar float32. See `ebb_layout`.
    """
    import tensorflow as tf

    string = tf.io.FixedLenFeature([], tf.string)
    # The two keys of the image are TFDS's way to keep an array of unknown height and width.
    features = tf.io.parse_single_example(
        serialized,
        {
            "name": string,
            "photo": string,
            "bokeh": string,
            "image/shape": tf.io.FixedLenFeature([3], tf.int64),
            "image/value": string,
            "sharp_depth/shape": tf.io.FixedLenFeature([2], tf.int64),
            "sharp_depth/value": string,
            "focus": tf.io.FixedLenFeature([], tf.float32),
            "blur": tf.io.FixedLenFeature([], tf.float32),
        },
    )
    pixels = tf.io.decode_raw(features["image/value"], tf.uint8)
    shape = tf.ensure_shape(features["image/shape"], [3])
    image = tf.ensure_shape(tf.reshape(pixels, shape), [None, None, 4])
    depth = tf.io.decode_raw(features["sharp_depth/value"], tf.uint8)
    depth = tf.ensure_shape(tf.reshape(depth, features["sharp_depth/shape"]), [None, None])
    return {
        "name": features["name"],
        "photo": features["photo"],
        "image": image,
        "bokeh": features["bokeh"],
        "sharp_depth": depth,
        "focus": features["focus"],
        "blur": features["blur"],
    }


def fingerprint(data_dir: Path, split: str) -> str:
    """Returns the stored fingerprint of a split, without looking at the shards.

    It depends on the samples and their order alone: neither on the machine nor on the day.

    Raises:
        InputError: nothing is prepared there, or no such split.
    """
    stored = _read_json(data_dir, FINGERPRINTS)
    try:
        return str(stored[split])
    except (KeyError, TypeError) as error:
        raise InputError(
            f"{folder(data_dir) / FINGERPRINTS} has no entry for {split}; {_again(data_dir)}"
        ) from error


def write_fingerprints(prepared: Path, shard_counts: dict[str, Sequence[int]]) -> None:
    """Stores the fingerprints of freshly written shards beside them.

    Args:
        prepared: the folder with the shards.
        shard_counts: samples in each shard of each split.

    Raises:
        InputError: a shard is not as it was meant to be.
    """
    digests = {}
    for split, counts in shard_counts.items():
        scans = []
        for number, count in enumerate(counts):
            path = prepared / f"{NAME}-{split}.tfrecord-{number:05d}-of-{len(counts):05d}"
            file = _open(path)
            try:
                scans.append(_scan(file, path, count))
            finally:
                os.close(file)
        digests[split] = _digest(scans)
    atomic_files.write_text(prepared / FINGERPRINTS, json.dumps(digests, indent=1) + "\n")


def split_sizes(data_dir: Path) -> dict[str, int]:
    """Returns how many samples each split holds, without looking at the shards.

    Raises:
        InputError: nothing is prepared there.
    """
    return {split: sum(counts) for split, counts in _all_shard_counts(data_dir).items()}


def _all_shard_counts(data_dir: Path) -> dict[str, list[int]]:
    """Reads from TFDS's description how many samples each shard of each split holds."""
    info = _read_json(data_dir, "dataset_info.json")
    try:
        counts = {
            str(entry["name"]): [int(count) for count in entry["shardLengths"]]
            for entry in info["splits"]
        }
        if min(itertools.chain([0], *counts.values())) < 0:
            raise ValueError("a shard with fewer than no samples")
        return counts
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(
            f"{folder(data_dir) / 'dataset_info.json'} is not TFDS's; {_again(data_dir)}"
        ) from error


def _shard_counts(data_dir: Path, split: str) -> list[int]:
    """Returns the samples in each shard of a split that has any."""
    counts = _all_shard_counts(data_dir)
    if not sum(counts.get(split, [])):
        there = ", ".join(f"{name} ({sum(count)})" for name, count in counts.items())
        raise InputError(
            f"{folder(data_dir)} has no samples for {split}, only {there or 'nothing at all'}; "
            "prepare it again with tools/build_ebb.py --overwrite, and with --test_range for a "
            "test split"
        )
    return counts[split]


def _read_json(data_dir: Path, name: str):
    path = folder(data_dir) / name
    if not path.is_file():
        atomic_files.settle(path.parent.parent)
    if not path.is_file() and any((Path(data_dir) / NAME).glob("*/dataset_info.json")):
        raise InputError(
            f"{Path(data_dir) / NAME} was prepared by another version, without the focus and the "
            f"blur of its pairs; {_again(data_dir)}"
        )
    if not path.is_file():
        raise InputError(
            f"{data_dir} holds no prepared EBB! set ({path} is missing); prepare it with "
            f"python tools/build_ebb.py SRC --data_dir {data_dir}"
        )
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    # Brackets without end are too deep for Python's parser.
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is damaged; {_again(data_dir)}") from error


def _again(data_dir: Path) -> str:
    return f"prepare it again with python tools/build_ebb.py SRC --data_dir {data_dir} --overwrite"


def _open(path: Path) -> int:
    if not path.is_file():
        raise InputError(f"{path} is missing; {_again(path.parents[2])}")
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def _close(opened: Iterable[int]) -> None:
    for file in opened:
        os.close(file)


def _scan(file: int, path: Path, count: int) -> np.ndarray:
    """Walks over a shard's records: `[3, count]` int64, data offset, length and checksum."""
    size = os.fstat(file).st_size
    # Before there is made room for them.
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
            raise InputError(f"{path} is damaged at record {index}; {_again(path.parents[2])}")
        start = end + _HEADER.size
        end = start + length + _CHECKSUM.size
        if end > size:
            raise _cut_short(path, index, count)
        tail = os.pread(file, _CHECKSUM.size + _HEADER.size, start + length)
        found[:, index] = start, length, _CHECKSUM.unpack_from(tail)[0]
        header = tail[_CHECKSUM.size :]
    if end != size:
        raise InputError(
            f"{path} is longer than the {count} records it should hold; {_again(path.parents[2])}"
        )
    return found


def _cut_short(path: Path, index: int, count: int) -> InputError:
    return InputError(
        f"{path} is cut short: it ends in record {index} of {count}; {_again(path.parents[2])}"
    )


def _digest(scans: Iterable[np.ndarray]) -> str:
    """Hashes lengths and checksums of all records in order."""
    digest = hashlib.sha256()
    for scan in scans:
        # Record by record, so that the same samples in other shards give the same digest.
        digest.update(np.ascontiguousarray(scan[1:].T).astype("<i8").tobytes())
    return digest.hexdigest()


def _masked_crc(data: bytes) -> int:
    crc = crc32c.crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
