"""What is in focus, and how far everything else is out of it: the one law for all that blurs.

The thin lens, the network, the synthetic scenes, the command line, the page and the exported
models take focus and blur from here. NumPy only.

    depth      [h, w], uint8 or float in [0, 1], near = 1; linear in inverse distance
    focus      the depth that stays sharp, 0 (far) to 1 (near)
    blur       radius of the circle of confusion of the depth, 0 or 1, that is farthest from the
               focus; in percent of the photo's longer side, so that a photo and its reduced copy
               give the same picture
    defocus    [h, w] float32, signed radius of the circle of confusion of every pixel, positive
               nearer than the focus; in pixels of the photo
"""

from dataclasses import dataclass

import numpy as np

from pynet_tf.errors import InputError

# In percent of the longer side: about what a fast lens gives a phone's view.
BLUR = 1.0
LARGEST_BLUR = 25.0
# How far behind and before the focus, in depth, things stay sharp. Subjects are not flat, and what
# is nearer than a focus found in a map belongs to the subject more often than what is farther.
SHARP_RANGE = (0.05, 0.15)
# With half of the depths sharp on the smaller side, no depth would be left that is surely blurred.
WIDEST_SHARP_RANGE = 0.45
LARGEST_HIGHLIGHTS = 1000.0
# The automatic focus is the depth that this share of the depths is farther than, where a pixel in
# the middle counts most.
FARTHER_THAN_FOCUS = 0.985


@dataclass(frozen=True)
class LensSettings:
    """What a person chooses of a lens.

    Attributes:
        focus: the depth that stays sharp, 0..1; or a point (x, y) of the photo from (0, 0), top
            left, to (1, 1); or None for the nearest subject.
        blur: percent of the photo's longer side, see the module; 0 gives the photo back.
        sharp_range: how far behind and before the focus, in depth, things stay sharp.
        highlights: how many times brighter than white a small clipped light is taken to be, beyond
            the first; 0 for what is likely, see `light_discs`.

    Raises:
        InputError: a value is no number or out of its range.
    """

    focus: float | tuple[float, float] | None = None
    blur: float = BLUR
    sharp_range: tuple[float, float] = SHARP_RANGE
    highlights: float = 0.0

    def __post_init__(self):
        if isinstance(self.focus, (tuple, list, np.ndarray)):
            if len(self.focus) != 2:
                raise InputError(f"focus is {self.focus}; give one depth, or a point as (x, y)")
            for name, value in zip("xy", self.focus, strict=True):
                check_number(f"{name} of the focus", value, 0.0, 1.0)
        elif self.focus is not None:
            check_number("focus", self.focus, 0.0, 1.0)
        check_number("blur", self.blur, 0.0, LARGEST_BLUR)
        if len(self.sharp_range) != 2:
            raise InputError(f"sharp_range is {self.sharp_range}; give (behind, before)")
        for value in self.sharp_range:
            check_number("sharp_range", value, 0.0, WIDEST_SHARP_RANGE)
        check_number("highlights", self.highlights, 0.0, LARGEST_HIGHLIGHTS)


def focus_of(depth: np.ndarray, settings: LensSettings) -> float:
    """Returns the depth that the settings make sharp.

    Args:
        depth: `[h, w]`, see the module.
        settings: whose focus may be a depth, a point or None.

    Raises:
        InputError: the depth map has the wrong type, shape or range.
    """
    if settings.focus is None:
        return nearest_subject(depth)
    if isinstance(settings.focus, (tuple, list, np.ndarray)):
        return focus_at(depth, *settings.focus)
    return float(settings.focus)


def nearest_subject(depth: np.ndarray) -> float:
    """Chooses the focus as a photographer would: on what is near and not at the edge.

    Args:
        depth: `[h, w]`, see the module.

    Returns:
        The depth, 0..1, of the nearest things in the picture's middle; stray bright pixels and
        a strip of ground at the edge do not move it.

    Raises:
        InputError: the depth map has the wrong type, shape or range.
    """
    depth = np.asarray(depth)
    levels = as_depth(depth).ravel()
    y, x = (np.linspace(-1, 1, size, dtype=np.float32) for size in depth.shape)
    weight = np.exp(-2.0 * (y[:, None] ** 2 + x[None] ** 2)).ravel()
    if depth.dtype == np.uint8:
        # Weights by value: what sorted pixels give, in a third of the time or less.
        weight = np.bincount(depth.ravel(), weight, minlength=256)
        levels = as_depth(np.arange(256, dtype=np.uint8)[None])[0]
    else:
        order = np.argsort(levels, kind="stable")
        weight, levels = weight[order], levels[order]
    # Sums of ten million weights need more than 24 bits.
    share = np.cumsum(weight, dtype=np.float64)
    return float(levels[np.searchsorted(share, FARTHER_THAN_FOCUS * share[-1])])


def point_of(depth: np.ndarray, focus: float) -> tuple[float, float]:
    """Returns a point (x, y) that has a depth: of those that do, one amid them.

    Args:
        depth: `[h, w]`, see the module.
        focus: the depth, 0..1; where no pixel has it, the nearest that one has.

    Raises:
        InputError: the depth map has the wrong type, shape or range.
    """
    away = np.abs(as_depth(depth) - focus)
    rows, columns = np.nonzero(away <= away.min() + 0.02)
    row, column = np.median(rows), np.median(columns)
    amid = np.argmin((rows - row) ** 2 + (columns - column) ** 2)
    height, width = depth.shape
    return float((columns[amid] + 0.5) / width), float((rows[amid] + 0.5) / height)


def focus_at(depth: np.ndarray, x: float, y: float) -> float:
    """Returns the focus that makes one point of the photo sharp.

    Args:
        depth: `[h, w]`, see the module.
        x: 0 (left edge) to 1 (right edge).
        y: 0 (top) to 1 (bottom).

    Returns:
        The median depth, 0..1, around the point.

    Raises:
        InputError: a point outside the photo, or a depth map of the wrong type, shape or range.
    """
    depth = as_depth(depth)
    x, y = check_number("x", x, 0.0, 1.0), check_number("y", y, 0.0, 1.0)
    row, column = round(y * (depth.shape[0] - 1)), round(x * (depth.shape[1] - 1))
    reach = max(1, max(depth.shape) // 200)
    rows = slice(max(0, row - reach), row + reach + 1)
    columns = slice(max(0, column - reach), column + reach + 1)
    return float(np.median(depth[rows, columns]))


def defocus(
    depth: np.ndarray,
    focus: float,
    largest: float,
    sharp_range: tuple[float, float] = SHARP_RANGE,
) -> np.ndarray:
    """Returns how far every pixel is out of focus.

    For a thin lens the circle of confusion grows linearly with the difference of inverse
    distances. What lies within the sharp range of the focus has none; beyond, it grows from 0.

    Args:
        depth: `[h, w]`, see the module.
        focus: the depth that stays sharp, 0..1.
        largest: radius of the circle of confusion of the depth, 0 or 1, that is farthest from
            the focus; see `largest_radius`.
        sharp_range: how far behind and before the focus, in depth, things stay sharp.

    Returns:
        `[h, w]` float32, in the unit of `largest`; positive nearer than the focus.
    """
    behind, before = sharp_range
    difference = as_depth(depth) - np.float32(focus)
    outside = difference - np.clip(difference, -behind, before)
    reach = max(focus, 1 - focus) - min(behind, before)
    return (outside * (largest / reach)).astype(np.float32)


def largest_radius(blur: float, height: int, width: int) -> float:
    """Returns the radius, in pixels of the photo, that `blur` percent of its longer side are."""
    return blur / 100 * max(height, width)


def as_depth(depth: np.ndarray) -> np.ndarray:
    """Returns a depth map as float32 in [0, 1].

    Raises:
        InputError: it is not `[h, w]`, uint8 or float in [0, 1].
    """
    depth = np.asarray(depth)
    if depth.ndim != 2 or 0 in depth.shape:
        raise InputError(f"the depth map has shape {depth.shape}; give [h, w]")
    check_values("depth map", depth)
    return depth / np.float32(255) if depth.dtype == np.uint8 else depth.astype(np.float32)


def check_values(name: str, image: np.ndarray) -> None:
    """Checks that an image is uint8, or float in [0, 1].

    Raises:
        InputError: it is not; the message begins with `name`.
    """
    if image.dtype == np.uint8:
        return
    if not np.issubdtype(image.dtype, np.floating):
        raise InputError(f"the {name} is {image.dtype}; give uint8, or float in [0, 1]")
    low, high = image.min(), image.max()
    if not (low >= 0 and high <= 1):
        raise InputError(f"the {name} has values from {low} to {high}; floats must be in [0, 1]")


def check_number(name: str, value: float, low: float, high: float) -> float:
    """Returns a number of a range.

    Raises:
        InputError: it is none; the message begins with `name`.
    """
    if not isinstance(value, (int, float, np.number)) or not low <= value <= high:
        raise InputError(f"{name} is {value}; give a number from {low:g} to {high:g}")
    return float(value)
