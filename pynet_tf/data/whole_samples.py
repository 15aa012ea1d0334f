"""Whole samples of EBB! shards, one after another: for evaluation, checks and pictures.

Batches of windows for training: `pipeline.py`.
"""

import re
from collections.abc import Iterable, Iterator

import tensorflow as tf

from pynet_tf.data import shards
from pynet_tf.data.shards import Split
from pynet_tf.errors import InputError


def photos(split: Split, indices: Iterable[int] | None = None) -> Iterator[dict]:
    """Yields whole samples one after another.

    Args:
        split: from `open_split`.
        indices: which samples to read; None for all.

    Yields:
        `name`: str; `photo`, `bokeh`: `[2h, 2w, 3]` uint8; `image`: `[h, w, 4]` uint8;
        `sharp_depth`: `[h, w]` uint8; `focus`, `blur`: float.

    Raises:
        InputError: a record is damaged, or is no sample.
    """
    for index in range(len(split)) if indices is None else indices:
        try:
            sample = _whole(shards.parse(tf.constant(shards.read(split, index))))
        # TensorFlow's messages quote what it could not parse, which need not be text.
        except (tf.errors.InvalidArgumentError, UnicodeDecodeError) as error:
            raise no_sample(split, str(error)) from error
        half, photo, bokeh = (sample[part].shape[:2] for part in ("image", "photo", "bokeh"))
        if not photo == bokeh == (2 * half[0], 2 * half[1]):
            raise no_sample(split, f"{sample['name']}: the sizes of its pictures do not fit")
        yield sample


def facts(split: Split, index: int) -> dict:
    """Returns what is known of a sample without decoding its shots.

    Args:
        split: from `open_split`.
        index: of the sample.

    Returns:
        `name`: str; `size`: height and width of the photo; `depth`: `[h, w]` uint8, the depth map
        at half the photo's size; `focus`, `blur`: float.

    Raises:
        InputError: see `photos`.
    """
    try:
        sample = shards.parse(tf.constant(shards.read(split, index)))
        name = sample["name"].numpy().decode()
    except (tf.errors.InvalidArgumentError, UnicodeDecodeError) as error:
        raise no_sample(split, str(error)) from error
    depth = sample["image"].numpy()[..., 3]
    size = tuple(2 * side for side in depth.shape)
    lens = {key: float(sample[key]) for key in ("focus", "blur")}
    return {"name": name, "size": size, "depth": depth, **lens}


def _whole(sample: dict) -> dict:
    return {
        "name": sample["name"].numpy().decode(),
        "photo": _decode(sample["photo"]).numpy(),
        "image": sample["image"].numpy(),
        "bokeh": _decode(sample["bokeh"]).numpy(),
        "sharp_depth": sample["sharp_depth"].numpy(),
        "focus": float(sample["focus"]),
        "blur": float(sample["blur"]),
    }


def no_sample(split: Split, reason: str) -> InputError:
    """Returns the error that a record of a split is no sample.

    Args:
        split: whose record it is.
        reason: TensorFlow's message.
    """
    # Without the names of TensorFlow's own nodes.
    reason = " ".join(re.sub(r"\{\{.*?\}\}|\[.*", "", reason).split())[:200]
    return InputError(
        f"{split.paths[0].parent} holds a record that is no sample ({reason}); prepare it again "
        "with tools/build_ebb.py --overwrite"
    )


def _decode(jpeg):
    return tf.io.decode_jpeg(jpeg, channels=3, dct_method="INTEGER_ACCURATE")
