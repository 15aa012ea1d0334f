"""KerasHub's estimators: made from a preset's folder, kept, and run without KerasHub."""

import os
import subprocess
import sys
import textwrap

import pytest
from conftest import ROOT
from PIL import Image

from test_estimators import photo  # isort: skip

_MAKE = """
    import sys, keras_hub
    encoder = keras_hub.models.DINOV2Backbone(
        patch_size=14, num_layers=4, hidden_dim=32, num_heads=2, intermediate_dim=64,
        image_shape=(112, 112, 3), apply_layernorm=True, num_register_tokens=0,
    )
    backbone = keras_hub.models.DepthAnythingBackbone(
        image_encoder=encoder, reassemble_factors=[4, 2, 1, 0.5], neck_hidden_dims=[8, 16, 32, 32],
        fusion_hidden_dim=16, head_hidden_dim=8, head_in_index=-1,
        feature_keys=["stage1", "stage2", "stage3", "stage4"],
    )
    converter = keras_hub.layers.DepthAnythingImageConverter(
        image_size=(112, 112), scale=[0.0171, 0.0175, 0.0174], offset=[-2.12, -2.04, -1.80],
    )
    estimator = keras_hub.models.DepthAnythingDepthEstimator(
        backbone=backbone, depth_estimation_type="relative", max_depth=None,
        preprocessor=keras_hub.models.DepthAnythingDepthEstimatorPreprocessor(
            image_converter=converter
        ),
    )
    estimator.save_to_preset(sys.argv[1])
"""
_LIST_IMPORTS = """
    import sys
    from pynet_tf.depth.command import main
    status = main(sys.argv[1:])
    heavy = {"tensorflow", "keras", "keras_hub"} & set(sys.modules)
    print("heavy:", *sorted(heavy))
    sys.exit(status)
"""


def run(code, *arguments, cache, **options):
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, **options)


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("preset")
    run(_MAKE, folder / "tiny", cache=folder, check=True)
    return folder / "tiny"


@pytest.mark.slow
def test_a_preset_is_converted_once_and_then_needs_no_framework(preset, tmp_path):
    Image.fromarray(photo()).save(tmp_path / "photo.png")
    command = [tmp_path / "photo.png", "--model", preset, "--overwrite"]
    first = run(_LIST_IMPORTS, *command, "--output", tmp_path / "first", cache=tmp_path / "cache")
    assert first.returncode == 0, first.stderr
    assert "making its LiteRT form, once" in first.stdout
    again = run(_LIST_IMPORTS, *command, "--output", tmp_path / "again", cache=tmp_path / "cache")
    assert again.returncode == 0, again.stderr
    assert again.stdout.splitlines()[-1] == "heavy:"
    maps = [(tmp_path / name / "photo.png").read_bytes() for name in ("first", "again")]
    assert maps[0] == maps[1]


@pytest.mark.slow
def test_a_half_fetched_preset_is_one_sentence(preset, tmp_path):
    (preset / "model.weights.h5").write_bytes(b"half")
    Image.fromarray(photo()).save(tmp_path / "photo.png")
    command = [tmp_path / "photo.png", "--model", preset, "--output", tmp_path / "maps"]
    ended = run(_LIST_IMPORTS, *command, cache=tmp_path / "cache")
    assert ended.returncode == 1
    assert "cannot be had" in ended.stderr
    assert not list((tmp_path / "cache").rglob("*.tflite"))
