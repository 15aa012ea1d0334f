"""What a photo's file says about the photo, to be written with the picture made from it.

Kept are the dots per inch and of the EXIF data what is about the shot: camera, time, place, author,
exposure. Left out are the orientation (photos are read upright), the embedded preview, which would
show the old picture, and what describes the old file's storage. `xmp` says what is kept of the XMP,
`colour` what becomes of the profile.
"""

import math
import warnings

from PIL import Image, JpegImagePlugin, PngImagePlugin

from pynet_tf.io import colour, colour_codes, xmp

_EXIF_FOLDER = 0x8769
_GPS_FOLDER = 0x8825
_MAKER_NOTE = 0x927C
_INTEROPERABILITY, _ADOBE_RGB = 0xA005, "R03"
# What `opening` puts among what Pillow has found: the numbers that say the colours, whether a WebP
# file has lost nothing, and whether a TIFF has more than one page.
CODE_POINTS, LOSSLESS, MORE_PAGES = "colour_codes", "is_lossless", "has_more_pages"
_IPTC = 0x0404
_ISO_GAIN_MAP = b"urn:iso:std:iso:ts:21496:-1"
_ANIMATED = ("GIF", "PNG", "WEBP", "AVIF")
_PIXEL_WIDTH, _PIXEL_HEIGHT = 0xA002, 0xA003
_KEPT = {
    0x010E,  # description
    0x010F,  # maker of the camera
    0x0110,  # its model
    0x011A,  # dots per unit, across and down, and the unit
    0x011B,
    0x0128,
    0x0131,  # software
    0x0132,  # time
    0x013B,  # artist
    0x013C,  # computer
    0x4746,  # rating
    0x8298,  # copyright
    *range(0x9C9B, 0x9CA0),  # title, comment, author, keywords, subject as Windows writes them
    _EXIF_FOLDER,
    _GPS_FOLDER,
}
# A JPEG segment holds 65,533 bytes, of which 6 are a mark.
_LARGEST_EXIF = 65_527
# Of which 29 are one for XMP.
_LARGEST_XMP = 65_504
_XMP_IN_TIFF = 700
JPEG = (".jpg", ".jpeg", ".jfif")
# The sum of the luminance table of a JPEG of quality 95; finer ones are smaller.
_TABLE_SUM_95 = 369


def read(picture: Image.Image) -> dict:
    """Collects what to pass on to the writer of a picture of the same size.

    A maker's note that would not fit into a JPEG is left out.

    Args:
        picture: as `opening.open_image` opened it, upright.

    Returns:
        Options of `images.write_image`: `exif`, `xmp`, `dpi`, `qtables` and `lossless`, each if
        there is something.
        `qtables` is there if the photo is a JPEG of a quality above 95, so that a JPEG made from
        it can have the same; `lossless` if it is a WebP that has lost nothing.
    """
    options = {}
    try:
        # Pillow warns of odd data.
        with warnings.catch_warnings(action="ignore"):
            exif = _exif(picture)
    # Pillow reports damaged data by almost any exception; the photo is good without.
    except Exception:
        exif = b""
    if exif:
        options["exif"] = exif
    described = picture.info.get("xmp")
    described = xmp.kept(described) if isinstance(described, bytes) else None
    if described:
        options["xmp"] = described
    dpi = picture.info.get("dpi")
    # Pillow takes 1 where a TIFF says nothing.
    if dpi and all(math.isfinite(value) and 1 < value < 65_536 for value in map(float, dpi)):
        options["dpi"] = tuple(float(value) for value in dpi)
    if isinstance(picture, JpegImagePlugin.JpegImageFile):
        tables = picture.quantization
        if 0 in tables and sum(tables[0]) < _TABLE_SUM_95:
            options["qtables"] = tables
    if picture.info.get(LOSSLESS):
        options["lossless"] = True
    return options


def of_format(suffix: str, options: dict) -> tuple[dict, tuple[str, ...]]:
    """Puts options where Pillow's writer of a format looks for them.

    Args:
        suffix: of the file.
        options: from `read`, and others, which stay.

    Returns:
        The options, and what the format cannot keep, each in a sentence.
    """
    options = dict(options)
    description = options.pop("xmp", None)
    if description is None:
        return options, ()
    if suffix == ".png":
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", description.decode())
    elif suffix in (".tif", ".tiff"):
        exif = Image.Exif()
        exif.load(options.get("exif", b""))
        exif[_XMP_IN_TIFF] = description
        options["exif"] = exif
    elif suffix in JPEG and len(description) > _LARGEST_XMP:
        return options, (f"a JPEG cannot hold its XMP of {len(description)} bytes",)
    else:
        options["xmp"] = description
    return options, ()


def profile(picture: Image.Image, space: str) -> bytes | None:
    """Returns the ICC profile of a photo, or one of what else its file says of its colours.

    Args:
        picture: see `read`.
        space: of its values, see `colour`.
    """
    stored = picture.info.get("icc_profile")
    points = picture.info.get(CODE_POINTS)
    # PNG has numbers go before a profile, the others the profile.
    if points and (picture.format == "PNG" or not stored):
        return colour_codes.profile(points) if space == "rgb" else None
    if stored:
        return stored
    if picture.format == "PNG" and "srgb" not in picture.info:
        return colour.of_png(picture.info.get("gamma"), picture.info.get("chromaticity"), space)
    if space == "rgb" and picture.format in ("JPEG", "MPO"):
        try:
            named = picture.getexif().get_ifd(_INTEROPERABILITY).get(1)
        # See `read`; Pillow also raises where there is nothing.
        except Exception:
            return None
        return colour.adobe_rgb() if named == _ADOBE_RGB else None
    return None


def left_out(picture: Image.Image, space: str) -> tuple[str, ...]:
    """Tells what of a photo is not read, each in a sentence without its name.

    Args:
        picture: see `read`.
        space: see `profile`.
    """
    sentences = []
    bits = picture.info.get("bit_depth", 8)
    if bits > 8:
        sentences.append(f"its {bits} bits a channel are read as 8")
    name = colour_codes.hdr(picture.info.get(CODE_POINTS, (0, 0)))
    if name:
        sentences.append(f"it is HDR ({name}), and is read as if it was not: its colours are pale")
    if _has_gain_map(picture):
        sentences.append("its gain map for HDR screens is left out")
    if _IPTC in (picture.info.get("photoshop") or {}) and "xmp" not in picture.info:
        sentences.append("its IPTC captions are left out, and it has no XMP, which would be kept")
    sentences += other_pictures(picture)
    if space == "cmyk" and not picture.info.get("icc_profile"):
        sentences.append("it is CMYK without a colour profile; its colours are a guess")
    return tuple(sentences)


def other_pictures(picture: Image.Image) -> tuple[str, ...]:
    """Tells which pictures of a file are not read, see `left_out`."""
    if picture.info.get(MORE_PAGES):
        return ("it has more than one page; this is its first only",)
    if not getattr(picture, "is_animated", False):
        return ()
    if picture.format == "HEIF":
        return ("it holds more than one photo; this is its main one only",)
    return (
        ("it is animated; this is its first picture only",) if picture.format in _ANIMATED else ()
    )


def _has_gain_map(picture: Image.Image) -> bool:
    description = picture.info.get("xmp")
    if isinstance(description, bytes) and b"ns.adobe.com/hdr-gain-map/" in description:
        return True
    if any("hdrgainmap" in str(name) for name in picture.info.get("aux") or ()):
        return True
    segments = getattr(picture, "applist", ())
    return any(content.startswith(_ISO_GAIN_MAP) for _, content in segments)


def _exif(picture: Image.Image) -> bytes:
    exif = picture.getexif()
    for tag in set(exif) - _KEPT:
        del exif[tag]
    if not exif:
        return b""
    shot = exif.get_ifd(_EXIF_FOLDER)
    for tag, length in ((_PIXEL_WIDTH, picture.width), (_PIXEL_HEIGHT, picture.height)):
        if tag in shot:
            shot[tag] = length
    if len(exif.tobytes()) > _LARGEST_EXIF:
        shot.pop(_MAKER_NOTE, None)
    encoded = exif.tobytes()
    return encoded if len(encoded) <= _LARGEST_EXIF else b""
