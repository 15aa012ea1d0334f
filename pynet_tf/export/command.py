r"""Writes a trained or converted model for other programs.

  python -m pynet_tf.export --run_dir checkpoints --output bokeh_model
  python -m pynet_tf.export --run_dir checkpoints --format litert --quantize int8 \
      --output bokeh.tflite
  python -m pynet_tf.export --run_dir checkpoints --format onnx --output bokeh.onnx
  python -m pynet_tf.export --run_dir checkpoints --format weights --output my_model

A SavedModel takes photos and depth maps of any size and gives pictures. A LiteRT or ONNX model
is the network alone; docs/exported_models.md says how its input is made.
`weights` are a folder small enough to share: one level's weights in 16 bits, which render,
evaluate, export and train --start_from take. Without --format the end of --output says what is
written: .tflite, .onnx, or else a SavedModel.
"""

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path

from pynet_tf import cli
from pynet_tf.errors import InputError
from pynet_tf.io import atomic_files, photo_paths
from pynet_tf.runs.run_directory import RunDirectory

# Of files; the other formats are folders.
_FORMATS = {".tflite": "litert", ".onnx": "onnx"}


def main(arguments: Sequence[str] | None = None) -> None:
    """Loads the run and writes the model."""
    options = _parser().parse_args(arguments)
    options.format = options.format or _FORMATS.get(options.output.suffix.lower(), "saved_model")
    _check(options)

    cli.import_tensorflow()
    from pynet_tf.export import litert, onnx, saved_model
    from pynet_tf.inference import loading, signatures

    cli.stage(f"loading {options.run_dir}")
    pyramid, run = loading.load_pyramid(options.run_dir, options.level)
    run = dataclasses.replace(run, level=options.level or run.level)
    size = signatures.image_size(options.height, options.width) if options.height else None
    if options.format == "saved_model":
        saved_model.write(pyramid, run, options.output, cli.stage)
    elif options.format == "weights":
        RunDirectory(options.output).share(run, pyramid)
    else:
        if options.format == "litert":
            cli.stage(f"converting level {run.level}")
            content = litert.convert(pyramid, run, options.quantize, size, options.calibration)
        else:
            cli.stage(f"converting level {run.level}, which can take minutes")
            content = onnx.convert(pyramid, run.level, size)
        with atomic_files.replacing(options.output) as partial:
            partial.write_bytes(content)
    print(f"wrote {options.output}: level {run.level}, step {run.step} of {options.run_dir}")


def _check(options: argparse.Namespace) -> None:
    """Checks what argparse cannot.

    Raises:
        InputError: options that do not go together, an output that would destroy something, or
            no run to take a level from.
    """
    if (options.height is None) != (options.width is None):
        raise InputError("--height and --width belong together; give both or none")
    if options.format in ("saved_model", "weights") and options.height is not None:
        raise InputError("the model takes all sizes; leave --height and --width out")
    if options.format != "litert" and options.quantize != "none":
        raise InputError("--quantize belongs to --format litert; leave it out")
    if (options.quantize == "full_int8") != (options.calibration is not None):
        raise InputError(
            "--quantize full_int8 and --calibration belong together: 8-bit scales are fixed by "
            "photos like those to be rendered"
        )
    if options.calibration is not None:
        photo_paths.photo_paths([options.calibration / "original"])
    output = options.output
    named = _FORMATS.get(output.suffix.lower())
    if named != options.format and (named or options.format in _FORMATS.values()):
        ends = {form: suffix for suffix, form in _FORMATS.items()}
        wanted = f"end it in {ends[options.format]}" if options.format in ends else "name a folder"
        raise InputError(f"--output {output} is no name for --format {options.format}; {wanted}")
    if options.format == "saved_model":
        if output.exists() and not (output / "saved_model.pb").is_file():
            raise InputError(f"--output {output} is there and is no SavedModel; name another")
    elif options.format == "weights":
        if output.exists() and not (output.is_dir() and not any(output.iterdir())):
            raise InputError(f"--output {output} is there already; name another folder")
    elif output.is_dir():
        raise InputError(f"--output {output} is a folder; name a file in it")
    RunDirectory(options.run_dir).refuse_no_model(options.level)
    atomic_files.refuse_unwritable(output.parent)


def _parser() -> argparse.ArgumentParser:
    parser = cli.Parser(
        prog="python -m pynet_tf.export",
        description=__doc__,
    )
    parser.add_argument(
        "--run_dir",
        type=cli.utf8_path,
        default="checkpoints",
        metavar="FOLDER",
        help="what pynet_tf.train or tools/convert_tf1_checkpoint.py wrote; the network that comes "
        "with the project is in checkpoints/small",
    )
    parser.add_argument(
        "--level",
        type=cli.whole(),
        choices=range(1, 8),
        help="size of the pictures: 1 the photo's, 2 half of it, and so on; the finest that is "
        "trained if not given",
    )
    parser.add_argument(
        "--format",
        choices=("saved_model", "litert", "onnx", "weights"),
        help="SavedModel folder, .tflite file, .onnx file, or a folder of weights to share; what "
        "the end of --output says if not given",
    )
    parser.add_argument(
        "--output",
        type=cli.utf8_path,
        required=True,
        metavar="PATH",
        help="folder (saved_model, weights) or file to write",
    )
    parser.add_argument(
        "--quantize",
        choices=("none", "float16", "int8", "full_int8"),
        default="none",
        help="LiteRT: smaller numbers. float16: weights of 16 bits, half the file; int8: weights "
        "of 8 bits, quick on processors; full_int8: all in 8 bits, for phones' accelerators, and "
        "needs --calibration",
    )
    parser.add_argument(
        "--calibration",
        type=Path,
        metavar="FOLDER",
        help="full_int8: folder with photos in original/ and depth maps in original_depth/",
    )
    parser.add_argument(
        "--height", type=cli.whole(64), help="LiteRT, ONNX: only for photos this high"
    )
    parser.add_argument(
        "--width", type=cli.whole(64), help="LiteRT, ONNX: only for photos this wide"
    )
    return parser
