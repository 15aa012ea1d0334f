"""The machines of a training job, as TF_CONFIG names them.

TF_CONFIG is TensorFlow's own environment variable, the same on all machines but for the index:

    {"cluster": {"worker": ["host0:5000", "host1:5000"]}, "task": {"type": "worker", "index": 0}}

A `chief` may stand beside the workers, as Kubeflow's TFJob has it; else worker 0 is the chief. The
module does not import TensorFlow, so that a mistake is told at once.
"""

import dataclasses
import json
import os

from pynet_tf.errors import InputError

EXAMPLE = (
    '{"cluster": {"worker": ["host0:5000", "host1:5000"]}, "task": {"type": "worker", "index": 0}}'
)


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The job's processes and which of them this one is.

    Attributes:
        workers: `host:port` of all, the chief first.
        number: of this process in `workers`.
    """

    workers: tuple[str, ...]
    number: int


def from_environment() -> Cluster:
    """Reads TF_CONFIG.

    Raises:
        InputError: it is missing, malformed, or names tasks that train in another way.
    """
    text = os.environ.get("TF_CONFIG", "").strip()
    if not text:
        raise InputError(
            "--strategy multi_worker needs the environment variable TF_CONFIG, which names the "
            f"workers and this one's place among them, such as {EXAMPLE}"
        )
    try:
        config = json.loads(text)
        cluster, task = config["cluster"], config["task"]
        kind, index = task["type"], int(task["index"])
        addresses = {name: list(cluster[name]) for name in cluster}
        known = all(
            isinstance(address, str) and address.rpartition(":")[2].isdigit()
            for of_kind in addresses.values()
            for address in of_kind
        )
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(_malformed(text, f"{type(error).__name__}: {error}")) from error
    if not known:
        raise InputError(_malformed(text, "not every address is host:port"))
    if set(addresses) - {"chief", "worker"} or len(addresses.get("chief", [])) > 1:
        raise InputError(_malformed(text, "only workers and one chief can train"))
    if not 0 <= index < len(addresses.get(kind, [])):
        raise InputError(_malformed(text, f"there is no {kind} {index}"))
    chiefs = addresses.get("chief", [])
    workers = (*chiefs, *addresses.get("worker", []))
    if len(set(workers)) < len(workers):
        raise InputError(_malformed(text, "two workers have the same address"))
    return Cluster(workers, index if kind == "chief" else len(chiefs) + index)


def _malformed(text: str, why: str) -> str:
    return f"TF_CONFIG is {text!r}, which names no training job ({why}); it looks like {EXAMPLE}"
