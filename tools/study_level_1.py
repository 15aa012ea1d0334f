"""Why level 1 loses its colours, and what keeps them: trains it in several ways and draws it.

    tools/study_level_1.py train RUN_DIR --data_dir DATA --variants 2020 enlarged --output STUDY
    tools/study_level_1.py draw STUDY --output docs/level1.png

RUN_DIR holds levels 7 to 2. Every variant starts from that level 2 and writes STUDY/NAME.json:
PSNR, colours and gradients on the way, measured on fixed windows of the test split (of the
training split where there is no other), and the same for level 2 enlarged. What is there already
is not trained again. docs/level1.md has the commands for its figure and what came out.
"""

import argparse
import dataclasses
import json
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from pynet_tf import command_line
from pynet_tf.files import write_text

WINDOW = 128
MEASURED_BATCHES, MEASURED_BATCH = 4, 8


@dataclasses.dataclass(frozen=True)
class Variant:
    """One way to train level 1; as it stands that of 2020.

    Attributes:
        says: what is different, for people.
        start: sets the first weights from the pyramid and a seed, and returns the network.
        rate: Adam's.
        last_rate: that of the last step, to which it falls; None keeps it constant.
        warm_up: steps over which the rate grows to its value.
        clip: largest norm of the gradient.
        l1: weight of the mean absolute difference.
        ssim: weight of 1 - SSIM.
        new_only: train level 1's own layers and nothing under them.
    """

    says: str
    start: Callable
    rate: float = 5e-5
    last_rate: float | None = None
    warm_up: int = 0
    clip: float | None = None
    l1: float = 10.0
    ssim: float = 10.0
    new_only: bool = False


def start_2020(pyramid, seed: int):
    """Both kernels alike and near zero, as one seed for all layers makes them."""
    return _small_start(pyramid, seed, "same", "same")


def start_own_seeds(pyramid, seed: int):
    """Different kernels near zero."""
    return _small_start(pyramid, seed, "up", "head")


def start_glorot(pyramid, seed: int):
    """Kernels of the usual size."""
    from keras import initializers

    for number, name in enumerate(("level_1_up", "level_1_head")):
        kernel = pyramid.get_layer(name).kernel
        kernel.assign(initializers.GlorotUniform(seed=2 * seed + number)(kernel.shape))
    return _level_1(pyramid)


def start_without_leak(pyramid, seed: int):
    """Near zero, with no leaky unit between the two layers."""
    import keras

    start_own_seeds(pyramid, seed)
    up = pyramid.get_layer("level_1_up")(pyramid.get_layer("level_2_head").output)
    maps = pyramid.get_layer("level_1_head")(up)
    return keras.Model(pyramid.input, 0.58 * keras.ops.tanh(maps) + 0.5)


def start_from_features(pyramid, seed: int):
    """Near zero, from level 2's eight features in place of its three maps."""
    import keras
    from keras import layers

    def small(name):
        return keras.initializers.TruncatedNormal(stddev=0.01, seed=_number(seed, name))

    features = pyramid.get_layer("level_2_up_relu").output
    up = layers.Conv2DTranspose(
        features.shape[-1], 3, 2, "same", use_bias=False, kernel_initializer=small("up"),
        name="level_1_wide_up",
    )(features)  # fmt: skip
    up = layers.LeakyReLU(negative_slope=0.2)(up)
    maps = layers.Conv2D(
        3, 3, padding="same", kernel_initializer=small("head"), name="level_1_wide_head"
    )(up)
    return keras.Model(pyramid.input, 0.58 * keras.ops.tanh(maps) + 0.5)


def start_enlarged(pyramid, seed: int):
    """As level 2 enlarged, see `pynet_tf.starts`."""
    from pynet_tf import starts

    starts.start_as_level_below(pyramid, 1)
    return _level_1(pyramid)


def start_enlarged_dark(pyramid, seed: int):
    """As level 2 enlarged, but with its dark colours left to the leaky unit."""
    from pynet_tf import starts

    start_enlarged(pyramid, seed)
    for name, sign in (("level_2_head", -1), ("level_1_head", 1)):
        bias = pyramid.get_layer(name).bias
        bias.assign(bias + sign * starts.SHIFT)
    return _level_1(pyramid)


def start_zero_head(pyramid, seed: int):
    """The newer heads: level 2 enlarged plus a correction that starts at zero."""
    layer = pyramid.get_layer("level_1_up")
    layer.kernel.assign(_small(seed, "up", layer.kernel.shape))
    return _level_1(pyramid)


VARIANTS = {
    "2020": Variant("as in 2020: all kernels alike", start_2020),
    "own_seeds": Variant("kernels of their own", start_own_seeds),
    "rate_3e-4": Variant("six times the rate", start_own_seeds, rate=3e-4),
    "new_layers_only": Variant("levels 2 to 7 frozen", start_own_seeds, new_only=True),
    "warm_up": Variant("warm-up of 500 steps", start_own_seeds, warm_up=500),
    "clip": Variant("gradient clipped to 1", start_own_seeds, clip=1.0),
    "l1_only": Variant("L1 alone", start_own_seeds, l1=100.0, ssim=0.0),
    "without_leak": Variant("no leaky unit", start_without_leak),
    "from_features": Variant("from level 2's 8 features", start_from_features),
    "glorot": Variant("Glorot start", start_glorot),
    "enlarged_dark": Variant("start as level 2 enlarged, unshifted", start_enlarged_dark),
    "enlarged": Variant("start as level 2 enlarged", start_enlarged),
    "zero_head": Variant("enlarged plus a correction", start_zero_head),
    "zero_head_falling": Variant("the same, falling rate", start_zero_head, last_rate=2.5e-6),
}


def main(arguments: Sequence[str] | None = None) -> int | None:
    """Trains or draws."""
    options = _parser().parse_args(arguments)
    if options.task == "draw":
        from study_level_1_figure import draw

        draw(options.study, options.ablation, options.output)
        print(options.output)
        return
    command_line.import_tensorflow()
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        for name in options.variants:
            path = options.output / f"{options.run_dir.name}.{name}.{seed}.json"
            if not path.exists():
                result = train(options, VARIANTS[name], seed)
                known = {"run": options.run_dir.name, "variant": name, "seed": seed}
                write_text(path, json.dumps({**known, **result}))
            result = json.loads(path.read_text())
            last = result["curve"][-1]
            print(
                f"{path.stem}: level 2 enlarged {result['level_2']['psnr']:.2f} dB, after "
                f"{last['step']} steps {last['psnr']:.2f} dB, spread {min(last['spread']):.2f}",
                flush=True,
            )


def train(options: argparse.Namespace, variant: Variant, seed: int) -> dict:
    """Trains level 1 once.

    Returns:
        What is drawn: `says`, `level_2` (figures of level 2 enlarged) and `curve`, a list of
        figures by step.
    """
    import keras
    import tensorflow as tf

    from pynet_tf import checkpoints, data, losses, model, recipes
    from pynet_tf.adam import Adam

    pyramid, run = checkpoints.load_pyramid(options.run_dir, 2)
    sizes = data.split_sizes(options.data_dir)
    train_split = data.open_split(options.data_dir, "train")
    test_split = data.open_split(options.data_dir, "test") if sizes.get("test") else train_split
    kind = {"depth": run.depth, "folded": run.folded}
    windows = list(
        data.training(test_split, 1, WINDOW, MEASURED_BATCH, 999, **kind).take(MEASURED_BATCHES)
    )
    level_2 = model.level_model(pyramid, 2)
    below = measure(lambda image: _enlarge(level_2(image)), windows)

    network = variant.start(pyramid, seed)
    new = [w for w in network.trainable_variables if w.path.startswith("level_1")]
    variables = new if variant.new_only else network.trainable_variables
    recipe = recipes.Recipe(
        options.batch_size, options.steps, variant.rate, variant.last_rate, variant.l1, variant.ssim
    )
    optimizer = Adam(variant.rate, epsilon=1e-8, global_clipnorm=variant.clip)
    optimizer.build(variables)
    places = {}
    for number, weight in enumerate(variables):
        places.setdefault(weight.path[:7], []).append(number)

    @tf.function
    def step(image, target):
        with tf.GradientTape() as tape:
            output = network(image, training=True)
            loss = losses.total(losses.terms(output, target, recipe), recipe)
        gradients = tape.gradient(loss, variables)
        optimizer.apply(gradients, variables)
        return {
            section: tf.linalg.global_norm([gradients[number] for number in numbers])
            for section, numbers in places.items()
        }

    forward = tf.function(network)
    curve = [{"step": 0, **measure(forward, windows)}]
    batches = data.training(train_split, 1, WINDOW, options.batch_size, seed, **kind)
    numbers = range(1, options.steps + 1)
    shown = command_line.progress(numbers, len(numbers), variant.says, every=60)
    for done, (image, target) in zip(shown, batches, strict=False):
        warmth = min(1.0, done / max(1, variant.warm_up))
        optimizer.learning_rate = recipes.rate(recipe, done) * warmth
        norms = step(image, target)
        if done % options.every == 0 or done == options.steps:
            norms = {name: float(norm) for name, norm in norms.items()}
            curve.append({"step": done, **measure(forward, windows), "gradients": norms})
    keras.backend.clear_session()
    return {"says": variant.says, "level_2": below, "curve": curve}


def measure(forward: Callable, windows: Sequence) -> dict:
    """Measures a network on fixed windows.

    Args:
        forward: of an image, gives a picture of level 1's size.
        windows: pairs of image and target.

    Returns:
        `psnr` in dB; for red, green and blue `mean` (of the output less the target's) and
        `spread` (standard deviation, as a share of the target's).
    """
    import tensorflow as tf

    outputs = np.concatenate([np.clip(forward(image), 0, 1) for image, _ in windows])
    targets = np.concatenate([target.numpy() for _, target in windows])
    over = (0, 1, 2)
    return {
        "psnr": float(tf.reduce_mean(tf.image.psnr(outputs, targets, 1.0))),
        "mean": (outputs.mean(over) - targets.mean(over)).tolist(),
        "spread": (outputs.std(over) / targets.std(over)).tolist(),
    }


def _level_1(pyramid):
    from pynet_tf import model

    return model.level_model(pyramid, 1)


def _small_start(pyramid, seed: int, up: str, head: str):
    for name, part in (("level_1_up", up), ("level_1_head", head)):
        layer = pyramid.get_layer(name)
        layer.kernel.assign(_small(seed, part, layer.kernel.shape))
    pyramid.get_layer("level_1_head").bias.assign(np.full(3, 0.01))
    return _level_1(pyramid)


def _small(seed: int, name: str, shape):
    from keras import initializers

    return initializers.TruncatedNormal(stddev=0.01, seed=_number(seed, name))(shape)


def _number(seed: int, name: str) -> int:
    return zlib.crc32(f"{seed} {name}".encode())


def _enlarge(picture):
    import tensorflow as tf

    return tf.image.resize(picture, 2 * np.array(picture.shape[1:3]), "bilinear")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tools/study_level_1.py",
        description=__doc__,
        formatter_class=command_line.HelpFormatter,
    )
    tasks = parser.add_subparsers(dest="task", required=True)
    shows = {"formatter_class": command_line.HelpFormatter}
    task = tasks.add_parser("train", help="train variants", **shows)
    task.add_argument("run_dir", metavar="RUN_DIR", type=Path, help="with levels 7 to 2")
    task.add_argument("--data_dir", type=Path, required=True, help="prepared shards")
    task.add_argument(
        "--variants", nargs="+", choices=VARIANTS, required=True, help="what to train"
    )
    task.add_argument("--steps", type=int, default=1000, help="of each")
    task.add_argument("--batch_size", type=int, default=2, help="windows in a step")
    task.add_argument("--seeds", type=int, default=1, help="how many times each is trained")
    task.add_argument("--first_seed", type=int, default=0, help="of new layers and of the windows")
    task.add_argument("--every", type=int, default=50, help="steps between two measurements")
    task.add_argument("--output", type=Path, required=True, help="folder for the figures")
    task = tasks.add_parser("draw", help="draw them", **shows)
    task.add_argument("study", metavar="STUDY", type=Path, help="folder that `train` has written")
    task.add_argument("--ablation", required=True, help="name of the run shown as curves")
    task.add_argument("--output", type=Path, required=True, help="PNG to write")
    return parser


if __name__ == "__main__":
    command_line.run(main, "tools/study_level_1.py")
