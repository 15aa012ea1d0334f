"""What networks there are: the arguments of `pynet`, and what they take. Imports nothing.

Levels have the paper's numbers (Ignatov et al., CVPRW 2020): 7 is the smallest, 1 has the size of
the photo.
"""

from dataclasses import dataclass

LEVELS = (7, 6, 5, 4, 3, 2, 1)
HEADS = ("original", "residual", "defocus")
# Of the defocus in the input, in pixels of the whole photo: it stands beside colours of 0 to 1, and
# 8-bit inference gives all channels of a tensor one scale.
DEFOCUS_UNIT = 16.0
MULTIPLE = 32
# Channels of a photo with each 2x2 of its pixels folded into one place.
FOLDED = 12
# Levels 3 and 4 have the largest kernels, 9x9 and 7x7, and take most of the time.
LARGEST_KERNEL = 9
KERNELS = (3, 5, 7, LARGEST_KERNEL)
# Of a network; beyond, a mistyped or damaged figure would ask for all memory.
LARGEST_WIDTH = 4.0


@dataclass(frozen=True)
class InputFormat:
    """How a network takes a photo and its map.

    Attributes:
        whole_photo: whether it takes the whole photo, each 2x2 of its pixels folded into 12
            channels, and not the half-size photo in 3.
        map: `depth`, the depth map; `defocus`, the signed radius of every pixel's circle of
            confusion, see `DEFOCUS_UNIT`; or None.
    """

    whole_photo: bool
    map: str | None

    @property
    def photo_channels(self) -> int:
        """The channels of the photo, which come first."""
        return FOLDED if self.whole_photo else 3

    @property
    def channels(self) -> int:
        """All channels; the map is the last one."""
        return self.photo_channels + self.needs_depth

    @property
    def needs_depth(self) -> bool:
        """Whether a depth map is needed to make the input."""
        return self.map is not None

    @property
    def is_told_defocus(self) -> bool:
        """Whether the person who renders chooses focus and blur."""
        return self.map == "defocus"


def input_format(head: str, depth: bool = True) -> InputFormat:
    """Returns what a network of a head takes, with or without a depth map.

    Also for the head `light`, of which there are SavedModels of earlier versions.
    """
    if head == "light":
        return InputFormat(whole_photo=True, map="depth" if depth else None)
    if head == "defocus":
        return InputFormat(whole_photo=True, map="defocus")
    return InputFormat(whole_photo=False, map="depth" if depth else None)


def format_of(channels: int) -> InputFormat:
    """Returns the format of an input by its number of channels.

    Raises:
        ValueError: no network takes so many.
    """
    formats = (input_format("defocus"), *(input_format("original", d) for d in (True, False)))
    for found in formats:
        if found.channels == channels:
            return found
    raise ValueError(f"no network takes {channels} channels")
