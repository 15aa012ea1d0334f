"""What the input of a network holds: one description for training, rendering and export.

A network sees a photo, and beside it a plane that says how far everything is:

    HALF_PHOTO            [B, H, W, 3]   the half-size photo
    HALF_PHOTO_DEPTH      [B, H, W, 4]   the half-size photo, and its depth map
    WHOLE_PHOTO_DEFOCUS   [B, H, W, 13]  the whole photo, each 2x2 of its pixels in 12 channels
                                         (`space_to_depth`), and its defocus, see `lens.focus`, in
                                         units of `DEFOCUS_UNIT` pixels of the whole photo

H and W are multiples of 32: half the photo's sides, padded. All is float32, colours and depth in
[0, 1]. Imports nothing but the names of the networks.
"""

from dataclasses import dataclass

# Channels of a photo at half its size, and of a whole one folded to that size.
_HALF, _WHOLE = 3, 12
DEPTH, DEFOCUS = "depth", "defocus"
# The defocus stands beside colours of 0 to 1, and 8-bit inference gives all channels of a tensor
# one scale: with pixels as they are the first convolution is 12 percent off, with this unit 1.
DEFOCUS_UNIT = 16.0


@dataclass(frozen=True)
class InputFormat:
    """What an input holds.

    Attributes:
        whole: whether it has the whole photo, in place of the half-size one.
        plane: `DEPTH`, `DEFOCUS`, or None for the photo alone.
    """

    whole: bool
    plane: str | None

    @property
    def photo_channels(self) -> int:
        """The channels of the photo; they come first."""
        return _WHOLE if self.whole else _HALF

    @property
    def channels(self) -> int:
        """All channels."""
        return self.photo_channels + self.needs_depth

    @property
    def needs_depth(self) -> bool:
        """Whether a depth map is needed to make the input."""
        return self.plane is not None

    @property
    def is_told_defocus(self) -> bool:
        """Whether the person who renders chooses focus and blur."""
        return self.plane == DEFOCUS


HALF_PHOTO = InputFormat(False, None)
HALF_PHOTO_DEPTH = InputFormat(False, DEPTH)
WHOLE_PHOTO_DEFOCUS = InputFormat(True, DEFOCUS)


def input_format(head: str, depth: bool = True) -> InputFormat:
    """Returns the format of the input of the networks with a head.

    Args:
        head: one of `architecture.HEADS`; or `light`, that of earlier versions' SavedModels.
        depth: whether the network takes a depth map, or what is made of one.
    """
    if head == "light":
        return InputFormat(True, DEPTH if depth else None)
    if head == "defocus":
        return WHOLE_PHOTO_DEFOCUS
    return HALF_PHOTO_DEPTH if depth else HALF_PHOTO


def format_of(channels: int) -> InputFormat:
    """Returns the format of an input of so many channels.

    Raises:
        ValueError: no network takes so many.
    """
    for known in (HALF_PHOTO, HALF_PHOTO_DEPTH, WHOLE_PHOTO_DEFOCUS):
        if known.channels == channels:
            return known
    raise ValueError(f"no network takes {channels} channels")
