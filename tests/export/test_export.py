"""The command line of export, and what LiteRT and ONNX make of a network."""

import re
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from pynet_tf import model
from pynet_tf.errors import InputError
from pynet_tf.export import calibration, onnx
from pynet_tf.export.command import main
from pynet_tf.inference import litert_conversion, renderer, signatures
from pynet_tf.inference.litert_runtime import LiteRTNetwork
from pynet_tf.io import images
from pynet_tf.model.blocks import unit_variance
from pynet_tf.model.defocus_head import DefocusHead
from pynet_tf.runs.run_directory import RunDirectory

# Few layers, which are what takes the time.
NARROW = {"width": 0.125, "largest_kernel": 3}
DEPTH = model.input_format("original")
LEVEL = 5


@pytest.fixture(scope="module")
def pyramid():
    pyramid = model.pynet(**NARROW)
    r = np.random.default_rng(0)
    for weight in pyramid.weights:
        if weight.path.endswith("kernel"):
            # Small heads keep the output off the ends of tanh.
            gain = (0.5 if "head" in weight.path else 1) / np.sqrt(np.prod(weight.shape[:-1]))
            weight.assign(gain * r.standard_normal(weight.shape, dtype=np.float32))
    return pyramid


@pytest.fixture(scope="module")
def run_dir(pyramid, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    RunDirectory(folder).save(LEVEL, pyramid, {}, **NARROW)
    return folder


@pytest.fixture(scope="module")
def image():
    coarse = np.random.default_rng(1).integers(0, 256, (9, 9, 4), dtype=np.uint8)
    planes = [images.resize(coarse[..., channel], 96, 128) for channel in range(4)]
    return np.stack(planes, axis=-1)[None] / np.float32(255)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    r = np.random.default_rng(2)
    for name in ("one", "two"):
        coarse = r.integers(0, 256, (9, 9, 4), dtype=np.uint8)
        photo, depth = coarse[..., :3], coarse[..., 3]
        images.write_image(folder / "original" / f"{name}.jpg", images.resize(photo, 190, 256))
        images.write_image(folder / "original_depth" / f"{name}.png", images.resize(depth, 95, 128))
    return folder


def psnr(a, b):
    return -10 * np.log10(np.mean((np.clip(a, 0, 1) - np.clip(b, 0, 1)) ** 2))


def test_saved_model_from_the_command_line(run_dir, pyramid, image, tmp_path):
    command = [sys.executable, "-m", "pynet_tf.export", "--run_dir", run_dir, "--output", "model"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"level {LEVEL}" in done.stdout
    assert done.stderr.startswith(f"loading {run_dir}\n"), "it says what it is doing"
    assert not re.search("warning|error|tensorflow|oneDNN|INFO", done.stderr, re.I), done.stderr
    signatures = tf.saved_model.load(str(tmp_path / "model")).signatures
    assert set(signatures) == {"serving_default", "batch", "network"}
    outputs = signatures["network"](image=tf.constant(image))
    assert set(outputs) == {"level_5", "level_6", "level_7"}
    np.testing.assert_allclose(outputs["level_5"], pyramid(image)["level_5"], atol=1e-6)


def test_mistakes_are_answered_in_one_sentence(run_dir, nursery, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    out = ("--output", tmp_path / "out")
    for arguments, told in (
        (("--level", 3, *out), "has no trained level 3"),
        (("--output", tmp_path / "mine"), "is no SavedModel; name another"),
        (("--height", 64, *out), "belong together"),
        (("--quantize", "int8", *out), "belongs to --format litert"),
        (
            ("--format", "litert", "--quantize", "full_int8", *out),
            "--calibration belong together",
        ),
        (("--format", "litert", *out), "end it in .tflite"),
        (("--format", "onnx", "--output", tmp_path / "out.tflite"), "end it in .onnx"),
        (("--format", "weights", "--output", tmp_path / "out.onnx"), "name a folder"),
        (("--quantize", "int8", "--output", tmp_path / "out.onnx"), "belongs to --format litert"),
    ):
        with pytest.raises(InputError, match=told):
            main(["--run_dir", str(run_dir), *map(str, arguments)])
    with pytest.raises(InputError, match=f"one level of {run_dir}: give that folder"):
        main(["--run_dir", str(run_dir / f"level_{LEVEL}"), *map(str, out)])
    (tmp_path / "around").mkdir()
    (tmp_path / "around" / "run").symlink_to(run_dir)
    with pytest.raises(InputError, match=r"holds no model; give .*around/run$"):
        main(["--run_dir", str(tmp_path / "around"), *map(str, out)])
    done = nursery.run("pynet_tf.export", "--run_dir", "nowhere", *out, cwd=tmp_path)
    assert done.status == 2
    assert "nowhere is not there" in done.err
    assert done.err.count("\n") == 1
    assert (tmp_path / "mine" / "thesis.txt").exists()
    assert not (tmp_path / "out").exists()


def test_the_end_of_the_output_says_the_format(run_dir, tmp_path):
    file = tmp_path / "out.TFLITE"
    main(["--run_dir", str(run_dir), "--level", "7", "--output", str(file)])
    assert file.read_bytes()[4:8] == b"TFL3"


@pytest.mark.parametrize(("quantize", "least"), [("none", 90), ("float16", 50), ("int8", 30)])
def test_litert_gives_what_the_network_gives(pyramid, image, quantize, least):
    run = LiteRTNetwork(litert_conversion.convert(pyramid, LEVEL, quantize))
    assert (run.level, run.form, run.size) == (LEVEL, DEPTH, None)
    # One model for all sizes, in any order.
    for picture in (image, image[:, :64, :96], image):
        expected = pyramid(picture)[f"level_{LEVEL}"].numpy()
        assert expected.std() > 0.05, "the test network has to answer to its input"
        assert psnr(run(picture), expected) > least


def with_small_heads(pyramid):
    """Gives the heads weights as large as trained ones."""
    r = np.random.default_rng(0)
    for weight in pyramid.weights:
        if "head" in weight.path:
            weight.assign(0.003 * r.standard_normal(weight.shape, dtype=np.float32))
    return pyramid


@pytest.fixture(scope="module")
def told():
    """A network that is told the defocus, and an image of it with something near in focus."""
    pyramid = with_small_heads(model.pynet(width=0.05, head="defocus", largest_kernel=3))
    r = np.random.default_rng(0)
    image = 0.1 + 0.9 * r.random((1, 64, 96, 13), np.float32)
    image[..., 12] = -0.8
    image[:, 16:48, 32:64, 12] = 0.0
    blurred = np.asarray(tf.nn.depth_to_space(image[..., :12], 2)) - pyramid(image)["level_1"]
    assert np.abs(blurred[:, :16]).mean() > 5 * np.abs(blurred[:, 40:88, 72:120]).mean()
    return pyramid, image


# Level 1 has all layers, and takes the more time; eight bits are worked on alike in all of them.
@pytest.mark.parametrize(("level", "quantize", "least"), [(1, "none", 90), (4, "int8", 40)])
def test_litert_blurs_as_the_network_does(told, level, quantize, least):
    pyramid, image = told
    expected = pyramid(image)[f"level_{level}"].numpy()
    run = LiteRTNetwork(litert_conversion.convert(pyramid, level, quantize))
    assert run.form.is_told_defocus
    assert psnr(run(image), expected) > least


def test_litert_files_of_the_head_light_are_refused(monkeypatch, tmp_path):
    """They took 13 channels too, under another name."""
    with monkeypatch.context() as patched:
        patched.setattr(litert_conversion, "input_name", lambda form: "image")
        content = litert_conversion.convert(
            model.pynet(width=0.02, head="defocus", largest_kernel=3, seed=None), 7
        )
    (tmp_path / "old.tflite").write_bytes(content)
    with pytest.raises(InputError, match=r"old.tflite is a network of the head light"):
        LiteRTNetwork(tmp_path / "old.tflite")


def test_onnx_blurs_as_the_network_does(told):
    """With the head's layers alone: tf2onnx takes a time that grows as the square of all."""
    pytest.importorskip("tf2onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    given = keras.Input((None, None, 13))
    photo = keras.ops.depth_to_space(given[..., :12], 2)
    levels = DefocusHead(photo, given[..., 12:], unit_variance(0))
    for level in range(7, 2, -1):
        levels.finish(level, keras.layers.AveragePooling2D(2 ** (level - 2))(given))
    features = levels.level_2_features(given, given)
    levels.finish(2, features)
    levels.finish(1, levels.level_1_features(features, 8))
    head = with_small_heads(keras.Model(given, levels.outputs))
    session = onnxruntime.InferenceSession(onnx.convert(head, 1))
    _, image = told
    (output,) = session.run(None, {"image": image})
    expected = head(image)["level_1"].numpy()
    assert np.abs(expected - np.asarray(tf.nn.depth_to_space(image[..., :12], 2))).mean() > 0.02
    np.testing.assert_allclose(output, expected, atol=1e-4)


def test_full_int8_of_one_size_from_the_command_line(run_dir, pyramid, photos, nursery, tmp_path):
    path = tmp_path / "model.tflite"
    done = nursery.run(
        "pynet_tf.export",
        *("--run_dir", run_dir, "--format", "litert", "--output", path),
        *("--quantize", "full_int8", "--calibration", photos, "--height", 190, "--width", 256),
        cwd=tmp_path,
    )
    assert done.status == 0, done.err
    loaded = renderer.load(path)
    photo = images.read_photo(photos / "original" / "one.jpg")
    depth = images.read_depth(photos / "original_depth" / "one.png")
    output = pyramid(signatures.to_image(photo[None], depth[None], DEPTH))[f"level_{LEVEL}"]
    expected = signatures.to_bokeh(output, 190, 256, LEVEL)[0].numpy()
    picture = loaded.render(photo, depth)
    assert picture.shape == expected.shape == (12, 16, 3)
    assert psnr(picture / 255, expected / 255) > 20
    with pytest.raises(InputError, match="takes only photos of 256x192"):
        loaded.render(photo[:100], depth)


def test_litert_refuses_other_files(tmp_path):
    with pytest.raises(InputError, match="is not there"):
        LiteRTNetwork(tmp_path / "missing.tflite")
    (tmp_path / "text.tflite").write_text("not a model")
    with pytest.raises(InputError, match=r"text.tflite is not a LiteRT model of PyNET"):
        LiteRTNetwork(tmp_path / "text.tflite")


def test_onnx_gives_what_the_network_gives(run_dir, pyramid, image, nursery, tmp_path):
    pytest.importorskip("tf2onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    path = tmp_path / "model.onnx"
    given = ("--run_dir", run_dir, "--format", "onnx", "--output", path)
    done = nursery.run("pynet_tf.export", *given, cwd=tmp_path)
    assert done.status == 0, done.err
    session = onnxruntime.InferenceSession(path)
    (given,), (result,) = session.get_inputs(), session.get_outputs()
    assert (given.name, given.shape) == ("image", ["batch", "height", "width", 4])
    assert result.name == f"level_{LEVEL}"
    for picture in (image, np.concatenate([image[:, :64, :96]] * 2)):
        (output,) = session.run(None, {"image": picture})
        expected = pyramid(picture)[f"level_{LEVEL}"]
        np.testing.assert_allclose(output, expected, atol=1e-4)


def test_absent_packages_are_named(pyramid, monkeypatch):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(InputError, match="pip install tf2onnx"):
        onnx.convert(pyramid, LEVEL)
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(InputError, match="pip install ai-edge-litert"):
        LiteRTNetwork(b"")


def test_calibration_photos(photos, tmp_path):
    (first, second) = calibration.images(photos, DEPTH)
    assert first.shape == second.shape == (1, 96, 128, 4)
    alone = model.input_format("original", depth=False)
    assert calibration.images(photos, alone)[0].shape == (1, 96, 128, 3)
    assert calibration.images(photos, DEPTH, size=(64, 64))[0].shape == (1, 64, 64, 4)
    told = calibration.images(photos, model.input_format("defocus"))[0]
    assert told.shape == (1, 96, 128, 13)
    with pytest.raises(InputError, match="is not there"):
        calibration.images(tmp_path, DEPTH)
    images.write_image(tmp_path / "original" / "a.png", np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(InputError, match="has no depth map"):
        calibration.images(tmp_path, DEPTH)
