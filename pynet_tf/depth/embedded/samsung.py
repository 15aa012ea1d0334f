"""Reads the maps of Samsung's Live Focus photos (S9 to S20): blocks in a trailer of the JPEG."""

import itertools
import struct

import numpy as np

from pynet_tf.depth.embedded.found import BrokenDepthError, EmbeddedDepth, stretched

_DIRECTORY, _END = b"SEFH", b"SEFT"
_MAP, _ABOUT, _SHARP = "DualShot_DepthMap_1", "DualShot_Extra_Info", "DualShot_1"
# An entry of the directory: two numbers of no use here, the bytes from the block to the directory,
# and the bytes of the block.
_ENTRY = struct.Struct("<HHII")


def live_focus(content: bytes, photo_size: tuple[int, int]) -> EmbeddedDepth | None:
    """Reads the map of a Live Focus photo; None if it has none.

    Args:
        content: of the file.
        photo_size: width and height of the photo as it is stored.

    Raises:
        BrokenDepthError: it has one that cannot be read.
    """
    blocks = _blocks(content)
    if _MAP not in blocks:
        return None
    raw = np.frombuffer(blocks[_MAP], np.uint8)
    width, height = _size(raw.size, blocks.get(_ABOUT, b""), photo_size)
    values = raw[: width * height].reshape(height, width)
    # The format does not say whether near is bright; ground, which is nearer, is at the bottom.
    third = height // 3
    dark_is_near = values[-third:].mean() < values[:third].mean()
    values = 255 - values if dark_is_near else values
    read = "dark" if dark_is_near else "bright"
    return EmbeddedDepth(
        stretched(values, "its depth map"),
        f"Samsung's depth map in the photo, read as near = {read} since ground is nearer below",
        blocks.get(_SHARP),
    )


def _blocks(content: bytes) -> dict[str, bytes]:
    """Returns the blocks of the trailer by name."""
    if content[-4:] != _END:
        return {}
    (length,) = struct.unpack_from("<I", content, len(content) - 8)
    start = len(content) - 8 - length
    if start <= 0 or content[start : start + 4] != _DIRECTORY:
        raise BrokenDepthError("the lengths in its trailer do not fit the file")
    _, count = struct.unpack_from("<II", content, start + 4)
    if start + 12 + count * _ENTRY.size > len(content):
        raise BrokenDepthError("the lengths in its trailer do not fit the file")
    blocks = {}
    for number in range(count):
        _, _, back, size = _ENTRY.unpack_from(content, start + 12 + number * _ENTRY.size)
        block = content[start - back : start - back + size] if 0 < back <= start else b""
        if len(block) < 8 or len(block) != size:
            raise BrokenDepthError("the lengths in its trailer do not fit the file")
        (name_length,) = struct.unpack_from("<I", block, 4)
        name = block[8 : 8 + name_length].decode("ascii", "replace")
        blocks[name] = block[8 + name_length :]
    return blocks


def _size(count: int, about: bytes, photo_size: tuple[int, int]) -> tuple[int, int]:
    """Finds width and height of a map of `count` bytes: those named, or of the photo's shape."""
    numbers = np.frombuffer(about[: len(about) // 4 * 4], "<u4")
    for width, height in itertools.pairwise(numbers):
        if width and int(width) * int(height) == count:
            return int(width), int(height)
    proportion = photo_size[0] / photo_size[1]
    for height in range(8, int(count**0.5 * 4) + 1):
        width, rest = divmod(count, height)
        if rest == 0 and abs(width / height - proportion) < 0.02 * proportion:
            return width, height
    raise BrokenDepthError("its depth map does not say how wide and high it is")
