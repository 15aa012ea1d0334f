"""Loads a network and renders photos of any size with it.

    from pynet_tf import inference

    network = inference.load()  # the one that comes with the project
    bokeh = network.render(photo, depth, focus=(0.4, 0.6), blur=2.0)

    photo   [H, W, 3], uint8, uint16 or float in [0, 1]; both sides of 64 and more
    depth   [h, w], uint8 or float in [0, 1], near = bright, of the photo's proportions
    bokeh   [H, W, 3] of the photo's type

Networks that are told the defocus run as LiteRT files, without TensorFlow, on a reduced copy of a
large photo (`any_size.py`). All others choose focus and blur by themselves, and render at the
photo's size in TensorFlow.
"""

import math
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from pynet_tf.errors import InputError
from pynet_tf.inference import litert_cache
from pynet_tf.inference.any_size import LARGEST_AREA, LARGEST_DISC, LARGEST_SIDE, PreparedPhoto
from pynet_tf.inference.litert_runtime import LiteRTNetwork
from pynet_tf.inference.network_input import (
    HEADROOM,
    SMALLEST_SIDE,
    half_size_input,
    network_input,
)
from pynet_tf.inference.saved_model_folder import is_saved_model, read_description
from pynet_tf.io.channels import eight_bit
from pynet_tf.lens.focus import BLUR, SHARP_RANGE, LensSettings
from pynet_tf.runs.run_directory import RunDirectory

Progress = Callable[[Iterable, int], Iterable]


class ToldNetwork:
    """A network that is told the defocus.

    Args:
        run: image `[1, h, w, 13]` -> the raw output of `level`.
        level: 1 (the photo's size) to 7.
        name: for messages.
        largest_side: of the copy that it works on; sys.maxsize for the whole photo.
    """

    is_told = True
    needs_depth = True

    def __init__(
        self,
        run: Callable[[np.ndarray], np.ndarray],
        level: int,
        name: str,
        largest_side: int = LARGEST_SIDE,
    ):
        self.level, self.name = level, name
        self._run, self._largest_side = run, largest_side
        self._whole = largest_side == sys.maxsize

    def render(
        self,
        photo: np.ndarray,
        depth: np.ndarray,
        *,
        focus: float | tuple[float, float] | None = None,
        blur: float = BLUR,
        sharp_range: tuple[float, float] = SHARP_RANGE,
        highlights: float = 0.0,
    ) -> np.ndarray:
        """Renders one photo.

        Args:
            photo: see the module.
            depth: see the module.
            focus: the depth that stays sharp, 0 (far) to 1 (near); a point (x, y) of the photo
                from (0, 0), top left, to (1, 1); or None for the nearest subject.
            blur: radius of the largest blur, in percent of the photo's longer side.
            sharp_range: how far behind and before the focus, in depth, things stay sharp.
            highlights: how many times brighter than white small clipped lights are taken to be,
                beyond the first; 0 for what is likely: 9 for lamps and glints, none for gaps
                and paper.

        Returns:
            `[H, W, 3]` of the photo's type.

        Raises:
            InputError: a value is out of its range, the photo is too small, or the depth map has
                the wrong type, shape or range.
        """
        settings = LensSettings(focus, blur, sharp_range, highlights)
        return self.render_prepared(self.prepare(photo, depth), settings)

    def prepare(
        self, photo: np.ndarray, depth: np.ndarray, largest_side: int | None = None
    ) -> PreparedPhoto:
        """Prepares a photo once for many renderings.

        Args:
            photo: see the module.
            depth: see the module.
            largest_side: of the copy that the network works on, where it is to be smaller.

        Raises:
            InputError: see `render`.
        """
        refuse_small(photo)
        side = min(largest_side or self._largest_side, self._largest_side)
        area = math.inf if self._whole else LARGEST_AREA
        return PreparedPhoto(photo, depth, side, area)

    def render_prepared(self, prepared: PreparedPhoto, settings: LensSettings) -> np.ndarray:
        """Renders a photo from `prepare`; see `render`."""
        farthest = math.inf if self._whole else LARGEST_DISC
        return prepared.render(self._picture, settings, farthest=farthest)

    def _picture(self, photo: np.ndarray, defocus: np.ndarray) -> np.ndarray:
        height, width = photo.shape[:2]
        image = network_input(photo * np.float32(HEADROOM), defocus)
        output = self._run(image)[0] / np.float32(HEADROOM)
        scale = 2 ** (self.level - 1)
        output = output[: -(-height // scale), : -(-width // scale)]
        if scale == 1:
            return output
        planes = [Image.fromarray(np.ascontiguousarray(output[..., c])) for c in range(3)]
        planes = [plane.resize((width, height), Image.Resampling.BICUBIC) for plane in planes]
        return np.stack([np.asarray(plane) for plane in planes], axis=-1)


class ChoosingNetwork:
    """A network that chooses focus and blur by itself, at the photo's own size.

    Args:
        render: photo `[H, W, 3]` uint8 and depth map `[h, w]` uint8 or None -> picture.
        needs_depth: whether it takes depth maps.
        level: 1 (the photo's size) to 7.
        name: for messages.
    """

    is_told = False

    def __init__(self, render: Callable, needs_depth: bool, level: int, name: str):
        self.needs_depth, self.level, self.name = needs_depth, level, name
        self._render = render

    def render(self, photo: np.ndarray, depth: np.ndarray | None = None, **settings) -> np.ndarray:
        """Renders one photo.

        Args:
            photo: `[H, W, 3]` uint8, see the module; uint16 is rounded to it.
            depth: `[h, w]` uint8; None for a network without depth.
            **settings: as for `ToldNetwork.render`; all are refused.

        Returns:
            `[H/s, W/s, 3]` uint8, rounded up, s = 2**(level-1).

        Raises:
            InputError: a setting is given, the photo is too small, or the depth map is missing.
        """
        if settings:
            raise InputError(
                f"the model {self.name} chooses focus and blur by itself; leave out "
                f"{' and '.join(settings)}, or use a network of the head defocus"
            )
        refuse_small(photo)
        if self.needs_depth and depth is None:
            raise InputError(f"the model {self.name} needs the photo's depth map; give one")
        return self._render(eight_bit(photo), depth)


Network = ToldNetwork | ChoosingNetwork


def load(
    model: Path | str | None = None,
    level: int | None = None,
    fast: bool = False,
    *,
    full_size: bool = False,
    progress: Progress | None = None,
) -> Network:
    """Loads a network for rendering.

    Args:
        model: a run directory, an exported SavedModel or a `.tflite` file; None for the network
            that comes with the project.
        level: that is rendered, 1 (the photo's size) to 7; None for the finest there is.
        fast: with 8-bit weights.
        full_size: whether a network that is told the defocus works on the whole photo, whatever
            its size, and not on a reduced copy.
        progress: called with the tiles of a large photo and their number; returns the tiles.

    Raises:
        InputError: the model is missing, damaged or of another program, or lacks the level.
    """
    path = litert_cache.boxed_network() if model is None else Path(model)
    if path.suffix == ".tflite":
        return _of_file(path, path)
    saved = is_saved_model(path)
    described = read_description(path) if saved else RunDirectory(path).holding(level)
    told = described.input.is_told_defocus
    if fast or (told and not saved and not full_size):
        return _of_file(path, litert_cache.form(path, level, "int8" if fast else "float32"))
    return _of_tensorflow(path, level, full_size, progress)


def _of_file(path: Path, file: Path) -> Network:
    """Loads a LiteRT file; `path` is its model's, for messages."""
    run = LiteRTNetwork(file)
    if run.form.is_told_defocus:
        return ToldNetwork(run, run.level, str(path))

    def render(photo: np.ndarray, depth: np.ndarray | None) -> np.ndarray:
        height, width = photo.shape[:2]
        output = run(half_size_input(photo, depth if run.form.needs_depth else None))[0]
        scale = 2 ** (run.level - 1)
        output = output[: -(-height // scale), : -(-width // scale)]
        return np.rint(np.clip(output, 0, 1) * 255).astype(np.uint8)

    return ChoosingNetwork(render, run.form.needs_depth, run.level, str(path))


def _of_tensorflow(path: Path, level: int | None, full_size: bool, progress) -> Network:
    """Loads what is not run as a LiteRT file: other heads, SavedModels, whole large photos."""
    from pynet_tf.inference import loading, tiling

    model = loading.load_model(path, level)
    if not model.input_format.is_told_defocus:
        render = tiling.renderer(model, progress=progress)
        return ChoosingNetwork(render, model.needs_depth, model.level, str(path))
    if full_size and model.pyramid is not None:
        return ToldNetwork(tiling.output_of(model, progress), model.level, str(path), sys.maxsize)

    def run(image: np.ndarray) -> np.ndarray:
        return model.network(image)[f"level_{model.level}"].numpy()

    side = sys.maxsize if full_size else LARGEST_SIDE
    return ToldNetwork(run, model.level, str(path), side)


def refuse_small(photo: np.ndarray) -> None:
    """Checks that a photo is large enough for a network.

    Raises:
        InputError: it is not.
    """
    height, width = photo.shape[:2]
    if min(height, width) < SMALLEST_SIDE:
        raise InputError(
            f"the photo is {width}x{height} pixels, but both sides have to be at least "
            f"{SMALLEST_SIDE}; use a larger photo"
        )
