"""What networks there are: the arguments of `pynet`, and what they take. Imports nothing.

Levels have the paper's numbers (Ignatov et al., CVPRW 2020): 7 is the smallest, 1 has the size of
the photo.
"""

LEVELS = (7, 6, 5, 4, 3, 2, 1)
HEADS = ("original", "residual", "light")
MULTIPLE = 32
# Channels of a photo with each 2x2 of its pixels folded into one place.
FOLDED = 12
# Levels 3 and 4 have the largest kernels, 9x9 and 7x7, and take most of the time.
LARGEST_KERNEL = 9
KERNELS = (3, 5, 7, LARGEST_KERNEL)
# Of a network; beyond, a mistyped or damaged figure would ask for all memory.
LARGEST_WIDTH = 4.0


def takes_folded(head: str) -> bool:
    """Tells whether a network with this head takes the whole photo, folded."""
    return head == "light"


def input_channels(depth: bool, folded: bool) -> int:
    """Returns the channels of a network's input, see the module."""
    return (FOLDED if folded else 3) + (1 if depth else 0)


def is_folded(channels: int) -> bool:
    """Tells whether an input with so many channels holds the whole photo, folded."""
    return channels >= FOLDED


def has_depth(channels: int) -> bool:
    """Tells whether an input with so many channels holds the depth map."""
    return channels % 3 == 1
