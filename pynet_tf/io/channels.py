"""The values of an opened picture: its channels, with as many bits as its file has.

Pillow reads colours of 16 bits a channel with 8. Such PNGs are decoded by imagecodecs here, TIFFs
in `tiff_files`.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

_BITS, _PHOTOMETRIC, _WHITE_IS_ZERO = 258, 262, 0
_ORIENTATION = 0x0112
_TURNS = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: np.swapaxes(a, 0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.swapaxes(a[::-1, ::-1], 0, 1),
    8: lambda a: np.rot90(a),
}


# White may be exceeded by lights and the sky, and not by more than this share of a photo.
_MOST_BEYOND_WHITE = 0.25


class ScaleError(ValueError):
    """The values of a picture are of another scale than pictures have."""


@dataclass(frozen=True)
class Channels:
    """What a picture holds.

    Attributes:
        values: `[H, W, C]` uint8 or uint16, upright.
        space: what C stands for, see `colour`.
        alpha: `[H, W]` of the values' type; None where everything is opaque.
    """

    values: np.ndarray
    space: str
    alpha: np.ndarray | None


def is_deep(picture: Image.Image) -> bool:
    """Tells whether a file has colours of more bits than Pillow reads.

    Args:
        picture: not loaded yet.
    """
    if picture.format == "PNG":
        return ";16" in str(picture.tile[0][3]) and picture.mode != "I;16"
    # One channel is read whole.
    bits = picture.tag_v2.get(_BITS, ()) if picture.format == "TIFF" else ()
    return len(bits) > 1 and max(bits) > 8


def of_deep_png(picture: Image.Image, content: bytes) -> Channels:
    """Decodes a PNG of which `is_deep` is true.

    Args:
        picture: not loaded yet.
        content: of its file.

    Raises:
        RuntimeError: it is damaged.
    """
    import imagecodecs

    samples = np.atleast_3d(imagecodecs.png_decode(content))
    values, rest = np.split(samples, [1 if samples.shape[-1] < 3 else 3], axis=-1)
    alpha = _all_but(values, picture.info.get("transparency"))
    if rest.shape[-1]:
        alpha = rest[..., 0]
    orientation = picture.getexif().get(_ORIENTATION, 1)
    alpha = None if alpha is None or is_opaque(alpha) else upright(alpha, orientation)
    return Channels(upright(values, orientation), "rgb" if values.shape[-1] == 3 else "gray", alpha)


def channels(picture: Image.Image) -> Channels:
    """Separates colours and alpha.

    Args:
        picture: loaded and upright.

    Raises:
        ScaleError: most of it would be white.
        ValueError: colours of a kind that Pillow cannot convert.
    """
    if picture.mode[0] in "IF":
        refuse_other_scale(np.asarray(picture), 1 if picture.mode == "F" else 65535)
        values = sixteen_bit_grey(picture)[..., None]
        return Channels(values, "gray", _all_but(values, picture.info.get("transparency")))
    alpha = None
    if picture.has_transparency_data:
        # As stored: what is transparent keeps its colours.
        picture = picture.convert("LA" if picture.mode in ("L", "LA", "La") else "RGBA")
        alpha = np.asarray(picture.getchannel("A"))
        alpha = None if is_opaque(alpha) else alpha
        picture = picture.convert(picture.mode[:-1])
    if picture.mode in ("L", "1"):
        return Channels(np.asarray(picture.convert("L"))[..., None], "gray", alpha)
    if picture.mode == "CMYK":
        return Channels(np.asarray(picture), "cmyk", alpha)
    if picture.mode == "LAB":
        # Pillow's a and b have a sign.
        return Channels(np.asarray(picture) ^ np.array([0, 128, 128], np.uint8), "lab", alpha)
    # Pillow copies even where there is nothing to convert.
    picture = picture if picture.mode == "RGB" else picture.convert("RGB")
    return Channels(np.asarray(picture), "rgb", alpha)


def refuse_other_scale(values: np.ndarray, white: int) -> None:
    """Checks that values are of the scale of pictures.

    Args:
        values: of any type and shape.
        white: the value that stands for it.

    Raises:
        ScaleError: most are beyond white, or stored in whole numbers with a sign.
    """
    if (values > white).mean() > _MOST_BEYOND_WHITE or (white > 1 and values.min() < 0):
        low, high = float(np.nanmin(values)), float(np.nanmax(values))
        raise ScaleError(
            f"values from {low:g} to {high:g}, where white is {white}; save it with floats from 0 "
            "to 1, or with 16 bits"
        )


def sixteen_bit_grey(picture: Image.Image) -> np.ndarray:
    """Returns Pillow's 16- and 32-bit grey modes as `[H, W]` uint16; floats are 0 to 1."""
    if picture.mode == "F":
        values = np.nan_to_num(np.asarray(picture))
        return np.rint(np.clip(values, 0, 1) * 65535).astype(np.uint16)
    values = np.clip(np.asarray(picture), 0, 65535).astype(np.uint16)
    tags = picture.tag_v2 if picture.format == "TIFF" else {}
    return 65535 - values if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO else values


def eight_bit(values: np.ndarray) -> np.ndarray:
    """Rounds uint16 to uint8; uint8 is returned as it is."""
    if values.dtype == np.uint8:
        return values
    return ((values.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)


def _all_but(values: np.ndarray, key: int | tuple | None) -> np.ndarray | None:
    """Returns the alpha of a PNG of 16 bits of which one colour is transparent."""
    if key is None:
        return None
    return np.where((values == np.asarray(key)).all(axis=-1), 0, 65535).astype(np.uint16)


def is_opaque(alpha: np.ndarray) -> bool:
    """Tells whether nothing is transparent; uint8 or uint16."""
    return alpha.min() == np.iinfo(alpha.dtype).max


def upright(stored: np.ndarray, orientation: int) -> np.ndarray:
    """Turns `[H, W, ...]` by an EXIF orientation."""
    return np.ascontiguousarray(_TURNS.get(orientation, _TURNS[1])(stored))
