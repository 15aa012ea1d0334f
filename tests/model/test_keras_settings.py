"""What a person has set Keras to for other programs changes nothing here."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest
from conftest import ROOT

from pynet_tf import model
from pynet_tf.errors import InputError
from pynet_tf.model.lens_layers import Float32
from pynet_tf.runs.description import Description

SIZE = (1, 32, 64)


@pytest.fixture(scope="module", params=model.HEADS)
def head(request):
    return request.param


def _image(head):
    channels = model.input_format(head).channels
    return np.random.default_rng(0).random((*SIZE, channels), np.float32)


def _tiny(head):
    return model.pynet(width=0.01, head=head, largest_kernel=3)


@pytest.fixture(scope="module")
def network(head):
    return _tiny(head)


def test_the_graph_is_the_same_with_channels_first(head, network):
    expected = network(_image(head))
    keras.config.set_image_data_format("channels_first")
    try:
        found = _tiny(head)(_image(head))
    finally:
        keras.config.set_image_data_format("channels_last")
    for name, picture in expected.items():
        np.testing.assert_array_equal(found[name], picture)


def test_layers_know_their_results_shapes_themselves(head, network):
    """Not every backend can find them out for sizes that are free."""
    ours = [layer for layer in network.layers if isinstance(layer, Float32)]
    assert bool(ours) == (head != "original")
    if not ours:
        return
    seen = keras.Model(network.input, [(layer.input, layer.output) for layer in ours])
    for layer, (given, made) in zip(ours, seen(_image(head)), strict=True):
        given = given if isinstance(given, list | tuple) else [given]
        told = layer.compute_output_spec(*(keras.KerasTensor(part.shape) for part in given))
        pairs = zip(
            told if isinstance(told, tuple) else [told],
            made if isinstance(made, list | tuple) else [made],
            strict=True,
        )
        assert all(tuple(spec.shape) == tuple(part.shape) for spec, part in pairs), layer.name


def test_checkpoints_under_other_settings_are_one_sentence(monkeypatch):
    described = Description(7, 0.01, True, "original", {})
    with monkeypatch.context() as patch:
        patch.setattr(keras.config, "backend", lambda: "jax")
        with pytest.raises(InputError, match=r"backend jax .* set KERAS_BACKEND=tensorflow"):
            described.pyramid()
    monkeypatch.setattr(keras.config, "floatx", lambda: "float16")
    with pytest.raises(InputError, match="floatx float16"):
        described.pyramid()


def test_commands_settle_keras_for_themselves(tmp_path):
    (tmp_path / ".keras").mkdir()
    settings = {"backend": "torch", "floatx": "float16", "image_data_format": "channels_first"}
    (tmp_path / ".keras" / "keras.json").write_text(json.dumps(settings))
    code = """
from pynet_tf import cli
def main():
    import keras
    print(keras.config.backend(), keras.config.floatx(), keras.config.image_data_format())
cli.run(main, "x")
"""
    found = subprocess.run(
        [sys.executable, "-c", code],
        env={"HOME": str(tmp_path), "KERAS_BACKEND": "jax", "TF_CPP_MIN_LOG_LEVEL": "3"},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert found.stdout == "tensorflow float32 channels_last\n"
    assert json.loads((tmp_path / ".keras" / "keras.json").read_text()) == settings
