"""What all estimators share: the photo becomes what the network takes, its output becomes a map.

photo   uint8 [H, W, 3]
depth   uint8 [H/2, W/2], near = bright, linear in inverse distance, stretched to 0..255
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from pynet_tf.depth.map_form import map_size, resize_map, stretch
from pynet_tf.errors import InputError

# ImageNet's colours, which nearly all estimators were trained with.
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# For estimators of any size, in pixels. Depth Anything's patches have 14, of which sides are a
# multiple, and it was trained at 518, which the longer side becomes.
MULTIPLE, FREE_SIDE = 14, 518
OUTPUTS = ("disparity", "distance")
# Of colours: `normalized` by ImageNet's mean and deviation, `unit` 0..1, `bytes` 0..255.
INPUTS = ("normalized", "unit", "bytes")


@dataclass(frozen=True)
class Estimator:
    """A network that estimates depth.

    Attributes:
        run: takes the image, float32 `[1, h, w, 3]` or `[1, 3, h, w]`, and gives the output,
            `[h', w']` with sides of 1 anywhere.
        size: height and width that it takes; None for any multiple of `MULTIPLE`.
        channels_first: whether it takes `[1, 3, h, w]`.
        input: the colours that it takes, one of `INPUTS`.
        output: `disparity`, near = large, or `distance`, near = small.
        file: what it was loaded from, for messages.
        is_told: whether the user says what input and output are, since the file does not.
    """

    run: Callable[[np.ndarray], np.ndarray]
    size: tuple[int, int] | None
    channels_first: bool
    input: str
    output: str
    file: str
    is_told: bool = True

    @property
    def name(self) -> str:
        """The file, and how it is read where that may be wrong."""
        if not self.is_told:
            return self.file
        size = f"{self.size[1]}x{self.size[0]}" if self.size else "any size"
        near = "large" if self.output == "disparity" else "small"
        return f"{self.file} ({size}, {self.input} colours, near = {near})"

    def estimate(self, photo: np.ndarray) -> np.ndarray:
        """Estimates the depth map of a photo.

        Args:
            photo: `[H, W, 3]` uint8.

        Returns:
            `[H/2, W/2]` uint8, see the module.

        Raises:
            InputError: the output is no map, or not finite.
        """
        height, width = self.size or _free_size(*photo.shape[:2])
        small = Image.fromarray(photo).resize((width, height), Image.Resampling.BICUBIC)
        image = np.asarray(small, np.float32)
        if self.input != "bytes":
            image = image / 255
        if self.input == "normalized":
            image = (image - MEAN) / np.asarray(DEVIATION)
        image = np.moveaxis(image, -1, 0) if self.channels_first else image
        values = np.asarray(self.run(np.ascontiguousarray(image[None], np.float32)), np.float32)
        values = values.reshape([side for side in values.shape if side != 1])
        if values.ndim != 2:
            raise InputError(f"{self.file} gives {values.shape}, which is no depth map")
        if not np.isfinite(values).all():
            raise InputError(f"{self.file} gives values that are no numbers; get the file anew")
        if self.output == "distance":
            values = 1 / np.maximum(values, 1e-3 * max(float(values.max()), 1e-6))
        if np.ptp(values) == 0:
            raise InputError(f"{self.file} gives the same depth everywhere; it is no estimator")
        return stretch(resize_map(values, *map_size(*photo.shape[:2])))


def refuse_other_inputs(shapes: list, kinds: list[str], file: str) -> None:
    """Checks that a network takes one input of floats.

    Args:
        shapes: of all inputs.
        kinds: their types, by name.
        file: for the message.

    Raises:
        InputError: it takes more, or other numbers.
    """
    if len(shapes) != 1 or "float" not in kinds[0]:
        takes = " and ".join(f"{list(s)} {k}" for s, k in zip(shapes, kinds, strict=True))
        raise InputError(
            f"{file} takes {takes or 'nothing'}; an estimator of depth takes one photo of floats"
        )


def image_layout(shape: tuple, name: str) -> tuple[tuple[int, int] | None, bool]:
    """Reads size and layout of an estimator's input from its shape.

    Args:
        shape: four sides; what is no positive number is free.
        name: of the file, for the message.

    Returns:
        The size, None if it is free; and whether channels come first.

    Raises:
        InputError: it takes no photo.
    """
    sides = [side if isinstance(side, int) and side > 0 else None for side in shape]
    if len(sides) == 4 and 3 in (sides[1], sides[3]) and sides[0] in (None, 1):
        first = sides[1] == 3
        rows, columns = sides[2:] if first else sides[1:3]
        return (None if rows is None or columns is None else (rows, columns)), first
    raise InputError(
        f"{name} takes {list(shape)}; an estimator of depth takes one photo, [1, 3, h, w] or "
        "[1, h, w, 3]"
    )


@contextlib.contextmanager
def running(path: Path, *failures: type[Exception]) -> Iterator[None]:
    """Raises InputError, which names the file, for failures of an estimator that is run."""
    try:
        yield
    except failures as error:
        raise InputError(f"{path} cannot be run on a photo ({short_reason(error)})") from error


def short_reason(error: Exception) -> str:
    """Returns what a framework said, on one line and no longer than a sentence may be."""
    return " ".join(str(error).split())[:120]


def _free_size(height: int, width: int) -> tuple[int, int]:
    scale = FREE_SIDE / max(height, width)
    return tuple(max(round(side * scale / MULTIPLE), 1) * MULTIPLE for side in (height, width))
