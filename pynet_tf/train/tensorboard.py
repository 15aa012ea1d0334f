"""What TensorBoard shows of a level: metrics, pictures and settings.

RUN_DIR/level_3/logs/train         loss, its terms, PSNR, MSE, rate, speed, spread of colours
RUN_DIR/level_3/logs/validation    loss, its terms, PSNR, MSE, MS-SSIM, pictures
"""

import json
import os
import re
import socket
import time
from pathlib import Path

import tensorflow as tf

from pynet_tf import model

# Pictures of small levels are enlarged to this side, larger ones reduced to it.
PICTURE_SIDE = 256
_EVENTS = re.compile(r"events\.out\.tfevents\.(\d+)(\..+)")


def writer(logs: Path, name: str, done: int) -> tf.summary.SummaryWriter:
    """Opens the writer of `train` or `validation`.

    Args:
        logs: folder of both.
        name: which.
        done: steps that the weights have seen. A run that was killed has logged steps after its
            last checkpoint; TensorBoard drops those once it reads that they are done again.
    """
    folder, now = Path(logs) / name, int(time.time())
    earlier = sorted(path for path in folder.glob("*") if _EVENTS.fullmatch(path.name))
    # TensorBoard reads the files in the order of their names, which begin with the time: earlier
    # ones must not seem to come from the future of a clock that was set back.
    for back, path in enumerate(reversed(earlier), 1):
        stamp, rest = _EVENTS.fullmatch(path.name).groups()
        if int(stamp) > now - back:
            path.rename(folder / f"events.out.tfevents.{now - back:010d}{rest}")
    if earlier:
        _write_restart(folder, done + 1, now)
    return tf.summary.create_file_writer(str(folder))


def _write_restart(folder: Path, step: int, now: int) -> None:
    """Writes that training starts again at a step, which TensorFlow's writer cannot."""
    # In the same second, this name comes before that of the writer.
    name = f"events.out.tfevents.{now:010d}.{socket.gethostname()}.{os.getpid()}.-restart"
    start = tf.compat.v1.SessionLog(status=tf.compat.v1.SessionLog.START)
    restart = {"step": step, "session_log": start}
    with tf.io.TFRecordWriter(str(folder / name)) as file:
        # The first start that TensorBoard finds is none that comes after others.
        for content in ({"file_version": "brain.Event:2"}, restart, restart):
            event = tf.compat.v1.Event(wall_time=now, **content)
            file.write(event.SerializeToString())


def write_settings(to: tf.summary.SummaryWriter, settings: dict) -> None:
    """Writes the settings in force as a table and for TensorBoard's HParams page."""
    # TensorBoard's own library is slow to import, and only this needs it.
    from tensorboard.plugins.hparams import api as hparams

    flat = {
        name: value if isinstance(value, (bool, int, float, str)) else json.dumps(value)
        for name, value in settings.items()
    }
    rows = "\n".join(f"| {name} | {value} |" for name, value in flat.items())
    with to.as_default():
        tf.summary.text("settings", f"| setting | value |\n|---|---|\n{rows}", step=0)
        hparams.hparams(flat)
    to.flush()


def write_metrics(to: tf.summary.SummaryWriter, values: dict[str, float], step: int) -> None:
    """Writes scalars by name; those that are not available (nan) are left out."""
    with to.as_default():
        for name, value in values.items():
            if value == value:
                tf.summary.scalar(name, value, step=step)
    to.flush()


def write_pictures(
    to: tf.summary.SummaryWriter, image: tf.Tensor, output: tf.Tensor, target: tf.Tensor, step: int
) -> None:
    """Writes input | output | target side by side, one picture per sample.

    Args:
        to: of the validation.
        image: `[B, H, W, C]`, the network's input, of which the photo is shown.
        output: `[B, t, t, 3]`, clipped for showing.
        target: `[B, t, t, 3]`.
        step: of training.
    """
    photo = image[..., :3]
    if model.format_of(image.shape[-1]).whole_photo:
        photo = tf.nn.depth_to_space(image[..., : model.FOLDED], 2)
    # Nearest neighbour, so that the pixels of a small level are seen as they are.
    size = [PICTURE_SIDE, PICTURE_SIDE]
    panels = [
        tf.image.resize(picture, size, "nearest" if picture.shape[1] < PICTURE_SIDE else "area")
        for picture in (photo, tf.clip_by_value(output, 0.0, 1.0), target)
    ]
    with to.as_default():
        for number, picture in enumerate(tf.concat(panels, axis=2)):
            tf.summary.image(
                f"input, output, target/{number}", picture[None], step=step, max_outputs=1
            )
    to.flush()
