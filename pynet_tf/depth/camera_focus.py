"""Reads from a photo file where the camera focused: a better guess than any rule on depths.

Faces in XMP (`mwg-rs` regions) come first, then EXIF's SubjectArea and SubjectLocation. They speak
of the photo as it is stored; the point that is returned lies in the photo as it is seen.
"""

import warnings
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from pathlib import Path

from PIL import ExifTags, Image

from pynet_tf.depth.embedded.finding import turned_point

# The numbers of EXIF's tags.
_SUBJECT_AREA, _SUBJECT_LOCATION = 0x9214, 0xA214
_REGIONS = "{http://www.metadataworkinggroup.com/schemas/regions/}"
_AREA = "{http://ns.adobe.com/xmp/sType/Area#}"
Point = tuple[float, float]


def camera_focus(path: Path, shape: Sequence[int]) -> tuple[Point, str] | None:
    """Returns the point (x, y), 0..1 in the upright photo, and what says so; None if nothing does.

    Args:
        path: of the photo.
        shape: height and width of the upright photo.
    """
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path) as photo:
            exif = photo.getexif()
            orientation = exif.get(ExifTags.Base.Orientation, 1)
            shot = exif.get_ifd(ExifTags.IFD.Exif)
            # HEIC photos are opened upright, and say so.
            orientation = photo.info.get("original_orientation") or orientation
            faces = _faces(photo.info.get("xmp") or photo.info.get("XML:com.adobe.xmp") or b"")
    # Whoever opens the photo itself says what is wrong with it.
    except Exception:
        return None
    # As it is stored, whatever Pillow has turned already.
    size = shape[:2] if orientation in (5, 6, 7, 8) else shape[1::-1]
    found = None
    if faces:
        found = max(faces, key=lambda face: face[1])[0], "the largest face"
    else:
        for tag in (_SUBJECT_AREA, _SUBJECT_LOCATION):
            point = _point(shot.get(tag), size)
            if point:
                found = point, "where the camera focused"
                break
    if found is None:
        return None
    return turned_point(found[0], orientation), found[1]


def _point(value, size: Sequence[int]) -> Point | None:
    """Returns the middle of an area in pixels as a share of the photo; None if it is none."""
    try:
        x, y = float(value[0]) / size[0], float(value[1]) / size[1]
    except (TypeError, ValueError, IndexError, ZeroDivisionError):
        return None
    return (x, y) if 0 < x < 1 and 0 < y < 1 else None


def _faces(xmp: bytes | str) -> list[tuple[Point, float]]:
    """Returns the middles and areas of the faces that a document lists."""
    try:
        root = ElementTree.fromstring(xmp.strip(b"\0 \r\n\t") if isinstance(xmp, bytes) else xmp)
    except ElementTree.ParseError:
        return []
    faces = []
    for element in root.iter():
        if element.tag != f"{_REGIONS}Area":
            continue
        values = {name.removeprefix(_AREA): value for name, value in element.attrib.items()}
        try:
            x, y, width, height = (float(values[name]) for name in "xywh")
        except (KeyError, ValueError):
            continue
        if 0 < x < 1 and 0 < y < 1 and width > 0 and height > 0:
            faces.append(((x, y), width * height))
    return faces
