"""Writes a pyramid as a SavedModel that any TensorFlow program loads, without this package.

    signatures["serving_default"](photo=uint8 [H, W, 3], depth=uint8 [h, w])
        -> {"bokeh": uint8 [H, W, 3]} at the exported level's scale
    signatures["batch"](photos=uint8 [B, H, W, 3], depths=uint8 [B, h, w])
        -> {"bokeh": uint8 [B, H, W, 3]}
    signatures["refocus"](photo=uint8 [H, W, 3], depth=uint8 [h, w], point=float32 [2],
                          blur=float32 [])
        -> {"bokeh": uint8 [H, W, 3]}, sharp at the point (x, y from 0, 0, top left, to 1, 1); blur
        in percent of the photo's longer side. Of networks that are told the defocus; the other
        signatures take their focus automatically and blur by 1 percent. At level 1 all three
        render large photos on a reduced copy, as `inference.any_size` does, but without the discs
        of small lights
    signatures["network"](image=float32 [B, h, w, C])
        -> {"level_1": float32 [B, H, W, 3], ..., "level_7": ...}, the exported level and all
        coarser ones, not clipped; h and w have to be multiples of 32; C and what the channels are:
        `model.InputFormat`

A network without depth has no `depth` and `depths`.
"""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import keras
import tensorflow as tf

from pynet_tf.errors import InputError
from pynet_tf.inference import loading, saved_model_folder, signatures
from pynet_tf.io.atomic_files import replacing, write_text
from pynet_tf.runs.description import Description


def write(
    pyramid: keras.Model,
    run: Description,
    path: Path,
    say: Callable[[str], None] = lambda what: None,
) -> None:
    """Writes a SavedModel folder.

    Args:
        pyramid: from `model.pynet`.
        run: the kind of pyramid, and the finest level to hold and to render.
        path: the folder; one that is there is replaced once the new one is complete.
        say: told what is being done.

    Raises:
        InputError: a weight is not a finite number, or the disk is full.
    """
    say(f"making the graph of level {run.level}")
    network = signatures.network_graph(pyramid, run.level).get_concrete_function()
    loading.refuse_nonfinite(network.variables, path)

    def output(image):
        return network(image)[f"level_{run.level}"]

    # A plain module that holds the weights: with the Keras model in it, loading takes twice as
    # long and needs every layer's own functions in the file.
    module = tf.Module()
    module.weights = list(network.variables)
    say("making the graphs from photo to picture")
    made = signatures.signatures(output, run.level, run.input) | {"network": network}
    say("writing")
    with replacing(path) as partial:
        try:
            tf.saved_model.save(module, str(partial), made)
        except tf.errors.OpError as error:
            raise InputError(
                f"{path} could not be written ({' '.join(error.message.split())[:200]}); make "
                "room, or name another place"
            ) from error
        write_text(
            partial / saved_model_folder.DESCRIPTION, json.dumps(dataclasses.asdict(run)) + "\n"
        )
