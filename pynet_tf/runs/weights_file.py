"""A level's weights alone in one small file, for sharing: `step_00001000.npz`.

    <weight's path, "/" written as ".">    float16, of the weight's shape

It stands in a run directory where a checkpoint of training would, at about a twelfth of the size:
half the precision, no optimizer. Nothing in it is executed: object arrays (pickles) are refused.
"""

import math
import zipfile
import zlib
from pathlib import Path

import keras
import numpy as np

from pynet_tf.io.atomic_files import replacing

_DAMAGE = (OSError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error)


def write(path: Path, network: keras.Model) -> None:
    """Writes the weights.

    Args:
        path: `.npz` file; one that is there is replaced once the new one is complete.
        network: a level or a pyramid; weights of other levels are not in the file.
    """
    arrays = {_key(weight): weight.numpy().astype(np.float16) for weight in network.weights}
    with replacing(path) as partial:
        np.savez_compressed(partial, **arrays)


def read(path: Path, pyramid: keras.Model) -> None:
    """Reads weights into a pyramid; those that are not in the file are left alone.

    Raises:
        ValueError: the file is damaged, is another program's, or its weights are not the
            pyramid's.
    """
    weights = {_key(weight): weight for weight in pyramid.weights}
    try:
        with np.load(path, allow_pickle=False) as file:
            if not isinstance(file, np.lib.npyio.NpzFile) or not file.files:
                raise ValueError("it holds no named arrays")
            foreign = [name for name in file.files if name not in weights]
            if foreign:
                raise ValueError(f"{foreign[0]} is no weight of this network")
            # Before anything is unpacked: zeros pack well.
            for entry in file.zip.infolist():
                weight = weights[entry.filename.removesuffix(".npy")]
                if entry.file_size > 2 * math.prod(weight.shape) + 1000:
                    raise ValueError(f"{entry.filename} is larger than its weight")
            arrays = {name: file[name] for name in file.files}
    except _DAMAGE as error:
        raise ValueError(f"{path} cannot be read ({error})") from error
    for name, array in arrays.items():
        if array.shape != tuple(weights[name].shape) or array.dtype != np.float16:
            raise ValueError(
                f"{name} is {array.dtype} {array.shape}, not float16 {tuple(weights[name].shape)}"
            )
    for name, array in arrays.items():
        weights[name].assign(array.astype(np.float32))


def is_whole(path: Path) -> bool:
    """Tells whether the file can be read through, which compares its checksums."""
    try:
        with zipfile.ZipFile(path) as file:
            return file.testzip() is None
    except _DAMAGE:
        return False


def _key(weight) -> str:
    return weight.path.replace("/", ".")
