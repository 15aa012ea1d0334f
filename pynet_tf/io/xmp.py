"""XMP, the description of a photo as XML, made fit for a picture of the same view.

Left out is what would not be true of the picture: depth maps, other photos, sounds, films and gain
maps that the photo's file holds beside it, what its phone blurred, previews, and how its pixels are
stored. Everything else is kept: authors, rights, keywords, ratings, places, edits.
"""

from xml.dom import minidom
from xml.parsers.expat import ExpatError

# What is larger holds images, and no program reads it all.
_LARGEST = 4 << 20
# Of whole vocabularies: by how their names begin.
_DROPPED = (
    "http://ns.google.com/photos/",
    "http://ns.apple.com/",
    "http://ns.adobe.com/hdr-gain-map/",
    # Says that there is more in another place of the file.
    "http://ns.adobe.com/xmp/note/",
)
# Panoramas stay such; names stay with their faces.
_KEPT = ("http://ns.google.com/photos/1.0/panorama/", "http://ns.apple.com/faceinfo/")
_TIFF, _EXIF = "http://ns.adobe.com/tiff/1.0/", "http://ns.adobe.com/exif/1.0/"
_PHOTOSHOP, _BASIC = "http://ns.adobe.com/photoshop/1.0/", "http://ns.adobe.com/xap/1.0/"
_DROPPED_NAMES = {
    *((_TIFF, name) for name in ("Orientation", "ImageWidth", "ImageLength", "BitsPerSample")),
    *((_TIFF, name) for name in ("Compression", "PhotometricInterpretation", "SamplesPerPixel")),
    *((_EXIF, name) for name in ("PixelXDimension", "PixelYDimension")),
    *((_PHOTOSHOP, name) for name in ("ColorMode", "ICCProfile")),
    (_BASIC, "Thumbnails"),
}
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_BEGIN = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
_END = '<?xpacket end="w"?>'


def kept(document: bytes) -> bytes | None:
    """Returns what of a photo's XMP a picture made from it may have.

    Args:
        document: as the photo's file holds it.

    Returns:
        UTF-8; None if it is damaged or nothing is left.
    """
    document = document.strip(b"\0 \r\n\t")
    # Whoever defines entities wants to fill memory.
    if len(document) > _LARGEST or b"<!DOCTYPE" in document or b"<!ENTITY" in document:
        return None
    try:
        parsed = minidom.parseString(document)
    except (ExpatError, ValueError, LookupError):
        return None
    root = parsed.documentElement
    changed = _clean(root)
    if not _says_something(root):
        return None
    if not changed and document.startswith(b"<"):
        return document
    return f"{_BEGIN}{root.toxml()}{_END}".encode()


def _clean(element: minidom.Element) -> bool:
    """Removes what is dropped; tells whether something was."""
    changed = False
    for attribute in list(element.attributes.values()):
        declares = attribute.name.startswith("xmlns:") and _is_dropped(attribute.value, "")
        if declares or _is_dropped(attribute.namespaceURI, attribute.localName):
            element.removeAttributeNode(attribute)
            changed = True
    for child in list(element.childNodes):
        if child.nodeType != child.ELEMENT_NODE:
            continue
        if _is_dropped(child.namespaceURI, child.localName):
            element.removeChild(child)
            changed = True
        elif _clean(child):
            changed = True
    return changed


def _is_dropped(namespace: str | None, name: str) -> bool:
    namespace = namespace or ""
    dropped = namespace.startswith(_DROPPED) and not namespace.startswith(_KEPT)
    return dropped or (namespace, name) in _DROPPED_NAMES


def _says_something(root: minidom.Element) -> bool:
    """Tells whether any description has a property."""
    for described in root.getElementsByTagNameNS(_RDF, "Description"):
        if any(child.nodeType == child.ELEMENT_NODE for child in described.childNodes):
            return True
        for attribute in described.attributes.values():
            if attribute.namespaceURI not in (_RDF, "http://www.w3.org/2000/xmlns/"):
                return True
    return False
