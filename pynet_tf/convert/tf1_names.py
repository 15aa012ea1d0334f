"""The 2020 TensorFlow 1 checkpoints by name: their files, and which variable is which weight.

The 2020 code named every variable `generator/Variable_<number>` in the order of creation. Each
block of convolutions below creates, branch by branch, a kernel and a bias, and where the block
has instance norm also a shift and a scale (in this order); a transposed convolution creates
one kernel, an output head a kernel and a bias.

The module does not import TensorFlow, so that a missing file is told at once.
"""

import glob
import re
from collections.abc import Iterator
from pathlib import Path

from pynet_tf.errors import refuse_unreadable

_FILE_ENDING = re.compile(r"\.(index|meta|data-\d+-of-\d+)$")

# (block, its largest kernel, whether it has instance norm), in the order of creation.
_ENCODER = (
    ("encoder_e3", 3, False),
    ("encoder_e4", 3, True),
    ("encoder_e5", 3, True),
    ("encoder_e6", 3, True),
)
_LEVEL_7 = tuple((f"level_7_{block}", 3, True) for block in ("a1", "a2", "a3", "a4"))
_LEVEL_6 = tuple((f"level_6_{block}", 3, True) for block in ("b2", "b3", "b4", "b5", "b6"))
_LEVEL_5 = (
    ("level_5_c3", 5, True),
    ("level_5_c4", 5, True),
    ("level_5_c5", 5, True),
    ("level_5_c6", 5, True),
    ("level_5_c8", 3, True),
)
_LEVEL_4 = (
    ("level_4_d3", 5, True),
    ("level_4_d4", 7, True),
    ("level_4_d5", 7, True),
    ("level_4_d6", 7, True),
    ("level_4_d7", 7, True),
    ("level_4_d8", 5, True),
    ("level_4_d9", 3, True),
)
_LEVEL_3 = (
    ("level_3_f3", 5, False),
    ("level_3_f4", 7, False),
    ("level_3_f5", 9, False),
    ("level_3_f6", 9, False),
    ("level_3_f7", 9, False),
    ("level_3_f8", 9, False),
    ("level_3_f9", 7, False),
    ("level_3_f10", 5, False),
    ("level_3_f12", 3, False),
)


def checkpoint_prefix(path: Path) -> Path:
    """Returns the path of a checkpoint without the endings of its files.

    Args:
        path: it, or that of one of the files.

    Raises:
        InputError: there is no such checkpoint.
    """
    prefix = Path(_FILE_ENDING.sub("", str(path)))
    missing = (
        f"{prefix}.index is not there; give the path that the checkpoint's .index and "
        ".data-00000-of-00001 files have in common"
    )
    refuse_unreadable(Path(f"{prefix}.index"), missing)
    for file in prefix.parent.glob(f"{glob.escape(prefix.name)}.data-*"):
        refuse_unreadable(file)
    return prefix


def weight_names() -> dict[str, str]:
    """Maps every TF1 variable to a weight of the pyramid, in the order of creation.

    Returns:
        E.g. `{"generator/Variable": "encoder_e3_conv3_1/kernel", ...}`, 440 entries.
    """
    return {
        "generator/Variable" + (f"_{number}" if number else ""): weight
        for number, weight in enumerate(_weights_in_order())
    }


def _weights_in_order() -> Iterator[str]:
    for block in _ENCODER:
        yield from _block(*block)
    for level, blocks in ((7, _LEVEL_7), (6, _LEVEL_6), (5, _LEVEL_5), (4, _LEVEL_4)):
        for block in blocks:
            yield from _block(*block)
        yield f"level_{level}_up_a/kernel"
        yield f"level_{level}_up_b/kernel"
        yield from _head(level)
    for block in _LEVEL_3:
        yield from _block(*block)
    yield from _head(3)
    yield "level_2_up/kernel"
    yield from _head(2)
    yield "level_1_up/kernel"
    yield from _head(1)


def _block(name: str, largest: int, norm: bool) -> Iterator[str]:
    for size in range(3, largest + 1, 2):
        for conv in (f"{name}_conv{size}_1", f"{name}_conv{size}_2"):
            yield f"{conv}/kernel"
            yield f"{conv}/bias"
            if norm:
                yield f"{conv}_norm/beta"
                yield f"{conv}_norm/gamma"


def _head(level: int) -> Iterator[str]:
    yield f"level_{level}_head/kernel"
    yield f"level_{level}_head/bias"
