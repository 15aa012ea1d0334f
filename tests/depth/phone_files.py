"""Writes photos with depth inside, as the descriptions of the formats have them."""

import base64
import hashlib
import io
import struct

import numpy as np
from PIL import Image

HEIGHT, WIDTH = 60, 90
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"


def nearness() -> np.ndarray:
    """A map of a near block in the lower left: 0..1, near = 1."""
    depth = np.linspace(0, 0.5, HEIGHT // 2)[:, None] * np.ones(WIDTH // 2)
    depth[18:28, 4:16] = 1.0
    return depth


def photo(level: int = 120) -> np.ndarray:
    image = np.full((HEIGHT, WIDTH, 3), level, np.uint8)
    image[36:56, 8:32] = (200, 60, 40)
    return image


def encoded(image: np.ndarray, kind: str = "JPEG", orientation: int = 1) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, kind, **({"exif": exif} if kind == "JPEG" else {}))
    return buffer.getvalue()


def with_segments(jpeg: bytes, *payloads: bytes) -> bytes:
    """Puts APP1 segments behind the first two bytes."""
    segments = b"".join(b"\xff\xe1" + struct.pack(">H", len(p) + 2) + p for p in payloads)
    return jpeg[:2] + segments + jpeg[2:]


def _document(attributes: str, inside: str = "") -> bytes:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        f"{attributes}>{inside}</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


def stored(form: str, near: float = 1.0, far: float = 10.0) -> np.ndarray:
    """The stored values of `nearness()`: dark = near."""
    if form == "RangeInverse":
        share = 1 - nearness()
    else:
        inverse = 1 / far + nearness() * (1 / near - 1 / far)
        share = (1 / inverse - near) / (far - near)
    return np.rint(255 * share).astype(np.uint8)


def gdepth(
    form: str = "RangeInverse",
    orientation: int = 1,
    unblurred: np.ndarray | None = None,
    part: int = 200,
    focus: tuple[float, float] | None = None,
    **wrong,
) -> bytes:
    """A GDepth JPEG, its maps in extended XMP of several segments.

    `wrong` may hold `data` (base64 in place of the map's), `hash`, or `drop` (a segment's number).
    """  # fmt: skip
    grey = np.repeat(stored(form)[..., None], 4, axis=-1)
    grey[..., 3] = 255
    data = wrong.get("data", base64.b64encode(encoded(grey, "PNG")).decode())
    image = ""
    if unblurred is not None:
        content = base64.b64encode(encoded(unblurred)).decode()
        image = f'GImage:Mime="image/jpeg" GImage:Data="{content}"'
    extended = _document(
        'xmlns:GDepth="http://ns.google.com/photos/1.0/depthmap/" '
        f'xmlns:GImage="http://ns.google.com/photos/1.0/image/" GDepth:Data="{data}" {image}'
    )
    point = ""
    if focus is not None:
        point = (
            'xmlns:GFocus="http://ns.google.com/photos/1.0/focus/" '
            f'GFocus:FocalPointX="{focus[0]}" GFocus:FocalPointY="{focus[1]}" '
        )
    name = wrong.get("hash", hashlib.md5(extended).hexdigest().upper())
    main = _document(
        'xmlns:GDepth="http://ns.google.com/photos/1.0/depthmap/" '
        'xmlns:xmpNote="http://ns.adobe.com/xmp/note/" GDepth:Mime="image/png" '
        f'GDepth:Format="{form}" GDepth:Near="1.0" GDepth:Far="10.0" '
        f'{point}xmpNote:HasExtendedXMP="{name}"'
    )
    parts = [
        _EXTENSION + name.encode() + struct.pack(">II", len(extended), start)
        + extended[start : start + part]
        for start in range(0, len(extended), part)
    ]  # fmt: skip
    if "drop" in wrong:
        del parts[wrong["drop"]]
    return with_segments(encoded(photo(), orientation=orientation), _XMP + main, *parts)


def dynamic_depth(new: bool, orientation: int = 1, lie: int = 0) -> bytes:
    """A Dynamic Depth JPEG of the first or the newer form; `lie` is added to the map's length."""
    original = encoded(photo(160))
    depth = encoded(stored("RangeInverse"), "PNG")
    if new:
        space = "http://ns.google.com/photos/1.0/container/"
        names = [f'Item:Semantic="{name}"' for name in ("Primary", "Original", "Depth")]
    else:
        space = "http://ns.google.com/photos/dd/1.0/container/"
        uris = ("primary_image", "android/original_image", "android/depthmap")
        names = [f'Item:DataURI="{uri}"' for uri in uris]
    lengths = (0, len(original), len(depth) + lie)
    items = "".join(
        f'<rdf:li rdf:parseType="Resource"><Container:Item Item:Mime="image/jpeg" '
        f'Item:Length="{length}" {name}/></rdf:li>'
        for name, length in zip(names, lengths, strict=True)
    )
    main = _document(
        f'xmlns:Container="{space}" xmlns:Item="{space}item/"',
        f"<Container:Directory><rdf:Seq>{items}</rdf:Seq></Container:Directory>",
    )
    return with_segments(encoded(photo(), orientation=orientation), _XMP + main) + original + depth


def samsung(orientation: int = 1, dark_is_near: bool = False, lie: int = 0) -> bytes:
    """A Live Focus JPEG with its trailer."""
    values = np.rint(255 * nearness()).astype(np.uint8)
    values = 255 - values if dark_is_near else values
    height, width = values.shape
    contents = {
        b"DualShot_DepthMap_1": values.tobytes(),
        b"DualShot_Extra_Info": struct.pack("<IIII", 7, width, height, 1),
        b"DualShot_1": encoded(photo(160)),
    }
    blocks = [
        struct.pack("<HHI", 0, 0x0AB1, len(name)) + name + data for name, data in contents.items()
    ]
    whole = b"".join(blocks)
    directory, place = b"SEFH" + struct.pack("<II", 106, len(blocks)), 0
    for block in blocks:
        directory += struct.pack("<HHII", 0, 0x0AB1, len(whole) - place + lie, len(block))
        place += len(block)
    tail = struct.pack("<I", len(directory)) + b"SEFT"
    return encoded(photo(), orientation=orientation) + whole + directory + tail


def huawei(orientation: int = 1, width: int | None = None, cut: int = 0) -> bytes:
    """A wide-aperture JPEG with its trailer: near = dark, a byte says how to turn it upright."""
    values = np.rint(255 * (1 - nearness())).astype(np.uint8)
    header = bytearray(b"\0edof\0".ljust(73, b"\x07"))
    header[12] = {1: 0x10, 8: 0x11, 3: 0x12, 6: 0x13}[orientation]
    header[21:25] = struct.pack("<HH", width or values.shape[1], values.shape[0])
    block = bytes(header) + values.tobytes()[: values.size - cut]
    behind = encoded(photo(160)) + bytes(1208) + block
    trailer = b"" if cut else struct.pack("<I", len(block))
    return encoded(photo(), orientation=orientation) + b"DepthEn\0" + behind + trailer


def mpo(orientation: int = 1) -> bytes:
    """An iPhone's portrait JPEG: the photo, a matte that is no map, and the disparity."""

    def frame(values, kind):
        about = _document(
            f'xmlns:apdi="http://ns.apple.com/pixeldatainfo/1.0/" apdi:AuxiliaryImageType="{kind}"'
        )
        return with_segments(encoded(values), _XMP + about)

    disparity = np.rint(255 * nearness()).astype(np.uint8)
    frames = [
        frame(np.full_like(disparity, 255), "urn:com:apple:depth:portraiteffectsmatte"),
        frame(disparity, "disparity"),
    ]
    first = encoded(photo(), orientation=orientation)
    # The index (MPF, an APP2 segment): offsets count from its own header.
    entries, count = b"", len(frames) + 1
    tags = struct.pack("<H", 3)
    tags += struct.pack("<HHI4s", 0xB000, 7, 4, b"0100")
    tags += struct.pack("<HHII", 0xB001, 4, 1, count)
    tags += struct.pack("<HHII", 0xB002, 7, 16 * count, 8 + 2 + 3 * 12 + 4)
    size = 4 + 4 + 8 + len(tags) + 4 + 16 * count
    header_at = 2 + 4 + 4
    total = len(first) + size
    offset = total - header_at
    entries += struct.pack("<IIIHH", 0x030000, total, 0, 0, 0)
    for content in frames:
        entries += struct.pack("<IIIHH", 0, len(content), offset, 0, 0)
        offset += len(content)
    body = b"MPF\0" + b"II*\0" + struct.pack("<I", 8) + tags + struct.pack("<I", 0) + entries
    segment = b"\xff\xe2" + struct.pack(">H", len(body) + 2) + body
    assert len(segment) == size
    return first[:2] + segment + first[2:] + b"".join(frames)


def heic(
    orientation: int = 1, map_is_turned: bool = True, values: np.ndarray | None = None
) -> bytes:
    """An iPhone's HEIC: the photo, and a disparity that is an auxiliary image of it.

    `map_is_turned`: whether the file asks to turn the map, too, when it is opened.
    """
    import pillow_heif

    pillow_heif.register_heif_opener()
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    disparity = np.rint(255 * nearness()).astype(np.uint8) if values is None else values
    Image.fromarray(photo()).save(
        buffer, "HEIF", exif=exif, quality=95, save_all=True,
        append_images=[Image.fromarray(disparity)],
    )  # fmt: skip
    content = buffer.getvalue()
    boxes = list(_boxes(content))
    (meta,) = (data[4:] for name, data in boxes if name == b"meta")
    parts = dict(_boxes(meta))
    first, second = (number for number, _ in _associations(parts[b"iprp"]))
    properties, ipma = (data for _, data in _boxes(parts[b"iprp"]))
    count = len(list(_boxes(properties)))
    quarters = {1: 0, 8: 1, 3: 2, 6: 3}[orientation]
    properties += _box(b"irot", bytes([quarters]))
    properties += _box(b"auxC", bytes(4) + b"urn:mpeg:hevc:2015:auxid:2\0")
    turned, auxiliary = 0x80 | count + 1, 0x80 | count + 2
    more = {first: [turned], second: [auxiliary] + [turned] * map_is_turned}
    ipma = bytes(4) + struct.pack(">I", 2)
    for number, old in _associations(parts[b"iprp"]):
        new = [*old, *more[number]]
        ipma += struct.pack(">HB", number, len(new)) + bytes(new)
    parts[b"iprp"] = _box(b"ipco", properties) + _box(b"ipma", ipma)
    parts[b"iref"] += _box(b"auxl", struct.pack(">HHH", second, 1, first))
    new_meta = bytes(4) + b"".join(_box(name, data) for name, data in parts.items())
    # At the end, so that nothing that the file counts from its beginning moves.
    begin = content.index(b"meta")
    return content[:begin] + b"free" + content[begin + 4 :] + _box(b"meta", new_meta)


def _boxes(data: bytes):
    """Yields the names and the contents of a HEIF file's boxes, or of those in a box."""
    place = 0
    while place < len(data):
        (size,) = struct.unpack_from(">I", data, place)
        yield data[place + 4 : place + 8], data[place + 8 : place + size]
        place += size


def _box(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data) + 8) + name + data


def _associations(iprp: bytes):
    """Yields the images of a HEIF file and the numbers of their properties."""
    ipma, place = dict(_boxes(iprp))[b"ipma"], 8
    while place < len(ipma):
        number, count = struct.unpack_from(">HB", ipma, place)
        yield number, list(ipma[place + 3 : place + 3 + count])
        place += 3 + count
