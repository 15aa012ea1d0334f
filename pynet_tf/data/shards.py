"""The EBB! shards that `tools/build_ebb.py` has prepared, and random access to their samples.

A shard is a TFRecord file, see `tfrecord_files`. The data of a record is a `tf.train.Example`, see
`parse`. Beside the shards lie TFDS's description (`dataset_info.json`) and the fingerprints of the
splits.

TensorFlow is needed by `parse` alone, TensorFlow Datasets by nothing here.
"""

import itertools
import json
import os
import weakref
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pynet_tf.data import tfrecord_files
from pynet_tf.data.tfrecord_files import prepare_again
from pynet_tf.errors import InputError
from pynet_tf.io import atomic_files

# TFDS's name of the data set, and the version of what its records hold.
NAME = "ebb"
VERSION = "2.0.0"
# The file, beside the shards, with the fingerprint of each split.
FINGERPRINTS = "fingerprints.json"


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
            opened.append(tfrecord_files.open_file(path))
            scans.append(tfrecord_files.scan(opened[-1], path, count))
        found = tfrecord_files.digest(scans)
        if found != expected:
            raise InputError(
                f"the shards in {folder(data_dir)} are not the ones that were prepared there; "
                + prepare_again(data_dir)
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
    shard = int(split.shard[index])
    place = (int(part[index]) for part in (split.offset, split.length, split.checksum))
    data = tfrecord_files.read(split.files[shard], *place)
    if data is None:
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
            f"{folder(data_dir) / FINGERPRINTS} has no entry for {split}; {prepare_again(data_dir)}"
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
            file = tfrecord_files.open_file(path)
            try:
                scans.append(tfrecord_files.scan(file, path, count))
            finally:
                os.close(file)
        digests[split] = tfrecord_files.digest(scans)
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
            f"{folder(data_dir) / 'dataset_info.json'} is not TFDS's; {prepare_again(data_dir)}"
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
            f"blur of its pairs; {prepare_again(data_dir)}"
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
        raise InputError(f"{path} is damaged; {prepare_again(data_dir)}") from error


def _close(opened: Iterable[int]) -> None:
    for file in opened:
        os.close(file)
