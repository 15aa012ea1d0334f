"""Photos and depth maps on disk and in memory.

    photo   uint8 [H, W, 3], upright (the EXIF orientation is applied); uint16 where the file has
            16 bits and they are asked for; RGB of its colour profile, sRGB if it has none
    depth   uint8 [h, w], near = bright, stretched to 0..255, usually half the photo's size
    image   uint8 [H/2, W/2, 4], the halved photo with its depth map: the network's input * 255

Halving is Pillow's antialiased bicubic, as in the 2020 training data.
"""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from pynet_tf.errors import InputError
from pynet_tf.io import channels, colour, photo_metadata, sixteen_bit_files
from pynet_tf.io.atomic_files import replacing
from pynet_tf.io.channels import Channels, eight_bit
from pynet_tf.io.opening import open_deep, open_image

_WITH_ALPHA = (".png", ".webp", ".tif", ".tiff", ".avif")


@dataclass(frozen=True)
class Photo:
    """A photo with what a picture made from it should keep.

    Attributes:
        pixels: `[H, W, 3]` uint8 or uint16, see the module.
        options: of `write_image`.
        remarks: what of the file is left out, each in a sentence without the file's name.
    """

    pixels: np.ndarray
    options: dict
    remarks: tuple[str, ...]


def read_unblurred(content: bytes, path: Path, shape: tuple[int, int]) -> Photo | None:
    """Reads the photo that another one holds from before the phone blurred it.

    Args:
        content: of its file.
        path: of the photo that holds it.
        shape: height and width of that photo, upright.

    Returns:
        Pixels of the same height and width, in 8 bits, and as its only option its own colour
        profile, if it has one; None if it is damaged or of another view.
    """
    try:
        picture = open_image(path, content)
        if picture.size != shape[::-1]:
            # It has no orientation of its own.
            with Image.open(path) as outer:
                orientation = outer.getexif().get(0x0112, 1)
            picture.getexif()[0x0112] = orientation
            picture = ImageOps.exif_transpose(picture)
        if picture.size != shape[::-1]:
            return None
        pixels, profile = _rgb(picture, _channels(picture, path))
        return Photo(eight_bit(pixels), {"icc_profile": profile} if profile else {}, ())
    except (InputError, OSError):
        return None


def read_photo(path: Path) -> np.ndarray:
    """Reads a photo: `[H, W, 3] uint8`, upright.

    See `read`; 16-bit values are rounded, and transparency is dropped: colours stay as stored.

    Raises:
        InputError: see `open_image`.
    """
    return eight_bit(read(path).pixels)


def read(path: Path) -> Photo:
    """Reads a photo and what a picture made from it should keep.

    Grey, palette, CMYK and Lab pictures become RGB of the same colours, see `colour`.

    Raises:
        InputError: see `open_image`.
    """
    picture, found = open_deep(path)
    found = found or _channels(picture, path)
    pixels, profile = _rgb(picture, found)
    options = photo_metadata.read(picture)
    if profile is not None:
        options["icc_profile"] = profile
    if found.alpha is not None:
        options["alpha"] = found.alpha
    return Photo(pixels, options, photo_metadata.left_out(picture, found.space))


def _channels(picture: Image.Image, path: Path) -> Channels:
    try:
        return channels.channels(picture)
    except channels.ScaleError as error:
        raise InputError(f"{path} has {error}") from error
    except ValueError as error:
        raise _odd_colours(path, picture) from error


def _rgb(picture: Image.Image, found: Channels) -> tuple[np.ndarray, bytes | None]:
    """Returns pixels and their profile."""
    profile = photo_metadata.profile(picture, found.space)
    return colour.to_rgb(found.values, found.space, profile)


def read_depth(path: Path) -> np.ndarray:
    """Reads a depth map: `[h, w] uint8`, near = bright.

    Colour maps are read by their brightness, 16-bit maps by their upper 8 bits.

    Raises:
        InputError: see `open_image`.
    """
    picture = open_image(path)
    if picture.mode[0] in "IF":
        # `convert` would clip them.
        return (channels.sixteen_bit_grey(picture) >> 8).astype(np.uint8)
    try:
        return np.asarray(picture if picture.mode == "L" else picture.convert("L"))
    except ValueError as error:
        raise _odd_colours(path, picture) from error


def _odd_colours(path: Path, picture: Image.Image) -> InputError:
    return InputError(
        f"{path} has colours of the kind {picture.mode}, which cannot be read here; save it as RGB "
        "or grey"
    )


def resize(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resizes a photo or depth map with Pillow's antialiased bicubic.

    Args:
        picture: `[H, W, 3]` or `[H, W]` uint8.
        height: rows of the result.
        width: columns of the result.

    Returns:
        `[height, width, 3]` or `[height, width]` uint8.
    """
    if picture.shape[:2] == (height, width):
        return picture
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BICUBIC))


def halve(photo: np.ndarray) -> np.ndarray:
    """Halves a photo of even sides: `[H, W, 3]` -> `[H/2, W/2, 3]` uint8."""
    return resize(photo, photo.shape[0] // 2, photo.shape[1] // 2)


def stack(photo: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """Makes the network's input from a full-size photo and its depth map.

    Args:
        photo: `[H, W, 3]` uint8, H and W even.
        depth: `[h, w]` uint8, any size; resized to half the photo's.

    Returns:
        `[H/2, W/2, 4]` uint8.
    """
    half = halve(photo)
    depth = resize(depth, *half.shape[:2])
    return np.concatenate([half, depth[..., None]], axis=-1)


def write_image(
    path: Path, picture: np.ndarray, *, alpha: np.ndarray | None = None, **options
) -> tuple[str, ...]:
    """Writes a picture, whole or not at all.

    Args:
        path: its suffix names the format; JPEG and WebP get quality 95, TIFF is not compressed
            (compressed, Pillow cannot give it EXIF data).
        picture: `[H, W, 3]` or `[H, W]` uint8, or `[H, W, 3]` uint16.
        alpha: `[H, W]` uint8 or uint16, 0 where the picture is transparent.
        **options: passed to Pillow's writer, e.g. `exif`, `icc_profile`, `quality`; `qtables`
            gives a JPEG another quality, `lossless` lets a WebP lose nothing.

    Returns:
        What the format cannot keep, each in a sentence.

    Raises:
        InputError: the format cannot hold the picture.
    """
    suffix = Path(path).suffix.lower()
    options, lost = photo_metadata.of_format(suffix, options)
    if picture.dtype == np.uint16 and suffix not in sixteen_bit_files.SUFFIXES:
        picture = eight_bit(picture)
        lost += (f"a {suffix} file holds 8 of its 16 bits a channel; a PNG holds them all",)
    if alpha is not None and suffix not in _WITH_ALPHA:
        lost += (f"a {suffix} file cannot keep its transparency; a PNG can",)
    elif alpha is not None:
        picture = np.dstack([picture, _as_deep_as(alpha, picture)])
    if suffix in photo_metadata.JPEG:
        # Given tables stay as they are only without a quality.
        quality = {} if "qtables" in options else {"quality": 95}
        options = {**quality, "subsampling": 0, **options}
    elif suffix == ".webp":
        # `exact` keeps the colours of what is transparent.
        options = {"quality": 95, "exact": True, **options}
    try:
        content = _encoded(suffix, picture, options)
    except OSError as error:
        raise InputError(
            f"{path} cannot be a {suffix} picture of {picture.shape[1]}x{picture.shape[0]} pixels "
            f"({error}); choose another format"
        ) from error
    with replacing(path) as partial:
        partial.write_bytes(content)
    return lost


def _encoded(suffix: str, picture: np.ndarray, options: dict) -> bytes | memoryview:
    # Into memory first: on a full disk Pillow may cut a file short without a word.
    if picture.dtype == np.uint16:
        return sixteen_bit_files.encode(suffix, picture, options)
    encoded = io.BytesIO()
    Image.fromarray(picture).save(encoded, Image.registered_extensions()[suffix], **options)
    return encoded.getbuffer()


def _as_deep_as(alpha: np.ndarray, picture: np.ndarray) -> np.ndarray:
    if alpha.dtype == picture.dtype:
        return alpha
    return eight_bit(alpha) if picture.dtype == np.uint8 else alpha * np.uint16(257)
