import os
import shutil
import subprocess
import sys
import threading

import numpy as np
import pytest
import tensorflow as tf
from ebb_pictures import write_pair

from pynet_tf.data import ebb_layout, shards
from pynet_tf.ebb import builder
from pynet_tf.errors import InputError
from pynet_tf.prepare import build_shards

COUNT = 6


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Two shards of three samples each."""
    root = tmp_path_factory.mktemp("records")
    for number in range(COUNT):
        write_pair(root / "source", str(number), seed=number)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(builder, "SHARD_BYTES", 36_000)
        build_shards.build(ebb_layout.scan(root / "source"), root / "data")
    return root / "data"


@pytest.fixture
def data_dir(whole, tmp_path):
    """A copy to damage."""
    return shutil.copytree(whole, tmp_path / "data")


def shard_files(data_dir):
    return sorted((data_dir / "ebb" / shards.VERSION).glob("ebb-train.tfrecord-*"))


def test_every_record_is_what_tensorflow_reads(whole):
    split = shards.open_split(whole, "train")
    assert len(split.paths) == 2
    expected = list(tf.data.TFRecordDataset([str(path) for path in split.paths]))
    assert len(split) == len(expected) == COUNT
    for index in np.random.default_rng(0).permutation(COUNT):
        assert shards.read(split, index) == expected[index].numpy()


def test_parse_in_a_graph_knows_ranks_and_channels(whole):
    split = shards.open_split(whole, "train")
    serialized = [shards.read(split, index) for index in range(COUNT)]
    dataset = tf.data.Dataset.from_tensor_slices(serialized).map(shards.parse)
    assert dataset.element_spec["image"] == tf.TensorSpec([None, None, 4], tf.uint8)
    names = [sample["name"].decode() for sample in dataset.as_numpy_iterator()]
    assert names == [str(number) for number in range(COUNT)]
    assert shards.parse(serialized[0])["image"].shape == (32, 48, 4)


@pytest.mark.parametrize("cut", [1, 20, 5_000])
def test_a_truncated_shard_is_named_when_opened(cut, data_dir):
    shard = shard_files(data_dir)[1]
    os.truncate(shard, shard.stat().st_size - cut)
    with pytest.raises(InputError, match="cut short") as error:
        shards.open_split(data_dir, "train")
    assert str(shard) in str(error.value)
    assert "--overwrite" in str(error.value)


def test_a_shard_cut_between_two_records_is_named(data_dir):
    split = shards.open_split(data_dir, "train")
    last = int(split.offset[2]) - 12
    os.truncate(shard_files(data_dir)[0], last)
    with pytest.raises(InputError, match="00000-of-00002 is cut short: it ends in record 2 of 3"):
        shards.open_split(data_dir, "train")


def test_a_missing_empty_or_longer_shard_is_named(data_dir):
    first, second = shard_files(data_dir)
    with second.open("ab") as file:
        file.write(b"more")
    with pytest.raises(InputError, match="00001-of-00002 is longer"):
        shards.open_split(data_dir, "train")
    second.write_bytes(b"")
    with pytest.raises(InputError, match="00001-of-00002 is cut short"):
        shards.open_split(data_dir, "train")
    first.unlink()
    with pytest.raises(InputError, match="00000-of-00002 is missing"):
        shards.open_split(data_dir, "train")


def test_a_damaged_length_is_noticed_when_opened(data_dir):
    split = shards.open_split(data_dir, "train")
    _flip(shard_files(data_dir)[1], int(split.offset[4]) - 11)
    with pytest.raises(InputError, match="00001-of-00002 is damaged at record 1"):
        shards.open_split(data_dir, "train")


def test_damaged_data_is_noticed_when_read(data_dir):
    split = shards.open_split(data_dir, "train")
    _flip(shard_files(data_dir)[1], int(split.offset[4]) + 1000)
    split = shards.open_split(data_dir, "train")
    with pytest.raises(InputError, match="00001-of-00002 is damaged in record 1"):
        shards.read(split, 4)
    assert shards.read(split, 5)


def test_exchanged_shards_are_noticed(data_dir):
    first, second = shard_files(data_dir)
    shutil.copy(first, second)
    with pytest.raises(InputError, match="not the ones that were prepared"):
        shards.open_split(data_dir, "train")


def test_what_is_not_there_is_named_with_its_remedy(data_dir, tmp_path):
    with pytest.raises(InputError, match=r"nowhere holds no prepared EBB! set.*build_ebb.py"):
        shards.open_split(tmp_path / "nowhere", "train")
    with pytest.raises(InputError, match=r"no samples for test, only train \(6\).*--test_range"):
        shards.open_split(data_dir, "test")
    (data_dir / "ebb" / shards.VERSION / "dataset_info.json").write_text("{")
    with pytest.raises(InputError, match="is damaged"):
        shards.open_split(data_dir, "train")


@pytest.mark.parametrize("index", [-1, COUNT])
def test_there_is_no_record_outside(index, whole):
    with pytest.raises(IndexError):
        shards.read(shards.open_split(whole, "train"), index)


def test_the_fingerprint_depends_on_samples_and_order_alone(whole, tmp_path):
    source = ebb_layout.scan(whole.parent / "source")
    build_shards.build(source, tmp_path / "again")
    assert len(shard_files(tmp_path / "again")) == 1
    again = shards.fingerprint(tmp_path / "again", "train")
    assert again == shards.fingerprint(whole, "train")
    assert again == shards.open_split(whole, "train").fingerprint
    fewer = ebb_layout.Source({"train": source.splits["train"][1:]}, {})
    build_shards.build(fewer, tmp_path / "fewer")
    assert shards.fingerprint(tmp_path / "fewer", "train") != again


def test_threads_share_the_files(whole):
    split = shards.open_split(whole, "train")
    expected = [shards.read(split, index) for index in range(COUNT)]
    wrong = []

    def work(seed):
        for index in np.random.default_rng(seed).integers(0, COUNT, 200):
            if shards.read(split, index) != expected[index]:
                wrong.append(index)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs Linux")
def test_files_are_closed_with_the_split(whole, data_dir):
    shard_files(data_dir)[1].write_bytes(b"")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        split = shards.open_split(whole, "train")
        shards.read(split, 0)
        with pytest.raises(InputError):
            shards.open_split(data_dir, "train")
    del split
    assert len(os.listdir("/proc/self/fd")) == before


def test_opening_needs_neither_tensorflow_nor_tfds(whole):
    code = (
        "import sys; from pynet_tf.data import shards; "
        f"split = shards.open_split({str(whole)!r}, 'train'); shards.read(split, 3); "
        "assert not {'tensorflow', 'tensorflow_datasets'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def _flip(path, position):
    with path.open("r+b") as file:
        file.seek(position)
        byte = file.read(1)[0]
        file.seek(position)
        file.write(bytes([byte ^ 0x10]))
