"""Runs the command: `python -m pynet_tf.app`."""

from pynet_tf import cli
from pynet_tf.app.command import main

cli.run(main, "pynet_tf.app")
