"""The example photos that come with the project, each with its depth map."""

from dataclasses import dataclass
from pathlib import Path

# Where they lie: in the checkout, or in an installed package.
_ROOT = Path(__file__).parents[1]
_FOLDERS = (_ROOT.parent / "docs" / "examples", _ROOT / "example_photos")
_NAMES = {"portrait": "A portrait", "bush": "A bush", "night": "At night"}


@dataclass(frozen=True)
class Example:
    """A photo and its depth map, near = bright."""

    title: str
    photo: Path
    depth: Path


def found() -> list[Example]:
    """Returns the examples that are there."""
    for folder in _FOLDERS:
        examples = [
            Example(title, folder / f"{name}.jpg", folder / f"{name}_depth.png")
            for name, title in _NAMES.items()
        ]
        examples = [e for e in examples if e.photo.is_file() and e.depth.is_file()]
        if examples:
            return examples
    return []
