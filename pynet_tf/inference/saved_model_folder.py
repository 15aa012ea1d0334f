"""What an exported SavedModel says of itself, without TensorFlow."""

from pathlib import Path

from pynet_tf.errors import InputError, refuse_unreadable
from pynet_tf.runs import description, run_directory
from pynet_tf.runs.description import Description

# Beside the graph in a SavedModel's folder, so that the pyramid can be built again: a JSON
# object, as `runs.description` reads it.
DESCRIPTION = Path("assets.extra") / "pynet_tf.json"


def is_saved_model(path: Path) -> bool:
    """Tells whether a folder holds a SavedModel, ours or another program's."""
    return (Path(path) / "saved_model.pb").is_file()


def read_description(path: Path) -> Description:
    """Reads what an exported SavedModel says of itself.

    Raises:
        InputError: `pynet_tf.export` did not write it.
    """
    file = Path(path) / DESCRIPTION
    try:
        return description.parse(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError) as error:
        raise InputError(
            f"{path} is a SavedModel, but not one of PyNET: {file} is missing or damaged; "
            f"{run_directory.SOURCES}"
        ) from error


def saved_levels(path: Path) -> list[int]:
    """Returns the levels, finest first, that an exported SavedModel holds.

    Raises:
        InputError: `pynet_tf.export` did not write it.
    """
    return list(range(read_description(path).level, 8))


def refuse_unreadable_files(path: Path) -> None:
    """Checks that all files of a SavedModel can be read, which TensorFlow would call damaged.

    Raises:
        InputError: one cannot.
    """
    for file in [Path(path) / "saved_model.pb", *weight_files(path)]:
        refuse_unreadable(file)


def weight_files(path: Path) -> list[Path]:
    """Returns the files of a SavedModel's weights."""
    return sorted((Path(path) / "variables").glob("*"))
