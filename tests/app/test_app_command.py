"""What the command refuses, before anything slow is loaded, and how it listens."""

import socket
import sys

import pytest

from pynet_tf.app import command, listening
from pynet_tf.app.renderers import Renderers
from pynet_tf.errors import InputError


def test_a_taken_port_is_told_and_a_free_one_found():
    with listening.bound("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        assert listening.address(taken, "127.0.0.1") == f"http://127.0.0.1:{port}"
        assert listening.address(taken, "0.0.0.0") == f"http://127.0.0.1:{port}"
        with pytest.raises(InputError, match=f"cannot listen at port {port}"):
            command.main(["--port", str(port), "--no_browser"])


def test_only_this_machine_is_listened_to(monkeypatch):
    hosts = []

    def bound(host, port):
        hosts.append((host, port))
        raise InputError("enough")

    monkeypatch.setattr(listening, "bound", bound)
    for arguments in ([], ["--host", "0.0.0.0", "--port", "80"]):
        with pytest.raises(InputError, match="enough"):
            command.main(arguments)
    assert hosts == [("127.0.0.1", 7860), ("0.0.0.0", 80)]


def test_a_host_that_is_none_is_told():
    with pytest.raises(InputError, match="give one of this machine"):
        listening.bound("no such host", 0)
    with pytest.raises(InputError, match="cannot listen"):
        # Set aside for documentation: no machine has it.
        listening.bound("192.0.2.1", 0)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--model", "nowhere"], "--model nowhere is not there"),
        (["--depth_model", "nowhere"], "nowhere is neither a file nor one of"),
    ],
)
def test_what_is_not_there_is_told(arguments, told):
    with pytest.raises(InputError, match=told):
        command.main([*arguments, "--port", "0", "--no_browser"])


def test_without_gradio_its_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(InputError, match=r"pynet_tf\[app\]"):
        command.main(["--no_browser"])


@pytest.mark.parametrize("port", ["65536", "-1", "http"])
def test_a_port_is_a_number(port, capsys):
    with pytest.raises(SystemExit):
        command.main(["--port", port])
    assert "is not a whole number from 0 to 65535" in capsys.readouterr().err


def test_networks_that_are_not_told_the_focus_are_refused(monkeypatch):
    class Choosing:
        is_told, name = False, "old"

    monkeypatch.setattr("pynet_tf.inference.renderer.load", lambda model: Choosing())
    with pytest.raises(InputError, match="old chooses focus and blur by itself"):
        Renderers(None, lambda: None)


def test_sockets_that_ended_can_be_used_again():
    with listening.bound("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            first.accept()[0].close()
    listening.bound("127.0.0.1", port).close()
