"""Runs the command: `python -m pynet_tf.train`."""

import sys

from pynet_tf import cli
from pynet_tf.train.command import main

# A log file shows every line at once.
sys.stdout.reconfigure(line_buffering=True)
cli.run(main, "pynet_tf.train")
