"""Where training runs: one device, several of this machine, or several machines."""

import contextlib
from collections.abc import Callable, Iterator

import tensorflow as tf

from pynet_tf.errors import InputError
from pynet_tf.train import cluster


def strategy(name: str) -> tf.distribute.Strategy:
    """Makes the distribution strategy; has to come before any other use of TensorFlow.

    Args:
        name: `auto` mirrors over all GPUs if there are two or more, and else uses the one
            device; `mirrored` uses all GPUs, or without any all logical CPU devices;
            `multi_worker` the machines that the environment variable TF_CONFIG names; it waits
            until all of them have started.

    Raises:
        InputError: `multi_worker` without a proper TF_CONFIG, or its port is not free.
    """
    if name == "multi_worker":
        return _multi_worker(cluster.from_environment())
    gpus = tf.config.list_logical_devices("GPU")
    if name == "mirrored" or len(gpus) > 1:
        devices = gpus or tf.config.list_logical_devices("CPU")
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    return tf.distribute.get_strategy()


def is_chief(used: tf.distribute.Strategy) -> bool:
    """Returns whether this process is the one that writes checkpoints and logs."""
    return not _several_workers(used) or cluster.from_environment().number == 0


def gather(used: tf.distribute.Strategy, value: int) -> list[int]:
    """Returns the values of all processes; they all have to call it, and wait for one another."""
    if not _several_workers(used):
        return [value]
    result = _gather(used, tf.constant([value]))
    return used.experimental_local_results(result)[0].numpy().tolist()


@contextlib.contextmanager
def lost_workers(used: tf.distribute.Strategy, remedy: Callable[[], str]) -> Iterator[None]:
    """Says in a sentence that another worker has gone, where TensorFlow reports just that.

    Args:
        used: from `strategy`.
        remedy: gives the end of the sentence.
    """
    try:
        yield
    except (
        tf.errors.UnavailableError,
        tf.errors.AbortedError,
        tf.errors.CancelledError,
        tf.errors.DeadlineExceededError,
    ) as error:
        if not _several_workers(used):
            raise
        raise InputError(
            f"another worker of this job has stopped or cannot be reached any more; {remedy()}"
        ) from error


def _several_workers(used: tf.distribute.Strategy) -> bool:
    return isinstance(used, tf.distribute.MultiWorkerMirroredStrategy)


@tf.function(autograph=False)
def _gather(used, values):
    def all_values(own):
        # identity puts the value on the replica's device, without which it cannot be gathered.
        return tf.distribute.get_replica_context().all_gather(tf.identity(own), axis=0)

    return used.run(all_values, args=(values,))


def _multi_worker(job: cluster.Cluster) -> tf.distribute.Strategy:
    here = f"worker {job.number} of {len(job.workers)} at {job.workers[job.number]}"
    print(f"{here}: waiting for the others", flush=True)
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec({"worker": list(job.workers)}),
        task_type="worker",
        task_id=job.number,
        rpc_layer="grpc",
        num_accelerators={"GPU": len(tf.config.list_physical_devices("GPU"))},
    )
    return tf.distribute.MultiWorkerMirroredStrategy(cluster_resolver=resolver)
