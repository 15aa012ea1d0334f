"""What the user asks for: one level's training. The module does not import TensorFlow."""

import dataclasses
from pathlib import Path

from pynet_tf.data import shards
from pynet_tf.data.shards import Split
from pynet_tf.runs.level_directory import LevelDirectory
from pynet_tf.runs.run_directory import RunDirectory
from pynet_tf.train.recipes import Recipe


@dataclasses.dataclass(frozen=True)
class Job:
    """What to train, on what, and where to.

    Attributes:
        level: 7 (smallest) to 1.
        data_dir: with the prepared EBB! shards.
        run_dir: holds or gets the levels' folders.
        recipe: batch, iterations, rate, window, weights of the loss.
        width: scale of the channel counts; None for that of the coarser level, or else 1.0.
        depth: whether to use the depth map; None for as the coarser level does, or else True.
        head: one of `model.HEADS`; None for that of the coarser level, or else `residual`.
        largest_kernel: of levels 3 and 4; None for that of the coarser level, or else 9.
        seed: of the initial weights, the order of samples and their augmentation.
        eval_step: steps between validations and checkpoints.
        eval_photos: validation photos, -1 for all.
        vgg: VGG-19 weights for the content term.
        precision: Keras' dtype policy.
        jit: whether to compile the step with XLA.
        recompute: whether to compute the blocks' insides again for the gradient, to save memory.
        allow_changes: whether to go on although data or settings have changed.
        start_from: another run whose finest level gives the first weights; None for the coarser
            level in `run_dir`.
    """

    level: int
    data_dir: Path
    run_dir: Path
    recipe: Recipe
    width: float | None = None
    depth: bool | None = None
    head: str | None = None
    largest_kernel: int | None = None
    seed: int = 0
    eval_step: int = 1000
    eval_photos: int = -1
    vgg: Path | None = None
    precision: str = "float32"
    jit: bool = False
    recompute: bool = False
    allow_changes: bool = False
    start_from: Path | None = None

    @property
    def folder(self) -> LevelDirectory:
        """Where the level's checkpoints and logs lie."""
        return RunDirectory(self.run_dir).level(self.level)


@dataclasses.dataclass(frozen=True)
class Splits:
    """The photos to train on and those to validate on; without a test split the same."""

    training: Split
    validation: Split


def open_splits(data_dir: Path) -> Splits:
    """Opens what is to be trained and validated on.

    Raises:
        InputError: see `shards.open_split`.
    """
    training = shards.open_split(data_dir, "train")
    if shards.split_sizes(data_dir).get("test"):
        return Splits(training, shards.open_split(data_dir, "test"))
    print(f"there is no test split in {data_dir}: validating on the training photos")
    return Splits(training, training)
