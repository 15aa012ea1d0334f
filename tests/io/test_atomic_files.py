"""Files that are whole or absent, on disks that several machines share."""

import os
import re
import time

import pytest

from pynet_tf.errors import InputError
from pynet_tf.io import atomic_files, locks, owners
from pynet_tf.io.atomic_files import replacing, write_text

# As 60 characters of 4 bytes are: no name on disk may have more than 255 bytes.
LONG = "\N{CAMERA}" * 61 + ".json"


@pytest.fixture(autouse=True)
def _new_process(monkeypatch):
    monkeypatch.setattr(atomic_files, "_settled", set())


def _leave(folder, kernel="00000000", process=1, kind="partial", name="a.txt"):
    left = folder / f".{kind}.host-{kernel}-{process}-12345678.{name}"
    left.write_text("half")
    return left


def _age(monkeypatch, seconds):
    real = time.time()
    monkeypatch.setattr(owners, "_now", lambda folder: real + seconds)


def test_another_machines_partial_files_are_left_alone_for_a_day(tmp_path, monkeypatch):
    left = _leave(tmp_path)
    write_text(tmp_path / "b.txt", "whole")
    assert left.read_text() == "half"
    _age(monkeypatch, owners.OLD + 60)
    atomic_files.settle(tmp_path)
    assert os.listdir(tmp_path) == ["b.txt"]


def test_another_machines_old_files_stay_while_it_holds_its_lock(tmp_path, monkeypatch):
    left = _leave(tmp_path)
    mark = tmp_path / ".writing.host-00000000-1-12345678"
    file = os.open(mark, os.O_RDWR | os.O_CREAT)
    assert locks.try_lock(file)
    _age(monkeypatch, owners.OLD + 60)
    atomic_files.settle(tmp_path)
    assert left.exists()
    os.close(file)
    atomic_files.settle(tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_killed_process_of_this_machine_leaves_nothing(tmp_path):
    _leave(tmp_path, owners._kernel(), process=2**22 + 1)
    alive = _leave(tmp_path, owners._kernel(), process=os.getpid(), name="b.txt")
    atomic_files.settle(tmp_path)
    assert list(tmp_path.iterdir()) == [alive]


def test_a_number_that_was_given_again_hides_no_dead_writer(tmp_path):
    """As in containers, where the first process always has the number 1."""
    left = _leave(tmp_path, owners._kernel(), process=os.getpid())
    (tmp_path / f".writing.{left.name.split('.')[2]}").touch()
    atomic_files.settle(tmp_path)
    assert os.listdir(tmp_path) == []


def test_what_is_being_written_here_is_left_alone_and_names_its_writer(tmp_path):
    with replacing(tmp_path / "a.txt") as partial:
        partial.write_text("half")
        atomic_files.settle(tmp_path)
        assert partial.read_text() == "half"
        assert re.fullmatch(
            rf"\.partial\.\w*-[0-9a-f]{{8}}-{os.getpid()}-\w{{8}}\.a\.txt", partial.name
        )
    assert os.listdir(tmp_path) == ["a.txt"]


def test_two_writers_of_one_name_do_not_meet(tmp_path):
    with replacing(tmp_path / "a.txt") as first, replacing(tmp_path / "a.txt") as second:
        assert first != second
        first.write_text("first")
        second.write_text("second")
    assert (tmp_path / "a.txt").read_text() == "first"


def _replaced(folder, kernel):
    aside = folder / f".replaced.host-{kernel}-{2**22 + 1}-12345678" / "model"
    aside.mkdir(parents=True)
    (aside / "weights").write_text("old")


def test_a_folder_that_was_being_replaced_is_there_again(tmp_path):
    _replaced(tmp_path, owners._kernel())
    atomic_files.settle(tmp_path)
    assert (tmp_path / "model" / "weights").read_text() == "old"
    assert os.listdir(tmp_path) == ["model"]


def test_a_folder_is_there_again_after_the_machine_was_started_anew(tmp_path, monkeypatch):
    """As another machine's: it may be just in between two renames."""
    _replaced(tmp_path, "00000000")
    atomic_files.settle(tmp_path)
    assert not (tmp_path / "model").exists()
    _age(monkeypatch, 100)
    atomic_files.settle(tmp_path)
    assert (tmp_path / "model" / "weights").read_text() == "old"


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_the_longest_names_are_written_and_replaced(kind, tmp_path):
    path = tmp_path / LONG
    assert len(os.fsencode(path.name)) == 249
    for content in ("first", "second"):
        with replacing(path) as partial:
            # Whole characters, all suffixes.
            assert partial.name.encode()
            assert partial.suffix == ".json"
            if kind == "folder":
                partial.mkdir()
            (partial / "a" if kind == "folder" else partial).write_text(content)
    assert os.listdir(tmp_path) == [LONG]
    assert (path / "a" if kind == "folder" else path).read_text() == "second"


def test_disks_without_locks_are_one_sentence(tmp_path, monkeypatch):
    def no_locks(*_):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(locks.fcntl, "flock", no_locks)
    with pytest.raises(InputError, match=r"cannot lock files; mount it with locks \(NFS"):
        locks.locked(tmp_path).__enter__()
    write_text(tmp_path / "a.txt", "files can be written all the same")
    assert (tmp_path / "a.txt").exists()


def test_a_lock_that_is_removed_meanwhile_is_not_two_locks(tmp_path):
    with locks.locked(tmp_path):
        # Somebody opens the file, and gets to lock it when its holder has removed it.
        late = os.open(tmp_path / ".lock", os.O_RDWR)
    with locks.locked(tmp_path):
        assert not os.path.samestat(os.fstat(late), os.stat(tmp_path / ".lock"))
        with pytest.raises(InputError, match="another process"):
            locks.locked(tmp_path).__enter__()
    os.close(late)
    assert os.listdir(tmp_path) == []
