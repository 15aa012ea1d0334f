"""What an evaluation compares: doing nothing, the thin lens, and levels of trained networks.

A method is a `Candidate`. It turns a sample (`data.whole_samples.photos`) into a `Picture`. The
thin lens and networks that are told the defocus prepare a sample once, and do so for each lens of
`LENSES`:

    told        the focus and the blur of the sample's own bokeh shot, as its record holds them
    automatic   the focus on the nearest subject of the depth map, and the default blur

They give the pictures that `python -m pynet_tf.render` gives with these settings.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import tensorflow as tf

from pynet_tf import inference, lens, model
from pynet_tf.errors import InputError
from pynet_tf.evaluate.protocol import SCALED_LEVELS, Picture, level_size, target
from pynet_tf.inference import large_lens, loading, renderer, saved_model_folder, signatures
from pynet_tf.inference.any_size import PreparedPhoto
from pynet_tf.inference.code_fingerprint import code_fingerprint
from pynet_tf.lens.focus import LensSettings, defocus, focus_of, largest_radius
from pynet_tf.model import InputFormat, level_model
from pynet_tf.runs.run_directory import RunDirectory

LENSES = ("told", "automatic")

# The settings of a lens (None for a method that takes none) -> the picture of a sample.
Render = Callable[[LensSettings | None], Picture]


@dataclass(frozen=True)
class Candidate:
    """A method at one level: a row of the report, or one row for each of its lenses.

    Attributes:
        name: as in the report.
        level: 7 (smallest) to 1, the size of its pictures.
        load: returns a fingerprint of all that its pictures depend on beside sample and lens,
            and what takes a sample and returns what renders it.
        lenses: of `LENSES`, those that it renders with; none where it takes no settings.
        is_network: whether it is a trained network.
    """

    name: str
    level: int
    load: Callable[[], tuple[str, Callable[[Mapping], Render]]]
    lenses: Sequence[str] = ()
    is_network: bool = False


def lens_settings(name: str | None, sample: Mapping) -> LensSettings | None:
    """Returns the settings of a lens of `LENSES` for a sample; None without a name.

    Args:
        name: of the lens.
        sample: its `focus` and `blur` are read for `told`.
    """
    if name is None:
        return None
    if name == "automatic":
        return LensSettings()
    return LensSettings(focus=sample["focus"], blur=sample["blur"])


def doing_nothing(level: int) -> Candidate:
    """The photo itself, resized to the level: what every method has to beat."""

    def load():
        return "photo", lambda sample: lambda _: _from_full(sample["photo"], level)

    return Candidate("doing nothing", level, load)


def thin_lens(level: int = 1) -> Candidate:
    """The thin lens, as `render --method lens` uses it.

    Args:
        level: whose size its pictures are resized to.
    """

    def opened(sample: Mapping) -> Render:
        prepared = PreparedPhoto(sample["photo"], sample["image"][..., 3])
        return lambda settings: _from_full(large_lens.render_prepared(prepared, settings), level)

    def load():
        return f"lens {_code(lens, inference)}", opened

    return Candidate("thin lens", level, load, LENSES)


def thin_lens_of_blur(max_blur: float, level: int = 1) -> Candidate:
    """`lens.render`, focused on the nearest subject, with one blur for all photos.

    Args:
        max_blur: radius in pixels at half size, the same for photos of all sizes.
        level: whose size its pictures are resized to.
    """

    def opened(sample: Mapping) -> Render:
        photo, depth = sample["photo"], sample["image"][..., 3]
        return lambda _: _from_full(lens.render(photo, depth, max_blur=max_blur), level)

    def load():
        return f"lens {max_blur:g} {_code(lens)}", opened

    return Candidate(f"thin lens, blur {max_blur:g}", level, load)


def trained_levels(path: Path) -> list[int]:
    """Returns the levels, finest first, that a model can be asked for.

    Args:
        path: a run directory, with a checkpoint for each level that was trained, or a
            SavedModel folder, with one set of weights for its finest level and all coarser ones.

    Raises:
        InputError: the folder is neither.
    """
    path = Path(path)
    if saved_model_folder.is_saved_model(path):
        return sorted(saved_model_folder.saved_levels(path))
    finest = RunDirectory(path).finest()
    if finest is None:
        raise InputError(
            f"{path} is neither a run directory with a trained level nor a SavedModel folder; "
            "give one that pynet_tf.train or pynet_tf.export wrote"
        )
    return list(range(finest.level, 8))


def network(path: Path, level: int, name: str, lenses: Sequence[str] = LENSES) -> Candidate:
    """A level of a trained network.

    A level of a run comes from its own checkpoint; if it has none, as in a run converted from
    one file of weights, from the checkpoint of the finest level.

    Args:
        path: a run directory or a SavedModel folder.
        level: one of `trained_levels(path)`.
        name: as in the report.
        lenses: of a network that is told the defocus; others take none.
    """
    path = Path(path)
    if level not in trained_levels(path):
        raise InputError(f"{path} has no level {level}; train it, or choose a coarser one")
    saved = saved_model_folder.is_saved_model(path)
    described = saved_model_folder.read_description(path) if saved else _described(path, level)
    taken = described.input

    def load():
        fingerprint, run = _loaded(path, level)
        fingerprint = f"network {fingerprint} {_code(model, lens, inference)}"
        told = renderer.ToldNetwork(lambda image: run(tf.constant(image)).numpy(), level, name)

        def opened(sample: Mapping) -> Render:
            def whole(settings: LensSettings | None) -> Picture:
                return network_picture(run, taken, sample, level, settings)

            if not taken.is_told_defocus or level not in SCALED_LEVELS:
                return whole
            prepared = told.prepare(sample["photo"], sample["image"][..., 3])

            def render(settings: LensSettings) -> Picture:
                full = told.render_prepared(prepared, settings)
                return Picture(full if level == 1 else whole(settings).level, full)

            return render

        return fingerprint, opened

    return Candidate(name, level, load, lenses if taken.is_told_defocus else (), is_network=True)


def network_picture(
    run: Callable[[tf.Tensor], tf.Tensor],
    taken: InputFormat,
    sample: Mapping,
    level: int,
    settings: LensSettings | None = None,
) -> Picture:
    """Runs a network on a whole photo: pads its input to multiples of 32, crops the output.

    Args:
        run: float32 `[1, h, w, C]` -> the level's raw output, `[1, h', w', 3]`.
        taken: what it takes.
        sample: see the module.
        level: of the output.
        settings: of the lens, for a network that is told the defocus.

    Returns:
        The output at its own size and, enlarged by bicubic interpolation, at the photo's.
    """
    height, width = sample["photo"].shape[:2]
    image = sample["image"]
    if taken.whole_photo:
        plane = _defocus(sample, settings) if taken.is_told_defocus else image[..., 3]
        padded = signatures.to_image(sample["photo"][None], plane[None], taken)
    else:
        missing = [(0, -size % 32) for size in image.shape[:2]]
        padded = np.pad(image[..., : taken.channels], [*missing, (0, 0)], mode="reflect")
        padded = tf.constant(padded[None] / np.float32(255))
    output = run(padded)[0]
    full = output
    if level > 1:
        size = [side * 2 ** (level - 1) for side in output.shape[:2]]
        full = tf.image.resize(output, size, "bicubic")
    full = np.clip(full[:height, :width].numpy(), 0, 1)
    rows, columns = level_size(height, width, level)
    eight_bit = np.rint(full * 255).astype(np.uint8)
    return Picture(output[:rows, :columns].numpy(), eight_bit)


def _from_full(picture: np.ndarray, level: int) -> Picture:
    return Picture(picture if level == 1 else target(picture, level), picture)


def _defocus(sample: Mapping, settings: LensSettings) -> np.ndarray:
    """Returns the defocus of a sample with the settings of a lens."""
    largest = largest_radius(settings.blur, *sample["photo"].shape[:2])
    # The focus is chosen in the map as it is, and not in the sharpened one, as in `render`.
    focus = focus_of(sample["image"][..., 3], settings)
    return defocus(sample["sharp_depth"], focus, largest, settings.sharp_range)


def _described(run_dir: Path, level: int):
    """Describes the checkpoint that a level of a run comes from."""
    own = RunDirectory(run_dir).level(level).describe()
    return own if own and own.step else RunDirectory(run_dir).finest()


def _loaded(path: Path, level: int) -> tuple[str, Callable[[tf.Tensor], tf.Tensor]]:
    """Returns a fingerprint of the weights, and the level's network, traced once for all sizes."""
    digest = hashlib.sha256()
    if saved_model_folder.is_saved_model(path):
        loaded = loading.load_model(path)
        taken = loaded.input_format
        for file in sorted(file for file in path.rglob("*") if file.is_file()):
            digest.update(str(file.relative_to(path)).encode() + b"\0" + file.read_bytes())

        # Called inside a function, what the other levels need is not computed.
        def output(image):
            return loaded.network(image)[f"level_{level}"]
    else:
        pyramid, run = RunDirectory(path).load(_described(path, level).level)
        taken = run.input
        output = level_model(pyramid, level)
        for weight in output.weights:
            digest.update(weight.path.encode() + b"\0")
            digest.update(np.ascontiguousarray(weight.numpy()))

    image = tf.TensorSpec([1, None, None, taken.channels], tf.float32)
    run = tf.function(lambda image: output(image), input_signature=[image], autograph=False)
    return digest.hexdigest()[:32], run


def _code(*packages: ModuleType) -> str:
    """Returns a fingerprint of the source files of packages of ours."""
    return code_fingerprint(Path(package.__file__).parent for package in packages)
