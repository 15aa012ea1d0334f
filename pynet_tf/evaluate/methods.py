"""What an evaluation compares: doing nothing, the thin lens, and levels of trained models."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from pynet_tf import lens
from pynet_tf.errors import InputError
from pynet_tf.evaluate.protocol import Candidate, Picture, level_size, target
from pynet_tf.inference import loading, saved_model_folder, signatures
from pynet_tf.lens import optics
from pynet_tf.lens.focus import defocus, largest_radius
from pynet_tf.model import InputFormat, level_model
from pynet_tf.runs.run_directory import RunDirectory


def doing_nothing(level: int) -> Candidate:
    """The photo itself, resized to the level: what every method has to beat."""

    def load():
        return "photo", lambda sample: _from_full(sample["photo"], level)

    return Candidate("doing nothing", level, load)


def thin_lens(max_blur: float, level: int = 1) -> Candidate:
    """`lens.render`, focused on what it takes for the nearest subject.

    Args:
        max_blur: radius in pixels at half size.
        level: whose size its pictures are resized to.
    """

    def picture(sample: Mapping) -> Picture:
        depth = sample["image"][..., 3]
        return _from_full(lens.render(sample["photo"], depth, max_blur=max_blur), level)

    def load():
        # Its pictures change with its code alone.
        code = b"".join(Path(module.__file__).read_bytes() for module in (lens, optics))
        return f"lens {max_blur:g} {hashlib.sha256(code).hexdigest()[:32]}", picture

    return Candidate(f"thin lens, blur {max_blur:g}", level, load)


def _from_full(picture: np.ndarray, level: int) -> Picture:
    return Picture(target(picture, level), picture)


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


def model(path: Path, level: int, name: str) -> Candidate:
    """A level of a trained model.

    A level of a run comes from its own checkpoint; if it has none, as in a run converted from
    one file of weights, from the checkpoint of the finest level.

    Args:
        path: a run directory or a SavedModel folder.
        level: one of `trained_levels(path)`.
        name: as in the report.
    """
    path = Path(path)

    def load():
        fingerprint, network, taken = _load(path, level)
        return fingerprint, lambda sample: network_picture(network, taken, sample, level)

    return Candidate(name, level, load)


def network_picture(
    network: Callable[[tf.Tensor], tf.Tensor],
    input_format: InputFormat,
    sample: Mapping,
    level: int,
) -> Picture:
    """Runs a network on a whole photo: pads its input to multiples of 32, crops the output.

    Args:
        network: float32 `[1, h, w, C]` in [0, 1] -> the level's output, `[1, h', w', 3]`.
        input_format: what it takes.
        sample: see `protocol`.
        level: of the output.

    Returns:
        The output at its own size and, enlarged by bicubic interpolation, at the photo's.
    """
    height, width = sample["photo"].shape[:2]
    image = sample["image"]
    if input_format.whole_photo:
        plane = _told(sample) if input_format.is_told_defocus else image[..., 3]
        padded = signatures.to_image(sample["photo"][None], plane[None], input_format)
    else:
        missing = [(0, -size % 32) for size in image.shape[:2]]
        padded = np.pad(image[..., : input_format.channels], [*missing, (0, 0)], mode="reflect")
        padded = tf.constant(padded[None] / np.float32(255))
    output = network(padded)[0]
    full = output
    if level > 1:
        size = [side * 2 ** (level - 1) for side in output.shape[:2]]
        full = tf.image.resize(output, size, "bicubic")
    full = np.clip(full[:height, :width].numpy(), 0, 1)
    rows, columns = level_size(height, width, level)
    eight_bit = np.rint(full * 255).astype(np.uint8)
    return Picture(output[:rows, :columns].numpy(), eight_bit)


def _told(sample: Mapping) -> np.ndarray:
    """Returns the defocus at the focus and the blur that the sample's bokeh shot has."""
    largest = largest_radius(sample["blur"], *sample["photo"].shape[:2])
    return defocus(sample["sharp_depth"], sample["focus"], largest)


def _load(path: Path, level: int):
    """Returns a fingerprint of the weights, the level's network and what it takes."""
    if level not in trained_levels(path):
        raise InputError(f"{path} has no level {level}; train it, or choose a coarser one")
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
        own = RunDirectory(path).level(level).describe()
        pyramid, run = RunDirectory(path).load(level if own and own.step else None)
        taken = run.input
        output = level_model(pyramid, level)
        for weight in output.weights:
            digest.update(weight.path.encode() + b"\0")
            digest.update(np.ascontiguousarray(weight.numpy()))

    image = tf.TensorSpec([1, None, None, taken.channels], tf.float32)
    network = tf.function(lambda image: output(image), input_signature=[image])
    return f"model {digest.hexdigest()[:32]}", network, taken
