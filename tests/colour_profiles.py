"""Colour profiles, and what a colour-managed program shows of a picture file."""

import functools
import io
import itertools
import struct

import imagecodecs
import numpy as np
from PIL import Image, ImageCms


@functools.cache
def srgb() -> bytes:
    # Once: it holds the second in which it was made.
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@functools.cache
def display_p3(gamma: float = 2.2) -> bytes:
    return imagecodecs.cms_profile(
        "rgb",
        whitepoint=(0.3127, 0.329, 1),
        primaries=(0.68, 0.32, 1, 0.265, 0.69, 1, 0.15, 0.06, 1),
        gamma=gamma,
    )


def grey(gamma: float) -> bytes:
    return imagecodecs.cms_profile("gray", gamma=gamma)


def cmyk() -> bytes:
    """A press whose inks are pale: its full cyan, magenta, yellow and black are far from ours."""
    inks = {0: (-30, -25, -28), 1: (-35, 50, 0), 2: (-8, -4, 60), 3: (-20, 0, 0)}
    corners = []
    for on in itertools.product((0, 1), repeat=4):
        lab = np.array([96.0, 0, 0])
        for ink, given in enumerate(on):
            lab = lab + given * np.array(inks[ink])
        corners += [lab[0] * 2.55, lab[1] + 128, lab[2] + 128]
    same = bytes(range(256))
    table = b"mft1" + bytes([0, 0, 0, 0, 4, 3, 2, 0])
    table += struct.pack(">9i", *(np.eye(3, dtype=int).ravel() * 65536).tolist())
    table += 4 * same + bytes(np.rint(corners).astype(np.uint8)) + 3 * same
    text = b"text" + bytes(4) + b"none\0"
    name = b"desc" + bytes(4) + struct.pack(">I", 5) + b"pale\0" + bytes(78)
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)
    tags, place, data = [], 128 + 4 + 4 * 12, b""
    for key, content in ((b"desc", name), (b"cprt", text), (b"wtpt", white), (b"A2B0", table)):
        tags.append(key + struct.pack(">II", place + len(data), len(content)))
        data += content + bytes(-len(content) % 4)
    whole = struct.pack(">I", 4) + b"".join(tags) + data
    head = struct.pack(">I4sI4s4s4s", 128 + len(whole), b"", 0x02400000, b"prtr", b"CMYK", b"Lab ")
    head += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + whole


def seen(path) -> np.ndarray:
    """Returns `[H, W, 3]` int: sRGB of a picture file, as its profile says."""
    with Image.open(path) as picture:
        picture.load()
        profile = picture.info.get("icc_profile")
        if profile is None and picture.mode == "LAB":
            profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
        picture = picture.convert("RGB") if picture.mode == "RGBA" else picture
        if profile is not None:
            picture = ImageCms.profileToProfile(
                picture,
                io.BytesIO(profile),
                io.BytesIO(srgb()),
                outputMode="RGB",
                renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
                # What is computed beforehand is 6 levels wrong in dark greys.
                flags=ImageCms.Flags.NOOPTIMIZE | ImageCms.Flags.BLACKPOINTCOMPENSATION,
            )
        return np.asarray(picture.convert("RGB")).astype(int)
