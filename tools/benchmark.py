"""Measures the project's speed and memory.

    data    samples/s of the input pipeline per level, beside a plain loader in the same run
    steps   seconds of a training step per level, as a share of a plain matrix product's GFLOP/s,
            and the share of the time that it waits for data
    memory  peak resident memory of training per level, for a small and a large data set
    render  seconds and peak memory of a photo, by size and by form of the model
    start   seconds from the command to the begin and the end of the first step, per level

Each figure is the median of repeated runs; compare ratios from one run, not times of two.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from pynet_tf import command_line
from pynet_tf.errors import InputError

ROOT = Path(__file__).parent.parent
# Of one forward pass at 512x512 input and full width; a training step takes three times as much.
FORWARD_GFLOP = {7: 16.3, 6: 32.0, 5: 94.0, 4: 314.9, 3: 877.2, 2: 877.5, 1: 877.7}
STEP_BATCH = {7: 4, 6: 4, 5: 4, 4: 2, 3: 1, 2: 1, 1: 1}


def main(arguments: Sequence[str] | None = None) -> None:
    """Parses the arguments and prints one table per kind of measurement."""
    kinds = {"data": data, "steps": steps, "memory": memory, "render": render, "start": start}
    parser = argparse.ArgumentParser(
        prog="benchmark.py", description=__doc__, formatter_class=command_line.HelpFormatter
    )
    parser.add_argument("kinds", nargs="*", help=f"any of {', '.join(kinds)}; all if none")
    parser.add_argument(
        "--levels", type=_levels, default="7654321", help="levels to measure, e.g. 71"
    )
    parser.add_argument("--width", type=float, default=1.0, help="scale of the channel counts")
    parser.add_argument("--repeats", type=int, default=3, help="runs that the median is taken of")
    parser.add_argument("--data_dir", type=Path, help="prepared shards; made if not given")
    parser.add_argument("--large", type=int, default=1000, help="samples of memory's large set")
    parser.add_argument(
        "--sizes", nargs="+", type=_size, default=["1024x1536"], help="render: height x width"
    )
    parser.add_argument("--vgg", type=Path, help="memory: train level 1 with this VGG-19 too")
    parser.add_argument("--json", type=Path, help="file for the figures")
    flags = parser.parse_args(arguments)
    unknown = set(flags.kinds) - set(kinds)
    if unknown:
        raise InputError(f"{', '.join(unknown)} cannot be measured; choose from {', '.join(kinds)}")
    levels = [int(level) for level in flags.levels]
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind in flags.kinds or kinds:
            rows = kinds[kind](flags, levels, Path(folder))
            figures[kind] = rows
            print(f"\n### {kind}\n\n{table(rows)}", flush=True)
    if flags.json:
        from pynet_tf.files import write_text

        write_text(flags.json, json.dumps(figures, indent=2) + "\n")


def _levels(text: str) -> str:
    if not text or not set(text) <= set("7654321"):
        raise argparse.ArgumentTypeError(f"{text!r} is not levels from 7 to 1, as in 71")
    return text


def _size(text: str) -> str:
    if not re.fullmatch(r"[1-9]\d+x[1-9]\d+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not height x width, as in 1024x1536")
    return text


def table(rows: list[dict]) -> str:
    """Returns the rows as a Markdown table."""
    names = list(rows[0])
    lines = [names, ["---"] * len(names)]
    for row in rows:
        values = (row[name] for name in names)
        lines.append([f"{v:.3g}" if isinstance(v, float) else str(v) for v in values])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def data(flags, levels: list[int], folder: Path) -> list[dict]:
    """Samples/s of the input pipeline and of a plain loader of the source files."""
    source, data_dir = _photos(folder), flags.data_dir or _shards(folder)
    command_line.import_tensorflow()
    from pynet_tf import data as pipeline
    from pynet_tf import recipes

    split = pipeline.open_split(data_dir, "train")
    rows = []
    for level in levels:
        batch = recipes.recipe("original", level).batch_size
        batches = iter(pipeline.training(split, level, 512, batch, seed=0))
        for _ in range(3):
            next(batches)
        count = max(2, 150 // batch)

        def take(batches=batches, count=count):
            for _ in range(count):
                next(batches)

        speed = batch * count / _median(take, flags.repeats)
        plain = 6 / _median(lambda level=level: _plain_loader(source, level, 6), flags.repeats)
        rows.append(
            {"level": level, "samples/s": speed, "plain loader": plain, "ratio": speed / plain}
        )
    return rows


def _plain_loader(source: Path, level: int, count: int) -> None:
    """One thread, imageio and Pillow, file by file: what a simple script would do."""
    import imageio.v3 as imageio
    from PIL import Image

    rng = np.random.default_rng(0)
    paths = sorted((source / "train" / "original").glob("*.jpg"))
    for number in range(count):
        path = paths[number % len(paths)]
        photo = Image.fromarray(imageio.imread(path))
        depth = imageio.imread(source / "train" / "original_depth" / f"{path.stem}.png")
        bokeh = imageio.imread(source / "train" / "bokeh" / path.name)
        half = photo.resize((photo.width // 2, photo.height // 2), Image.Resampling.BICUBIC)
        image = np.dstack([np.asarray(half), depth]).astype(np.float32) / 255
        x = rng.integers(0, image.shape[1] - 512 + 1)
        window = Image.fromarray(bokeh[:1024, 2 * x : 2 * x + 1024])
        side = 1024 // 2 ** (level - 1)
        target = np.asarray(window.resize((side, side), Image.Resampling.BICUBIC), np.float32) / 255
        turns = int(rng.integers(4))
        np.rot90(image[:512, x : x + 512], turns).copy()
        np.rot90(target, turns).copy()


def steps(flags, levels: list[int], folder: Path) -> list[dict]:
    """Seconds and GFLOP/s of a training step with L1, on real batches."""
    data_dir = flags.data_dir or _shards(folder)
    tf = command_line.import_tensorflow()
    import keras

    from pynet_tf import data as pipeline
    from pynet_tf import jobs, model, recipes, training
    from pynet_tf.adam import Adam

    split = pipeline.open_split(data_dir, "train")
    a = tf.random.normal([2048, 2048])
    multiply = tf.function(lambda: tf.linalg.matmul(a, a))
    rows = []
    for level in levels:
        batch = STEP_BATCH[level]
        job = jobs.Job(level, data_dir, folder, recipes.Recipe(batch, 1, 5e-5))
        network = model.level_model(model.pynet(flags.width), level)
        optimizer = Adam(5e-5, epsilon=1e-8)
        optimizer.build(network.trainable_variables)
        step = training.compiled_step(job, tf.distribute.get_strategy(), network, optimizer)
        batches = iter(pipeline.training(split, level, 512, batch, seed=0))
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


def memory(flags, levels: list[int], folder: Path) -> list[dict]:
    """Peak resident memory of `pynet_tf.train`, batch 1, three steps and a checkpoint."""
    rows = []
    from pynet_tf import records

    for count in (10, flags.large):
        data_dir = flags.data_dir or _shards(folder, count)
        count = records.split_sizes(data_dir)["train"]
        for level in levels:
            terms = [["--content_weight", "0"]]
            if level == 1 and flags.vgg:
                terms.append(["--vgg", str(flags.vgg)])
            for more in terms:
                seconds, peak = _train(flags, level, data_dir, folder, *more)
                rows.append(
                    {
                        "level": level,
                        "samples": count,
                        "VGG-19": "yes" if "--vgg" in more else "no",
                        "peak GiB": peak,
                        "s in all": seconds,
                    }
                )
        if flags.data_dir:
            break
    return rows


def start(flags, levels: list[int], folder: Path) -> list[dict]:
    """Seconds of each part from the command to the end of the first step, batch 1."""
    data_dir = flags.data_dir or _shards(folder)
    rows = []
    for level in levels:
        runs = []
        for _ in range(flags.repeats):
            arguments = _train_flags(flags, level, data_dir, folder, "--content_weight", "0")
            os.environ["PYNET_TF_BEGUN"] = str(time.monotonic())
            said = _call(ROOT / "tools" / "measure_start.py", *arguments)
            runs.append(json.loads(said.splitlines()[-1]))
        parts = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
        end = statistics.median(sum(run.values()) for run in runs)
        begin = statistics.median(sum(run.values()) - run["first step"] for run in runs)
        rows.append({"level": level, **parts, "s to its begin": begin, "s to its end": end})
    return rows


def render(flags, levels: list[int], folder: Path) -> list[dict]:
    """Photos of each size through the forms of a full-width and of the small model."""
    _untrained(folder / "full", 1, flags.width)
    _call("-m", "pynet_tf.export", "--run_dir", folder / "full", "--output", folder / "saved")
    shutil.copytree(ROOT / "checkpoints" / "small", folder / "small")
    name = f"width {flags.width:g}"
    forms = [
        (f"{name}, SavedModel", "saved", ("--network",)),
        (f"{name}, int8", "saved", ("--fast",)),
        ("small, float32", "small", ()),
        ("small, int8", "small", ("--fast",)),
    ]
    rows = []
    for size in flags.sizes:
        height, width = (int(side) for side in size.split("x"))
        base = None
        for label, model, more in forms:
            # Eight-bit models are not computed in tiles.
            if "--fast" in more and height * width > 8_000_000:
                continue
            if "--fast" in more:
                # The first run makes the model, which would count as the peak.
                _measure(folder / model, 64, 64, 0, *more)
            figures = _measure(folder / model, height, width, flags.repeats, *more)
            base = base or figures["seconds"]
            network = figures.get("network", float("nan"))
            rows.append(
                {
                    "photo": size,
                    "model": label,
                    "s": figures["seconds"],
                    "speed": base / figures["seconds"],
                    "first call s": figures["first"],
                    "to bare network": figures["seconds"] / network,
                    "peak GiB": figures["peak"],
                }
            )
    return rows


def _measure(model: Path, height: int, width: int, repeats: int, *more: str) -> dict:
    size = ("--height", height, "--width", width, "--repeats", repeats)
    return json.loads(_call(ROOT / "tools" / "measure_render.py", model, *size, *more))


def _train(flags, level: int, data_dir: Path, folder: Path, *more: str):
    """Trains three steps in a process of its own: seconds and peak GiB."""
    arguments = _train_flags(flags, level, data_dir, folder, *more)
    command = [sys.executable, "-m", "pynet_tf.train", *map(str, arguments)]
    begun = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise InputError(f"{' '.join(command)} ended with status {process.returncode}")
    return time.perf_counter() - begun, usage.ru_maxrss / 2**20


def _train_flags(flags, level: int, data_dir: Path, folder: Path, *more: str) -> list:
    """Makes a run directory in which the level can begin, and the flags that train it."""
    run_dir = folder / "run"
    shutil.rmtree(run_dir, ignore_errors=True)
    # A level needs weights to start from; those of an untrained pyramid serve.
    if level < 7:
        _untrained(run_dir, level + 1, flags.width)
    width = ["--width", flags.width] if level == 7 else []
    return [
        "--level", level, "--data_dir", data_dir, "--run_dir", run_dir, "--batch_size", 1,
        "--iterations", 3, "--eval_photos", 1, *width, *more,
    ]  # fmt: skip


def _untrained(run_dir: Path, level: int, width: float) -> None:
    code = (
        "import sys; from pynet_tf import checkpoints, model; "
        "checkpoints.save_level(sys.argv[1], int(sys.argv[2]), model.pynet(float(sys.argv[3])), "
        "{}, width=float(sys.argv[3]))"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(run_dir), str(level), str(width)],
        check=True,
        stderr=subprocess.DEVNULL,
    )


def _photos(folder: Path, count: int = 8) -> Path:
    """Makes synthetic full-size pairs, the first eight different, the rest copies of them."""
    source = folder / f"photos{count}"
    if source.exists():
        return source
    _tool("make_synthetic_ebb.py", source, "--count", min(count, 8), "--test_count", 1)
    for kind in ("original", "original_depth", "bokeh"):
        made = sorted((source / "train" / kind).iterdir())
        for number in range(len(made), count):
            old = made[number % len(made)]
            shutil.copy(old, old.with_name(f"{100_000 + number}{old.suffix}"))
    return source


def _shards(folder: Path, count: int = 8) -> Path:
    data_dir = folder / f"data{count}"
    if not data_dir.exists():
        _tool("build_ebb.py", _photos(folder, count), "--data_dir", data_dir)
    return data_dir


def _call(*arguments) -> str:
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _tool(name: str, *arguments) -> None:
    command = [sys.executable, str(ROOT / "tools" / name), *map(str, arguments)]
    subprocess.run(command, check=True, stdout=sys.stderr)


def _median(work: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


if __name__ == "__main__":
    command_line.run(main, "benchmark.py")
