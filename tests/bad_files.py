"""Makers of files that are damaged, odd or hostile: each writes one to the path that it is given.

`PHOTOS`, `MAPS`, `DESCRIPTIONS` and `PACKED` list them by kind.
"""

import io
import json
import os
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ebb_pictures import picture
from PIL import Image

HEIGHT, WIDTH = 64, 96
# What hostile files would make in the working folder of the process that reads them.
MARKER = "executed"


class Hostile:
    """Makes the folder `MARKER` when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, (MARKER,)


def photo(height: int = HEIGHT, width: int = WIDTH) -> Image.Image:
    """Returns a smooth picture that is the same every time."""
    return Image.fromarray(picture(0, max(height, 8), max(width, 8))).crop((0, 0, width, height))


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    """Returns a picture as the content of a file."""
    content = io.BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


def saved(image: Image.Image, kind: str, **options) -> Callable[[Path], None]:
    """Returns the maker of a file with this picture."""
    return lambda path: path.write_bytes(encoded(image, kind, **options))


def content(data: bytes) -> Callable[[Path], None]:
    """Returns the maker of a file with this content."""
    return lambda path: path.write_bytes(data)


def first_half(path: Path) -> None:
    """Cuts a file in two and keeps the first part."""
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def flip(path: Path, place: int, bit: int = 0) -> None:
    """Turns one bit of a file over; places beyond its end count from its beginning again."""
    data = bytearray(path.read_bytes())
    data[place % len(data)] ^= 1 << bit
    path.write_bytes(data)


def png_of_size(width: int, height: int) -> bytes:
    """Returns a PNG whose header promises so many pixels, with none in it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def _text_bomb(path: Path) -> None:
    """Writes a good PNG with a text of 20 MB in 20 kB before its pixels."""
    data = encoded(photo(), "PNG")
    text = b"Comment\0\0" + zlib.compress(bytes(20_000_000))
    chunk = struct.pack(">I", len(text)) + b"zTXt" + text
    chunk += struct.pack(">I", zlib.crc32(b"zTXt" + text))
    path.write_bytes(data[:33] + chunk + data[33:])


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        name: that the file gets, without its stem.
        make: writes it.
        good: whether it can be used for what it is.
    """

    name: str
    make: Callable[[Path], object]
    good: bool = False


def _grey16(values) -> Image.Image:
    return Image.fromarray(np.asarray(values, np.uint16))


_RAMP = np.linspace(0, 65535, WIDTH * HEIGHT).reshape(HEIGHT, WIDTH)
_NOISE = np.random.default_rng(0).bytes(5000)
_ROTATED = Image.Exif()
_ROTATED[0x0112] = 6

# What a file with the suffix of a picture may hold.
PHOTOS = {
    "empty": Kind(".jpg", content(b"")),
    "truncated_jpeg": Kind(".jpg", content(encoded(photo(), "JPEG")[:900])),
    "truncated_png": Kind(".png", content(encoded(photo(), "PNG")[:-2000])),
    "truncated_webp": Kind(".webp", content(encoded(photo(), "WEBP")[:500])),
    "truncated_tiff": Kind(".tif", content(encoded(photo(), "TIFF")[:5000])),
    "header_only": Kind(".jpg", content(b"\xff\xd8\xff")),
    "noise": Kind(".jpg", content(_NOISE)),
    "noise_as_jpeg": Kind(".jpg", content(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + _NOISE)),
    "text": Kind(".jpg", content(b"no picture\n")),
    "web_page": Kind(".png", content(b"<!DOCTYPE html><html><body>404</body></html>")),
    "vector": Kind(".png", content(b'<svg xmlns="http://www.w3.org/2000/svg" width="96"/>')),
    "postscript": Kind(".jpg", saved(photo(), "EPS")),
    "document": Kind(".png", content(b"%PDF-1.4\n1 0 obj<<>>endobj\n")),
    "camera_raw": Kind(".jpg", content(b"II*\0\x10\0\0\0CR\x02\0" + _NOISE)),
    "bomb": Kind(".png", content(png_of_size(60_000, 60_000))),
    "bomb_of_all_bits": Kind(".png", content(png_of_size(2**31 - 1, 2**31 - 1))),
    "text_bomb": Kind(".png", _text_bomb),
    "no_pixels": Kind(".png", content(png_of_size(0, 64))),
    "one_pixel": Kind(".png", saved(photo(1, 1), "PNG")),
    "one_row": Kind(".png", saved(photo(1, 300), "PNG")),
    "one_column": Kind(".png", saved(photo(3000, 1), "PNG")),
    "folder": Kind(".jpg", Path.mkdir),
    "pipe": Kind(".jpg", os.mkfifo),
    "link_to_nowhere": Kind(".jpg", lambda path: path.symlink_to("nowhere")),
    "link_to_itself": Kind(".jpg", lambda path: path.symlink_to(path.name)),
    "device": Kind(".jpg", lambda path: path.symlink_to("/dev/zero")),
    "plain": Kind(".jpg", saved(photo(), "JPEG"), good=True),
    "cmyk": Kind(".jpg", saved(photo().convert("CMYK"), "JPEG"), good=True),
    "cmyk_tiff": Kind(".tif", saved(photo().convert("CMYK"), "TIFF"), good=True),
    "lab": Kind(".tif", saved(photo().convert("LAB"), "TIFF"), good=True),
    "palette": Kind(".png", saved(photo().quantize(16), "PNG"), good=True),
    "transparent": Kind(".png", saved(photo().convert("RGBA"), "PNG"), good=True),
    "grey": Kind(".jpg", saved(photo().convert("L"), "JPEG"), good=True),
    "grey_alpha": Kind(".png", saved(photo().convert("LA"), "PNG"), good=True),
    "black_and_white": Kind(".png", saved(photo().convert("1"), "PNG"), good=True),
    "16_bit": Kind(".png", saved(_grey16(_RAMP), "PNG"), good=True),
    "16_bit_tiff": Kind(".tif", saved(_grey16(_RAMP), "TIFF"), good=True),
    "floats": Kind(".tif", saved(Image.fromarray(np.float32(_RAMP / 65535)), "TIFF"), good=True),
    "not_numbers": Kind(
        ".tif", saved(Image.fromarray(np.full((HEIGHT, WIDTH), np.nan, "f4")), "TIFF"), good=True
    ),
    "animation": Kind(
        ".webp", saved(photo(), "WEBP", save_all=True, append_images=[photo()]), good=True
    ),
    "progressive": Kind(".jpg", saved(photo(), "JPEG", progressive=True), good=True),
    "turned": Kind(".jpg", saved(photo(WIDTH, HEIGHT), "JPEG", exif=_ROTATED), good=True),
    "wrong_extension": Kind(".jpg", saved(photo(), "PNG"), good=True),
    "capitals": Kind(".JPEG", saved(photo(), "JPEG"), good=True),
    "damaged_exif": Kind(".jpg", saved(photo(), "JPEG", exif=b"Exif\0\0MM" + _NOISE), good=True),
    "damaged_profile": Kind(".jpg", saved(photo(), "JPEG", icc_profile=_NOISE), good=True),
    "more_behind_it": Kind(".jpg", content(encoded(photo(), "JPEG") + _NOISE), good=True),
    "very_wide": Kind(".png", saved(photo(HEIGHT, 30_000), "PNG"), good=True),
    "with spaces and ünsere ☃": Kind(".jpg", saved(photo(), "JPEG"), good=True),
    "two\nlines": Kind(".jpg", saved(photo(), "JPEG"), good=True),
    "not_utf8_\udce9": Kind(".jpg", saved(photo(), "JPEG"), good=True),
    "[a-z]*": Kind(".jpg", saved(photo(), "JPEG"), good=True),
    "link": Kind(".jpg", lambda path: path.symlink_to("plain.jpg"), good=True),
}


def _array(values, **options) -> Callable[[Path], None]:
    def make(path):
        with path.open("wb") as file:
            np.save(file, values, **options)

    return make


def _array_of_shape(shape: str) -> bytes:
    """A `.npy` header that promises a shape, with few values behind it."""
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header.encode() + bytes(64)


_METRES = np.linspace(1, 9, 48 * 32).reshape(32, 48)

# What a depth map of another program may be besides a picture.
MAPS = {
    "array": Kind(".npy", _array(_METRES), good=True),
    "array_of_halves": Kind(".npy", _array(_METRES.astype(np.float16)), good=True),
    "array_with_gaps": Kind(".npy", _array(np.where(_METRES > 3, _METRES, np.nan)), good=True),
    "array_without_numbers": Kind(".npy", _array(np.full((32, 48), np.nan))),
    "array_all_the_same": Kind(".npy", _array(np.ones((32, 48)))),
    "array_of_objects": Kind(
        ".npy", _array(np.array([[Hostile()] * 9] * 9, object), allow_pickle=True)
    ),
    "array_of_words": Kind(".npy", _array(np.array([["near", "far"]]))),
    "array_of_complex": Kind(".npy", _array(_METRES + 1j)),
    "array_of_records": Kind(".npy", _array(np.zeros((32, 48), [("a", "f4"), ("b", "i4")]))),
    "array_in_colour": Kind(".npy", _array(np.zeros((32, 48, 3)))),
    "array_without_values": Kind(".npy", _array(np.zeros((0, 48)))),
    "array_of_one": Kind(".npy", _array(np.ones((1, 1)))),
    "array_cut_short": Kind(".npy", content(_array_of_shape("(32, 48)"))),
    "array_too_large": Kind(".npy", content(_array_of_shape("(1000000, 1000000)"))),
    "array_of_negative_shape": Kind(".npy", content(_array_of_shape("(-4, -2)"))),
    "array_with_code": Kind(".npy", content(_array_of_shape("__import__('os').mkdir('executed')"))),
    "array_header_only": Kind(".npy", content(b"\x93NUMPY\x01\0")),
    "array_pickle": Kind(".npy", content(pickle.dumps(Hostile()))),
    "array_archive": Kind(".npy", lambda path: np.savez(path.open("wb"), depth=_METRES)),
    "array_empty": Kind(".npy", content(b"")),
    "array_folder": Kind(".npy", Path.mkdir),
}

_GOOD_RUN = {"level": 3, "width": 0.05, "depth": True, "head": "original", "settings": {}}


def run_json(**changes) -> str:
    """Returns what `run.json` says of a level, with changes."""
    return json.dumps({**_GOOD_RUN, **changes})


# Texts that are no `run.json` of level 3.
DESCRIPTIONS = {
    "empty": "",
    "cut_short": run_json()[:40],
    "a_list": "[1, 2]",
    "a_number": "7",
    "null": "null",
    "without_fields": "{}",
    "without_end": "[" * 100_000,
    "not_text": "\udcff\udcfe",
    "another_level": run_json(level=2),
    "level_9": run_json(level=9),
    "level_infinite": '{"level": Infinity, "width": 1, "depth": 1, "head": "", "settings": {}}',
    "level_of_5000_digits": run_json().replace("3", "3" * 5000, 1),
    "width_0": run_json(width=0),
    "width_nan": run_json(width=float("nan")),
    "width_1000000": run_json(width=1e6),
    "width_in_words": run_json(width="wide"),
    "another_head": run_json(head="../../etc"),
    "another_kernel": run_json(largest_kernel=4),
    "settings_in_words": run_json(settings="none"),
}


def _archive(**arrays) -> Callable[[Path], None]:
    return lambda path: np.savez_compressed(path, **arrays)


def _archive_bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("level_7_head.bias.npy", _array_of_shape("(3,)") + bytes(200_000_000))


def _archive_with_paths(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("../../outside.npy", _array_of_shape("(3,)"))


# What is no file of packed weights, whatever the network.
PACKED = {
    "empty": content(b""),
    "noise": content(_NOISE),
    "archive_header": content(b"PK\x03\x04" + _NOISE),
    "without_arrays": _archive(),
    "array": _array(np.zeros(3, np.float16)),
    "of_another_program": _archive(weights=np.zeros(3, np.float16)),
    "objects": _archive(**{"level_7_head.bias": np.array([Hostile()] * 3, object)}),
    "pickle": content(pickle.dumps({"level_7_head.bias": Hostile()})),
    "float64": _archive(**{"level_7_head.bias": np.zeros(3)}),
    "another_shape": _archive(**{"level_7_head.bias": np.zeros((3, 1), np.float16)}),
    "not_numbers": _archive(**{"level_7_head.bias": np.full(3, np.nan, np.float16)}),
    "infinite": _archive(**{"level_7_head.bias": np.full(3, np.inf, np.float16)}),
    "bomb": _archive_bomb,
    "paths_out_of_it": _archive_with_paths,
}
