"""Reads the segments and the XMP of a JPEG file, as far as depth maps need them."""

import hashlib
import re
import struct
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator

from pynet_tf.depth.embedded.found import BrokenDepthError

# JPEG's marks of a segment with metadata, and of where the pixels begin.
_APP1, _SCAN = 0xE1, 0xDA
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"
# In bytes, of all parts together; phones write 1 to 10 MB.
_LARGEST_XMP = 128 << 20


def app1(content: bytes) -> Iterator[bytes]:
    """Yields what a JPEG's APP1 segments hold: EXIF and XMP.

    Args:
        content: of the file.
    """
    place = 2
    while place + 4 <= len(content) and content[place] == 0xFF:
        marker = content[place + 1]
        if marker == 0xFF:
            place += 1
            continue
        if marker == _SCAN:
            return
        (length,) = struct.unpack_from(">H", content, place + 2)
        if marker == _APP1:
            yield content[place + 4 : place + 2 + length]
        place += 2 + length


def xmp_documents(content: bytes) -> list[ElementTree.Element]:
    """Returns a JPEG's XMP: the main document and, where there is one, its extension.

    Args:
        content: of the file.

    Raises:
        BrokenDepthError: a part is missing, longer than it says, or has another hash than the main
            document says.
    """
    mains, parts = [], {}
    for payload in app1(content):
        if payload.startswith(_XMP):
            mains.append(payload[len(_XMP) :])
        elif payload.startswith(_EXTENSION):
            head = payload[len(_EXTENSION) :]
            name = head[:32].decode("ascii", "replace")
            length, offset = struct.unpack_from(">II", head.ljust(40, b"\0"), 32)
            parts.setdefault((name, length), []).append((offset, head[40:]))
    documents = [_parsed(main) for main in mains]
    wanted = re.search(rb"HasExtendedXMP\s*(?:=\s*[\"']|>)\s*([0-9A-Fa-f]{32})", b"".join(mains))
    if wanted:
        name = wanted[1].decode()
        found = [key for key in parts if key[0].lower() == name.lower()]
        if not found:
            raise BrokenDepthError("its extended XMP is missing")
        documents.append(_parsed(_joined(name, found[0][1], parts[found[0]])))
    return [document for document in documents if document is not None]


def properties(documents: list[ElementTree.Element], namespace: str) -> dict[str, str]:
    """Returns the properties of a namespace by name, from attributes and elements alike.

    Args:
        documents: see `xmp_documents`.
        namespace: the address that stands for it.
    """
    prefix, found = "{" + namespace + "}", {}
    for document in documents:
        for element in document.iter():
            if element.tag.startswith(prefix) and element.text and element.text.strip():
                found[element.tag[len(prefix) :]] = element.text.strip()
            for name, value in element.attrib.items():
                if name.startswith(prefix):
                    found[name[len(prefix) :]] = value
    return found


def _joined(name: str, length: int, parts: list[tuple[int, bytes]]) -> bytes:
    if length > _LARGEST_XMP:
        raise BrokenDepthError(f"its extended XMP says to have {length} bytes")
    whole, end = bytearray(), 0
    for offset, data in sorted(parts):
        if offset != end:
            raise BrokenDepthError("a part of its extended XMP is missing")
        whole += data
        end += len(data)
    if end != length:
        raise BrokenDepthError("a part of its extended XMP is missing")
    if hashlib.md5(whole).hexdigest().lower() != name.lower():
        raise BrokenDepthError("its extended XMP is damaged: the hash is another one")
    return bytes(whole)


def _parsed(text: bytes) -> ElementTree.Element | None:
    try:
        return ElementTree.fromstring(text.strip(b"\0 \r\n\t"))
    except ElementTree.ParseError:
        return None
