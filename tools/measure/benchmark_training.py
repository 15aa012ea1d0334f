"""The parts of tools/measure/benchmark.py about training: data, steps, memory, start.

What is trained is what new runs train: the head of `--head`, level 1 with L1 and SSIM, and on a CPU
the same bits on every run.
"""

import argparse
import dataclasses
import json
import shutil
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from benchmark_processes import ROOT, prepared, run, untrained

from pynet_tf import cli
from pynet_tf.data import shards
from pynet_tf.errors import InputError
from pynet_tf.train import recipes

WINDOW = 512
# Of one forward pass at 512x512 input and full width; a training step takes three times as much.
FORWARD_GFLOP = {7: 16.3, 6: 32.0, 5: 94.0, 4: 314.9, 3: 877.2, 2: 877.5, 1: 877.7}
STEP_BATCH = {7: 4, 6: 4, 5: 4, 4: 2, 3: 1, 2: 1, 1: 1}
PLAIN_PHOTOS = 8


def data(flags: argparse.Namespace, levels: list[int], folder: Path) -> list[dict]:
    """Samples/s of the input pipeline, and of a plain loader of the same photos."""
    data_dir = flags.data_dir or prepared(folder)
    _import_tensorflow(flags)
    split = shards.open_split(data_dir, "train")
    source = _as_files(split, folder / "files")
    rows = []
    for level in levels:
        # Before there is a pipeline, whose threads would take its time.
        took = _median(lambda level=level: _plain_loader(source, level), flags.repeats)
        plain, speed = PLAIN_PHOTOS / took, _pipeline_speed(flags, split, level)
        rows.append(
            {"level": level, "samples/s": speed, "plain loader": plain, "ratio": speed / plain}
        )
    return rows


def _pipeline_speed(flags: argparse.Namespace, split: shards.Split, level: int) -> float:
    batch = recipes.recipe("original", level).batch_size
    batches = iter(_batches(flags, split, level, batch))
    count = max(10, 150 // batch)

    def take(some):
        for _ in range(some):
            next(batches)

    # More than it keeps ready: what is timed is to be made in that time.
    take(4)
    return batch * count / _median(lambda: take(count), flags.repeats)


def _batches(flags: argparse.Namespace, split: shards.Split, level: int, batch: int):
    from pynet_tf import model
    from pynet_tf.data import pipeline

    form = model.input_format(flags.head)
    return pipeline.training(split, level, WINDOW, batch, seed=0, form=form)


def _as_files(split: shards.Split, folder: Path) -> Path:
    """Writes the first samples as the files that they were made of."""
    import tensorflow as tf
    from PIL import Image

    folder.mkdir()
    for number in range(PLAIN_PHOTOS):
        sample = shards.parse(tf.constant(shards.read(split, number % len(split))))
        (folder / f"{number}_photo.jpg").write_bytes(sample["photo"].numpy())
        (folder / f"{number}_bokeh.jpg").write_bytes(sample["bokeh"].numpy())
        depth = Image.fromarray(sample["image"].numpy()[..., 3])
        depth.save(folder / f"{number}_depth.png")
    return folder


def _plain_loader(source: Path, level: int) -> None:
    """One thread, imageio and Pillow, file by file: what a simple script would do."""
    import imageio.v3 as imageio
    from PIL import Image

    rng = np.random.default_rng(0)
    for number in range(PLAIN_PHOTOS):
        photo = Image.fromarray(imageio.imread(source / f"{number}_photo.jpg"))
        depth = imageio.imread(source / f"{number}_depth.png")
        bokeh = imageio.imread(source / f"{number}_bokeh.jpg")
        half = photo.resize((photo.width // 2, photo.height // 2), Image.Resampling.BICUBIC)
        image = np.dstack([np.asarray(half), depth]).astype(np.float32) / 255
        # Small photos have no window of the full size.
        window = min(WINDOW, *image.shape[:2])
        x = rng.integers(0, image.shape[1] - window + 1)
        target = Image.fromarray(bokeh[: 2 * window, 2 * x : 2 * (x + window)])
        side = 2 * window // 2 ** (level - 1)
        target = np.asarray(target.resize((side, side), Image.Resampling.BICUBIC), np.float32) / 255
        turns = int(rng.integers(4))
        np.rot90(image[:window, x : x + window], turns).copy()
        np.rot90(target, turns).copy()


def steps(flags: argparse.Namespace, levels: list[int], folder: Path) -> list[dict]:
    """Seconds and GFLOP/s of a training step, on real batches."""
    data_dir = flags.data_dir or prepared(folder)
    tf = _import_tensorflow(flags)
    import keras

    from pynet_tf import model
    from pynet_tf.train import config
    from pynet_tf.train.optimizer import Adam
    from pynet_tf.train.step import compiled_step

    split = shards.open_split(data_dir, "train")
    a = tf.random.stateless_normal([2048, 2048], [0, 0])
    multiply = tf.function(lambda: tf.linalg.matmul(a, a))
    rows = []
    for level in levels:
        batch = STEP_BATCH[level]
        recipe = recipes.recipe("original", level)
        recipe = dataclasses.replace(recipe, batch_size=batch, content=0.0)
        job = config.Job(level, data_dir, folder, recipe)
        network = model.level_model(model.pynet(flags.width, head=flags.head), level)
        optimizer = Adam(recipe.learning_rate, epsilon=1e-8)
        optimizer.build(network.trainable_variables)
        step = compiled_step(job, tf.distribute.get_strategy(), network, optimizer)
        batches = iter(_batches(flags, split, level, batch))
        step(*next(batches))
        waited, took, product = [], [], []
        for _ in range(flags.repeats):
            product.append(_median(lambda: multiply().numpy(), 5))
            begun = time.perf_counter()
            sample = next(batches)
            waited.append(time.perf_counter() - begun)
            float(step(*sample)["loss"])
            took.append(time.perf_counter() - begun)
        seconds = statistics.median(took)
        limit = 2 * 2.048**3 / statistics.median(product)
        row = {"level": level, "batch": batch, "s/step": seconds, "waiting %": 0.0}
        row["waiting %"] = 100 * sum(waited) / sum(took)
        if flags.width == 1.0:
            row["GFLOP/s"] = 3 * batch * FORWARD_GFLOP[level] / seconds
            row["matrix product"] = limit
            row["share"] = row["GFLOP/s"] / limit
        rows.append(row)
        keras.backend.clear_session()
    return rows


def memory(flags: argparse.Namespace, levels: list[int], folder: Path) -> list[dict]:
    """Peak resident memory of `pynet_tf.train`, batch 1, three steps and a checkpoint."""
    rows = []
    for count in (10, flags.large):
        data_dir = flags.data_dir or prepared(folder, count)
        count = shards.split_sizes(data_dir)["train"]
        for level in levels:
            terms = [["--content_weight", "0"]]
            if level == 1 and flags.vgg:
                terms.append(["--vgg", flags.vgg])
            for more in terms:
                runs = []
                for _ in range(flags.repeats):
                    given = _train_flags(flags, level, data_dir, folder)
                    runs.append(
                        run(f"training level {level}", "-m", "pynet_tf.train", *given, *more)
                    )
                rows.append(
                    {
                        "level": level,
                        "samples": count,
                        "VGG-19": "yes" if "--vgg" in more else "no",
                        "peak GiB": statistics.median(one.peak for one in runs),
                        "s in all": statistics.median(one.seconds for one in runs),
                    }
                )
        if flags.data_dir:
            break
    return rows


def start(flags: argparse.Namespace, levels: list[int], folder: Path) -> list[dict]:
    """Seconds of each part from the command to the end of the first step, batch 1."""
    data_dir = flags.data_dir or prepared(folder)
    program = ROOT / "tools" / "measure" / "measure_start.py"
    rows = []
    for level in levels:
        runs = []
        for _ in range(flags.repeats):
            given = [*_train_flags(flags, level, data_dir, folder), "--content_weight", "0"]
            begun = str(time.monotonic())
            ended = run(f"starting level {level}", program, *given, PYNET_TF_BEGUN=begun)
            runs.append(json.loads(ended.output.splitlines()[-1]))
        parts = {name: statistics.median(one[name] for one in runs) for name in runs[0]}
        end = statistics.median(sum(one.values()) for one in runs)
        begin = statistics.median(sum(one.values()) - one["first step"] for one in runs)
        rows.append({"level": level, **parts, "s to its begin": begin, "s to its end": end})
    return rows


def _import_tensorflow(flags: argparse.Namespace):
    """Imports TensorFlow as it trains on this machine."""
    tf = cli.import_tensorflow()
    from pynet_tf import model

    if flags.head not in model.HEADS:
        heads = ", ".join(model.HEADS)
        raise InputError(f"--head is {flags.head!r}, but has to be one of {heads}")
    # As pynet_tf.train has it.
    if not tf.config.list_physical_devices("GPU"):
        tf.config.experimental.enable_op_determinism()
    return tf


def _train_flags(flags: argparse.Namespace, level: int, data_dir: Path, folder: Path) -> list:
    """Makes a run directory in which the level can begin, and the flags that train it."""
    run_dir = folder / "run"
    shutil.rmtree(run_dir, ignore_errors=True)
    # A level needs weights to start from; those of an untrained pyramid serve.
    if level < 7:
        untrained(run_dir, level + 1, flags.width, flags.head)
    return [
        "--level", level, "--data_dir", data_dir, "--run_dir", run_dir, "--batch_size", 1,
        "--iterations", 3, "--eval_photos", 1, "--width", flags.width, "--head", flags.head,
    ]  # fmt: skip


def _median(work: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)
