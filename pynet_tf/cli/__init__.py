"""What all command lines share: their arguments, messages, exit statuses, progress, a quiet start.

Nothing here imports TensorFlow, so that `--help` and wrong arguments answer at once.
"""

from pynet_tf.cli.arguments import Parser, number, utf8_path, whole
from pynet_tf.cli.frameworks import import_tensorflow, without_messages
from pynet_tf.cli.progress_bar import duration, progress, stage
from pynet_tf.cli.running import run

__all__ = [
    "Parser",
    "duration",
    "import_tensorflow",
    "number",
    "progress",
    "run",
    "stage",
    "utf8_path",
    "whole",
    "without_messages",
]
