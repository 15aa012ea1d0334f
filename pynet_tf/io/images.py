"""Photos and depth maps on disk and in memory.

    photo   uint8 [H, W, 3], sRGB, upright (the EXIF orientation is applied)
    depth   uint8 [h, w], near = bright, stretched to 0..255, usually half the photo's size
    image   uint8 [H/2, W/2, 4], the halved photo with its depth map: the network's input * 255

Halving is Pillow's antialiased bicubic, as in the 2020 training data.
"""

import io
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from pynet_tf.errors import InputError
from pynet_tf.io import photo_metadata
from pynet_tf.io.atomic_files import replacing

# Just under the size that Pillow refuses by itself.
MAX_PIXELS = 178_000_000
# Pillow's: others are rare, and some (EPS) are programs that it lets other programs run.
_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM", "AVIF")
_HEIF_SUFFIXES = (".heic", ".heif", ".hif")


def open_image(path: Path, content: bytes | None = None) -> Image.Image:
    """Opens and decodes a picture file, whatever its mode, upright.

    Args:
        path: of the file.
        content: of the file, where it is not to be read; `path` is named in messages.

    Raises:
        InputError: the file is missing, is no picture, is cut short or is larger than
            `MAX_PIXELS`.
    """
    path = Path(path)
    if content is None and not path.is_file():
        raise InputError(f"{path} is not there; check the name")
    formats = _FORMATS
    if content is None and path.suffix.lower() in _HEIF_SUFFIXES:
        formats = _heif_formats(path)
    try:
        with warnings.catch_warnings():
            # Pillow warns of odd EXIF data, and of size long before `MAX_PIXELS`.
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(content) if content else path, formats=formats) as opened:
                if opened.width * opened.height > MAX_PIXELS:
                    raise InputError(
                        f"{path} has {opened.width}x{opened.height} pixels, more than "
                        f"{MAX_PIXELS // 1_000_000} million; make it smaller"
                    )
                opened.load()
                ImageOps.exif_transpose(opened, in_place=True)
                return opened
    except InputError:
        raise
    except Image.DecompressionBombError as error:
        raise InputError(
            f"{path} has more than {MAX_PIXELS // 1_000_000} million pixels; make it smaller"
        ) from error
    # Pillow reports a damaged file by almost any exception.
    except Exception as error:
        raise InputError(
            f"{path} cannot be read as a picture ({error or type(error).__name__}); replace it by "
            "a whole JPEG, PNG, WebP or TIFF"
        ) from error


def _heif_formats(path: Path) -> tuple[str, ...]:
    try:
        import pillow_heif
    except ImportError as error:
        raise InputError(
            f"{path} is a HEIC photo, which needs the extra heic; install it: "
            'pip install "pynet_tf[heic]"'
        ) from error
    pillow_heif.register_heif_opener()
    return (*_FORMATS, "HEIF")


def read_unblurred(content: bytes, path: Path, shape: tuple[int, int]) -> np.ndarray | None:
    """Reads the photo that another one holds from before the phone blurred it.

    Args:
        content: of its file.
        path: of the photo that holds it.
        shape: height and width of that photo, upright.

    Returns:
        `[H, W, 3]` uint8 of the same height and width; None if it is damaged or of another view.
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
        return np.asarray(_convert(photo_metadata.to_rgb(picture), "RGB", path))
    except (InputError, OSError):
        return None


def read_photo(path: Path) -> np.ndarray:
    """Reads a photo: `[H, W, 3] uint8`, upright.

    Grey, palette and CMYK pictures become RGB, transparency is dropped (colours stay as they
    are stored), 16-bit channels keep their upper 8 bits.

    Raises:
        InputError: see `open_image`.
    """
    return read_photo_with_metadata(path)[0]


def read_photo_with_metadata(path: Path) -> tuple[np.ndarray, dict]:
    """Reads a photo and what a picture made from it should keep.

    Returns:
        The photo, as `read_photo`, and options for `write_image`, see `metadata.read`.

    Raises:
        InputError: see `open_image`.
    """
    picture = open_image(path)
    options = photo_metadata.read(picture)
    return np.asarray(_convert(photo_metadata.to_rgb(picture), "RGB", path)), options


def read_depth(path: Path) -> np.ndarray:
    """Reads a depth map: `[h, w] uint8`, near = bright.

    Colour maps are read by their brightness, 16-bit maps by their upper 8 bits.

    Raises:
        InputError: see `open_image`.
    """
    return np.asarray(_convert(open_image(path), "L", path))


def _convert(picture: Image.Image, mode: str, path: Path) -> Image.Image:
    # Pillow copies even where there is nothing to convert.
    if picture.mode == mode:
        return picture
    try:
        return _eight_bit(picture).convert(mode)
    except ValueError as error:
        raise InputError(
            f"{path} has colours of the kind {picture.mode}, which cannot be read here; save it "
            "as RGB or grey"
        ) from error


def _eight_bit(picture: Image.Image) -> Image.Image:
    """Brings Pillow's 16- and 32-bit grey modes, which `convert` would clip, to 8 bit."""
    if picture.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    if picture.mode == "I":
        values = np.clip(np.asarray(picture), 0, 65535)
        return Image.fromarray((values >> 8).astype(np.uint8))
    if picture.mode == "F":
        values = np.nan_to_num(np.asarray(picture))
        return Image.fromarray(np.clip(values * 255 + 0.5, 0, 255).astype(np.uint8))
    return picture


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


def write_image(path: Path, picture: np.ndarray, **options) -> None:
    """Writes a picture, whole or not at all.

    Args:
        path: its suffix names the format; JPEG and WebP get quality 95, TIFF is not compressed
            (compressed, Pillow cannot give it EXIF data).
        picture: `[H, W, 3]` or `[H, W]` uint8.
        **options: passed to Pillow's writer, e.g. `exif`, `icc_profile`, `quality`; `qtables`
            gives a JPEG another quality.

    Raises:
        InputError: the format cannot hold the picture.
    """
    suffix = Path(path).suffix.lower()
    if suffix in (".jpg", ".jpeg"):
        # Given tables stay as they are only without a quality.
        quality = {} if "qtables" in options else {"quality": 95}
        options = {**quality, "subsampling": 0, **options}
    elif suffix == ".webp":
        options = {"quality": 95, **options}
    # Into memory first: on a full disk Pillow may cut a file short without a word.
    encoded = io.BytesIO()
    try:
        Image.fromarray(picture).save(encoded, Image.registered_extensions()[suffix], **options)
    except OSError as error:
        raise InputError(
            f"{path} cannot be a {suffix} picture of {picture.shape[1]}x{picture.shape[0]} pixels "
            f"({error}); choose another format"
        ) from error
    with replacing(path) as partial:
        partial.write_bytes(encoded.getbuffer())
