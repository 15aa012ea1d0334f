"""Picture files, opened and decoded with care for what is damaged, hostile or too large."""

import io
import warnings
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from pynet_tf.errors import InputError, of_system, refuse_unreadable
from pynet_tf.io import channels, colour_codes, photo_metadata, tiff_files, webp_files
from pynet_tf.io.channels import Channels

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
    return _opened(path, content, deep=False)[0]


def open_deep(path: Path) -> tuple[Image.Image, Channels | None]:
    """Opens a picture file, and decodes what Pillow gives fewer bits of than there are.

    Args:
        path: of the file.

    Returns:
        The picture, upright, and what it holds where that is deeper; of some TIFFs only the
        picture's metadata are true.

    Raises:
        InputError: see `open_image`.
    """
    return _opened(path, None, deep=True)


def _opened(path: Path, content: bytes | None, deep: bool) -> tuple[Image.Image, Channels | None]:
    path = Path(path)
    if content is None:
        refuse_unreadable(path)
    formats = _FORMATS
    if content is None and path.suffix.lower() in _HEIF_SUFFIXES:
        formats = _heif_formats(path)
    try:
        with warnings.catch_warnings():
            # Pillow warns of odd EXIF data, and of size long before `MAX_PIXELS`.
            warnings.simplefilter("ignore")
            try:
                return _with_pillow(path, content, deep, formats)
            except UnidentifiedImageError:
                whole = content or path.read_bytes()
                if not (deep and tiff_files.is_tiff(whole)):
                    raise
                _refuse_large(path, *tiff_files.size(whole))
                found = tiff_files.read(whole)
                return _described(whole, found), found
    except InputError:
        raise
    except channels.ScaleError as error:
        raise InputError(f"{path} has {error}") from error
    except Image.DecompressionBombError as error:
        raise InputError(
            f"{path} has more than {MAX_PIXELS // 1_000_000} million pixels; make it smaller"
        ) from error
    except UnidentifiedImageError as error:
        raise InputError(
            f"{path} cannot be read as a picture: it is of no known kind; replace it by a JPEG, "
            "PNG, WebP or TIFF"
        ) from error
    # Pillow reports a damaged file by almost any exception.
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise of_system(error, path) from error
        raise InputError(
            f"{path} cannot be read as a picture ({error or type(error).__name__}); replace it by "
            "a whole JPEG, PNG, WebP or TIFF"
        ) from error


def _with_pillow(
    path: Path, content: bytes | None, deep: bool, formats: tuple[str, ...]
) -> tuple[Image.Image, Channels | None]:
    with Image.open(io.BytesIO(content) if content else path, formats=formats) as opened:
        _refuse_large(path, *opened.size)
        whole, found = b"", None
        if deep and channels.is_deep(opened):
            whole = content or path.read_bytes()
            is_png = opened.format == "PNG"
            found = channels.of_deep_png(opened, whole) if is_png else tiff_files.read(whole)
        _add_untold(opened, path, content)
        # A GIF cannot tell any more once it is closed.
        getattr(opened, "is_animated", False)
        try:
            opened.load()
        except Exception:
            # Pillow may know the layout of a TIFF and not its compression.
            if found is None or opened.format != "TIFF":
                raise
            return _described(whole, found), found
        ImageOps.exif_transpose(opened, in_place=True)
        return opened, found


def _add_untold(opened: Image.Image, path: Path, content: bytes | None) -> None:
    """Adds to what Pillow has found in a file what it does not tell, for `photo_metadata`."""
    head = _head(path, content)
    points = colour_codes.find(head, opened.format)
    if points:
        opened.info[photo_metadata.CODE_POINTS] = points
    if opened.format == "AVIF":
        # As pillow_heif calls it.
        opened.info["bit_depth"] = colour_codes.avif_bits(head)
    elif opened.format == "WEBP":
        opened.info[photo_metadata.LOSSLESS] = webp_files.is_lossless(content or path.read_bytes())
    elif opened.format == "TIFF":
        pages = tiff_files.has_more_pages(io.BytesIO(content) if content else path)
        opened.info[photo_metadata.MORE_PAGES] = pages


def _head(path: Path, content: bytes | None) -> bytes:
    if content is not None:
        return content[: colour_codes.HEAD]
    with path.open("rb") as file:
        return file.read(colour_codes.HEAD)


def _described(content: bytes, found: Channels) -> Image.Image:
    picture = tiff_files.described(content, found.values.shape)
    picture.info[photo_metadata.MORE_PAGES] = tiff_files.has_more_pages(io.BytesIO(content))
    return picture


def _refuse_large(path: Path, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise InputError(
            f"{path} has {width}x{height} pixels, more than {MAX_PIXELS // 1_000_000} million; "
            "make it smaller"
        )


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
