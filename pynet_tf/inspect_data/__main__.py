"""Runs the command: `python -m pynet_tf.inspect_data`."""

from pynet_tf import cli
from pynet_tf.inspect_data.command import main

cli.run(main, "pynet_tf.inspect_data")
