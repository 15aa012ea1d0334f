"""Who is at the page, and what becomes of their files."""

import os
import subprocess
import sys
import tempfile

import pytest

from pynet_tf.app.visitors import Visitors


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Where temporary files lie."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_tabs_and_visitors_have_folders_of_their_own(place):
    with Visitors() as visitors:
        sessions = [visitors.session(*who) for who in (("a", "1"), ("a", "2"), ("b", "1"))]
        assert len({session.folder for session in sessions}) == 3
        assert visitors.session("a", "1") is sessions[0]
        own, other = sessions[0].made / "0.jpg", sessions[2].made / "0.jpg"
        assert visitors.serves("a", own)
        assert visitors.serves("b", other)
        assert not visitors.serves("b", own)
        assert not visitors.serves("a", sessions[0].folder / "photo.jpg")
        assert not visitors.serves("a", visitors.uploads("a") / "made" / "photo.jpg")
        assert "a" not in visitors.folder("a").parts
    assert not list(place.iterdir())


def test_who_leaves_leaves_nothing(place):
    with Visitors() as visitors:
        first, second = visitors.session("a", "1"), visitors.session("a", "2")
        visitors.uploads("a").mkdir()
        first.photo = object()
        visitors.leave("a", "1")
        assert not first.folder.exists()
        assert first.left
        assert first.photo is None
        assert second.folder.exists()
        visitors.leave("a", "2")
        visitors.leave("a", "2")
        assert not visitors.folder("a").exists()
        # Back again, in the same tab.
        assert visitors.session("a", "1").photo is None


def test_what_a_tab_uploads_survives_another_one_that_is_closed(place):
    with Visitors() as visitors:
        assert visitors.is_own_tab("a", "1")
        assert visitors.is_own_tab("a", "2")
        assert not visitors.is_own_tab("b", "2")
        visitors.session("a", "1")
        upload = visitors.new_upload("a")
        upload.mkdir(parents=True)
        # The other has opened nothing yet.
        visitors.leave("a", "1")
        assert upload.exists()
        visitors.leave("a", "2")
        assert not upload.exists()
        assert visitors.is_own_tab("b", "2")


def test_old_pictures_are_removed(place):
    with Visitors() as visitors:
        session = visitors.session("a", "1")
        for _ in range(50):
            session.new_picture(".jpg").write_bytes(b"picture")
        kept = list(session.made.iterdir())
        assert 2 < len(kept) < 10
        session.close()
        assert list(session.folder.iterdir()) == [session.made]
        assert session.owns(session.made / "0.jpg")
        assert not session.owns(session.made / "../../../other/0.jpg")


def test_what_a_killed_page_left_is_removed_and_a_running_one_is_not(place):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left, running, foreign = (
        place / f"pynet_tf_page.{number}.abc" for number in (ended.pid, os.getpid(), "x")
    )
    for folder in (left, running, foreign):
        (folder / "someone").mkdir(parents=True)
    with Visitors():
        assert not left.exists()
        assert running.exists()
        assert foreign.exists()
