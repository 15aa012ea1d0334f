"""The pyramid against the 2020 network, and its promises to Python users."""

import json
import re

import golden
import keras
import numpy as np
import pytest
import tensorflow as tf

from pynet_tf import model
from pynet_tf.convert import tf1_checkpoint

REACHABLE = {
    7: 18_898_627,
    6: 28_336_579,
    5: 36_351_811,
    4: 43_205_123,
    3: 47_523_171,
    2: 47_524_827,
    1: 47_524_992,
}


@pytest.fixture(scope="module")
def pyramid():
    """The full-width pyramid with the golden weights."""
    pyramid = model.pynet()
    tf1_checkpoint.load_weights(pyramid, golden.seeded_values())
    return pyramid


@pytest.fixture(scope="module")
def figures():
    return np.load(golden.DATA / "pynet_forward.npz")


def test_parameters(pyramid):
    assert pyramid.count_params() == 47_551_791


@pytest.mark.parametrize("level", model.LEVELS)
def test_level_reaches_only_its_ancestors(pyramid, level):
    sub_model = model.level_model(pyramid, level)
    assert sum(v.shape.num_elements() for v in sub_model.trainable_variables) == REACHABLE[level]
    own = {id(v) for v in pyramid.variables}
    assert all(id(v) in own for v in sub_model.variables), "level_model must share layers"


def test_outputs_are_those_of_the_2020_network(pyramid, figures):
    outputs = pyramid(figures["input"])
    for level in model.LEVELS:
        np.testing.assert_allclose(outputs[f"level_{level}"], figures[f"level_{level}"], atol=1e-4)


@pytest.mark.parametrize("head", model.HEADS)
def test_keras_files_need_no_custom_objects(head, tmp_path):
    saved = model.pynet(width=0.05, head=head, largest_kernel=3)
    saved.save(tmp_path / "pyramid.keras")
    loaded = keras.models.load_model(tmp_path / "pyramid.keras", custom_objects=None)
    image = np.random.default_rng(0).random((1, 32, 64, saved.input_shape[-1]), np.float32)
    expected = saved(image)
    for name, picture in loaded(image).items():
        np.testing.assert_array_equal(picture, expected[name])


def test_tf1_names_are_those_of_the_2020_checkpoint():
    names = [
        variable["name"]
        for variable in json.loads((golden.DATA / "pynet_tf1_variables.json").read_text())
    ]
    assert list(tf1_checkpoint.weight_names()) == names


def test_any_multiple_of_32_and_any_batch():
    small = model.pynet(width=0.125, largest_kernel=3)
    for height, width, batch in ((32, 32, 1), (64, 96, 2), (160, 32, 1)):
        outputs = small(np.zeros((batch, height, width, 4), np.float32))
        assert outputs["level_1"].shape == (batch, 2 * height, 2 * width, 3)
        for level in range(2, 8):
            scale = 2 ** (level - 2)
            expected = (batch, height // scale, width // scale, 3)
            assert outputs[f"level_{level}"].shape == expected


def test_without_depth_the_input_is_rgb():
    assert model.pynet(width=0.125, largest_kernel=3, depth=False).input_shape == (
        None,
        None,
        None,
        3,
    )


def test_every_kernel_starts_different_and_small():
    kernels = [w.numpy() for w in model.pynet(width=0.25).weights if w.path.endswith("kernel")]
    starts = {kernel.ravel()[:9].tobytes() for kernel in kernels}
    assert len(starts) == len(kernels)
    values = np.concatenate([kernel.ravel() for kernel in kernels])
    assert abs(values.mean()) < 1e-4
    # Truncation at two standard deviations leaves 0.88 of the spread.
    assert 0.0085 < values.std() < 0.0091
    assert np.abs(values).max() <= 0.0201


def test_seed_decides_the_start():
    def first(seed):
        return model.pynet(width=0.125, largest_kernel=3, seed=seed).weights[0].numpy()

    one = first(1)
    np.testing.assert_array_equal(one, first(1))
    assert np.abs(one - first(2)).max() > 1e-3


@pytest.fixture(scope="module")
def residual():
    return model.pynet(width=0.05, head="residual", largest_kernel=3)


@pytest.fixture
def with_bias(residual):
    """Returns what the untrained network gives for an image once a head has a bias."""
    changed = []

    def outputs(image, level, bias):
        head = residual.get_layer(f"level_{level}_head").bias
        changed.append(head)
        head.assign(bias)
        return residual(image)

    yield outputs
    for head in changed:
        head.assign(np.zeros(head.shape))


@pytest.mark.parametrize("depth", [True, False])
def test_residual_levels_start_as_the_photo(depth, residual):
    image = np.random.default_rng(0).random((1, 64, 96, 4 if depth else 3), np.float32)
    alone = {"width": 0.05, "head": "residual", "largest_kernel": 3, "depth": False}
    outputs = (residual if depth else model.pynet(**alone))(image)
    for level in range(7, 1, -1):
        side = 2 ** (level - 2)
        photo = image[..., :3].reshape(1, 64 // side, side, 96 // side, side, 3).mean((2, 4))
        np.testing.assert_allclose(outputs[f"level_{level}"], photo, atol=1e-5)
    enlarged = keras.layers.UpSampling2D(2, interpolation="bilinear")(outputs["level_2"])
    np.testing.assert_allclose(outputs["level_1"], enlarged, atol=1e-6)


def test_mask_takes_the_photos_detail_away(with_bias):
    image = np.random.default_rng(0).random((1, 64, 96, 4), np.float32)
    outputs = with_bias(image, 2, [0.0, 0.0, 0.0, -1.0])
    enlarged = keras.layers.UpSampling2D(2, interpolation="bilinear")(outputs["level_3"])
    np.testing.assert_allclose(outputs["level_2"], enlarged, atol=1e-6)


@pytest.fixture(scope="module")
def all_paths():
    return {weight.path for weight in model.pynet(width=0.05, seed=None).weights}


@pytest.mark.parametrize("largest", [3, 5, 7])
def test_largest_kernel_leaves_out_the_branches_of_levels_3_and_4_alone(largest, all_paths):
    fewer = {w.path for w in model.pynet(width=0.05, largest_kernel=largest, seed=None).weights}
    left_out = all_paths - fewer
    assert fewer < all_paths
    sizes = {3: set(), 4: set()}
    for path in left_out:
        level, size = re.match(r"level_(\d)_\w+_conv(\d)", path).groups()
        sizes[int(level)].add(int(size))
    assert sizes == {
        3: set(range(largest + 2, 10, 2)),
        4: set(range(largest + 2, 8, 2)),
    }


def test_new_level_keeps_detail_where_the_level_below_does(with_bias):
    image = np.random.default_rng(0).random((1, 64, 96, 4), np.float32)
    outputs = with_bias(image, 5, [0.0, 0.0, 0.0, -1.0])
    for level in (5, 4, 3, 2):
        below = outputs[f"level_{level + 1}"]
        enlarged = keras.layers.UpSampling2D(2, interpolation="bilinear")(below)
        np.testing.assert_allclose(outputs[f"level_{level}"], enlarged, atol=1e-6)


def test_residual_level_carries_on_what_the_level_below_has_learned(residual, with_bias):
    image = np.random.default_rng(0).random((1, 64, 96, 4), np.float32)
    before = residual(image)
    after = with_bias(image, 7, [0.1, 0.0, -0.1])
    for level in model.LEVELS:
        change = after[f"level_{level}"] - before[f"level_{level}"]
        expected = 0.58 * np.tanh([0.1, 0.0, -0.1])
        np.testing.assert_allclose(change, np.broadcast_to(expected, change.shape), atol=1e-5)


@pytest.mark.parametrize("head", model.HEADS)
def test_compiles_for_pictures_of_unknown_size(head):
    pyramid = model.pynet(width=0.05, head=head, largest_kernel=3)
    channels = model.input_format(head).channels
    image = np.random.default_rng(0).random((1, 32, 64, channels), np.float32)
    spec = tf.TensorSpec([None, None, None, channels])
    compiled = tf.function(pyramid, input_signature=[spec], autograph=False)
    np.testing.assert_allclose(compiled(image)["level_1"], pyramid(image)["level_1"], atol=1e-5)


@pytest.mark.parametrize(
    "wrong", [{"width": 0}, {"width": -1.0}, {"head": "new"}, {"largest_kernel": 4}]
)
def test_wrong_values_are_named(wrong):
    with pytest.raises(ValueError, match=str(next(iter(wrong.values())))):
        model.pynet(**wrong)


def test_unknown_level_is_named(pyramid):
    with pytest.raises(ValueError, match="8"):
        model.level_model(pyramid, 8)
