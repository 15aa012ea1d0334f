"""Pictures of 16 bits a channel as PNG and TIFF files, which Pillow writes with 8.

    picture   [H, W, C] uint16: RGB, or RGB and alpha

Pillow composes what else is in the file. TIFFs are not compressed, PNGs quickly.
"""

import io

import numpy as np
from PIL import Image, TiffImagePlugin

SUFFIXES = (".png", ".tif", ".tiff")
_PNG_HEAD = 8 + 25  # signature and IHDR
_WIDTH, _HEIGHT, _BITS = 256, 257, 258
_OFFSETS, _SAMPLES, _ROWS_PER_STRIP, _BYTE_COUNTS = 273, 277, 278, 279
_EXTRA_SAMPLES = 338


def encode(suffix: str, picture: np.ndarray, options: dict) -> bytes:
    """Returns the content of a file.

    Args:
        suffix: one of `SUFFIXES`.
        picture: see the module.
        options: of Pillow's writer of such files, for what is beside the pixels.
    """
    return (_png if suffix == ".png" else _tiff)(picture, options)


def _png(picture: np.ndarray, options: dict) -> bytes:
    import imagecodecs

    # OpenCV's choice: four times as quick as libpng's own, files are 3 % smaller to 4 % larger.
    choice = imagecodecs.PNG
    pixels = imagecodecs.png_encode(
        picture, level=1, strategy=choice.STRATEGY.RLE, filter=choice.FILTER.SUB
    )
    # All chunks of Pillow's but its head, pixels and end belong between head and pixels of ours.
    small = io.BytesIO()
    Image.new("RGB", (1, 1)).save(small, "PNG", **options)
    chunks = small.getvalue()[_PNG_HEAD:]
    place, beside = 0, []
    while place < len(chunks):
        end = place + 12 + int.from_bytes(chunks[place : place + 4])
        if chunks[place + 4 : place + 8] not in (b"IDAT", b"IEND"):
            beside.append(chunks[place:end])
        place = end
    return b"".join([pixels[:_PNG_HEAD], *beside, pixels[_PNG_HEAD:]])


def _tiff(picture: np.ndarray, options: dict) -> bytes:
    small = io.BytesIO()
    Image.new("RGB", (1, 1)).save(small, "TIFF", **options)
    height, width, count = picture.shape
    with Image.open(small) as written:
        tags = written.tag_v2
        # Only tags that were looked at are written.
        dict(tags)
        for folder in set(tags) & {0x8769, 0x8825}:
            tags[folder] = written.getexif().get_ifd(folder)
        tags[_WIDTH], tags[_HEIGHT], tags[_ROWS_PER_STRIP] = width, height, height
        tags[_BITS], tags[_SAMPLES] = (16,) * count, count
        if count == 4:
            tags[_EXTRA_SAMPLES] = 2
        tags.tagtype[_BYTE_COUNTS] = TiffImagePlugin.TiffTags.LONG
        # It counts from the end of the tags.
        tags[_BYTE_COUNTS], tags[_OFFSETS] = (picture.nbytes,), (0,)
        file = io.BytesIO()
        tags.save(file)
    file.write(np.ascontiguousarray(picture, "<u2").data)
    return file.getvalue()
