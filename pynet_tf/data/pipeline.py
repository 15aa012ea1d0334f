"""Batches of windows for training and validation, from EBB! shards.

A sample is a window of the half-size photo with its depth map and the matching window of the
wide-aperture shot, resized for the level (Ignatov et al., CVPRW 2020, section 3.2):

    image    [B, window, window, C] float32, as `InputFormat` says: 4 channels in [0, 1] with the
             depth map, 3 without, 13 with the whole photo and its defocus
    target   [B, t, t, 3] float32 in [0, 1], t = window * 2 / 2**(level - 1)

Training samples are numbered from 0 on without end. Which photo, window, rotation and flip a
number stands for depends on it and the seed alone, so that training can go on at any step, on any
number of devices, with just the samples that it would have seen.
"""

import contextlib
import os
import re
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

from pynet_tf.data import shards
from pynet_tf.data.shards import Split, open_split, split_sizes
from pynet_tf.data.whole_samples import no_sample
from pynet_tf.errors import InputError
from pynet_tf.lens.focus import defocus as lens_defocus
from pynet_tf.lens.focus import largest_radius
from pynet_tf.model import DEFOCUS_UNIT, InputFormat, input_format

__all__ = [
    "drawn_photo",
    "drawn_window",
    "open_split",
    "reading",
    "split_sizes",
    "target_size",
    "training",
    "validation",
]

# What images hold where nothing else is said: the half-size photo with its depth map.
DEPTH_INPUT = input_format("original")
# Samples that are prepared side by side. More than a step has would only take memory.
_PARALLEL = min(16, os.cpu_count() or 1)
# Steps whose batches wait ready, so that the device never waits for the disk.
_READY_BATCHES = 2
# Pixels around a window that are decoded with it: a decoder that stops at the window has no
# neighbours to smooth its colour at the edges.
_MARGIN = 8


def target_size(window: int, level: int) -> int:
    """Returns the side of the target of a window at a level."""
    return window * 2 // 2 ** (level - 1)


def training(
    split: Split,
    level: int,
    window: int,
    batch_size: int,
    seed: int,
    first_step: int = 0,
    form: InputFormat = DEPTH_INPUT,
    worker: int = 0,
    workers: int = 1,
    replicas: int = 1,
) -> tf.data.Dataset:
    """Returns endless batches of random windows.

    Args:
        split: from `open_split`.
        level: 7 (smallest) to 1.
        window: side of the window in pixels of the half-size photo, a multiple of 32. Smaller
            photos are taken whole and mirrored to fill it.
        batch_size: samples of one step, over all devices.
        seed: of order, windows and augmentation.
        first_step: the step to begin at; nothing before it is read.
        form: what images hold.
        worker: number of this process.
        workers: processes that share each step's samples evenly, without overlap.
        replicas: devices of this process; each takes one element of the result per step.

    Returns:
        Elements (image, target) with `batch_size / workers / replicas` samples.
    """
    share = batch_size // workers
    first = tf.constant(worker * share, tf.int64)

    def numbers(position):
        return (position // share) * batch_size + first + position % share

    dataset = tf.data.Dataset.range(first_step * share, np.iinfo(np.int64).max)
    dataset = _map(
        dataset,
        lambda position: _random_sample(split, numbers(position), level, window, seed, form),
    )
    batched = dataset.batch(share // replicas, drop_remainder=True)
    return batched.prefetch(_READY_BATCHES * replicas).with_options(_options())


def validation(
    split: Split,
    level: int,
    window: int,
    batch_size: int,
    form: InputFormat = DEPTH_INPUT,
    count: int = -1,
) -> tf.data.Dataset:
    """Returns the middle windows of a split's photos in order, unturned.

    The last batch holds what is left over.

    Args:
        split: from `open_split`.
        level: 7 (smallest) to 1.
        window: side of the window in pixels of the half-size photo, as for `training`.
        batch_size: samples of all batches but the last.
        form: what images hold.
        count: photos to take, spread over the split; -1 for all.

    Returns:
        Elements (image, target).
    """
    total = len(split)
    count = total if count < 0 else min(count, total)
    chosen = np.linspace(0, total, count, endpoint=False).astype(np.int64)
    dataset = _map(
        tf.data.Dataset.from_tensor_slices(chosen),
        lambda index: _middle_sample(split, index, level, window, form),
    )
    return dataset.batch(batch_size).prefetch(1).with_options(_options())


@contextlib.contextmanager
def reading(split: Split) -> Iterator[None]:
    """Turns TensorFlow's report of a failed read back into the `InputError` that it was.

    Args:
        split: that is read, for the message about what is no sample.
    """
    try:
        yield
    except UnicodeDecodeError as error:
        raise no_sample(split, str(error)) from error
    except tf.errors.OpError as error:
        message = error.message or ""
        original = re.search(r"InputError: (.*)", message)
        if original is not None:
            raise InputError(original[1]) from error
        if isinstance(error, tf.errors.InvalidArgumentError) and "IteratorGetNext" in message:
            raise no_sample(split, message) from error
        raise


def drawn_photo(split: Split, number, seed: int):
    """Returns which photo of the split training sample `number` (int64) shows."""
    total = len(split)
    epoch, position = number // total, number % total
    key = tf.stack([tf.constant(seed, tf.int64), epoch])
    return tf.random.experimental.index_shuffle(position, key, total - 1)


def drawn_window(size, number, window: int, seed: int):
    """Returns where training sample `number` lies in its photo and how it is turned.

    Args:
        size: (rows, columns) of the half-size photo, `[2]` int32.
        number: of the sample, int64.
        window: as for `training`.
        seed: as for `training`.

    Returns:
        First row and column of the window, `[2]` int32; quarter turns to the left; whether it is
        flipped upside down after that.
    """
    draw = tf.random.stateless_uniform([4], tf.stack([tf.constant(seed, tf.int64), number]))
    room = tf.maximum(size - window, 0)
    corner = tf.cast(draw[:2] * tf.cast(room + 1, tf.float32), tf.int32)
    # Rounding may give 1.0 times the range.
    return tf.minimum(corner, room), tf.cast(draw[2] * 4, tf.int32), draw[3] < 0.5


def _map(dataset: tf.data.Dataset, sample: Callable) -> tf.data.Dataset:
    # Rewriting the functions below for if and while on tensors, of which there are none, would
    # take longer than building the graph.
    plain = tf.autograph.experimental.do_not_convert(sample)
    return dataset.map(plain, num_parallel_calls=_PARALLEL, deterministic=True)


def _random_sample(split, number, level, window, seed, form):
    sample = _read(split, drawn_photo(split, number, seed))
    size = tf.shape(sample["image"])[:2]
    corner, turns, flip = drawn_window(size, number, window, seed)
    parts = [_turn(part, turns, flip) for part in _parts(sample, corner, window, form)]
    target = _turn(_target_window(sample, corner, level, window), turns, flip)
    return _input(parts, form), target / 255.0


def _middle_sample(split, index, level, window, form):
    sample = _read(split, index)
    corner = tf.maximum(tf.shape(sample["image"])[:2] - window, 0) // 2
    target = _target_window(sample, corner, level, window)
    return _input(_parts(sample, corner, window, form), form), target / 255.0


def _read(split: Split, index) -> dict:
    # Not stateful: a stateful function would be run one call at a time under op determinism.
    serialized = tf.numpy_function(
        lambda number: shards.read(split, int(number)), [index], tf.string, stateful=False
    )
    return shards.parse(tf.ensure_shape(serialized, []))


def _parts(sample: dict, corner, window: int, form: InputFormat) -> list:
    """Cuts the window out of what the input is made of: the photo, and the map if there is one."""
    image = sample["image"]
    if not form.whole_photo:
        channels = image if form.map else image[..., :3]
        return [_half_size_window(channels, corner, window, form.channels)]
    photo = _full_size_window(sample, "photo", corner, window)
    # Of the whole map: what is sharp does not depend on the window.
    defocus = tf.numpy_function(
        _defocus,
        [sample["sharp_depth"], sample["focus"], sample["blur"]],
        tf.float32,
        stateful=False,
    )
    defocus = tf.ensure_shape(defocus, [None, None])[..., None]
    return [photo, _half_size_window(defocus, corner, window, 1)]


def _defocus(depth: np.ndarray, focus: float, blur: float) -> np.ndarray:
    height, width = depth.shape
    largest = largest_radius(float(blur), 2 * height, 2 * width)
    return lens_defocus(depth, float(focus), largest)


def _input(parts: list, form: InputFormat):
    """Makes the network's input of its parts."""
    if not form.whole_photo:
        return tf.cast(parts[0], tf.float32) / 255.0
    photo, defocus = parts
    folded = tf.nn.space_to_depth(tf.cast(photo, tf.float32)[None], 2)[0]
    return tf.concat([folded / 255.0, defocus / DEFOCUS_UNIT], -1)


def _half_size_window(image, corner, window: int, channels: int):
    """Cuts the window out of something of the half-size photo's size."""
    size = tf.minimum(tf.shape(image)[:2], window)
    part = tf.slice(image, tf.concat([corner, [0]], 0), tf.concat([size, [channels]], 0))
    return tf.ensure_shape(_mirror(part, window), [window, window, channels])


def _full_size_window(sample: dict, shot: str, corner, window: int):
    """Cuts the window out of a full-size shot; `corner` in pixels of the half-size photo."""
    whole = tf.shape(sample["image"])[:2]
    size = tf.minimum(whole, window)
    picture = _decode_window(sample[shot], 2 * corner, 2 * size, 2 * whole)
    return tf.ensure_shape(_mirror(picture, 2 * window), [2 * window, 2 * window, 3])


def _target_window(sample: dict, corner, level: int, window: int):
    bokeh = _full_size_window(sample, "bokeh", corner, window)
    side = target_size(window, level)
    if level > 1:
        target = tf.image.resize(bokeh, [side, side], "bicubic", antialias=True)
        # The cubic kernel overshoots at edges; Pillow clips as well.
        target = tf.clip_by_value(target, 0.0, 255.0)
    else:
        target = tf.cast(bokeh, tf.float32)
    return tf.ensure_shape(target, [side, side, 3])


def _decode_window(jpeg, corner, size, whole):
    """Decodes a part of a JPEG to the pixels that the whole JPEG has there."""
    first = tf.maximum(corner - _MARGIN, 0)
    last = tf.minimum(corner + size + _MARGIN, whole)
    picture = tf.io.decode_and_crop_jpeg(
        jpeg, tf.concat([first, last - first], 0), channels=3, dct_method="INTEGER_ACCURATE"
    )
    return tf.slice(picture, tf.concat([corner - first, [0]], 0), tf.concat([size, [3]], 0))


def _mirror(picture, side: int):
    """Fills `[side, side, C]` by mirroring a smaller picture over and over."""

    def indices(length):
        folded = tf.range(side) % (2 * length)
        return tf.where(folded < length, folded, 2 * length - 1 - folded)

    height, width = tf.unstack(tf.shape(picture)[:2])
    return tf.cond(
        (height < side) | (width < side),
        lambda: tf.gather(tf.gather(picture, indices(height), axis=0), indices(width), axis=1),
        lambda: picture,
    )


def _turn(picture, turns, flip):
    shape = picture.shape
    picture = tf.image.rot90(picture, turns)
    picture = tf.cond(flip, lambda: tf.reverse(picture, [0]), lambda: picture)
    return tf.ensure_shape(picture, shape)


def _options() -> tf.data.Options:
    options = tf.data.Options()
    options.deterministic = True
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return options
