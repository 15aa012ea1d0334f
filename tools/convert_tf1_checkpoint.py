"""Turns a checkpoint of the 2020 TensorFlow 1 network into a folder that all commands take.

    python tools/convert_tf1_checkpoint.py models/pynet_bokeh_level_0 runs/2020
    python tools/convert_tf1_checkpoint.py models/pynet_level_3_iteration_30000.ckpt runs/mine

The result is taken by pynet_tf.train (as the start of the next level), evaluate, render and
export like any other run directory.
"""

from collections.abc import Sequence

from pynet_tf import __version__, cli
from pynet_tf.convert import tf1_names
from pynet_tf.errors import InputError
from pynet_tf.runs.run_directory import RunDirectory


def main(arguments: Sequence[str] | None = None) -> None:
    """Converts; prints which levels are trained and what was left out."""
    parser = cli.Parser(prog="python tools/convert_tf1_checkpoint.py", description=__doc__)
    parser.add_argument(
        "prefix",
        metavar="CHECKPOINT",
        type=cli.utf8_path,
        help="the checkpoint: its path without .index and .data-00000-of-00001",
    )
    parser.add_argument(
        "output",
        type=cli.utf8_path,
        metavar="OUT",
        help="folder to write, new or without levels",
    )
    parser.add_argument(
        "--level",
        type=cli.whole(),
        choices=range(1, 8),
        help="the finest trained level; if not given, what the file's name says "
        "(pynet_level_<level>_iteration_<n>.ckpt), or else what the weights say",
    )
    options = parser.parse_args(arguments)
    # A level without is what a killed conversion has left.
    run = RunDirectory(options.output)
    if run.trained_levels():
        raise InputError(f"{options.output} already holds trained levels; choose another folder")
    tf1_names.checkpoint_prefix(options.prefix)

    cli.import_tensorflow()
    from pynet_tf import model
    from pynet_tf.convert import tf1_checkpoint

    checkpoint = tf1_checkpoint.read_checkpoint(options.prefix)
    if checkpoint.ignored:
        print(
            f"left out {len(checkpoint.ignored)} variables that are no weights: "
            f"{', '.join(checkpoint.ignored)}"
        )
    level = tf1_checkpoint.finest_level(checkpoint, options.level)
    pyramid = model.pynet(seed=None)
    tf1_checkpoint.load_weights(pyramid, checkpoint.values)
    settings = {
        "converted_from": checkpoint.prefix.name,
        "iterations": checkpoint.iterations,
        "trained_levels": checkpoint.trained,
        "pynet_tf": __version__,
    }
    run.save(level, pyramid, settings)
    untrained = [held for held in model.LEVELS if held not in checkpoint.trained]
    print(f"trained levels: {', '.join(map(str, checkpoint.trained))}")
    if untrained:
        print(f"untrained levels: {', '.join(map(str, untrained))}")
    print(f"wrote {run.level(level)}: 440 variables, finest level {level}")


if __name__ == "__main__":
    cli.run(main, "tools/convert_tf1_checkpoint.py")
