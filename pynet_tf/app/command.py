"""Opens a page on this machine: drop a photo, click what should be sharp, slide the blur.

    python -m pynet_tf.app

The page is for this machine alone unless --host says otherwise, asks nothing of other servers, and
forgets a photo when its tab is closed. What it downloads is what `python -m pynet_tf.render` would
write. Ctrl-C ends it.
"""

import argparse
import contextlib
import importlib.util
import signal
import sys
from collections.abc import Sequence

from pynet_tf import cli
from pynet_tf.depth.estimators import flags
from pynet_tf.errors import InputError

HIGHEST_PORT = 65535


def main(arguments: Sequence[str] | None = None) -> int:
    """Shows the page until it is interrupted; returns the exit status."""
    options = _parser().parse_args(arguments)
    if options.model is not None and not options.model.exists():
        raise InputError(
            f"--model {options.model} is not there; train one (python -m pynet_tf.train), or leave "
            "it out for the network that comes with the project"
        )
    if importlib.util.find_spec("gradio") is None:
        raise InputError('the page needs the extra app; install it: pip install "pynet_tf[app]"')
    from pynet_tf.app import listening

    with listening.bound(options.host, options.port) as socket:
        from pynet_tf.app.renderers import Renderers

        load = flags.loader(options, flags.DEPTH_MODEL, cli.without_messages)
        with cli.without_messages():
            renderers = Renderers(options.model, load)
        # Ctrl-C is how the page ends; being told to end is no reason to leave files behind.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        with contextlib.suppress(KeyboardInterrupt):
            from pynet_tf.app import server

            server.serve(renderers, socket, options.host, browser=not options.no_browser)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = cli.Parser(prog="python -m pynet_tf.app", description=__doc__)
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="address to listen at; 0.0.0.0 lets all machines in reach use the page",
    )
    parser.add_argument(
        "--port", type=cli.whole(0, HIGHEST_PORT), default=7860, help="to listen at; 0: a free one"
    )
    parser.add_argument("--no_browser", action="store_true", help="do not open a browser")
    parser.add_argument(
        "--model",
        type=cli.utf8_path,
        metavar="PATH",
        help="folder of pynet_tf.train, exported SavedModel or .tflite file; the network that "
        "comes with the project if not given",
    )
    flags.add(parser, flags.DEPTH_MODEL)
    return parser
