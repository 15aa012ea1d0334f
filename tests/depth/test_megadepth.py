import h5py
import keras
import numpy as np
import pytest
from megadepth_tensors import DATA, seeded_tensors

from pynet_tf.depth.estimators.megadepth_network import (
    load_megadepth,
    load_state,
    megadepth,
    save_megadepth,
    state_keys,
)
from pynet_tf.errors import InputError


@pytest.fixture(scope="module")
def tensors():
    return seeded_tensors()


@pytest.fixture(scope="module")
def model(tensors):
    model = megadepth()
    load_state(model, tensors)
    return model


@pytest.fixture(scope="module")
def weights(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "seeded.weights.h5"
    save_megadepth(model, path)
    return path


@pytest.fixture(scope="module")
def golden():
    return np.load(DATA / "megadepth_forward.npz")


def test_has_the_published_parameters(model, tensors):
    assert model.count_params() == 5_371_297
    assert {key for key, _ in state_keys(model)} == set(tensors)


def test_gives_the_published_networks_output(model, golden):
    log_depth = model(golden["input"], training=False).numpy()
    np.testing.assert_allclose(log_depth, golden["log_depth"], rtol=0, atol=1e-4)


def test_saved_weights_give_the_same_output(weights, golden):
    log_depth = load_megadepth(weights)(golden["input"], training=False).numpy()
    np.testing.assert_allclose(log_depth, golden["log_depth"], rtol=0, atol=1e-4)
    assert [path.name for path in weights.parent.iterdir()] == [weights.name]


def test_takes_any_multiple_of_16(model):
    assert model(np.zeros((2, 48, 16, 3), np.float32), training=False).shape == (2, 48, 16, 1)


def test_prefix_and_counters_of_other_pytorch_versions_are_accepted(model, tensors):
    other = {f"module.{key}": value for key, value in tensors.items()}
    other["module.1.num_batches_tracked"] = np.array(7)
    load_state(model, other)


def test_tensors_that_do_not_fit_are_all_named_and_change_nothing(tensors):
    model = megadepth()
    before = _values(model)
    wrong = dict(tensors)
    del wrong["4.bias"]
    wrong["5.weight"] = wrong["1.weight"]
    wrong["0.weight"] = wrong["0.weight"][..., :5]
    wrong["1.running_mean"] = np.full(128, np.nan, np.float32)
    with pytest.raises(InputError) as error:
        load_state(model, wrong)
    message = str(error.value)
    assert "missing: 4.bias;" in message
    assert "unknown: 5.weight;" in message
    assert "of another shape: 0.weight;" in message
    assert "not finite: 1.running_mean" in message
    assert all(np.array_equal(a, b) for a, b in zip(before, _values(model), strict=True))


def test_wrong_weight_files_are_refused_by_name(weights, tmp_path):
    bad = {name: tmp_path / f"{name}.weights.h5" for name in ("text", "cut", "other", "h5", "nan")}
    bad["missing"] = tmp_path / "missing.weights.h5"
    bad["text"].write_text("not weights")
    bad["cut"].write_bytes(weights.read_bytes()[:-100_000])
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save_weights(bad["other"])
    with h5py.File(bad["h5"], "w") as file:
        file["numbers"] = np.arange(3)
    bad["nan"].write_bytes(weights.read_bytes())
    with h5py.File(bad["nan"], "r+") as file:
        kernel = next(file[name] for name in _datasets(file) if file[name].ndim == 4)
        kernel[0, 0, 0, 0] = np.nan
    for path in bad.values():
        with pytest.raises(InputError) as error:
            load_megadepth(path)
        assert str(path) in str(error.value)
        assert "convert_megadepth.py" in str(error.value)
    with pytest.raises(InputError, match="is a folder; name a file"):
        load_megadepth(tmp_path)


def test_weights_with_the_right_shapes_under_other_names_are_refused(weights, tmp_path):
    path = tmp_path / "flat.weights.h5"
    with h5py.File(weights) as source, h5py.File(path, "w") as copy:
        for number, name in enumerate(_datasets(source)):
            copy[f"tensor_{number}"] = source[name][...]
    with pytest.raises(InputError, match=r"flat\.weights\.h5"):
        load_megadepth(path)


def test_name_that_keras_would_not_read_is_refused(model, tmp_path):
    with pytest.raises(InputError, match=r"\.weights\.h5"):
        save_megadepth(model, tmp_path / "megadepth.h5")
    assert not list(tmp_path.iterdir())


def _values(model):
    return [variable.value.numpy() for variable in model.weights]


def _datasets(file):
    names = []
    file.visititems(
        lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None
    )
    return names
