"""What each level is trained with: batch, iterations, rate, window and the weights of the loss.

original      the 2020 code's settings (Ignatov et al., CVPRW 2020, section 3.2)
reproduction  table 1 of the later reproduction; level 2 with its equation 1
quick         our own: minutes on two cores at a quarter of the width, for trying things out
small         our own: that of the small model in checkpoints/, which see for its commands

The rate of level 1 falls in every table, to a tenth or less. The papers' is constant, and
then the last steps decide by chance whether the level ends above the enlarged level 2 that it
began as (docs/level1.md); `--learning_rate 5e-5` alone keeps it constant.
"""

import dataclasses

NAMES = ("original", "reproduction", "quick", "small")


@dataclasses.dataclass(frozen=True)
class Recipe:
    """The settings of one level.

    Attributes:
        batch_size: windows in a global batch, over all devices.
        iterations: steps of the level.
        learning_rate: Adam's.
        last_learning_rate: that of the last step, to which it falls by the same factor at every
            step; None keeps it constant.
        l1: weight of the mean absolute difference; colours are in [0, 1].
        ssim: weight of 1 - SSIM.
        content: weight of the mean squared difference of VGG-19's relu5_4 features.
        window: side of the square training window in pixels of the half-size photo.
        warm_up: number of first steps, over which the rate grows to its full value. Adam's first
            steps move every weight by the whole rate. Without a warm-up, a level that begins as
            the coarser level's picture loses decibels in three steps and needs fifty to be back.
        match_exposure: whether each window of the target is taken to the exposure of the picture
            that it is compared with, where the head is `defocus`. The two shots of a pair differ
            by some percent, which nothing in the photo tells, and a lens changes no exposure.
            With other heads it does not count: they have to learn the photo's.
    """

    batch_size: int
    iterations: int
    learning_rate: float
    last_learning_rate: float | None = None
    l1: float = 100.0
    ssim: float = 0.0
    content: float = 0.0
    window: int = 512
    warm_up: int = 20
    match_exposure: bool = False


_ORIGINAL = {
    7: Recipe(50, 5_000, 5e-5),
    6: Recipe(50, 5_000, 5e-5),
    5: Recipe(40, 20_000, 5e-5),
    4: Recipe(14, 20_000, 5e-5),
    3: Recipe(9, 30_000, 5e-5),
    2: Recipe(9, 80_000, 5e-5),
    1: Recipe(5, 100_000, 5e-5, 2.5e-6, l1=10.0, ssim=10.0, content=0.1),
}

_REPRODUCTION = {
    7: Recipe(50, 5_000, 5e-5),
    6: Recipe(50, 5_000, 5e-5),
    5: Recipe(40, 5_000, 1e-4),
    4: Recipe(14, 5_000, 1e-4),
    3: Recipe(9, 10_000, 5e-5),
    2: Recipe(5, 40_000, 5e-5, l1=1.0, ssim=1.0, content=0.01),
    # The reproduction stopped at level 2; this carries its last level on.
    1: Recipe(5, 40_000, 5e-5, 2.5e-6, l1=1.0, ssim=1.0, content=0.01),
}

_QUICK = {
    7: Recipe(8, 40, 3e-4, 1e-4, window=128),
    6: Recipe(8, 40, 3e-4, 1e-4, window=128),
    5: Recipe(8, 60, 3e-4, 1e-4, window=128),
    4: Recipe(4, 120, 5e-4, 1e-4, window=128),
    3: Recipe(4, 120, 5e-4, 1e-4, window=128),
    2: Recipe(4, 60, 3e-4, 5e-5, window=128),
    1: Recipe(4, 40, 3e-4, 3e-5, l1=100.0, ssim=5.0, window=128),
}

_SMALL = {
    7: Recipe(8, 100, 5e-4, 1e-4, window=256),
    6: Recipe(8, 100, 5e-4, 1e-4, window=256),
    5: Recipe(6, 150, 5e-4, 1e-4, window=256),
    4: Recipe(4, 300, 5e-4, 1e-4, window=256),
    3: Recipe(3, 1300, 5e-4, 5e-5, window=256),
    2: Recipe(3, 450, 5e-4, 5e-5, window=256),
    1: Recipe(3, 600, 3e-4, 1e-5, window=256),
}


def recipe(name: str, level: int) -> Recipe:
    """Returns the settings of one level.

    Args:
        name: one of `NAMES`.
        level: 7 (smallest) to 1.

    Raises:
        KeyError: there is no such recipe or level.
    """
    tables = {
        "original": _ORIGINAL,
        "reproduction": _REPRODUCTION,
        "quick": _QUICK,
        "small": _SMALL,
    }
    return tables[name][level]
