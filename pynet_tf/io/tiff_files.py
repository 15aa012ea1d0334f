"""TIFF files with more than 8 bits a channel: read by tifffile, whatever their layout.

Read are grey, RGB, CMYK and Lab of any whole or floating-point type; floats are 0 to 1. What has
more than 8 bits becomes 16.
"""

import contextlib
import io
import logging
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from pynet_tf.io.channels import Channels, is_opaque, refuse_other_scale, upright

_ORIENTATION, _ICC_PROFILE, _XMP, _X_DOTS, _Y_DOTS, _DOTS_UNIT = 274, 34675, 700, 282, 283, 296
_PHOTOMETRIC = {0: "gray", 1: "gray", 2: "rgb", 5: "cmyk", 8: "lab", 9: "lab"}
_WHITE_IS_ZERO, _CIE_LAB, _ICC_LAB = 0, 8, 9
_COLOURS = {"gray": 1, "rgb": 3, "cmyk": 4, "lab": 3}
_PREMULTIPLIED, _ALPHA = 1, (1, 2)
_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_CENTIMETRES = 3


def is_tiff(content: bytes) -> bool:
    """Tells whether a file begins like a TIFF."""
    return content.startswith(_SIGNATURES)


def size(content: bytes) -> tuple[int, int]:
    """Returns width and height as stored.

    Raises:
        ValueError: the file is damaged.
    """
    page = _page(content)
    return page.imagewidth, page.imagelength


def read(content: bytes) -> Channels:
    """Reads the first picture of a file, upright.

    Args:
        content: of the file.

    Raises:
        ValueError: the colours are of another kind, or the file is damaged. So does tifffile raise
            what errors it has.
    """
    page = _page(content)
    photometric = int(page.photometric)
    space = _PHOTOMETRIC.get(photometric)
    samples = page.asarray()
    if samples.ndim == 3 and samples.shape[1:] == (page.imagelength, page.imagewidth):
        samples = np.moveaxis(samples, 0, -1)
    if space is None or samples.shape[:2] != (page.imagelength, page.imagewidth):
        raise ValueError(f"a TIFF of the kind {page.photometric!r} and {samples.shape}")
    samples = samples.reshape(*samples.shape[:2], -1)
    values, rest = np.split(samples, [_COLOURS[space]], axis=-1)
    if values.shape[-1] != _COLOURS[space]:
        raise ValueError(f"a TIFF of the kind {page.photometric!r} of {samples.shape[-1]} channels")
    values = _shifted(values, photometric) if space == "lab" else _whole(values, page)
    most = np.iinfo(values.dtype).max
    if photometric == _WHITE_IS_ZERO:
        values = most - values
    alpha, extra = None, page.extrasamples
    if rest.shape[-1] and (not extra or int(extra[0]) in _ALPHA):
        alpha = _whole(rest[..., 0], page)
        if extra and int(extra[0]) == _PREMULTIPLIED:
            whole = values * (most / np.maximum(alpha, 1)[..., None].astype(np.float32))
            values = np.rint(np.minimum(whole, most)).astype(values.dtype)
    orientation = page.tags.valueof(_ORIENTATION, 1)
    alpha = None if alpha is None or is_opaque(alpha) else upright(alpha, orientation)
    return Channels(upright(values, orientation), space, alpha)


def has_more_pages(file: Path | BinaryIO) -> bool:
    """Tells whether a file holds more pictures than its first, previews and masks left out.

    Args:
        file: the TIFF, which may be damaged.
    """
    import tifffile

    # It raises what errors it has.
    with contextlib.suppress(Exception), tifffile.TiffFile(file) as opened:
        return any(not (page.is_reduced or page.is_mask) for page in opened.pages[1:])
    return False


def described(content: bytes, shape: tuple[int, ...]) -> Image.Image:
    """Makes a black picture with the metadata of a file that Pillow cannot open.

    Args:
        content: of the file.
        shape: of its picture, upright.
    """
    page = _page(content)
    picture = Image.new("RGB", shape[1::-1])
    # All of a TIFF can be read as EXIF data.
    picture.info["exif"] = b"Exif\0\0" + content
    for name, tag in (("icc_profile", _ICC_PROFILE), ("xmp", _XMP)):
        value = page.tags.valueof(tag)
        if value:
            picture.info[name] = bytes(value)
    across, down = (page.tags.valueof(tag, (0, 1)) for tag in (_X_DOTS, _Y_DOTS))
    if across[0] and down[0] and across[1] and down[1]:
        factor = 2.54 if page.tags.valueof(_DOTS_UNIT, 2) == _CENTIMETRES else 1
        picture.info["dpi"] = across[0] / across[1] * factor, down[0] / down[1] * factor
    return picture


def _page(content: bytes):
    import tifffile

    # It also raises what it logs of damaged files, or reads on without.
    logging.getLogger("tifffile").setLevel(logging.CRITICAL)
    return tifffile.TiffFile(io.BytesIO(content)).pages[0]


def _whole(values: np.ndarray, page) -> np.ndarray:
    """Returns uint16, or uint8 of at most 8 bits, over all their range."""
    if values.dtype.kind == "f":
        refuse_other_scale(values, 1)
        # In float16 white would be infinite.
        light = np.clip(np.nan_to_num(values.astype(np.float32)), 0, 1)
        return np.rint(light * 65535).astype(np.uint16)
    if values.dtype.kind != "u":
        raise ValueError(f"its values are {values.dtype}")
    kind = np.uint8 if page.bitspersample <= 8 else np.uint16
    stored, most = 2**page.bitspersample - 1, np.iinfo(kind).max
    if stored == most:
        return np.ascontiguousarray(values, kind)
    return np.rint(values * (most / stored)).astype(kind)


def _shifted(values: np.ndarray, photometric: int) -> np.ndarray:
    """Returns Lab with a and b shifted: 0 is 128 of 255."""
    if values.dtype == np.uint8 or values.dtype == np.int8:
        sign = 128 if photometric == _CIE_LAB else 0
        return np.ascontiguousarray(values).view(np.uint8) ^ np.array([0, sign, sign], np.uint8)
    if values.dtype not in (np.uint16, np.int16):
        raise ValueError(f"its values are {values.dtype}")
    values = np.ascontiguousarray(values)
    shifted = values.view(np.uint16).astype(np.float32)
    if photometric == _CIE_LAB:
        shifted[..., 1:] = values[..., 1:].view(np.int16) + np.float32(32768)
    else:
        shifted[..., 0] *= 65535 / 65280
    shifted[..., 1:] *= 257 / 256
    return np.rint(np.minimum(shifted, 65535)).astype(np.uint16)
