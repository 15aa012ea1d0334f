import os
import unicodedata

import pytest

from pynet_tf.errors import InputError
from pynet_tf.io.photo_paths import PHOTO_SUFFIXES, find_by_stem, photo_paths, refuse_shared_stems


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


def test_what_a_folder_holds_besides_is_named_with_the_reason_or_passed_over(tmp_path):
    quiet = ("IMG_1.heic", "IMG_1.MOV", "IMG_1.AAE", "a.jpg", "a.xmp", "Thumbs.db", "desktop.ini")
    named = ("b.CR2", "c.dng", "d.nef", "clip.mp4", "notes.txt", "e.psd")
    for name in (*quiet, *named, ".DS_Store", "._a.jpg"):
        (tmp_path / name).touch()
    (tmp_path / "folder.jpg.d").mkdir()
    said = []
    assert [path.name for path in photo_paths([tmp_path], say=said.append)] == [
        "IMG_1.heic",
        "a.jpg",
    ]
    assert [sentence.removeprefix(f"{tmp_path}: left out, ") for sentence in said] == [
        "raw files, which have to be developed to JPEG, PNG or TIFF first (3): b.CR2, c.dng, d.nef",
        "videos (1): clip.mp4",
        f"files that end in none of {', '.join(PHOTO_SUFFIXES)} (2): e.psd, notes.txt",
    ]


def test_raw_files_alone_are_refused_with_the_reason(tmp_path):
    (tmp_path / "a.CR2").touch()
    for argument in (tmp_path, tmp_path / "*.CR2", tmp_path / "a.CR2"):
        with pytest.raises(InputError, match="have to be developed to JPEG"):
            photo_paths([argument])


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_match_however_their_accents_are_written(form, tmp_path):
    there = tmp_path / (
        unicodedata.normalize(form, "caf\N{LATIN SMALL LETTER E WITH ACUTE}") + ".png"
    )
    there.touch()
    for asked in ("NFC", "NFD"):
        stem = unicodedata.normalize(asked, there.stem)
        assert find_by_stem(tmp_path, stem) == there
    other = tmp_path / "b" / (unicodedata.normalize("NFD", there.stem) + ".jpg")
    with pytest.raises(InputError, match="would both be written"):
        refuse_shared_stems([tmp_path / (unicodedata.normalize("NFC", there.stem) + ".jpg"), other])
