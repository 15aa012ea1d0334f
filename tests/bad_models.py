"""Makers of models and files of weights that are of no use, each by its kind.

`MODELS` are run directories and SavedModels, `WEIGHTS` files for other networks (of which `COMMON`
are no weights at all), `TF1` prefixes of checkpoints that are not those of the 2020 network.
"""

import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytorch_files
import scipy.io
import tensorflow as tf
from bad_files import DESCRIPTIONS, PACKED, Hostile, content, first_half, flip
from bad_files import run_json as described

from pynet_tf.inference import saved_model_folder

NOISE = np.random.default_rng(1).bytes(3000)


def _run(folder: Path, text: str) -> None:
    """Makes a run directory of level 3 with this description and a file of weights."""
    level = folder / "level_3"
    level.mkdir(parents=True)
    (level / "run.json").write_text(text, encoding="utf-8", errors="surrogateescape")
    (level / "step_00000001.npz").write_bytes(NOISE)


def _damaged_checkpoints(folder: Path) -> None:
    """Makes a run with a checkpoint for each way in which one can be damaged."""
    _run(folder, described())
    level = folder / "level_3"
    for step, make in enumerate(PACKED.values(), 1):
        (level / f"step_{step:08d}.npz").unlink(missing_ok=True)
        make(level / f"step_{step:08d}.npz")
    tf.train.Checkpoint(weights=tf.Variable(tf.zeros(1000))).write(str(level / "step_00000100"))
    index, data = (level / f"step_00000100.{end}" for end in ("index", "data-00000-of-00001"))
    damages: list[Callable[[Path, Path], object]] = [
        lambda index, data: index.write_bytes(b""),
        lambda index, data: index.write_bytes(NOISE),
        lambda index, data: first_half(index),
        lambda index, data: flip(index, 30),
        lambda index, data: data.unlink(),
        lambda index, data: data.write_bytes(b""),
        lambda index, data: first_half(data),
        lambda index, data: flip(data, 100),
    ]
    for step, damage in enumerate(damages, 101):
        copies = [
            Path(shutil.copy(file, level / file.name.replace("100", str(step), 1)))
            for file in (index, data)
        ]
        damage(*copies)


def _saved_model(description: str | None, function: Callable | None = None) -> Callable:
    """Returns the maker of another program's SavedModel, with or without our description."""

    def make(folder: Path) -> None:
        module = tf.Module()
        spec = tf.TensorSpec([None, None, None, 4], tf.float32, name="image")

        @tf.function(input_signature=[spec], autograph=False)
        def network(image):
            image = function(image) if function else image
            return {f"level_{level}": image[..., :3] for level in range(3, 8)}

        signatures = {"network": network, "serving_default": network}
        tf.saved_model.save(module, str(folder), signatures)
        if description is not None:
            (folder / saved_model_folder.DESCRIPTION).parent.mkdir(exist_ok=True)
            (folder / saved_model_folder.DESCRIPTION).write_text(description)

    return make


def _writing(image):
    with tf.control_dependencies([tf.io.write_file("executed", "by the graph")]):
        return tf.identity(image)


def _calling_python(image):
    called = tf.numpy_function(lambda value: value, [image], tf.float32)
    return tf.ensure_shape(called, image.shape)


def _saved_model_with(graph: bytes) -> Callable:
    def make(folder: Path) -> None:
        (folder / saved_model_folder.DESCRIPTION).parent.mkdir(parents=True)
        (folder / saved_model_folder.DESCRIPTION).write_text(described())
        (folder / "saved_model.pb").write_bytes(graph)

    return make


def _level_without_description(folder: Path) -> None:
    _run(folder, described())
    (folder / "level_3" / "run.json").unlink()


def _described_by(text: str) -> Callable[[Path], None]:
    return lambda folder: _run(folder, text)


# What is no model.
MODELS = {
    **{f"run_{kind}": _described_by(text) for kind, text in DESCRIPTIONS.items()},
    "empty": Path.mkdir,
    "file": content(NOISE),
    "link_to_nowhere": lambda path: path.symlink_to("nowhere"),
    "link_to_itself": lambda path: path.symlink_to(path.name),
    "level_without_anything": lambda path: (path / "level_3").mkdir(parents=True),
    "level_is_a_file": lambda path: (path.mkdir(), (path / "level_3").write_text("")),
    "level_without_description": _level_without_description,
    "damaged_checkpoints": _damaged_checkpoints,
    "of_another_program": _saved_model(None),
    "described_wrongly": _saved_model('{"level": 1}'),
    "writes_files": _saved_model(described(), _writing),
    "calls_python": _saved_model(described(), _calling_python),
    "graph_empty": _saved_model_with(b""),
    "graph_noise": _saved_model_with(NOISE),
    "graph_text": _saved_model_with(b"<html>404</html>"),
}


def _h5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["weights"] = np.zeros((3, 3))


def _h5_linked(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["layers"] = h5py.ExternalLink("../file", "/")
        file["block1_conv1"] = h5py.ExternalLink("../file", "/")


def _h5_bomb(path: Path) -> None:
    with h5py.File(path, "w") as file:
        for block, count in enumerate((2, 2, 4, 4, 4), 1):
            for number in range(1, count + 1):
                group = file.create_group(f"block{block}_conv{number}")
                group.create_dataset("kernel", (10**7, 10**7), chunks=(1000, 1000))
                group.create_dataset("bias", (3,))


def _mat(**arrays) -> Callable[[Path], None]:
    return lambda path: scipy.io.savemat(path, arrays, appendmat=False)


def _pth(table: object, **options) -> Callable[[Path], None]:
    """Returns the maker of a PyTorch file."""
    return lambda path: pytorch_files.save(table, path, **options)


def _cut(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def make_half(path):
        make(path)
        first_half(path)

    return make_half


def _keras_archive(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("config.json", '{"class_name": "Lambda"}')
        file.writestr("model.weights.h5", NOISE)


COMMON = {
    "empty": content(b""),
    "noise": content(NOISE),
    "pickle": content(pickle.dumps({"0.weight": Hostile()})),
    "folder": Path.mkdir,
}
H5 = {
    "h5": _h5,
    "h5_cut_short": _cut(_h5),
    "h5_linked": _h5_linked,
    "keras_archive": _keras_archive,
}
VGG = {
    "h5_bomb": _h5_bomb,
    "mat": _mat(a=np.zeros(3)),
    "mat_cut_short": _cut(_mat(layers=np.zeros((50, 50)))),
    "mat_of_objects": _mat(layers=np.array([{"type": "conv", "weights": 1}] * 16, object)),
    "mat_of_words": _mat(layers="conv"),
}
PTH = {
    "list.pth": _pth([np.zeros(1)]),
    "words.pth": _pth({"0.weight": "zero"}),
    "unknown_numbers.pth": _pth({"0.weight": np.zeros(3)}, storage="UnknownStorage"),
    "beyond.pth": _pth({"0.weight": np.zeros(3)}, offset=1),
    "hostile.pth": _pth({"0.weight": Hostile()}),
    "hostile_legacy.pth": _pth({"0.weight": Hostile()}, zip_format=False),
    "cut_short.pth": _cut(_pth({"0.weight": np.zeros(1000)})),
    "cut_short_legacy.pth": _cut(_pth({"0.weight": np.zeros(1000)}, zip_format=False)),
    "other_network.pth": _pth({"0.weight": np.zeros(3)}),
}
LITERT = {
    "empty.tflite": content(b""),
    "noise.tflite": content(NOISE),
    "header_only.tflite": content(b"\x1c\0\0\0TFL3" + NOISE),
}
ESTIMATORS = {
    **{kind: make for kind, make in COMMON.items() if kind != "folder"},
    **{f"{kind}.weights.h5": make for kind, make in (COMMON | H5).items()},
    "noise.onnx": content(NOISE),
    "empty.onnx": content(b""),
    **LITERT,
}
WEIGHTS = {**COMMON, **H5, **VGG, **PTH, **LITERT, **ESTIMATORS}


def _tf1(damage: Callable[[Path, Path], object]) -> Callable[[Path], None]:
    def make(prefix):
        tf.train.Checkpoint(weights=tf.Variable(tf.zeros(100))).write(str(prefix))
        damage(*(prefix.with_name(prefix.name + end) for end in (".index", ".data-00000-of-00001")))

    return make


# Prefixes of checkpoints that are not those of the 2020 network.
TF1 = {
    "a_folder": Path.mkdir,
    "index_empty": _tf1(lambda index, data: index.write_bytes(b"")),
    "index_noise": _tf1(lambda index, data: index.write_bytes(NOISE)),
    "index_cut_short": _tf1(lambda index, data: first_half(index)),
    "index_flipped": _tf1(lambda index, data: flip(index, 40)),
    "index_a_folder": _tf1(lambda index, data: (index.unlink(), index.mkdir())),
    "other_network": _tf1(lambda index, data: None),
}
