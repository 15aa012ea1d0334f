"""Runs the command: `python -m pynet_tf.depth`."""

from pynet_tf import cli
from pynet_tf.depth.command import main

cli.run(main, "pynet_tf.depth")
