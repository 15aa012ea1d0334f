"""Reads GDepth and Dynamic Depth, which Google's cameras and many others write into JPEGs.

GDepth keeps the map, and the photo from before it was blurred, as base64 in XMP. Dynamic Depth
appends them to the file and lists their lengths in XMP, so they are found from the end.
"""

import base64
import binascii
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

import numpy as np

from pynet_tf.depth.embedded import jpeg
from pynet_tf.depth.embedded.found import (
    BrokenDepthError,
    EmbeddedDepth,
    read_grey,
    stretched,
)

_DEPTH = "http://ns.google.com/photos/1.0/depthmap/"
_IMAGE = "http://ns.google.com/photos/1.0/image/"
_FOCUS = "http://ns.google.com/photos/1.0/focus/"
_DYNAMIC_DEPTH = "http://ns.google.com/photos/dd/1.0/depthmap/"
# Both forms of the directory, with the names of what is looked for in it.
_DIRECTORIES = (
    "http://ns.google.com/photos/dd/1.0/container/",
    "http://ns.google.com/photos/1.0/container/",
)
_MAPS = ("android/depthmap", "depth", "depthmap")
_ORIGINALS = ("android/original_image", "original")


def gdepth(content: bytes) -> EmbeddedDepth | None:
    """Reads the map of a GDepth JPEG; None if the file is none.

    Args:
        content: of the file.

    Raises:
        BrokenDepthError: it is one, and the map cannot be read.
    """
    documents = jpeg.xmp_documents(content)
    about = jpeg.properties(documents, _DEPTH)
    if not about:
        return None
    if "Data" not in about:
        raise BrokenDepthError("its XMP speaks of a depth map (GDepth) and holds none")
    values = read_grey(_decoded(about["Data"]), "its depth map")
    depth = _nearness(values, about)
    photo = jpeg.properties(documents, _IMAGE)
    whole = "jpeg" in photo.get("Mime", "") and "Data" in photo
    unblurred = _decoded(photo["Data"]) if whole else None
    focus = jpeg.properties(documents, _FOCUS)
    point = None
    if {"FocalPointX", "FocalPointY"} <= focus.keys():
        point = _point(focus["FocalPointX"], focus["FocalPointY"])
    return EmbeddedDepth(depth, "GDepth in the photo", unblurred, focus=point)


def dynamic_depth(content: bytes) -> EmbeddedDepth | None:
    """Reads the map of a Dynamic Depth JPEG; None if the file is none.

    Args:
        content: of the file.

    Raises:
        BrokenDepthError: it is one, and the map cannot be read.
    """
    documents = jpeg.xmp_documents(content)
    items = [item for document in documents for item in _items(document)]
    if not any(item.name in _MAPS for item in items):
        return None
    depth, unblurred = None, None
    end = len(content)
    # The first one is the photo itself.
    for item in reversed(items[1:]):
        begin = end - item.padding - item.length
        if item.length <= 0 or begin <= 0:
            raise BrokenDepthError("the lengths of what is appended to it do not fit the file")
        data = content[begin + item.padding : end]
        if item.name in _MAPS:
            about = jpeg.properties(documents, _DYNAMIC_DEPTH)
            depth = _nearness(read_grey(data, "its depth map"), about)
        elif item.name in _ORIGINALS:
            unblurred = data
        end = begin
    if depth is None:
        raise BrokenDepthError("its XMP lists a depth map before the photo itself")
    return EmbeddedDepth(depth, "Dynamic Depth in the photo", unblurred)


@dataclass(frozen=True)
class _Item:
    name: str
    length: int
    padding: int


def _items(document: ElementTree.Element) -> list[_Item]:
    """Returns what the directory of a document lists, in order."""
    found = []
    for namespace in _DIRECTORIES:
        item_space = "{" + namespace + "item/}"
        for element in document.iter("{" + namespace + "}Item"):
            about = {
                name.removeprefix(item_space): value
                for name, value in element.attrib.items()
                if name.startswith(item_space)
            }
            about |= {
                child.tag.removeprefix(item_space): (child.text or "").strip()
                for child in element
                if child.tag.startswith(item_space)
            }
            name = about.get("DataURI") or about.get("Semantic") or ""
            try:
                found.append(
                    _Item(name.lower(), int(about.get("Length", 0)), int(about.get("Padding", 0)))
                )
            except ValueError as error:
                raise BrokenDepthError("its XMP lists a length that is no number") from error
    return found


def _nearness(values: np.ndarray, about: dict[str, str]) -> np.ndarray:
    """Turns stored values, dark = near, to nearness, linear in inverse distance."""
    share = values.astype(np.float64) / (65535 if values.dtype == np.uint16 else 255)
    if about.get("Format", "RangeInverse") == "RangeLinear":
        try:
            near, far = float(about["Near"]), float(about["Far"])
        except (KeyError, ValueError) as error:
            raise BrokenDepthError("its depth map does not say from where to where") from error
        if not 0 < near < far < np.inf:
            raise BrokenDepthError(f"its depth map says to reach from {near} to {far}")
        return stretched(1 / (near + share * (far - near)), "its depth map")
    # Whatever Near and Far say: the order of the values holds.
    return stretched(1 - share, "its depth map")


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BrokenDepthError("the base64 of its depth map is cut or damaged") from error


def _point(x: str, y: str) -> tuple[float, float] | None:
    try:
        point = float(x), float(y)
    except ValueError:
        return None
    return point if all(0 <= value <= 1 for value in point) else None
