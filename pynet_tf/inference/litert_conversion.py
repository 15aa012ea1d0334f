"""LiteRT models (`.tflite`, formerly TensorFlow Lite): smaller, and with 8-bit integers faster.

A model holds the raw network of one level:

    image [1, h, w, C] float32, h and w multiples of 32 -> level_<level> [1, H, W, 3]

The image is called `photo_defocus` where it holds the whole photo and its defocus, see
`model.InputFormat`.

It takes pictures of all sizes (`resize_tensor_input`) unless it was made for one size, which
some phone accelerators need. `litert_runtime.py` runs it, `renderer.py` adds what comes before and
after, so that photos of all sizes go in and come out.

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
import warnings
from collections.abc import Iterable

import keras
import numpy as np
import tensorflow as tf

from pynet_tf import model
from pynet_tf.errors import InputError
from pynet_tf.inference import loading
from pynet_tf.inference.litert_runtime import input_name

# What LiteRT makes of an instance norm, besides the residual additions.
_NORM_OPERATORS = ["ADD", "MEAN", "MUL", "RSQRT", "SQUARED_DIFFERENCE", "SUB"]

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
    function, module = _traced(_size_free(network, level, size))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], module)
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
        if isinstance(layer, keras.layers.Conv2DTranspose):
            return _transposed_convolution(layer, *inputs)
        if type(layer).__name__ == "Pad":  # Keras has no public class of it
            return _mirrored(layer, *inputs)
        return layer(*inputs, **options)

    channels = network.input.shape[-1]
    image = keras.Input(
        (*(size or (None, None)), channels), 1, name=input_name(model.format_of(channels))
    )
    clone = keras.models.clone_model(network, image, lambda layer: layer, call)
    # The dict names the output in the file.
    return keras.Model(image, {f"level_{level}": clone.output})


def _traced(network: keras.Model):
    """Traces a network, and returns the function with a module of its weights.

    LiteRT's own way from a Keras model traces it three times, which takes twice as long in all.
    """
    image = network.input
    spec = tf.TensorSpec(image.shape, image.dtype, image.name)
    function = tf.function(network, input_signature=[spec], autograph=False)
    function = function.get_concrete_function()
    module = tf.Module()
    module.weights = list(function.variables)
    return function, module


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
    padded = keras.layers.ZeroPadding2D(((1, 0), (1, 0)), data_format="channels_last")(x)
    maps = keras.ops.conv(
        padded,
        small.reshape(2, 2, inputs, 4 * outputs),
        padding="valid",
        data_format="channels_last",
    )
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
