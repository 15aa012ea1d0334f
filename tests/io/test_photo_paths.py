import os

import pytest

from pynet_tf.errors import InputError
from pynet_tf.io.photo_paths import find_by_stem, photo_paths, refuse_shared_stems


@pytest.fixture
def folder(tmp_path):
    for name in ("b.JPG", "a.png", "c.webp", "notes.txt", ".d.partial.png", "deep/e.jpg"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "photos"


def test_folder_gives_its_photos_sorted_without_hidden_ones_and_subfolders(folder):
    assert [path.name for path in photo_paths([folder])] == ["a.png", "b.JPG", "c.webp"]


def test_a_photo_named_in_several_ways_comes_once(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    names = ["photos/b.JPG", "photos", "./photos/deep/../b.JPG", "photos/*.JPG", str(folder)]
    assert [path.name for path in photo_paths(names)] == ["a.png", "b.JPG", "c.webp"]


def test_pattern_that_the_shell_left_alone(folder):
    assert [path.name for path in photo_paths([f"{folder}/[ac].*"])] == ["a.png", "c.webp"]


def test_a_file_with_brackets_in_its_name_is_a_file(folder):
    (folder / "[a].jpg").touch()
    assert photo_paths([f"{folder}/[a].jpg"]) == [folder / "[a].jpg"]


def test_a_named_file_is_taken_whatever_its_suffix(folder):
    assert photo_paths([folder / "notes.txt"]) == [folder / "notes.txt"]


def test_a_dangling_link_is_listed_so_that_it_is_reported_later(folder):
    os.symlink("nowhere", folder / "z.png")
    assert photo_paths([folder])[-1] == folder / "z.png"


@pytest.mark.parametrize("name", ["nothing.jpg", "nothing*.jpg", "photos/empty"])
def test_what_is_not_there_is_named(folder, name, monkeypatch):
    monkeypatch.chdir(folder.parent)
    (folder / "empty").mkdir()
    with pytest.raises(InputError) as error:
        photo_paths([folder / "a.png", name])
    assert name in str(error.value)


def test_two_photos_for_one_result_are_both_named(folder):
    (folder / "a.jpg").touch()
    with pytest.raises(InputError) as error:
        refuse_shared_stems(photo_paths([folder]))
    assert "a.jpg" in str(error.value)
    assert "a.png" in str(error.value)
    (folder / "a.jpg").unlink()
    refuse_shared_stems(photo_paths([folder]))


def test_find_by_stem_prefers_the_earlier_suffix_and_reads_capitals(folder):
    (folder / "a.jpg").touch()
    assert find_by_stem(folder, "a") == folder / "a.jpg"
    assert find_by_stem(folder, "b") == folder / "b.JPG"
    assert find_by_stem(folder, "notes") is None
