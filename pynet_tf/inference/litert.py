"""LiteRT models (`.tflite`, formerly TensorFlow Lite): smaller, and with 8-bit integers faster.

A model holds the raw network of one level:

    image [1, h, w, C] float32, h and w multiples of 32 -> level_<level> [1, H, W, 3]

The image is called `photo_defocus` where it holds the whole photo and its defocus, see
`model.InputFormat`.

It takes pictures of all sizes (`resize_tensor_input`) unless it was made for one size, which
some phone accelerators need. `load_model` adds what `signatures.py` does before and after, so
that photos of all sizes go in and come out.

    quantize     weights    sums                           needs
    none         float32    float32
    float16      float16    float32
    int8         int8       int8, scaled anew every run
    full_int8    int8       int8, scales fixed             photos like those to be rendered

`int8` is what to use on processors. `full_int8` is for accelerators that want fixed scales, and
costs far more quality, even though the arithmetic of the instance norm stays float32 (with means
and variances in 8 bit a trained network lost another 7 dB).

Running a model needs the package ai-edge-litert; making one needs TensorFlow only.
"""

import contextlib
import io
import itertools
import os
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from pynet_tf import model
from pynet_tf.errors import InputError
from pynet_tf.inference import loading, signatures
from pynet_tf.inference.loading import RenderModel
from pynet_tf.io.atomic_files import replacing
from pynet_tf.runs.run_directory import RunDirectory

# What LiteRT makes of an instance norm, besides the residual additions.
_NORM_OPERATORS = ["ADD", "MEAN", "MUL", "RSQRT", "SQUARED_DIFFERENCE", "SUB"]

# A model is not computed in tiles: at full width this takes about 10 GiB.
LARGEST_PHOTO = 8_000_000

QUANTIZATIONS = ("none", "float16", "int8", "full_int8")


def convert(
    pyramid: keras.Model,
    level: int,
    quantize: str = "none",
    size: tuple[int, int] | None = None,
    calibration: Iterable[np.ndarray] | None = None,
) -> bytes:
    """Converts one level of a pyramid.

    Args:
        pyramid: from `model.pynet`.
        level: 7 (smallest) to 1.
        quantize: one of `QUANTIZATIONS`.
        size: height and width of the image, multiples of 32; None for all sizes.
        calibration: for `full_int8`: images `[1, h, w, C]` float32, of `size` if one is given.

    Returns:
        The content of a `.tflite` file.

    Raises:
        InputError: a weight is not a finite number, or `full_int8` has no calibration images.
        ValueError: `quantize` or `size` is not among the possible.
    """
    if quantize not in QUANTIZATIONS:
        raise ValueError(f"quantize is {quantize!r}, not one of {', '.join(QUANTIZATIONS)}")
    if size is not None and any(side < 32 or side % model.MULTIPLE for side in size):
        raise ValueError(f"size is {size}, but both have to be multiples of {model.MULTIPLE}")
    network = model.level_model(pyramid, level)
    loading.refuse_nonfinite(network.weights, "the pyramid")
    converter = tf.lite.TFLiteConverter.from_keras_model(_size_free(network, level, size))
    if quantize != "none":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantize == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if quantize == "full_int8":
        images = list(calibration or ())
        if not images:
            raise InputError("full_int8 needs photos to calibrate with; give some")
        converter.representative_dataset = lambda: ([picture] for picture in images)
    # The converter writes the list of endpoints to standard output.
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _with_float_norm(converter) if quantize == "full_int8" else converter.convert()


def _size_free(network: keras.Model, level: int, size: tuple[int, int] | None) -> keras.Model:
    """Rewrites what needs the picture's size as a tensor, with the same result.

    LiteRT computes everything that comes after such a tensor without its fast kernels.
    """

    def call(layer, *inputs, **options):
        if isinstance(layer, keras.layers.GroupNormalization):
            return _instance_norm(layer, *inputs)
        if isinstance(layer, keras.layers.Conv2DTranspose):
            return _transposed_convolution(layer, *inputs)
        if type(layer).__name__ == "Pad":  # Keras has no public class of it
            return _mirrored(layer, *inputs)
        return layer(*inputs, **options)

    channels = network.input.shape[-1]
    image = keras.Input((*(size or (None, None)), channels), 1, name=_input_name(channels))
    clone = keras.models.clone_model(network, image, lambda layer: layer, call)
    # The dict names the output in the file.
    return keras.Model(image, {f"level_{level}": clone.output})


def _input_name(channels: int) -> str:
    """Returns the input's name in the file, which tells what its channels are."""
    return "photo_defocus" if model.format_of(channels).is_told_defocus else "image"


def _instance_norm(layer: keras.layers.GroupNormalization, x):
    centred = x - keras.ops.mean(x, (1, 2), keepdims=True)
    variance = keras.ops.mean(keras.ops.square(centred), (1, 2), keepdims=True)
    scale = keras.ops.rsqrt(variance + layer.epsilon) * layer.gamma.numpy()
    return centred * scale + layer.beta.numpy()


def _transposed_convolution(layer: keras.layers.Conv2DTranspose, x):
    """A 3x3 kernel at stride 2 as a 2x2 kernel that gives all four pixels of the larger map.

    Row 2i of the larger map is row i times the kernel's row 0 and row i-1 times its row 2;
    row 2i+1 is row i times its row 1; columns likewise.
    """
    kernel = layer.kernel.numpy()
    outputs, inputs = kernel.shape[2:]
    # (row of the small map behind the pixel's own, row of the kernel), for even and odd rows
    taps = (((1, 0), (0, 2)), ((1, 1),))
    small = np.zeros((2, 2, inputs, 2, 2, outputs), np.float32)
    for row, column in itertools.product((0, 1), (0, 1)):
        for (y, from_y), (x_, from_x) in itertools.product(taps[row], taps[column]):
            small[y, x_, :, row, column] = kernel[from_y, from_x].T
    padded = keras.layers.ZeroPadding2D(((1, 0), (1, 0)))(x)
    maps = keras.ops.conv(padded, small.reshape(2, 2, inputs, 4 * outputs), padding="valid")
    return keras.ops.depth_to_space(maps, 2)


def _mirrored(layer: keras.Operation, x):
    """A pad by one pixel, put together of parts.

    LiteRT's own is slow, and the fast kernels before and after it are started anew.
    """
    mirrors_one = np.array_equal(layer.pad_width, [(0, 0), (1, 1), (1, 1), (0, 0)])
    if layer.mode != "symmetric" or not mirrors_one:
        raise NotImplementedError(f"{layer.name} pads otherwise than by mirroring one pixel")
    x = keras.ops.concatenate([x[:, :1], x, x[:, -1:]], axis=1)
    return keras.ops.concatenate([x[:, :, :1], x, x[:, :, -1:]], axis=2)


def _with_float_norm(converter: tf.lite.TFLiteConverter) -> bytes:
    """Converts to full int8 but for the norm: only the debugger lets operators be left out."""
    options = tf.lite.experimental.QuantizationDebugOptions(denylisted_ops=_NORM_OPERATORS)
    debugger = tf.lite.experimental.QuantizationDebugger(
        converter=converter,
        debug_dataset=converter.representative_dataset,
        debug_options=options,
    )
    return debugger.get_nondebug_quantized_model()


def load(content: Path | bytes, threads: int | None = None) -> Callable[[np.ndarray], np.ndarray]:
    """Loads a model for running.

    Args:
        content: a `.tflite` file, or what `convert` returned.
        threads: None for all cores.

    Returns:
        A function image `[1, h, w, C]` float32 -> `[1, H, W, 3]` float32, with the attributes
        `level`, `input_format` and `size` (height and width of the only image it takes, or None).

    Raises:
        InputError: ai-edge-litert is missing, or the file is, or is no model of PyNET, or is of a
            head that this version cannot use.
    """
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise InputError(
            "running LiteRT models needs the package ai-edge-litert; "
            "install it: pip install ai-edge-litert"
        ) from error
    name = "the LiteRT model" if isinstance(content, bytes) else str(content)
    if not isinstance(content, bytes):
        if not Path(content).is_file():
            raise InputError(f"{content} is not there; make it: python -m pynet_tf.export")
        content = Path(content).read_bytes()
    try:
        interpreter = Interpreter(
            model_content=content, num_threads=threads or len(os.sched_getaffinity(0))
        )
        (signature,) = interpreter.get_signature_list().values()
        (output,), (input_name,) = signature["outputs"], signature["inputs"]
        level = int(output.removeprefix("level_"))
        (given,) = interpreter.get_input_details()
        made_for = tuple(int(side) for side in given["shape_signature"][1:3])
        size = None if -1 in made_for else made_for
        channels = int(given["shape"][-1])
        input_format = model.format_of(channels)
        # The shape that the interpreter has its memory for. It has one from here on, so that what
        # LiteRT says at first it says here.
        prepared = (1, *(size or (32, 32)), channels)
        interpreter.resize_tensor_input(given["index"], prepared)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise InputError(
            f"{name} is not a LiteRT model of PyNET ({' '.join(str(error).split())[:200]}); make "
            "one: python -m pynet_tf.export --format litert"
        ) from error
    # The head `light` took as many channels, with the depth map in place of the defocus.
    if input_name != _input_name(channels):
        raise InputError(
            f"{name} is a network of the head light of earlier versions, which cannot be used any "
            "more; delete it, and export a network of the head defocus"
        )

    def run(image: np.ndarray) -> np.ndarray:
        nonlocal prepared
        image = np.ascontiguousarray(image, np.float32)
        if prepared != image.shape:
            interpreter.resize_tensor_input(given["index"], image.shape)
            interpreter.allocate_tensors()
            prepared = image.shape
        interpreter.set_tensor(given["index"], image)
        interpreter.invoke()
        return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])

    run.level = level
    run.input_format = input_format
    run.size = size
    return run


def load_model(content: Path | bytes) -> RenderModel:
    """Loads a model for rendering photos.

    Args:
        content: as for `load`.

    Raises:
        InputError: see `load`. `render` raises it for photos of another size, if the model takes
            one size only.
    """
    run = load(content)
    path = Path("the LiteRT model") if isinstance(content, bytes) else Path(content)

    def network(image) -> dict[str, np.ndarray]:
        if run.size is not None and run.size != tuple(image.shape[1:3]):
            height, width = run.size
            raise InputError(
                f"{path} takes only photos of {2 * width}x{2 * height} pixels or up to 64 less; "
                "export it without --height and --width"
            )
        return {f"level_{run.level}": run(np.asarray(image))}

    def bokeh(photo, plane=None) -> tf.Tensor:
        height, width = photo.shape[:2]
        if height * width > LARGEST_PHOTO:
            raise InputError(
                f"a photo of {width}x{height} pixels is too large for {path}, which takes up to "
                f"{LARGEST_PHOTO // 1_000_000} million; use a SavedModel or run directory"
            )
        planes = None if plane is None else plane[None]
        image = signatures.to_image(photo[None], planes, run.input_format)
        output = network(image)[f"level_{run.level}"]
        return signatures.to_bokeh(output, height, width, run.level)[0]

    return RenderModel(
        path=path,
        level=run.level,
        levels=(run.level,),
        input_format=run.input_format,
        network=network,
        bokeh=bokeh,
        pyramid=None,
    )


def fast_model(path: Path, level: int | None = None) -> RenderModel:
    """Loads the 8-bit form of a model, see `fast_form`."""
    return load_model(fast_form(path, level))


def fast_form(path: Path, level: int | None = None) -> Path:
    """Returns the file of the 8-bit form of a model, made at first (half a minute at full width).

    It is kept in the model's own folder, for this checkpoint and level, until that has other
    weights.

    Args:
        path: a SavedModel, a run directory or a `.tflite` file.
        level: as for `loading.load_model`.

    Raises:
        InputError: as `loading.load_model` does.
    """
    path = Path(path)
    if path.suffix == ".tflite":
        return path
    level, kept, weights = _kept(path, level)
    if not kept.is_file() or any(_written(file) > _written(kept) for file in weights):
        pyramid = loading.load_model(path, level).pyramid()
        with replacing(kept) as partial:
            partial.write_bytes(convert(pyramid, level, "int8"))
    return kept


def _kept(path: Path, level: int | None) -> tuple[int, Path, list[Path]]:
    """Returns the level, where its 8-bit form is kept, and the files of the weights it is of."""
    if loading.is_saved_model(path):
        run = loading.read_description(path)
        folder = (path / loading.DESCRIPTION).parent
        weights = list((path / "variables").glob("*"))
    else:
        run = loading.find_run(path, level)
        trained = RunDirectory(path).level(run.level)
        folder, weights = trained.path, trained.checkpoint_files(run.step)
    level = level or run.level
    return level, folder / f"int8_level_{level}_{run.step:08d}.tflite", weights


def _written(file: Path) -> int:
    return file.stat().st_mtime_ns
