"""Runs the command: `python -m pynet_tf.render`."""

from pynet_tf import cli
from pynet_tf.render.command import main

cli.run(main, "pynet_tf.render")
