# ruff: noqa: D103
"""The functions over run directories by their earlier names, until all callers have moved."""

from pathlib import Path

from pynet_tf.runs.description import ARCHITECTURE as KIND  # noqa: F401
from pynet_tf.runs.description import Description as Run  # noqa: F401
from pynet_tf.runs.description import parse as parse_run  # noqa: F401
from pynet_tf.runs.level_directory import LevelDirectory
from pynet_tf.runs.run_directory import RunDirectory


def _folder(folder) -> LevelDirectory:
    return LevelDirectory(Path(folder), int(Path(folder).name.removeprefix("level_")))


def read_run(run_dir, level):
    return RunDirectory(run_dir).level(level).describe()


def write_run(run_dir, run):
    RunDirectory(run_dir).level(run.level).write_description(run)


def level_dir(run_dir, level):
    return RunDirectory(run_dir).level(level).path


def prefix(folder, step):
    return str(Path(folder) / f"step_{step:08d}")


def steps(folder):
    return _folder(folder).steps()


def write(folder, step, model, optimizer=None):
    _folder(folder).write(step, model, optimizer)


def restore(folder, model, optimizer=None):
    return _folder(folder).restore(model, optimizer)


def is_whole(folder, step):
    return _folder(folder).is_whole(step)


def load_pyramid(run_dir, level=None):
    return RunDirectory(run_dir).load(level)


def finest_run(run_dir):
    return RunDirectory(run_dir).finest()


def save_level(run_dir, level, pyramid, settings, **kind):
    RunDirectory(run_dir).save(level, pyramid, settings, **kind)


def share_level(run_dir, run, pyramid):
    RunDirectory(run_dir).share(run, pyramid)


def remove_leftovers(folder):
    _folder(folder).remove_leftovers()


def _remove(folder, step):
    _folder(folder).remove(step)
