"""Loads trained networks for rendering: run directories, and SavedModels that were exported.

What comes before and after a network: `signatures.py`.
"""

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from pynet_tf.errors import InputError
from pynet_tf.inference import op_allowlist
from pynet_tf.inference.saved_model_folder import (
    is_saved_model,
    read_description,
    refuse_unreadable_files,
)
from pynet_tf.inference.signatures import SMALLEST_SIDE, bokeh_graph, network_graph
from pynet_tf.lens.defocus_map import defocus_map
from pynet_tf.lens.focus import LensSettings
from pynet_tf.model import InputFormat
from pynet_tf.runs.description import Description
from pynet_tf.runs.run_directory import RunDirectory


@dataclass(frozen=True)
class RenderModel:
    """A trained model, ready to render; from `load_model`.

    Attributes:
        path: of its folder.
        level: that `render` gives.
        levels: that `network` gives, finest first.
        input_format: what the network takes.
        network: image `[B, h, w, C]` float32, h and w multiples of 32 -> `{"level_1": ...}`.
        bokeh: the compiled function behind `render`, from `signatures.bokeh_graph`.
        pyramid: gives the Keras pyramid (a SavedModel's is built anew from its weights); None
            where this version cannot build it.
    """

    path: Path
    level: int
    levels: tuple[int, ...]
    input_format: InputFormat
    network: Callable[..., dict[str, tf.Tensor]]
    bokeh: Callable[..., tf.Tensor]
    pyramid: Callable[[], keras.Model] | None

    @property
    def needs_depth(self) -> bool:
        """Whether `render` needs depth maps."""
        return self.input_format.needs_depth

    def render(
        self,
        photo: np.ndarray,
        depth: np.ndarray | None = None,
        settings: LensSettings | None = None,
    ) -> np.ndarray:
        """Renders one photo.

        Args:
            photo: `[H, W, 3]` uint8, H and W at least 64.
            depth: `[h, w]` uint8, near = bright, any size. A model without depth ignores it.
            settings: focus, blur and sharp range, for a model that is told the defocus; None for
                the automatic focus and the default blur.

        Returns:
            `[H/s, W/s, 3]` uint8, rounded up, s = 2**(level-1).

        Raises:
            InputError: the photo is too small, the model needs a depth map and gets none, or it
                is not told the defocus and gets settings.
        """
        return np.asarray(self.bokeh(photo, *self.plane(photo, depth, settings)))

    def plane(
        self, photo: np.ndarray, depth: np.ndarray | None, settings: LensSettings | None
    ) -> tuple[np.ndarray, ...]:
        """Returns what the network takes beside the photo: one plane, or none.

        Args:
            photo: as for `render`.
            depth: as for `render`.
            settings: as for `render`.

        Returns:
            The depth map as it is, or the defocus `[H/2, W/2]` in pixels of the photo.

        Raises:
            InputError: see `render`.
        """
        height, width = photo.shape[:2]
        if min(height, width) < SMALLEST_SIDE:
            raise InputError(
                f"the photo is {width}x{height} pixels, but both sides have to be at least "
                f"{SMALLEST_SIDE}; use a larger photo"
            )
        if settings is not None and not self.input_format.is_told_defocus:
            raise InputError(
                f"the model {self.path} chooses focus and blur by itself; leave them out, or use "
                "a model of the head defocus"
            )
        if not self.needs_depth:
            return ()
        if depth is None:
            raise InputError(f"the model {self.path} needs the photo's depth map; give one")
        if self.input_format.is_told_defocus:
            return (defocus_map(photo, depth, settings or LensSettings()),)
        return (depth,)


def load_model(path: Path, level: int | None = None) -> RenderModel:
    """Loads an exported SavedModel, or the newest checkpoint of a level of a run directory.

    Args:
        path: the folder.
        level: that `render` is to give; None for the finest one that the model holds. In a run
            directory a level that was not trained here is taken from the next finer one.

    Raises:
        InputError: the folder is missing, is neither of the two, is damaged, does not hold the
            level, or a weight is not a finite number.
    """
    path = Path(path)
    if is_saved_model(path):
        run = read_description(path)
        held = run.level
        if level is not None and level < held:
            raise InputError(
                f"{path} holds levels {held} to 7, not {level}; export it again from a run in "
                f"which level {level} is trained, or choose another level"
            )
        network, weights = _load_saved_model(path, run)
        pyramid = None if run.head == "light" else functools.partial(_rebuild, run, weights)
    else:
        trained, run = load_pyramid(path, level)
        network, weights = network_graph(trained, run.level), trained.weights

        def pyramid():
            return trained

    refuse_nonfinite(weights, path)
    level = level or run.level
    return RenderModel(
        path=path,
        level=level,
        levels=tuple(range(run.level, 8)),
        input_format=run.input,
        network=network,
        bokeh=bokeh_graph(lambda image: network(image)[f"level_{level}"], level, run.input),
        pyramid=pyramid,
    )


def load_pyramid(run_dir: Path, level: int | None = None) -> tuple[keras.Model, Description]:
    """Loads the weights of a run directory for a level.

    Args:
        run_dir: of the run.
        level: its own checkpoint is taken, or else the next finer level's, which holds it too;
            None for the finest level there is.

    Returns:
        The pyramid, and what the run says of the level whose checkpoint it is.

    Raises:
        InputError: the folder is missing, is no run directory, is damaged, or has neither the
            level nor a finer one.
    """
    runs = RunDirectory(run_dir)
    return runs.load(runs.holding(level).level)


def refuse_nonfinite(weights: Iterable, path: Path | str) -> None:
    """Checks that every weight is a finite number.

    Args:
        weights: variables with a name.
        path: where they come from, for the message.

    Raises:
        InputError: names the first weight that has NaN or infinity in it.
    """
    bad = [_name(weight) for weight in weights if not np.isfinite(weight.numpy()).all()]
    if bad:
        others = f" and {len(bad) - 1} other weights" if len(bad) > 1 else ""
        raise InputError(
            f"{path}: the weight {bad[0]}{others} has values that are not finite numbers; train "
            "or export the model again"
        )


def _name(weight) -> str:
    """Returns e.g. `encoder_e3_conv3_1/kernel`, of a Keras variable or of a loaded one."""
    return getattr(weight, "path", weight.name).removesuffix(":0")


def _load_saved_model(path: Path, run: Description) -> tuple[Callable, list]:
    refuse_unreadable_files(path)
    op_allowlist.refuse_foreign_operations(path)
    try:
        loaded = tf.saved_model.load(str(path))
        outputs = set(loaded.signatures["network"].structured_outputs)
    except (OSError, LookupError, ValueError, RuntimeError, tf.errors.OpError) as error:
        raise InputError(
            f"{path} cannot be loaded ({' '.join(str(error).split())[:200]}); export it again"
        ) from error
    missing = {f"level_{held}" for held in range(run.level, 8)} - outputs
    if missing or "serving_default" not in loaded.signatures:
        raise InputError(f"{path} lacks signatures of a PyNET model; export it again")

    # Through `loaded`: signatures hold their variables weakly.
    def network(image):
        return loaded.signatures["network"](image=image)

    channels = run.input.channels
    image = tf.TensorSpec([None, None, None, channels], tf.float32, name="image")
    weights = list(loaded.signatures["network"].variables)
    return tf.function(network, input_signature=[image], autograph=False), weights


def _rebuild(run: Description, weights: Iterable) -> keras.Model:
    """Builds a SavedModel's pyramid; levels finer than it holds are left untrained."""
    pyramid = run.pyramid()
    values = {_name(weight): weight.numpy() for weight in weights}
    for weight in pyramid.weights:
        if weight.path in values:
            weight.assign(values[weight.path])
    return pyramid
