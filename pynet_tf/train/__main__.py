"""Runs the command: `python -m pynet_tf.train`."""

from pynet_tf import cli
from pynet_tf.train.command import main

cli.run(main, "pynet_tf.train")
