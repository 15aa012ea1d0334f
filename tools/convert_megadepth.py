"""Converts the published MegaDepth weights from PyTorch to Keras.

The weights are best_generalization_net_G.pth of the MegaDepth project page at Cornell
(https://www.cs.cornell.edu/projects/megadepth/). This tool alone needs PyTorch:

    python -m pip install torch --index-url https://download.pytorch.org/whl/cpu
    python tools/convert_megadepth.py best_generalization_net_G.pth megadepth.weights.h5

All 624 tensors are checked by name and shape; nothing is written unless all of them fit.
"""

from collections.abc import Sequence
from pathlib import Path

from pynet_tf import cli
from pynet_tf.errors import InputError


def read_state_dict(path: Path) -> dict:
    """Reads a PyTorch state dict without running any code that the file may hold.

    Args:
        path: a `.pth` file, of the legacy or of the zip format.

    Returns:
        Key -> NumPy array, as stored.

    Raises:
        InputError: PyTorch is not installed, or the file is missing, cut short or holds
            anything but tensors.
    """
    if not path.is_file():
        raise InputError(f"{path} is not there; check the name")
    try:
        import torch
    except ImportError as error:
        raise InputError(
            "this tool needs PyTorch; install it with: "
            "python -m pip install torch --index-url https://download.pytorch.org/whl/cpu"
        ) from error
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    # A damaged or malicious pickle can end in nearly any exception.
    except Exception as error:
        raise InputError(
            f"{path} cannot be read as PyTorch weights, or holds more than weights; "
            "download best_generalization_net_G.pth anew"
        ) from error
    if not isinstance(state, dict) or not all(map(torch.is_tensor, state.values())):
        raise InputError(
            f"{path} holds no plain table of tensors; best_generalization_net_G.pth is wanted"
        )
    try:
        return {str(key): value.detach().float().numpy() for key, value in state.items()}
    # Sparse, quantized and empty tensors have no plain values, each kind with its exception.
    except Exception as error:
        raise InputError(
            f"{path} holds tensors of a kind that MegaDepth's weights do not have ({error}); "
            "best_generalization_net_G.pth is wanted"
        ) from error


def main(arguments: Sequence[str] | None = None) -> None:
    """Converts the file named in the arguments."""
    parser = cli.Parser(
        prog="convert_megadepth.py",
        description=__doc__,
    )
    parser.add_argument("pth", type=Path, help="best_generalization_net_G.pth")
    parser.add_argument("out", type=Path, help="the Keras file to write; ends in .weights.h5")
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
    cli.run(main, "convert_megadepth.py")
