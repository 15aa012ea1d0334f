"""A working folder with everything that command lines can be given: some good, most of it bad.

good/            three pairs in EBB! layout
photos/, depth/  `bad_files.PHOTOS` and a good depth map for each; maps/KIND/ each alone
models/          run directories and SavedModels, each of no use
data/            prepared data sets: good, and damaged ones
weights/, tf1/   files of other weights, each of no use
sources/, raw/   folders to prepare and to align
sets/            folders that no synthetic set can go to
"""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import tensorflow as tf
from bad_files import MAPS, PHOTOS, content, first_half, flip
from bad_models import MODELS, NOISE, TF1, WEIGHTS
from ebb_pictures import write_pair
from faults import Nursery
from PIL import Image

from pynet_tf.data import shards


def build(work: Path, nursery: Nursery) -> None:
    """Fills an empty folder."""
    for number in (1, 2, 3):
        write_pair(work / "good", str(number), seed=number)
    (work / "out").mkdir()
    (work / "file").write_text("a file\n")
    (work / "data").mkdir()
    made = nursery.run("tools/build_ebb.py", "good", "--data_dir", "data/good", "--test_range",
                       "3:4", "--workers", "1", cwd=work)  # fmt: skip
    assert made.status == 0, made.err
    _photos(work)
    for table, place in ((MODELS, "models"), (SETS, "sets"), (WEIGHTS, "weights"), (TF1, "tf1")):
        (work / place).mkdir()
        for kind, make in table.items():
            make(work / place / kind)
    for kind, damage in DATA_SETS.items():
        shutil.copytree(work / "data" / "good", work / "data" / kind)
        damage(shards.folder(work / "data" / kind))
    for kind, change in SAMPLES.items():
        _write_samples(work / "data", kind, change)
    for kind, (change, _) in SOURCES.items():
        shutil.copytree(work / "good", work / "sources" / kind)
        change(work / "sources" / kind)
    for kind, change in RAW.items():
        shutil.copytree(work / "good", work / "raw" / kind)
        change(work / "raw" / kind)


def _photos(work: Path) -> None:
    for folder in ("photos", "depth", "maps"):
        (work / folder).mkdir()
    for kind, file in PHOTOS.items():
        file.make(work / "photos" / (kind + file.name))
        size = (15_000, 32) if kind == "very_wide" else (48, 32)
        with Image.open(work / "good" / "original_depth" / "1.png") as depth:
            depth.resize(size).save(work / "depth" / f"{kind}.png")
    for kind, file in {**PHOTOS, **MAPS}.items():
        (work / "maps" / kind).mkdir()
        file.make(work / "maps" / kind / (kind + file.name))
    # Where the link leads to.
    shutil.copy(work / "photos" / "plain.jpg", work / "maps" / "link")


def _info(change: Callable[[dict], object]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        path = folder / "dataset_info.json"
        info = json.loads(path.read_text())
        change(info)
        path.write_text(json.dumps(info))

    return damage


def _shards(change: Callable[[Path], object]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        for path in folder.glob("*.tfrecord*"):
            change(path)

    return damage


def _text(name: str, text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text(text, errors="surrogateescape")


# What makes a prepared data set unusable before a record is read.
DATA_SETS = {
    "removed": lambda folder: shutil.rmtree(folder.parents[1]),
    "emptied": shutil.rmtree,
    "a_file": lambda folder: (shutil.rmtree(folder.parents[1]), folder.parents[1].write_text("")),
    "info_removed": lambda folder: (folder / "dataset_info.json").unlink(),
    "info_cut_short": lambda folder: first_half(folder / "dataset_info.json"),
    "info_not_text": _text("dataset_info.json", "\udcff\udcfe"),
    "info_without_end": _text("dataset_info.json", "[" * 100_000),
    "info_a_list": _text("dataset_info.json", "[]"),
    "info_without_splits": _info(lambda info: info.pop("splits")),
    "info_negative": _info(lambda info: info["splits"][0].update(shardLengths=["-1"])),
    "info_too_many": _info(lambda info: [s.update(shardLengths=[10**18]) for s in info["splits"]]),
    "info_no_number": _info(lambda info: [s.update(shardLengths=["x"]) for s in info["splits"]]),
    "fingerprints_removed": lambda folder: (folder / "fingerprints.json").unlink(),
    "fingerprints_empty": _text("fingerprints.json", "{}"),
    "fingerprints_wrong": _text("fingerprints.json", '{"train": "0", "test": "0"}'),
    "fingerprints_list": _text("fingerprints.json", '["train", "test"]'),
    "shard_removed": _shards(Path.unlink),
    "shard_empty": _shards(lambda path: path.write_bytes(b"")),
    "shard_cut_short": _shards(first_half),
    "shard_longer": _shards(lambda path: path.write_bytes(path.read_bytes() + b"more")),
    "shard_noise": _shards(lambda path: path.write_bytes(NOISE * 9)),
    "shard_length_flipped": _shards(lambda path: flip(path, 1)),
    "shard_checksum_flipped": _shards(lambda path: flip(path, 9)),
    "shard_a_folder": _shards(lambda path: (path.unlink(), path.mkdir())),
}


def _write_samples(data: Path, kind: str, change: Callable[[dict], dict | bytes]) -> None:
    """Writes shards whose checksums are right and whose samples are not."""
    shutil.copytree(data / "good", data / kind)
    folder, lengths = shards.folder(data / kind), {}
    for path in folder.glob("*.tfrecord*"):
        samples = [record.numpy() for record in tf.data.TFRecordDataset(str(path))]
        with tf.io.TFRecordWriter(str(path)) as writer:
            for sample in samples:
                example = tf.train.Example.FromString(sample)
                writer.write(change(example) or example.SerializeToString())
        lengths[path.name.split("-")[1].split(".")[0]] = [len(samples)]
    shards.write_fingerprints(folder, lengths)


def _set(name: str, *values) -> Callable[[tf.train.Example], None]:
    def change(example):
        feature = example.features.feature[name]
        stored = feature.bytes_list if feature.HasField("bytes_list") else feature.int64_list
        stored.value[:] = values

    return change


_JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00"
SAMPLES = {
    "noise": lambda example: NOISE,
    "another_sample": lambda example: example.features.feature.pop("photo") and None,
    "damaged_jpeg": lambda example: (
        _set("photo", _JPEG + NOISE)(example),
        _set("bokeh", _JPEG + NOISE)(example),
    )[2:],
    "no_jpeg": _set("photo", b"text"),
    "image_too_short": _set("image/value", b"123"),
    "image_of_another_shape": _set("image/shape", 64, 24, 4),
    "image_negative": _set("image/shape", -32, -48, 4),
    "image_without_depth": _set("image/shape", 32, 64, 3),
    "name_not_utf8": _set("name", b"\xff\xfe"),
}


def _many(folder: Path) -> None:
    for kind, file in PHOTOS.items():
        file.make(folder / "original" / (kind + file.name))
        for other, suffix in (("bokeh", "png"), ("original_depth", "png"), ("lens", "json")):
            shutil.copy(folder / other / os.listdir(folder / other)[0], folder / other / "x")
            (folder / other / "x").rename(folder / other / f"{kind}.{suffix}")


def _as_depth(folder: Path) -> None:
    for kind, file in PHOTOS.items():
        if kind not in ("one_row", "one_column", "very_wide", "one_pixel"):
            file.make(folder / "original_depth" / (kind + file.name))
            for other, suffix in (("original", "jpg"), ("bokeh", "jpg"), ("lens", "json")):
                shutil.copy(folder / other / f"1.{suffix}", folder / other / f"{kind}.{suffix}")


# Folders to prepare: what is changed in a good one, and the status.
SOURCES = {
    "removed": (shutil.rmtree, 2),
    "emptied": (lambda folder: (shutil.rmtree(folder), folder.mkdir()), 2),
    "a_file": (lambda folder: (shutil.rmtree(folder), folder.write_text("")), 2),
    "both_layouts": (lambda folder: (folder / "train" / "original").mkdir(parents=True), 2),
    "without_photos": (lambda folder: shutil.rmtree(folder / "original"), 2),
    "without_bokeh": (lambda folder: shutil.rmtree(folder / "bokeh"), 2),
    "without_depth": (lambda folder: shutil.rmtree(folder / "original_depth"), 2),
    "depth_is_a_file": (
        lambda folder: (
            shutil.rmtree(folder / "original_depth"),
            (folder / "original_depth").write_text(""),
        ),
        2,
    ),
    "all_damaged": (
        lambda folder: [path.write_bytes(NOISE) for path in (folder / "original").iterdir()],
        2,
    ),
    "photos": (_many, 1),
    "depth": (_as_depth, 1),
    "duplicated": (
        lambda folder: shutil.copy(folder / "original" / "1.jpg", folder / "original" / "1.png"),
        0,
    ),
}


def _only(folder: Path, kind: str) -> None:
    shutil.rmtree(folder / kind)
    (folder / kind).mkdir()


RAW = {
    "nowhere": shutil.rmtree,
    "file": lambda folder: (shutil.rmtree(folder), folder.write_text("")),
    "without_bokeh": lambda folder: shutil.rmtree(folder / "bokeh"),
    "empty": lambda folder: _only(folder, "bokeh"),
    "different_names": lambda folder: [
        path.rename(path.with_name(f"x{path.name}")) for path in list((folder / "bokeh").iterdir())
    ],
    "duplicated": lambda folder: shutil.copy(
        folder / "original" / "1.jpg", folder / "original" / "1.png"
    ),
    "photos": _many,
}


def _set_with(text: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        folder.mkdir()
        (folder / "synthetic_ebb.json").write_text(text, errors="surrogateescape")

    return make


SETS = {
    "file": content(b""),
    "with_photos": lambda path: write_pair(path, "1"),
    "manifest_empty": _set_with(""),
    "manifest_not_text": _set_with("\udcff"),
    "manifest_without_end": _set_with("[" * 100_000),
    "manifest_list": _set_with("[1]"),
    "manifest_of_another_set": _set_with('{"seed": 1}'),
    "link_to_nowhere": lambda path: path.symlink_to("/proc/nowhere/at/all"),
}
