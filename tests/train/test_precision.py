"""Half precision and XLA go where float32 goes."""

import dataclasses
import json
import re
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from pynet_tf import model
from pynet_tf.errors import InputError
from pynet_tf.model.blocks import InstanceNorm
from pynet_tf.runs.run_directory import RunDirectory
from pynet_tf.train import command, config, distribution, loop, recipes
from pynet_tf.train.step import compiled_step, new_optimizer

HALVES = ("mixed_float16", "mixed_bfloat16")
RECIPE = recipes.Recipe(batch_size=2, iterations=4, learning_rate=1e-3, window=64)
RATE = 1e-4
SIDE = 128


@pytest.fixture(autouse=True)
def _deterministic():
    tf.config.experimental.enable_op_determinism()


@pytest.fixture
def policy():
    """Sets a dtype policy for the test."""
    old = keras.mixed_precision.dtype_policy()
    yield keras.mixed_precision.set_dtype_policy
    keras.mixed_precision.set_dtype_policy(old)


def train(tiny_ebb, run_dir, level=7, **changes):
    recipe = dataclasses.replace(RECIPE, iterations=changes.pop("iterations", 4))
    narrow = {"width": 0.05, "largest_kernel": 3}
    values = {"recipe": recipe, **narrow, "eval_step": 2, "eval_photos": 1, **changes}
    assert loop.train_level(config.Job(level, tiny_ebb, run_dir, **values))


def losses_of_steps(name, weights, steps, first=0):
    """Trains level 7 on a new batch of a smooth made-up task in every step.

    Returns:
        The losses and the trained weights.
    """
    keras.mixed_precision.set_dtype_policy(name)
    job = config.Job(7, None, None, dataclasses.replace(RECIPE, learning_rate=RATE), precision=name)
    network = model.level_model(model.pynet(0.25, largest_kernel=3), 7)
    if weights is not None:
        network.set_weights(weights)
    optimizer = new_optimizer(job, network)
    if name == "mixed_float16":
        # From where no step is left out: the search for the scale has a test of its own.
        optimizer.dynamic_scale.assign(16.0)
    step = compiled_step(job, tf.distribute.get_strategy(), network, optimizer)
    losses = []
    for number in range(first, first + steps):
        cells = np.random.default_rng(number).random((2, 4, 4, 4), np.float32)
        image = tf.image.resize(cells, [SIDE, SIDE], "bilinear")
        target = 0.8 * tf.image.resize(image[..., :3], [SIDE // 32, SIDE // 32], "area")
        losses.append(float(step(image, target)["loss"]))
    return np.array(losses), network.get_weights()


@pytest.fixture(scope="module")
def float32_run():
    """Weights after 100 steps, and the losses of the 50 steps after that."""
    old = keras.mixed_precision.dtype_policy()
    weights = losses_of_steps("float32", None, 100)[1]
    losses = losses_of_steps("float32", weights, 50, first=100)[0]
    keras.mixed_precision.set_dtype_policy(old)
    return weights, losses


@pytest.mark.parametrize("name", HALVES)
def test_loss_falls_as_in_float32(name, policy, float32_run):
    """Float32 itself, begun with weights changed by 1e-4, ends up 1.6 % away."""
    weights, expected = float32_run
    found, _ = losses_of_steps(name, weights, 50, first=100)
    assert expected[-10:].mean() < 0.9 * expected[:10].mean(), "there is something to learn"
    assert found.mean() == pytest.approx(expected.mean(), rel=0.02)


@pytest.mark.parametrize("name", HALVES)
@pytest.mark.parametrize("head", model.HEADS)
def test_heads_norms_weights_and_outputs_are_float32(name, head, policy):
    policy(name)
    pyramid = model.pynet(0.05, head=head, largest_kernel=3)
    assert {output.dtype for output in pyramid.output.values()} == {"float32"}
    assert {weight.dtype for weight in pyramid.weights} == {"float32"}
    half = name.removeprefix("mixed_")
    for layer in pyramid.layers:
        if isinstance(layer, (keras.layers.Conv2D, keras.layers.Conv2DTranspose)):
            wanted = "float32" if layer.name.endswith("_head") else half
            assert layer.compute_dtype == wanted, layer.name
        if isinstance(layer, InstanceNorm):
            assert layer.compute_dtype == "float32", layer.name


def test_a_step_that_overflows_is_left_out_and_the_scale_halved(policy):
    policy("mixed_float16")
    job = config.Job(7, None, None, RECIPE, precision="mixed_float16")
    network = model.level_model(model.pynet(0.05, largest_kernel=3), 7)
    optimizer = new_optimizer(job, network)
    step = compiled_step(job, tf.distribute.get_strategy(), network, optimizer)
    before = [variable.numpy() for variable in network.trainable_variables]
    optimizer.dynamic_scale.assign(2.0**120)
    image = tf.random.stateless_uniform([2, 32, 32, 4], [0, 0])
    step(image, tf.zeros([2, 1, 1, 3]))
    assert float(optimizer.dynamic_scale) == 2.0**119
    for variable, old in zip(network.trainable_variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), old)


def print_steps_of_two_devices():
    """Prints what a step with nan on the second device, and one without, make of the weights.

    In a process of its own: where TensorFlow is in use already there is one device.
    """
    one = tf.config.LogicalDeviceConfiguration()
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [one, one])
    strategy = distribution.strategy("mirrored")
    keras.mixed_precision.set_dtype_policy("mixed_float16")
    job = config.Job(7, None, None, RECIPE, precision="mixed_float16")
    with strategy.scope():
        network = model.level_model(model.pynet(0.05, largest_kernel=3), 7)
        optimizer = new_optimizer(job, network)
    step = compiled_step(job, strategy, network, optimizer)

    def on_each(value):
        return strategy.experimental_distribute_values_from_function(value)

    def of_each(variable):
        return [local.numpy() for local in strategy.experimental_local_results(variable.value)]

    weights = network.trainable_variables
    image = on_each(lambda _: tf.random.stateless_uniform([1, 32, 32, 4], [0, 0]))
    found = []
    for bad in (np.nan, 0.0):
        before = [of_each(weight) for weight in weights]
        values = (0.0, bad)
        target = on_each(lambda at, v=values: tf.fill([1, 1, 1, 3], v[at.replica_id_in_sync_group]))
        step(image, target)
        after = [of_each(weight) for weight in weights]
        pairs = [zip(*both, strict=True) for both in zip(before, after, strict=True)]
        moved = [[not np.array_equal(old, new) for old, new in pair] for pair in pairs]
        scale = [float(value) for value in of_each(optimizer.dynamic_scale)]
        equal = all(np.array_equal(*values) for values in after)
        finite = all(np.isfinite(values).all() for values in after)
        found.append({"moved": moved, "scale": scale, "equal": equal, "finite": finite})
    print(json.dumps(found))


def test_a_step_that_overflows_on_one_device_is_left_out_on_all(nursery):
    code = (
        "import sys; sys.path.insert(0, '.'); "
        "import test_precision; test_precision.print_steps_of_two_devices()"
    )
    done = nursery.run("-c", code, cwd=Path(__file__).parent)
    assert done.status == 0, done.err
    left_out, taken = json.loads(done.out.splitlines()[-1])
    assert left_out["scale"] == taken["scale"] == [2.0**7, 2.0**7]
    assert not np.any(left_out["moved"])
    assert np.any(taken["moved"], axis=0).tolist() == [True, True]
    assert taken["equal"]
    assert taken["finite"]


def test_resuming_in_float16_keeps_the_loss_scale_and_every_bit(tiny_ebb, tmp_path, monkeypatch):
    """With a scale that doubles every third step."""
    plain = keras.optimizers.LossScaleOptimizer
    monkeypatch.setattr(
        keras.optimizers,
        "LossScaleOptimizer",
        lambda inner, initial_scale: plain(inner, 16.0, dynamic_growth_steps=3),
    )
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(tiny_ebb, whole, iterations=5, precision="mixed_float16")
    for iterations in (2, 5):
        train(tiny_ebb, parts, iterations=iterations, precision="mixed_float16")
    one, other = (
        tf.train.load_checkpoint(str(folder / "level_7" / "step_00000005"))
        for folder in (whole, parts)
    )
    names = [name for name in one.get_variable_to_shape_map() if "OBJECT_GRAPH" not in name]
    for name in names:
        np.testing.assert_array_equal(one.get_tensor(name), other.get_tensor(name))
    scales = [one.get_tensor(name) for name in names if not one.get_variable_to_shape_map()[name]]
    assert 32.0 in [float(value) for value in scales]
    assert_loads_in_float32(whole, "mixed_float16")


def test_weights_trained_in_bfloat16_load_in_float32(tiny_ebb, tmp_path):
    train(tiny_ebb, tmp_path, iterations=2, precision="mixed_bfloat16")
    assert_loads_in_float32(tmp_path, "mixed_bfloat16")


def assert_loads_in_float32(run_dir, name):
    assert keras.mixed_precision.dtype_policy().name == "float32"
    pyramid, run = RunDirectory(run_dir).load()
    assert run.settings["precision"] == name
    assert {layer.compute_dtype for layer in pyramid.layers} == {"float32"}
    output = pyramid(np.full([1, 64, 64, 4], 0.5, np.float32))["level_7"]
    assert np.isfinite(output).all()


def test_xla_goes_the_same_way(tiny_ebb, nursery, tmp_path):
    """On the command line: XLA cannot do without the order of bits that other tests ask for."""

    def validation_loss(name, *more):
        done = nursery.run(
            "pynet_tf.train", "--level", "7", "--data_dir", tiny_ebb, "--run_dir", tmp_path / name,
            "--width", "0.05", "--largest_kernel", "3", "--batch_size", "2", "--window", "64",
            "--iterations", "4", "--learning_rate", "1e-3", *more, cwd=tmp_path,
        )  # fmt: skip
        assert done.status == 0, done.err
        return float(re.search(r"validation: loss ([\d.]+)", done.out)[1])

    assert validation_loss("xla", "--jit") == pytest.approx(validation_loss("plain"), rel=1e-3)


def test_xla_is_not_deterministic():
    with pytest.raises(InputError, match="leave --jit or --deterministic away"):
        command.main(["--level", "7", "--jit", "--deterministic"])


def test_half_precision_and_xla_are_off_unless_asked_for():
    flags = command._parser().parse_args(["--level", "7"])
    assert (flags.precision, flags.jit) == ("float32", False)
