"""What a file says of its colours by numbers and not by a profile, and Pillow does not tell.

Read are cICP of PNG, nclx of HEIC and AVIF, and AVIF's bits. The numbers are those of ITU-T H.273:
one for the primaries, one for the transfer function.
"""

import numpy as np

from pynet_tf.io import colour

# White, red, green and blue.
_PRIMARIES = {
    9: (0.3127, 0.329, 0.708, 0.292, 0.17, 0.797, 0.131, 0.046),
    11: (0.314, 0.351, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
    12: (0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
}
# Others are shown as sRGB's by all programs.
_GAMMAS = {4: 2.2, 5: 2.8, 8: 1.0}
_HDR = {16: "PQ", 18: "HLG"}
# Files say it before their pixels.
HEAD = 1 << 16


def find(head: bytes, file_format: str) -> tuple[int, int] | None:
    """Returns the numbers of a file; None if it has none.

    Args:
        head: its first `HEAD` bytes.
        file_format: as Pillow names it.
    """
    if file_format == "PNG":
        place = head.find(b"cICP", 0, max(head.find(b"IDAT"), 0))
        numbers = head[place + 4 : place + 6]
        return (numbers[0], numbers[1]) if place > 0 and len(numbers) == 2 else None
    place = head.find(b"colrnclx") if file_format in ("HEIF", "AVIF") else -1
    numbers = head[place + 8 : place + 12]
    if place < 0 or len(numbers) < 4:
        return None
    return int.from_bytes(numbers[:2]), int.from_bytes(numbers[2:])


def avif_bits(head: bytes) -> int:
    """Returns the bits of an AVIF file's channels, 8 to 12."""
    place = head.find(b"av1C")
    flags = head[place + 6] if 0 < place < len(head) - 6 else 0
    return 8 if not flags & 0x40 else 12 if flags & 0x20 else 10


def profile(points: tuple[int, int]) -> bytes | None:
    """Returns the profile that says the same; None for sRGB and for what is not known."""
    primaries, transfer = points
    gamma = _GAMMAS.get(transfer)
    if gamma is None and primaries not in _PRIMARIES:
        return None
    curve = None if gamma else _srgb_curve()
    return colour.rgb_profile(_PRIMARIES.get(primaries, colour.SRGB_PRIMARIES), gamma, curve)


def hdr(points: tuple[int, int]) -> str | None:
    """Returns the name of a transfer function that reaches beyond white; None for others."""
    return _HDR.get(points[1])


def _srgb_curve() -> np.ndarray:
    values = np.linspace(0, 1, 1024)
    light = np.where(values < 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return np.rint(light * 65535).astype(np.uint16)
