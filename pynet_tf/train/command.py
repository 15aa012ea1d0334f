"""Trains PyNET level by level, 7 to 1.

The same command again goes on where it was stopped, or says that the level is done.
"""

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

from pynet_tf import cli
from pynet_tf.errors import InputError
from pynet_tf.model import HEADS, KERNELS, LARGEST_WIDTH
from pynet_tf.train import cluster, config, planning, recipes, vgg

# Flag and field of `recipes.Recipe`; None keeps the recipe's value.
RECIPE_FLAGS = {
    "batch_size": (cli.whole(), "samples per step, over all devices"),
    "iterations": (cli.whole(), "steps of the level"),
    "learning_rate": (cli.number(), "Adam's rate; given alone it stays constant"),
    "last_learning_rate": (cli.number(), "rate of the last step, to which it falls evenly"),
    "warm_up": (cli.whole(), "first steps, over which the rate grows to its value"),
    "l1_weight": (cli.number(), "weight of the mean absolute difference"),
    "ssim_weight": (cli.number(), "weight of 1 - SSIM"),
    "content_weight": (cli.number(), "weight of the VGG-19 term; 0 trains without VGG-19"),
    "window": (cli.whole(), "side of the training windows in pixels of the half-size photo"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Parses the arguments and trains; returns 0, or 130 if a signal stopped it."""
    arguments = sys.argv[1:] if arguments is None else arguments
    flags = _parser().parse_args(arguments)
    levels = range(7, 0, -1) if flags.level == "all" else [int(flags.level)]
    jobs = [_job(flags, level, first=level == levels[0]) for level in levels]
    if flags.jit and flags.deterministic:
        raise InputError(
            "XLA has no max-pooling with the same bits on every run; leave --jit or "
            "--deterministic away"
        )
    splits = None
    if flags.strategy == "multi_worker":
        cluster.from_environment()
    else:
        # Workers tell what is missing once they have met, or the others would wait for one.
        splits = config.open_splits(flags.data_dir)
        _refuse_missing(jobs, arguments)
    tf = cli.import_tensorflow()
    from pynet_tf.train import distribution, loop

    if flags.logical_cpus > 1:
        one = tf.config.LogicalDeviceConfiguration()
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [one] * flags.logical_cpus)
    strategy = distribution.strategy(flags.strategy)
    if flags.deterministic or not (flags.jit or tf.config.list_physical_devices("GPU")):
        tf.config.experimental.enable_op_determinism()
    splits = splits or config.open_splits(flags.data_dir)
    done = all(loop.train_level(job, strategy, splits, cli.progress) for job in jobs)
    return 0 if done else 130


def _job(flags: argparse.Namespace, level: int, first: bool) -> config.Job:
    """Returns the job of one level; the flags have the names of its fields."""
    given = {f.name: getattr(flags, f.name, None) for f in dataclasses.fields(config.Job)}
    given |= {"level": level, "recipe": _recipe(flags, level)}
    return config.Job(**given | ({} if first else {"start_from": None}))


def _refuse_missing(jobs: Sequence[config.Job], arguments: Sequence[str]) -> None:
    """Tells at once what training would miss after seconds, or with `all` after days.

    Raises:
        InputError: the weights to start from or those of VGG-19 are missing.
    """
    planning.refuse_no_start(jobs[0], _without_level(arguments))
    for job in jobs:
        if job.recipe.content and job.folder.newest_step() < job.recipe.iterations:
            vgg.refuse_missing(job.vgg)


def _without_level(arguments: Sequence[str]) -> list[str]:
    """Leaves `--level 4`, `--level=4` and what argparse takes for them out of arguments."""
    kept, value_follows = [], False
    for argument in arguments:
        name, equals, _ = argument.partition("=")
        is_level = name.startswith("--lev") and "--level".startswith(name)
        if not (value_follows or is_level):
            kept.append(argument)
        value_follows = is_level and not equals
    return kept


def _recipe(flags: argparse.Namespace, level: int) -> recipes.Recipe:
    given = {
        flag.removesuffix("_weight"): getattr(flags, flag)
        for flag in (*RECIPE_FLAGS, "match_exposure")
        if getattr(flags, flag) is not None
    }
    if "learning_rate" in given:
        given.setdefault("last_learning_rate", None)
    recipe = dataclasses.replace(recipes.recipe(flags.recipe, level), **given)
    for name in ("batch_size", "iterations", "learning_rate", "last_learning_rate"):
        value = getattr(recipe, name)
        if value is not None and not value > 0:
            raise InputError(f"--{name} is {getattr(recipe, name)}, but has to be above 0")
    if recipe.warm_up < 0:
        raise InputError(f"--warm_up is {recipe.warm_up}, but has to be 0 or more")
    for name in ("l1", "ssim", "content"):
        if not getattr(recipe, name) >= 0:
            raise InputError(f"--{name}_weight is {getattr(recipe, name)}, but has to be 0 or more")
    if not any((recipe.l1, recipe.ssim, recipe.content)):
        raise InputError("all weights of the loss are 0; give one of them a value above 0")
    for name, most in (("batch_size", 2**16), ("iterations", 2**40), ("window", 2**14)):
        if getattr(recipe, name) > most:
            raise InputError(f"--{name} is {getattr(recipe, name)}, but can be at most {most}")
    if recipe.window < 32 or recipe.window % 32:
        raise InputError(f"--window is {recipe.window}, but has to be a multiple of 32")
    return recipe


def _parser() -> argparse.ArgumentParser:
    parser = cli.Parser(
        prog="python -m pynet_tf.train",
        description=__doc__,
    )
    add = parser.add_argument
    add(
        "--level",
        required=True,
        choices=[*"7654321", "all"],
        help="level to train, 7 (smallest) first; all trains 7 to 1",
    )
    add(
        "--data_dir",
        type=Path,
        default=Path("data"),
        metavar="FOLDER",
        help="what tools/build_ebb.py prepared",
    )
    add(
        "--run_dir",
        type=cli.utf8_path,
        default=Path("checkpoints"),
        metavar="FOLDER",
        help="for what is trained: all levels of a network",
    )
    add(
        "--recipe",
        choices=recipes.NAMES,
        default="original",
        help="settings of all that is not given: those of the 2020 code; those of a later "
        "reproduction; quick ones, for trying on two processors; those of the network that comes "
        "with the project",
    )
    for name, (kind, text) in RECIPE_FLAGS.items():
        add(f"--{name}", type=kind, help=f"{text}; the recipe's where not given")
    add(
        "--match_exposure",
        action=argparse.BooleanOptionalAction,
        help="compare with the bokeh shot at the picture's exposure, with the head defocus; "
        "no recipe does so by itself",
    )
    add("--eval_step", type=cli.whole(1), default=1000, help="steps between validations")
    add(
        "--eval_photos",
        type=_photos,
        default=-1,
        metavar="N",
        help="photos to validate on; -1 for all",
    )
    add(
        "--width",
        type=_width,
        metavar="N",
        help="scale of the channel counts; that of the coarser level, or 1.0",
    )
    add(
        "--head",
        choices=HEADS,
        help="what a level makes of its features: the 2020 picture; corrections of the photo and "
        "of the coarser level; or, told the defocus, corrections of what a lens makes of the "
        "whole photo, in linear light. That of the coarser level, or residual",
    )
    add(
        "--largest_kernel",
        type=cli.whole(),
        choices=KERNELS,
        help="of levels 3 and 4; below 9 a narrow network is up to twice as fast. That of the "
        "coarser level, or 9",
    )
    add(
        "--depth",
        action=argparse.BooleanOptionalAction,
        help="use the depth map as input; as the coarser level does, or yes",
    )
    add(
        "--seed",
        type=cli.whole(0, 2**31 - 1),
        default=0,
        help="of initial weights, order of samples, augmentation",
    )
    add(
        "--vgg",
        type=Path,
        default=Path("checkpoints/imagenet-vgg-verydeep-19.mat"),
        metavar="FILE",
        help="VGG-19 weights: MatConvNet's .mat or Keras' .h5",
    )
    add(
        "--precision",
        choices=["float32", "mixed_float16", "mixed_bfloat16"],
        default="float32",
        help="of the computation; the weights are float32. Not measured on a GPU yet",
    )
    add(
        "--strategy",
        choices=["auto", "mirrored", "multi_worker"],
        default="auto",
        help="the devices: all GPUs if several, the same explicitly, or the workers of TF_CONFIG",
    )
    add("--jit", action="store_true", help="compile the step with XLA. Slower on a CPU")
    add(
        "--recompute",
        action="store_true",
        help="keep less for the gradient and compute it again: less memory, more time",
    )
    add(
        "--deterministic",
        action="store_true",
        help="the same bits on every run, on a GPU too, where it costs time; a CPU always gives "
        "them, but not with --jit",
    )
    add(
        "--logical_cpus",
        type=cli.whole(),
        choices=range(1, 17),
        default=1,
        help="CPU devices to show, for trying mirrored",
    )
    add(
        "--start_from",
        type=cli.utf8_path,
        metavar="FOLDER",
        help="--run_dir of another network to take the first weights from, not the coarser level",
    )
    add("--allow_changes", action="store_true", help="go on although data or settings changed")
    return parser


def _width(text: str) -> float:
    value = cli.number(0, LARGEST_WIDTH)(text)
    if value == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not above 0")
    return value


def _photos(text: str) -> int:
    return -1 if text == "-1" else cli.whole(1)(text)
