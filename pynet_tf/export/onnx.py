"""ONNX models: one level's raw network for ONNX Runtime and other programs.

    image [B, h, w, C] float32, h and w multiples of 32 -> level_<level> [B, H, W, 3]

It takes pictures of all sizes unless it was made for one. What comes before and after the network
is not in the model, since ONNX has no antialiased resizing equal to TensorFlow's:
docs/exported_models.md.

Making a model needs the package tf2onnx, running it onnxruntime.
"""

import contextlib
import os
from collections.abc import Iterator

import keras
import tensorflow as tf

from pynet_tf import model
from pynet_tf.errors import InputError
from pynet_tf.inference import loading

# The operators of ONNX 1.13 (2022), which all current runtimes know.
OPSET = 18


def convert(pyramid: keras.Model, level: int, size: tuple[int, int] | None = None) -> bytes:
    """Converts one level of a pyramid.

    Args:
        pyramid: from `model.pynet`.
        level: 7 (smallest) to 1.
        size: height and width of the image, multiples of 32, then also for one image at a time;
            None for all sizes.

    Returns:
        The content of an `.onnx` file.

    Raises:
        InputError: tf2onnx is missing, or a weight is not a finite number.
    """
    try:
        import tf2onnx
    except ImportError as error:
        raise InputError(
            "making ONNX models needs the package tf2onnx; install it: pip install tf2onnx"
        ) from error
    network = model.level_model(pyramid, level)
    loading.refuse_nonfinite(network.weights, "the pyramid")
    shape = (1, *size) if size else (None, None, None)
    image = tf.TensorSpec([*shape, pyramid.input.shape[-1]], tf.float32, name="image")
    function = tf.function(
        lambda image: {f"level_{level}": network(image)}, input_signature=[image], autograph=False
    )
    with _without_copies():
        proto, _ = tf2onnx.convert.from_function(function, [image], opset=OPSET)
    for dimension, name in zip(
        proto.graph.input[0].type.tensor_type.shape.dim, ("batch", "height", "width"), strict=False
    ):
        if not dimension.HasField("dim_value"):
            dimension.dim_param = name
    return proto.SerializeToString()


@contextlib.contextmanager
def _without_copies() -> Iterator[None]:
    """Keeps tf2onnx from copying the graph before each of its passes, a third of its time.

    It would go on with the copy where a pass fails; a pass that fails then ends the conversion.
    """
    name = "TF2ONNX_CATCH_ERRORS"
    before = os.environ.get(name)
    os.environ[name] = "FALSE"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
