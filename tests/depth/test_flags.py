"""The flags that choose an estimator, in every command that takes them."""

import contextlib

import pytest

from pynet_tf import cli
from pynet_tf.app import command as app
from pynet_tf.depth import command as depth
from pynet_tf.depth.estimators import choosing, flags
from pynet_tf.render import command as render

COMMANDS = {
    "render": (render, flags.DEPTH_MODEL, ["a.jpg", "--output", "out"]),
    "app": (app, flags.DEPTH_MODEL, []),
    "depth": (depth, flags.MODEL, ["a.jpg", "--output", "out"]),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_hands_them_all_to_the_loader(command, monkeypatch):
    module, names, needed = COMMANDS[command]
    loaders, quiet = [], []
    monkeypatch.setattr(choosing, "loader", lambda *given: loaders.append(given) or (lambda: "it"))

    @contextlib.contextmanager
    def quietly():
        quiet.append(True)
        yield

    for given, wanted in (
        ([], (choosing.DEFAULT, "disparity", "normalized")),
        (["a.onnx", "distance", "unit"], ("a.onnx", "distance", "unit")),
    ):
        told = [f"--{name}={value}" for name, value in zip(names, given, strict=False)]
        options = module._parser().parse_args([*needed, *told])
        load = flags.loader(options, names, quietly)
        assert loaders.pop() == wanted
        assert not quiet, "nothing is loaded before it is needed"
        assert load() == "it"
        assert quiet.pop()


NAMES = [(flags.DEPTH_MODEL, "depth_weights"), (flags.MODEL, "weights")]


@pytest.mark.parametrize(("names", "former"), NAMES)
def test_a_flags_former_name_tells_the_new_one(names, former, capsys):
    parser = cli.Parser(prog="x")
    flags.add(parser, names)
    with pytest.raises(SystemExit):
        parser.parse_args([f"--{former}", "a.h5"])
    assert f"--{former} is --{names[0]} now: --{names[0]} a.h5" in capsys.readouterr().err
