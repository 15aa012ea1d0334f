"""Disks that are full, closed or failing: one sentence, nothing lost, nothing half."""

import shutil
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from command_cases import CASES, visible
from faults import tree

from pynet_tf.data import shards
from pynet_tf.runs.run_directory import RunDirectory


def assert_one_sentence(ended, *words) -> None:
    assert ended.status == 2, ended.err
    [line] = [line for line in ended.err.splitlines() if "error: " in line]
    for word in words:
        assert word in line
    assert "Traceback" not in ended.err


# Bytes that a file may have: some of the command's files are smaller, one is larger.
@pytest.mark.parametrize(
    ("name", "file_size", "named"),
    [
        ("train", 500_000, "run/level_7/step_00000002"),
        ("make_synthetic_ebb", 1_500, "set/train/original/0.jpg"),
        ("render", 1_000, "out/0.jpg"),
        ("evaluate", 100_000, "report/comparison.png"),
        ("export", 100_000, "model"),
    ],
)
def test_a_full_disk(name, file_size, named, bench, tmp_path):
    folder = bench.begin(name, tmp_path / name)
    before = visible(tree(folder))
    ended = bench.run(name, folder, file_size=file_size)
    assert_one_sentence(ended, named)
    after = tree(folder)
    assert before.items() <= after.items()
    assert not any("partial" in name or "temp" in name or "step_" in name for name in after)


@pytest.mark.parametrize("name", list(CASES))
def test_output_that_may_not_be_written(name, bench, tmp_path):
    folder = bench.begin(name, tmp_path / name)
    before = tree(folder)
    closed = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    for path in closed:
        path.chmod(0o555)
    ended = bench.run(name, folder, obey_permissions=True)
    for path in closed:
        path.chmod(0o755)
    assert_one_sentence(ended, "ermission denied")
    assert tree(folder) == before


def test_a_run_directory_removed_while_it_is_trained(bench, tmp_path):
    level = RunDirectory(tmp_path / "run").level(7)
    with ThreadPoolExecutor(1) as thread:
        training = thread.submit(bench.run, "train", tmp_path)
        while not level.steps() and not training.done():
            time.sleep(0.005)
        # At once, not file by file.
        shutil.rmtree(level.path.rename(tmp_path / "gone"))
        ended = training.result()
    assert ended.status == 0, ended.err
    assert "run/level_7 was removed; beginning it anew" in ended.err
    assert level.newest_step() == 10
    assert level.is_whole(10)


@pytest.mark.parametrize("damage", ["cut short", "damaged in record"])
@pytest.mark.parametrize(("name", "split"), [("train", "train"), ("evaluate", "test")])
def test_damaged_shards_stop_the_command(name, split, damage, bench, tiny_ebb, tmp_path):
    copied = shutil.copytree(tiny_ebb, tmp_path / "ebb" / "data")
    [shard] = shards.folder(copied).glob(f"ebb-{split}.tfrecord-*")
    content = bytearray(shard.read_bytes())
    if damage == "cut short":
        content = content[: len(content) // 2]
    else:
        content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    ended = bench.run(name, tmp_path, ebb=copied.parent)
    assert_one_sentence(ended, str(shard), damage, "tools/build_ebb.py")
