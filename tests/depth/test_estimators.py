"""Estimators in the files that people have, and what is none."""

import numpy as np
import onnx
import pytest
import tensorflow as tf
from onnx import TensorProto, helper

from pynet_tf.depth import estimators
from pynet_tf.depth.estimators.photo_to_map import Estimator
from pynet_tf.errors import InputError

SIDE = 42


def photo(height=84, width=126):
    """Bright, which stands for near here, in the lower right."""
    image = np.full((height, width, 3), 30, np.uint8)
    image[height // 2 :, width // 2 :] = 220
    return image


def write_onnx(path, channels_first=True, size=SIDE, rank=3, sign=1.0, inputs=1):
    """An ONNX file whose depth is the mean of the colours, times `sign`, plus 3."""
    sides = [size or "h", size or "w"]
    shape = [1, 3, *sides] if channels_first else [1, *sides, 3]
    axis = 1 if channels_first else 3
    names = ["pixel_values", "more"][:inputs]
    images = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in names]
    output = helper.make_tensor_value_info("depth", TensorProto.FLOAT, None)
    constants = [
        helper.make_tensor(name, TensorProto.FLOAT, [], [value])
        for name, value in {"sign": sign, "three": 3.0}.items()
    ]
    nodes = [
        helper.make_node("ReduceMean", ["pixel_values"], ["m"], axes=[axis], keepdims=rank == 4),
        helper.make_node("Mul", ["m", "sign"], ["s"]),
        helper.make_node("Add", ["s", "three"], ["depth"]),
    ]
    graph = helper.make_graph(nodes, "depth", images, [output], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(path))
    return path


def write_litert(path, channels_first=False, size=SIDE):
    shape = [1, 3, size, size] if channels_first else [1, size, size, 3]
    function = tf.function(
        lambda image: tf.reduce_mean(image, axis=1 if channels_first else 3, keepdims=True) + 3.0,
        input_signature=[tf.TensorSpec(shape, tf.float32)],
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()])
    path.write_bytes(converter.convert())
    return path


def write_saved_model(path, dtype=tf.float32):
    module = tf.Module()
    module.run = tf.function(
        lambda image: {"depth": tf.reduce_mean(tf.cast(image, tf.float32), axis=-1)},
        input_signature=[tf.TensorSpec([1, None, None, 3], dtype, name="image")],
    )
    tf.saved_model.save(module, str(path), {"serving_default": module.run})
    return path


def assert_shows_the_photo(depth, near=255):
    assert depth.dtype == np.uint8
    assert depth.shape == (42, 63)
    assert abs(int(depth[-3, -3]) - near) < 20
    assert abs(int(depth[3, 3]) - (255 - near)) < 20


@pytest.mark.parametrize("channels_first", [True, False])
@pytest.mark.parametrize("size", [SIDE, None])
@pytest.mark.parametrize("rank", [3, 4])
def test_onnx(channels_first, size, rank, tmp_path):
    path = write_onnx(tmp_path / "depth.onnx", channels_first, size, rank)
    assert_shows_the_photo(estimators.load(path).estimate(photo()))


def test_distances_are_turned_over(tmp_path):
    path = write_onnx(tmp_path / "metric.onnx")
    assert_shows_the_photo(estimators.load(path, "distance").estimate(photo()), near=0)


@pytest.mark.parametrize("channels_first", [True, False])
@pytest.mark.parametrize("size", [SIDE, None])
def test_litert(channels_first, size, tmp_path):
    path = write_litert(tmp_path / "depth.tflite", channels_first, size)
    assert_shows_the_photo(estimators.load(path).estimate(photo()))


def test_saved_model(tmp_path):
    path = write_saved_model(tmp_path / "model")
    assert_shows_the_photo(estimators.load(path).estimate(photo()))


@pytest.mark.parametrize(
    ("input_", "dark"),
    [("normalized", (30 / 255 - 0.485) / 0.229), ("unit", 30 / 255), ("bytes", 30)],
)
def test_colours_are_given_as_the_file_takes_them(input_, dark):
    given = []

    def run(image):
        given.append(image)
        return image[..., 0]

    assert_shows_the_photo(Estimator(run, None, False, input_, "disparity", "f").estimate(photo()))
    assert given[0].dtype == np.float32
    assert given[0][0, 5, 5, 0] == pytest.approx(dark)


def test_how_a_file_is_read_is_in_its_name(tmp_path):
    path = write_onnx(tmp_path / "depth.onnx")
    name = estimators.load(path, "distance").name
    assert name == f"{path} (42x42, normalized colours, near = small)"


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("text.onnx", b"no model", "is no ONNX file"),
        ("text.tflite", b"no model", "is no LiteRT file"),
        ("weights.pt", b"no model", "is no estimator that is known"),
    ],
)
def test_files_that_are_no_estimators(name, content, told, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=told):
        estimators.load(tmp_path / name)


def test_networks_that_take_more_or_other_than_a_photo(tmp_path):
    with pytest.raises(InputError, match=r"takes \[1, 3, 42, 42\] .* and \[1, 3, 42, 42\] "):
        estimators.load(write_onnx(tmp_path / "two.onnx", inputs=2))
    with pytest.raises(InputError, match=r"takes \[1, None, None, 3\] uint8; .* photo of floats"):
        estimators.load(write_saved_model(tmp_path / "bytes", tf.uint8))


def test_names_and_folders_that_are_none(tmp_path):
    with pytest.raises(InputError, match="neither a file nor one of"):
        estimators.load("no_such_model")
    with pytest.raises(InputError, match="neither a SavedModel nor a folder"):
        estimators.load(tmp_path)


def test_an_estimator_that_gives_no_map(tmp_path):
    with pytest.raises(InputError, match="the same depth everywhere"):
        estimators.load(write_onnx(tmp_path / "flat.onnx", sign=0.0)).estimate(photo())
