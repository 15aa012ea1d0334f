"""The weights and the optimizer's state of a level in a TensorFlow checkpoint.

    step_00001000.index                  names, shapes and checksums; written last
    step_00001000.data-00000-of-00001    the values

Every value is found by the path of its variable, such as `level_7_a1_conv3_1/kernel`, which the
file keeps: a checkpoint stays readable when layers without weights come, go or change places.
"""

import re
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf.trackable_object_graph_pb2 import TrackableObjectGraph

_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
# Keras counts optimizers up: the second of a process is `adam_1`.
_OPTIMIZER = re.compile(r"(adam|loss_scale_optimizer)_\d+/")


def write(path: Path, pyramid: keras.Model, optimizer: keras.Optimizer | None = None) -> None:
    """Writes a checkpoint.

    Args:
        path: of its files, without their endings.
        pyramid: gives the weights.
        optimizer: gives its state; None writes the weights alone.

    Raises:
        OSError: the folder cannot be written to.
        tf.errors.OpError: the same, or the disk is full.
    """
    objects = {"model": pyramid} | ({"optimizer": optimizer} if optimizer else {})
    tf.train.Checkpoint(**objects).write(str(path))


def read(path: Path, pyramid: keras.Model, optimizer: keras.Optimizer | None = None) -> None:
    """Reads a checkpoint; nothing is changed unless everything asked for is in it.

    Args:
        path: of its files, without their endings.
        pyramid: gets all its weights.
        optimizer: gets its whole state; None leaves the file's aside.

    Raises:
        ValueError: a value is not in the file, or is of another shape.
        Exception: the file is damaged; TensorFlow tells so by almost any.
    """
    reader = tf.train.load_checkpoint(str(path))
    graph = TrackableObjectGraph.FromString(reader.get_tensor(_OBJECT_GRAPH))
    keys = {
        _lasting(value.full_name): value.checkpoint_key
        for node in graph.nodes
        for value in node.attributes
    }
    variables = [*pyramid.weights, *(optimizer.variables if optimizer else [])]
    values = []
    for variable in variables:
        name, shape = _lasting(variable.path), tuple(variable.shape)
        if name not in keys:
            raise ValueError(f"{name} is not in it")
        values.append(reader.get_tensor(keys[name]))
        if np.shape(values[-1]) != shape:
            raise ValueError(f"{name} is {np.shape(values[-1])}, not {shape}")
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def is_whole(path: Path) -> bool:
    """Reads a checkpoint through, which compares its checksums."""
    try:
        reader = tf.train.load_checkpoint(str(path))
        for key in reader.get_variable_to_shape_map():
            reader.get_tensor(key)
    # TensorFlow reports a damaged file by almost any exception.
    except Exception:
        return False
    return True


def _lasting(path: str) -> str:
    """Returns a variable's path as it is in every process."""
    return _OPTIMIZER.sub(r"\1/", path)
