"""Measures the networks on a GPU: the Keras graph, compiled by XLA under JAX; no TensorFlow.

    forward   one photo of 1024x1536, as it is rendered
    step      one training step: L1, its gradient and Adam, on windows of 512 pixels, with the
              batch of the recipe `original`, or half of it until it fits the card
    share     of the card's own matrix product, 8192x8192, at the same precision

The arithmetic of the convolutions is counted; a step is three forward passes. Level 1 is also
trained with SSIM and VGG-19's features by the recipe, which are left out here. At float32 the
card may take TF32, as JAX does by default.

It needs JAX for the card, Keras and NumPy.
"""

import argparse
import json
import math
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from pynet_tf import cli
from pynet_tf.errors import InputError
from pynet_tf.io import atomic_files

LEVELS = (7, 6, 5, 4, 3, 2, 1)
# Half a photo of 1024x1536, and the window of the recipe `original`.
PHOTO, WINDOW = (512, 768), 512
BOXED = Path(__file__).parents[2] / "checkpoints" / "small" / "level_1"
# The last is the network that comes with the project, level 1.
NETWORKS = ("defocus", "original", "boxed")
PRECISIONS = ("float32", "mixed_bfloat16")


def main(arguments: Sequence[str] | None = None) -> None:
    """Parses the arguments, measures and prints one table per network and precision."""
    parser = cli.Parser(prog="python tools/measure/measure_gpu.py", description=__doc__)
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=NETWORKS)
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS, default=PRECISIONS)
    parser.add_argument("--width", type=cli.number(0.01), default=1.0, help="of the network")
    parser.add_argument("--window", type=cli.whole(64), default=WINDOW, help="of training")
    parser.add_argument("--largest_batch", type=cli.whole(1), default=50)
    parser.add_argument("--matrix", type=cli.whole(1), default=8192, help="side of the matrices")
    parser.add_argument("--repeats", type=cli.whole(1), default=10, help="of each; the median")
    parser.add_argument("--no_step", action="store_true", help="compile and measure forward alone")
    parser.add_argument("--json", type=Path, help="file for all figures, written after each row")
    flags = parser.parse_args(arguments)
    # Commands have Keras use TensorFlow. It is imported below.
    os.environ["KERAS_BACKEND"] = "jax"
    try:
        import jax
    except ImportError as error:
        raise InputError(
            f"JAX cannot be imported ({error}); install it with `pip install jax[cuda13]`"
        ) from error
    device = jax.devices()[0]
    print(f"{device.device_kind}, JAX {jax.__version__}, seconds are medians of {flags.repeats}")
    figures = {"device": device.device_kind, "jax": jax.__version__, "rows": []}
    for precision in flags.precisions:
        limit = matrix_product(precision, flags)
        reached = f"{limit / 1e12:.3g} TFLOP/s"
        print(f"\n{precision}: a product of matrices reaches {reached}", flush=True)
        for name in flags.networks:
            print(f"\n### {name}, {precision}\n", flush=True)
            told = {"network": name, "precision": precision, "limit": limit}
            for number, row in enumerate(measured(name, precision, flags)):
                _print_row(told | row, first=number == 0)
                figures["rows"].append(told | row)
                if flags.json:
                    atomic_files.write_text(flags.json, json.dumps(figures, indent=2) + "\n")


def measured(name: str, precision: str, flags: argparse.Namespace) -> Iterator[dict]:
    """Yields the figures of each level of a network.

    Of both: seconds, counted floating point operations and GiB; of the boxed network also by how
    many decibels its picture is the one that the processor makes in full float32.
    """
    import keras

    for level in LEVELS if name != "boxed" else (1,):
        keras.config.set_dtype_policy(precision)
        network = _network(name, level, flags)
        keras.config.set_dtype_policy("float32")
        row = {"level": level} | _forward(network, flags.repeats)
        picture = row.pop("picture")
        if name == "boxed":
            exact = _on_processor(_network(name, level, flags))
            row["dB to the processor"] = _decibels(picture, exact)
        if not flags.no_step:
            batch = min(_batch(name, level), flags.largest_batch)
            row |= _fitting_step(network, level, batch, flags)
            windows = row["batch"] * flags.window**2 / (PHOTO[0] * PHOTO[1])
            row["step FLOP"] = 3 * row["forward FLOP"] * windows
        yield row
        keras.backend.clear_session()


def matrix_product(precision: str, flags: argparse.Namespace) -> float:
    """Returns the floating point operations per second of the card's own matrix product."""
    import jax
    import jax.numpy as jnp

    kind = jnp.float32 if precision == "float32" else jnp.bfloat16
    a = jax.random.normal(jax.random.key(0), (flags.matrix, flags.matrix)).astype(kind)
    multiply = jax.jit(lambda x: x @ x)
    return 2 * flags.matrix**3 / _median(lambda: multiply(a), flags.repeats)


def _network(head: str, level: int, flags: argparse.Namespace):
    from pynet_tf import model
    from pynet_tf.runs import weights_file

    if head != "boxed":
        return model.level_model(model.pynet(flags.width, head=head), level)
    told = json.loads((BOXED / "run.json").read_text())
    kind = {name: told[name] for name in ("width", "depth", "head", "largest_kernel")}
    pyramid = model.pynet(**kind)
    weights_file.read(next(BOXED.glob("*.npz")), pyramid)
    return model.level_model(pyramid, level)


def _batch(head: str, level: int) -> int:
    from pynet_tf.train import recipes

    return recipes.recipe("small" if head == "boxed" else "original", level).batch_size


def _forward(network, repeats: int) -> dict:
    """Returns the figures of one photo's way through a level, and its picture."""
    import jax

    def forward(trainable, others, image):
        return network.stateless_call(trainable, others, image, training=False)[0]

    given = [*_values(network), jax.numpy.asarray(_image(network, 1, PHOTO))]
    compiled = jax.jit(forward).lower(*given).compile()
    return {
        "forward s": _median(lambda: compiled(*given), repeats),
        "forward FLOP": _flop(jax.make_jaxpr(forward)(*given)),
        "forward GiB": _gib(compiled),
        "picture": np.asarray(compiled(*given), np.float32),
    }


def _fitting_step(network, level: int, batch: int, flags: argparse.Namespace) -> dict:
    """Returns a step's figures, with half the batch until it fits the card."""
    import jax

    while True:
        try:
            return {"batch": batch} | _step(network, level, batch, flags)
        except jax.errors.JaxRuntimeError as error:
            if "RESOURCE_EXHAUSTED" not in str(error) or batch == 1:
                raise
        batch //= 2


def _step(network, level: int, batch: int, flags: argparse.Namespace) -> dict:
    import jax
    import keras

    optimizer = keras.optimizers.Adam(5e-5, epsilon=1e-8)
    optimizer.build(network.trainable_variables)

    def loss(trainable, others, image, target):
        output, others = network.stateless_call(trainable, others, image, training=True)
        return 100 * abs(output.astype("float32") - target).mean(), others

    def step(trainable, others, moments, image, target):
        gradient = jax.value_and_grad(loss, has_aux=True)
        (value, others), found = gradient(trainable, others, image, target)
        trainable, moments = optimizer.stateless_apply(moments, found, trainable)
        return trainable, others, moments, value

    image = jax.numpy.asarray(_image(network, batch, (flags.window, flags.window)))
    side = 2 * flags.window // 2 ** (level - 1)
    target = jax.numpy.asarray(_random(1, (batch, side, side, 3)))
    # Copies: the step overwrites what it is given.
    state = [*_values(network), [variable.value for variable in optimizer.variables]]
    state = [[value.copy() for value in values] for values in state]
    compiled = jax.jit(step, donate_argnums=(0, 1, 2)).lower(*state, image, target).compile()
    losses = []

    def one():
        *state[:], value = compiled(*state, image, target)
        losses.append(value)
        return value

    took = _median(one, flags.repeats)
    if not np.isfinite(losses[-1]):
        raise InputError(
            f"the loss of level {level} is {losses[-1]}: its figures count for nothing"
        )
    return {
        "step s": took,
        "step GiB": _gib(compiled),
        "loss first": float(losses[0]),
        "loss last": float(losses[-1]),
    }


def _flop(traced) -> int:
    """Counts the floating point operations of the convolutions."""
    count = 0
    for equation in traced.eqns:
        for inner in equation.params.values():
            if hasattr(inner, "eqns") or hasattr(inner, "jaxpr"):
                count += _flop(getattr(inner, "jaxpr", inner))
        if equation.primitive.name == "conv_general_dilated":
            kernel, output = equation.invars[1].aval, equation.outvars[0].aval
            features = kernel.shape[equation.params["dimension_numbers"].rhs_spec[0]]
            # Zeros between pixels, of transposed convolutions, are no work.
            dilation = math.prod(equation.params["lhs_dilation"])
            count += 2 * output.size * (kernel.size // features) // dilation
    return count


def _on_processor(network) -> np.ndarray:
    """Returns the picture that the processor makes of the same image, in full float32."""
    import jax

    image = _image(network, 1, PHOTO)
    with jax.default_device(jax.devices("cpu")[0]), jax.default_matmul_precision("highest"):
        weights = [[np.asarray(value) for value in values] for values in _values(network)]
        forward = jax.jit(lambda t, n, x: network.stateless_call(t, n, x, training=False)[0])
        return np.asarray(forward(*weights, image))


def _decibels(picture: np.ndarray, exact: np.ndarray) -> float:
    error = np.clip(picture, 0, 1) - np.clip(exact, 0, 1)
    return float(-10 * np.log10(max(np.square(error, dtype=np.float64).mean(), 1e-20)))


def _values(network) -> list[list]:
    some = network.trainable_variables, network.non_trainable_variables
    return [[variable.value for variable in variables] for variables in some]


def _image(network, batch: int, size: tuple[int, int]) -> np.ndarray:
    """Makes a smooth image: of noise alone, lamps would be seen at every pixel."""
    channels = network.input_shape[-1]
    small = _random(0, (batch, size[0] // 16, size[1] // 16, channels))
    return np.repeat(np.repeat(small, 16, axis=1), 16, axis=2)


def _random(seed: int, shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(seed).random(shape, np.float32)


def _median(work: Callable[[], object], repeats: int) -> float:
    """Returns the median time of a call, each waited for, after two that are not counted."""
    times = []
    for _ in range(repeats + 2):
        began = time.perf_counter()
        work().block_until_ready()
        times.append(time.perf_counter() - began)
    return statistics.median(times[2:])


def _gib(compiled) -> float:
    used = compiled.memory_analysis()
    total = used.argument_size_in_bytes + used.output_size_in_bytes + used.temp_size_in_bytes
    return (total - used.alias_size_in_bytes) / 2**30


def _print_row(row: dict, first: bool) -> None:
    cells = {
        "level": row["level"],
        "forward ms": 1e3 * row["forward s"],
        "share": row["forward FLOP"] / row["forward s"] / row["limit"],
        "GiB": row["forward GiB"],
    }
    if "step s" in row:
        cells |= {
            "batch": row["batch"],
            "step ms": 1e3 * row["step s"],
            "step's share": row["step FLOP"] / row["step s"] / row["limit"],
            "step's GiB": row["step GiB"],
        }
    if "dB to the processor" in row:
        cells["dB to the processor"] = row["dB to the processor"]
    if first:
        print(f"| {' | '.join(cells)} |\n|{' --- |' * len(cells)}")
    print(f"| {' | '.join(_cell(value) for value in cells.values())} |", flush=True)


def _cell(value) -> str:
    return str(value) if isinstance(value, int) else f"{value:.3g}"


if __name__ == "__main__":
    cli.run(main, "tools/measure/measure_gpu.py")
