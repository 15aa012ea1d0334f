"""What `run.json` says of one trained level, and what an exported model says of itself.

The module does not import TensorFlow.
"""

import dataclasses
import json
from typing import TYPE_CHECKING

from pynet_tf import model
from pynet_tf.errors import InputError

if TYPE_CHECKING:
    import keras

# The arguments of `model.pynet` that say what a network is, with the 2020 network's values.
ARCHITECTURE = {
    "width": 1.0,
    "depth": True,
    "head": "original",
    "largest_kernel": model.LARGEST_KERNEL,
}


@dataclasses.dataclass(frozen=True)
class Description:
    """One level of one network.

    Attributes:
        level: 7 (smallest) to 1.
        width: scale of the channel counts.
        depth: whether the network takes a depth map.
        head: one of `model.HEADS`; exported models may have the head `light` of earlier versions.
        settings: what the level was trained with: recipe, seed, versions, fingerprint of the data.
        step: training steps of the newest checkpoint; 0 where there is none.
        largest_kernel: side of the largest kernels, those of levels 3 and 4.
    """

    level: int
    width: float
    depth: bool
    head: str
    settings: dict
    step: int = 0
    largest_kernel: int = model.LARGEST_KERNEL

    @property
    def architecture(self) -> dict:
        """The arguments of `model.pynet` that build the network."""
        return {name: getattr(self, name) for name in ARCHITECTURE}

    @property
    def input(self) -> model.InputFormat:
        """What the network takes."""
        return model.input_format(self.head, self.depth)

    def pyramid(self, seed: int | None = 0) -> "keras.Model":
        """Builds a new pyramid, untrained, see `model.pynet`.

        Raises:
            InputError: Keras is set to what checkpoints and training cannot be used with.
        """
        import keras

        backend, kind = keras.config.backend(), keras.config.floatx()
        if (backend, kind) != ("tensorflow", "float32"):
            raise InputError(
                f"Keras is set to backend {backend} and floatx {kind}, and checkpoints need "
                "tensorflow and float32; set KERAS_BACKEND=tensorflow, and KERAS_HOME to a folder "
                "without a keras.json, before Keras is imported"
            )
        return model.pynet(**self.architecture, seed=seed)

    def as_json(self) -> str:
        """Returns the text of `run.json`; the step is told by the checkpoints' names."""
        fields = {"level": self.level, **self.architecture, "settings": self.settings}
        return json.dumps(fields, indent=2) + "\n"


def parse(text: str) -> Description:
    """Reads a description from JSON, as `run.json` and exported models have it.

    Raises:
        ValueError: the text is none, or describes a network that cannot be.
    """
    try:
        fields = json.loads(text)
        found = Description(
            level=int(fields["level"]),
            width=float(fields["width"]),
            depth=bool(fields["depth"]),
            head=str(fields["head"]),
            settings=dict(fields["settings"]),
            step=int(fields.get("step", 0)),
            largest_kernel=int(fields.get("largest_kernel", model.LARGEST_KERNEL)),
        )
    except (AttributeError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError(repr(error)) from error
    if found.level not in model.LEVELS or found.head not in (*model.HEADS, "light"):
        raise ValueError(f"there is no level {found.level} with the head {found.head[:40]!r}")
    if found.largest_kernel not in model.KERNELS:
        raise ValueError(f"there is no network with the largest kernel {found.largest_kernel}")
    if not 0 < found.width <= model.LARGEST_WIDTH:
        raise ValueError(f"the width is {found.width:g}")
    return found
