"""The flags that choose an estimator of depth, the same for all commands."""

import argparse
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from pynet_tf.depth.estimators import choosing
from pynet_tf.depth.estimators.photo_to_map import INPUTS, OUTPUTS

# Names of the three flags: beside another model, and where there is none.
DEPTH_MODEL = ("depth_model", "depth_output", "depth_input")
MODEL = ("model", "model_output", "model_input")
# What the first one was called before.
_FORMER = {"depth_model": "--depth_weights", "model": "--weights"}


def add(parser: argparse.ArgumentParser, names: Sequence[str]) -> None:
    """Adds the flags.

    Args:
        parser: of a command, or a group of it.
        names: `DEPTH_MODEL` or `MODEL`.
    """
    model, output, input_ = names
    parser.add_argument(
        f"--{model}",
        default=choosing.DEFAULT,
        metavar="NAME|PATH",
        help="what estimates depth: a KerasHub preset, fetched once, or its folder; MegaDepth's "
        ".weights.h5; an .onnx or .tflite file or a SavedModel",
    )
    parser.add_argument(
        f"--{output}",
        choices=OUTPUTS,
        default=OUTPUTS[0],
        help=f"what a file of --{model} gives: near = large, or near = small",
    )
    parser.add_argument(
        f"--{input_}",
        choices=INPUTS,
        default=INPUTS[0],
        help=f"what a file of --{model} takes: colours normalized by ImageNet's mean and "
        "deviation, of 0 to 1, or of 0 to 255",
    )
    parser.add_argument(_FORMER[model], action=_Renamed, const=f"--{model}", help=argparse.SUPPRESS)


def loader(
    options: argparse.Namespace,
    names: Sequence[str],
    quietly: Callable[[], AbstractContextManager],
) -> Callable[[], object]:
    """Returns what loads the estimator that the flags choose, see `choosing.loader`.

    Args:
        options: of a parser with the flags.
        names: see `add`.
        quietly: makes the context to load in, which may keep what frameworks say.

    Raises:
        InputError: see `choosing.loader`.
    """
    load = choosing.loader(*(getattr(options, name) for name in names))

    def loaded():
        with quietly():
            return load()

    return loaded


class _Renamed(argparse.Action):
    def __call__(self, parser, namespace, values, option_string=None):
        parser.error(f"{option_string} is {self.const} now: {self.const} {values}")
