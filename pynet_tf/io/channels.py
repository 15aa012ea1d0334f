"""The values of an opened picture: its channels, with as many bits as its file has.

Pillow reads colours of 16 bits a channel with 8; these are decoded by imagecodecs.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

_BITS, _PHOTOMETRIC, _SAMPLE_FORMAT, _EXTRA_SAMPLES = 258, 262, 339, 338
_WHITE_IS_ZERO, _UNSIGNED, _PREMULTIPLIED = 0, 1, 1
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
_SPACES = {1: "gray", 3: "rgb", 4: "cmyk"}


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
    """Tells whether a file has colours of 16 bits; `picture` is not loaded yet."""
    if picture.format == "PNG":
        return ";16" in str(picture.tile[0][3]) and picture.mode != "I;16"
    if picture.format != "TIFF":
        return False
    tags = picture.tag_v2
    return (
        set(tags.get(_BITS, ())) == {16}
        and set(tags.get(_SAMPLE_FORMAT, (_UNSIGNED,))) == {_UNSIGNED}
        and picture.mode in ("RGB", "RGBA", "RGBX", "CMYK")
    )


def deep_samples(picture: Image.Image, content: bytes) -> np.ndarray:
    """Decodes a file of which `is_deep` is true.

    Args:
        picture: not loaded yet.
        content: of its file.

    Returns:
        `[H, W, C]` uint16 as stored, turned upright, C with alpha and what else there is.

    Raises:
        ValueError: what is decoded has another size than the picture, or it is damaged. So does
            imagecodecs raise what errors it has.
    """
    import imagecodecs

    is_png = picture.format == "PNG"
    samples = (imagecodecs.png_decode if is_png else imagecodecs.tiff_decode)(content)
    width, height = picture.size
    orientation = picture.getexif().get(0x0112, 1)
    if not is_png:
        # Pillow says how large a TIFF is once it is turned.
        width, height = picture.tag_v2[256], picture.tag_v2[257]
        if samples.ndim == 3 and samples.shape[1:] == (height, width):
            samples = np.moveaxis(samples, 0, -1)
    samples = samples.reshape(*samples.shape[:2], -1)
    if samples.shape[:2] != (height, width) or samples.dtype != np.uint16:
        raise ValueError(f"its values are {samples.dtype} {samples.shape}")
    return np.ascontiguousarray(_TURNS.get(orientation, _TURNS[1])(samples))


def channels(picture: Image.Image, samples: np.ndarray | None = None) -> Channels:
    """Separates colours and alpha.

    Args:
        picture: loaded and upright.
        samples: from `deep_samples`; None for what Pillow has read.

    Raises:
        ValueError: colours of a kind that Pillow cannot convert.
    """
    if samples is not None:
        return _of_samples(picture, samples)
    if picture.mode[0] in "IF":
        return Channels(sixteen_bit_grey(picture)[..., None], "gray", None)
    alpha = None
    if picture.has_transparency_data:
        # As stored: what is transparent keeps its colours.
        picture = picture.convert("LA" if picture.mode in ("L", "LA", "La") else "RGBA")
        alpha = np.asarray(picture.getchannel("A"))
        alpha = None if alpha.min() == 255 else alpha
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


def _of_samples(picture: Image.Image, samples: np.ndarray) -> Channels:
    tags = picture.tag_v2 if picture.format == "TIFF" else {}
    is_cmyk = picture.mode == "CMYK"
    count = 4 if is_cmyk else 1 if samples.shape[-1] < 3 else 3
    values, rest = samples[..., :count], samples[..., count:]
    alpha, key = None, picture.info.get("transparency")
    extra = tags.get(_EXTRA_SAMPLES, (2,))
    if rest.shape[-1] and extra[0] in (1, 2):
        alpha = rest[..., 0]
        if extra[0] == _PREMULTIPLIED:
            whole = values * (65535 / np.maximum(alpha, 1)[..., None].astype(np.float32))
            values = np.rint(np.minimum(whole, 65535)).astype(np.uint16)
    elif key is not None and not isinstance(key, bytes):
        # One colour of a PNG is transparent.
        alpha = np.where((values == np.asarray(key)).all(axis=-1), 0, 65535).astype(np.uint16)
    if alpha is not None and alpha.min() == 65535:
        alpha = None
    return Channels(np.ascontiguousarray(values), _SPACES[count], alpha)
