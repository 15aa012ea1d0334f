"""Why level 1 loses its colours, and what keeps them: trains it in several ways and draws it.

    tools/studies/level_1.py train RUN_DIR --data_dir DATA --variants 2020 enlarged --output STUDY
    tools/studies/level_1.py draw STUDY --output docs/level1.png

RUN_DIR holds levels 7 to 2. Every variant starts from that level 2 and writes STUDY/NAME.json:
PSNR, colours and gradients on the way, measured on fixed windows of the test split (of the
training split where there is no other), and the same for level 2 enlarged. What is there already
is not trained again. docs/level1.md has the commands for its figure and what came out.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from level_1_variants import VARIANTS, Variant

from pynet_tf import cli
from pynet_tf.io.atomic_files import write_text

WINDOW = 128
MEASURED_BATCHES, MEASURED_BATCH = 4, 8


def main(arguments: Sequence[str] | None = None) -> int | None:
    """Trains or draws."""
    options = _parser().parse_args(arguments)
    if options.task == "draw":
        from level_1_figure import draw

        draw(options.study, options.ablation, options.output)
        print(options.output)
        return
    cli.import_tensorflow()
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

    from pynet_tf import model
    from pynet_tf.data import pipeline
    from pynet_tf.runs.run_directory import RunDirectory
    from pynet_tf.train import learning_rate, losses, recipes, vgg
    from pynet_tf.train.optimizer import Adam
    from pynet_tf.train.step import spare_graph_rewriting

    spare_graph_rewriting()

    pyramid, run = RunDirectory(options.run_dir).load(2)
    sizes = pipeline.split_sizes(options.data_dir)
    train_split = pipeline.open_split(options.data_dir, "train")
    test_split = pipeline.open_split(options.data_dir, "test") if sizes.get("test") else train_split
    kind = {"form": run.input}
    windows = list(
        pipeline.training(test_split, 1, WINDOW, MEASURED_BATCH, 999, **kind).take(MEASURED_BATCHES)
    )
    level_2 = model.level_model(pyramid, 2)
    below = measure(lambda image: _enlarge(level_2(image)), windows)

    network = variant.start(pyramid, seed)
    new = [w for w in network.trainable_variables if w.path.startswith("level_1")]
    variables = new if variant.new_only else network.trainable_variables
    recipe = recipes.Recipe(
        options.batch_size,
        options.steps,
        variant.rate,
        variant.last_rate,
        l1=variant.l1,
        ssim=variant.ssim,
        content=variant.content,
        warm_up=variant.warm_up,
    )
    features = vgg.load_features(options.vgg) if variant.content else None
    optimizer = Adam(variant.rate, epsilon=1e-8, global_clipnorm=variant.clip)
    optimizer.build(variables)
    places = {}
    for number, weight in enumerate(variables):
        places.setdefault(weight.path[:7], []).append(number)

    @tf.function(autograph=False)
    def step(image, target):
        with tf.GradientTape() as tape:
            output = network(image, training=True)
            loss = losses.total(losses.terms(output, target, recipe, features), recipe)
        gradients = tape.gradient(loss, variables)
        optimizer.apply(gradients, variables)
        return {
            section: tf.linalg.global_norm([gradients[number] for number in numbers])
            for section, numbers in places.items()
        }

    forward = tf.function(network, autograph=False)
    curve = [{"step": 0, **measure(forward, windows)}]
    batches = pipeline.training(train_split, 1, WINDOW, options.batch_size, seed, **kind)
    numbers = range(1, options.steps + 1)
    shown = cli.progress(numbers, len(numbers), variant.says, every=60)
    for done, (image, target) in zip(shown, batches, strict=False):
        optimizer.learning_rate = learning_rate.rate(recipe, done)
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


def _enlarge(picture):
    import tensorflow as tf

    return tf.image.resize(picture, 2 * np.array(picture.shape[1:3]), "bilinear")


def _parser() -> argparse.ArgumentParser:
    parser = cli.Parser(
        prog="python tools/studies/level_1.py",
        description=__doc__,
    )
    tasks = parser.add_subparsers(dest="task", required=True)
    task = tasks.add_parser("train", help="train variants")
    task.add_argument("run_dir", metavar="RUN_DIR", type=Path, help="with levels 7 to 2")
    task.add_argument("--data_dir", type=Path, required=True, help="prepared shards")
    task.add_argument(
        "--variants", nargs="+", choices=VARIANTS, required=True, help="what to train"
    )
    task.add_argument("--steps", type=cli.whole(1), default=1000, help="of each")
    task.add_argument("--batch_size", type=cli.whole(1), default=2, help="windows in a step")
    task.add_argument(
        "--seeds", type=cli.whole(1), default=1, help="how many times each is trained"
    )
    task.add_argument(
        "--first_seed", type=cli.whole(0), default=0, help="of new layers and of the windows"
    )
    task.add_argument(
        "--vgg",
        type=Path,
        default=Path("checkpoints/imagenet-vgg-verydeep-19.mat"),
        help="VGG-19 weights, for the variant with the VGG term",
    )
    task.add_argument(
        "--every", type=cli.whole(1), default=50, help="steps between two measurements"
    )
    task.add_argument("--output", type=Path, required=True, help="folder for the figures")
    task = tasks.add_parser("draw", help="draw them")
    task.add_argument("study", metavar="STUDY", type=Path, help="folder that `train` has written")
    task.add_argument("--ablation", required=True, help="name of the run shown as curves")
    task.add_argument("--output", type=Path, required=True, help="PNG to write")
    return parser


if __name__ == "__main__":
    cli.run(main, "tools/studies/level_1.py")
