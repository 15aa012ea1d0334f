"""Runs the command: `python -m pynet_tf.evaluate`."""

from pynet_tf import cli
from pynet_tf.evaluate.command import main

cli.run(main, "pynet_tf.evaluate")
