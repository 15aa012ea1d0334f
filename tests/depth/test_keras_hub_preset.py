"""KerasHub's estimators: made from a preset's folder, kept, and run without KerasHub."""

import os
import subprocess
import sys
import textwrap
from types import SimpleNamespace

import pytest
import requests
from conftest import ROOT
from PIL import Image

from pynet_tf.depth import estimators
from pynet_tf.depth.command import main
from pynet_tf.depth.estimators import keras_hub_preset
from pynet_tf.errors import InputError

from test_estimators import photo  # isort: skip

_LIST_IMPORTS = """
    import sys
    from pynet_tf.depth.command import main
    status = main(sys.argv[1:])
    heavy = {"tensorflow", "keras", "keras_hub", "requests"} & set(sys.modules)
    print("heavy:", *sorted(heavy))
    sys.exit(status)
"""


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Empty caches, ours and that of what fetches."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "kagglehub"))
    return tmp_path / "cache"


@pytest.fixture
def photo_file(tmp_path):
    Image.fromarray(photo()).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    """The folder of a preset of Depth Anything that is small, and knows nothing."""
    import keras_hub

    encoder = keras_hub.models.DINOV2Backbone(
        patch_size=14, num_layers=4, hidden_dim=32, num_heads=2, intermediate_dim=64,
        image_shape=(112, 112, 3), apply_layernorm=True, num_register_tokens=0,
    )  # fmt: skip
    backbone = keras_hub.models.DepthAnythingBackbone(
        image_encoder=encoder, reassemble_factors=[4, 2, 1, 0.5], neck_hidden_dims=[8, 16, 32, 32],
        fusion_hidden_dim=16, head_hidden_dim=8, head_in_index=-1,
        feature_keys=["stage1", "stage2", "stage3", "stage4"],
    )  # fmt: skip
    converter = keras_hub.layers.DepthAnythingImageConverter(
        image_size=(112, 112), scale=[0.0171, 0.0175, 0.0174], offset=[-2.12, -2.04, -1.80]
    )
    preprocessor = keras_hub.models.DepthAnythingDepthEstimatorPreprocessor(
        image_converter=converter
    )
    estimator = keras_hub.models.DepthAnythingDepthEstimator(
        backbone=backbone, depth_estimation_type="relative", max_depth=None,
        preprocessor=preprocessor,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("preset") / "tiny"
    estimator.save_to_preset(str(folder))
    return folder


@pytest.mark.slow
def test_a_preset_is_converted_once_and_then_needs_no_framework(
    preset, photo_file, tmp_path, cache, capsys
):
    command = [str(photo_file), "--model", str(preset), "--output"]
    assert main([*command, str(tmp_path / "first")]) == 0
    said = capsys.readouterr().out
    assert "making its LiteRT form, once" in said
    assert "Saved artifact" not in said
    again = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_LIST_IMPORTS), *command, tmp_path / "again"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert again.returncode == 0, again.stderr
    assert again.stdout.splitlines()[-1] == "heavy:"
    maps = [(tmp_path / name / "photo.png").read_bytes() for name in ("first", "again")]
    assert maps[0] == maps[1]

    # What is kept and damaged is removed.
    (kept,) = cache.rglob("*.tflite")
    kept.write_bytes(kept.read_bytes()[:1000])
    with pytest.raises(InputError, match="was damaged and is removed; run the command again"):
        estimators.load(preset)
    assert not kept.exists()


@pytest.mark.slow
def test_a_half_fetched_preset_is_one_sentence(preset, cache):
    weights = preset / "model.weights.h5"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"tiny cannot be had \(.*truncated"):
        estimators.load(preset)
    assert not list(cache.rglob("*.tflite"))


def test_without_network_it_is_said_before_anything_is_imported(monkeypatch):
    def no_network(url, timeout):
        assert timeout < 30
        raise requests.ConnectTimeout

    monkeypatch.setattr(requests, "head", no_network)
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    with pytest.raises(InputError, match=r"cannot be had \(no connection to .*--depth MAP\.png"):
        estimators.load()


def test_what_is_fetched_already_needs_no_network(monkeypatch, tmp_path):
    monkeypatch.setattr(requests, "head", None)
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    marks = "models/keras/depth-anything/keras/depth_anything_v2_small/.complete/1"
    (tmp_path / "kagglehub" / marks).mkdir(parents=True)
    (tmp_path / "kagglehub" / marks / "model.weights.h5.complete").touch()
    with pytest.raises(InputError, match="needs KerasHub; install it"):
        estimators.load()


@pytest.mark.parametrize("full", ["cache", "temporary"])
def test_too_little_room_is_said_before_the_work(full, tmp_path, monkeypatch, cache):
    folder = tmp_path / "preset"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.weights.h5").write_bytes(bytes(10**7))
    monkeypatch.setitem(sys.modules, "keras_hub", None)

    def disk_usage(place):
        is_full = (cache in place.parents) == (full == "cache")
        return SimpleNamespace(free=0 if is_full else 10**9)

    monkeypatch.setattr(keras_hub_preset.shutil, "disk_usage", disk_usage)
    with pytest.raises(InputError, match="has room for 0 MB"):
        estimators.load(folder)
