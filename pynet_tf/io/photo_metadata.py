"""What a photo's file says about the photo, to be written with the picture made from it.

Kept are the colour profile and of the EXIF data what is about the shot: camera, time, place,
author, exposure. Left out are the orientation (photos are read upright), the embedded preview,
which would show the old picture, and what describes the old file's storage.
"""

import io

from PIL import Image, ImageCms, JpegImagePlugin

_EXIF_FOLDER = 0x8769
_GPS_FOLDER = 0x8825
_MAKER_NOTE = 0x927C
_PIXEL_WIDTH, _PIXEL_HEIGHT = 0xA002, 0xA003
_KEPT = {
    0x010E,  # description
    0x010F,  # maker of the camera
    0x0110,  # its model
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
# The sum of the luminance table of a JPEG of quality 95; finer ones are smaller.
_TABLE_SUM_95 = 369


def read(picture: Image.Image) -> dict:
    """Collects what to pass on to the writer of a picture of the same size.

    A maker's note that would not fit into a JPEG is left out; so is a colour profile that is
    not one of RGB, see `to_rgb`.

    Args:
        picture: as `images.open_image` opened it, upright.

    Returns:
        Options of `images.write_image`: `exif`, `icc_profile` and `qtables`, each if there is
        something. `qtables` is there if the photo is a JPEG of a quality above 95, so that a
        JPEG made from it can have the same.
    """
    options = {}
    try:
        exif = _exif(picture)
    # Pillow reports damaged data by almost any exception; the photo is good without.
    except Exception:
        exif = b""
    if exif:
        options["exif"] = exif
    profile = picture.info.get("icc_profile")
    if profile and _colour_space(profile) == "RGB":
        options["icc_profile"] = profile
    if isinstance(picture, JpegImagePlugin.JpegImageFile):
        tables = picture.quantization
        if 0 in tables and sum(tables[0]) < _TABLE_SUM_95:
            options["qtables"] = tables
    return options


def to_rgb(picture: Image.Image) -> Image.Image:
    """Converts a CMYK photo with a colour profile to sRGB; others are returned as they are.

    Without the profile the colours of a CMYK photo come out garish.
    """
    profile = picture.info.get("icc_profile")
    if picture.mode != "CMYK" or not profile:
        return picture
    try:
        return ImageCms.profileToProfile(
            picture, io.BytesIO(profile), ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except ImageCms.PyCMSError:
        # A damaged profile: other programs show such a photo as if it had none, too.
        return picture


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


def _colour_space(profile: bytes) -> str:
    return profile[16:20].decode("latin-1").strip()
