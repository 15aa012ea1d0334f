"""Converts the published MegaDepth weights from PyTorch to Keras.

The weights are best_generalization_net_G.pth of the MegaDepth project page at Cornell
(https://www.cs.cornell.edu/projects/megadepth/). PyTorch is not needed:

    python tools/convert_megadepth.py best_generalization_net_G.pth megadepth.weights.h5

All 624 tensors are checked by name and shape; nothing is written unless all of them fit.
"""

from collections.abc import Sequence
from pathlib import Path

from pynet_tf import cli
from pynet_tf.convert.pytorch_file import read_state_dict
from pynet_tf.errors import InputError


def main(arguments: Sequence[str] | None = None) -> None:
    """Converts the file named in the arguments."""
    parser = cli.Parser(
        prog="python tools/convert_megadepth.py",
        description=__doc__,
    )
    parser.add_argument("pth", metavar="PTH", type=Path, help="best_generalization_net_G.pth")
    parser.add_argument(
        "out", metavar="OUT", type=Path, help="the Keras file to write; ends in .weights.h5"
    )
    options = parser.parse_args(arguments)
    if not options.out.name.endswith(".weights.h5"):
        raise InputError(
            f"{options.out} must end in .weights.h5; name it e.g. megadepth.weights.h5"
        )

    tensors = read_state_dict(options.pth)
    cli.import_tensorflow()
    from pynet_tf.depth.estimators.megadepth_network import load_state, megadepth, save_megadepth

    model = megadepth()
    try:
        load_state(model, tensors)
    except InputError as error:
        raise InputError(f"{options.pth}: {error}") from error
    save_megadepth(model, options.out)
    print(f"{options.out}: {len(model.weights)} tensors, {model.count_params():,} parameters")


if __name__ == "__main__":
    cli.run(main, "tools/convert_megadepth.py")
