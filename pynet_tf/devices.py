"""Where training runs: one device, several of this machine, or several machines."""

import tensorflow as tf

from pynet_tf.errors import InputError

STRATEGIES = ("auto", "mirrored", "multi_worker")


def strategy(name: str) -> tf.distribute.Strategy:
    """Makes the distribution strategy; has to come before any other use of TensorFlow.

    Args:
        name: `auto` mirrors over all GPUs if there are two or more, and else uses the one
            device; `mirrored` uses all GPUs, or without any all logical CPU devices;
            `multi_worker` the machines that the environment variable TF_CONFIG names.

    Raises:
        InputError: `multi_worker` without TF_CONFIG.
    """
    gpus = tf.config.list_logical_devices("GPU")
    if name == "multi_worker":
        resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
        if not resolver.cluster_spec().jobs:
            raise InputError(
                "--strategy multi_worker needs the environment variable TF_CONFIG, which names "
                "the workers; see the README for examples"
            )
        return tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=resolver)
    if name == "mirrored" or len(gpus) > 1:
        devices = gpus or tf.config.list_logical_devices("CPU")
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    return tf.distribute.get_strategy()


def is_chief(used: tf.distribute.Strategy) -> bool:
    """Returns whether this process is the one that writes checkpoints and logs."""
    resolver = used.cluster_resolver
    return resolver is None or resolver.task_id in (None, 0)
