"""Runs the command: `python -m pynet_tf.export`."""

from pynet_tf import cli
from pynet_tf.export.command import main

cli.run(main, "pynet_tf.export")
