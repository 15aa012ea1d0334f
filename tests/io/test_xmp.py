"""XMP follows the photo, without what is not true of the picture."""

import struct
from zlib import crc32

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from pynet_tf.io import images, xmp

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
DC = 'xmlns:dc="http://purl.org/dc/elements/1.1/"'
RIGHTS = '<dc:rights><rdf:Alt><rdf:li xml:lang="x-default">© Zoë</rdf:li></rdf:Alt></dc:rights>'
DEPTH = "http://ns.google.com/photos/1.0/depthmap/"
CONTAINER = "http://ns.google.com/photos/1.0/container/"


def document(attributes="", elements=""):
    return (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}">'
        f'<rdf:Description rdf:about="" {attributes}>{elements}</rdf:Description>'
        "</rdf:RDF></x:xmpmeta>"
    ).encode()


PLAIN = document(DC, RIGHTS)


def test_what_is_true_of_the_picture_stays_as_it_is():
    wrapped = b'<?xpacket begin="" id="x"?>' + PLAIN + b'<?xpacket end="w"?>'
    assert xmp.kept(wrapped + b"\n\0") == wrapped


@pytest.mark.parametrize(
    ("attributes", "elements"),
    [
        (f'xmlns:GDepth="{DEPTH}" GDepth:Mime="image/png" GDepth:Data="AAAA"', ""),
        (f'xmlns:GDepth="{DEPTH}"', "<GDepth:Data>AAAA</GDepth:Data>"),
        ('xmlns:q="http://ns.google.com/photos/1.0/camera/" q:SpecialTypeID="PORTRAIT"', ""),
        (
            f'xmlns:C="{CONTAINER}" xmlns:Item="{CONTAINER}item/"',
            '<C:Directory><rdf:Seq><rdf:li rdf:parseType="Resource"><C:Item Item:Semantic="Depth"/>'
            "</rdf:li></rdf:Seq></C:Directory>",
        ),
        ('xmlns:q="http://ns.adobe.com/hdr-gain-map/1.0/" q:Version="1.0"', ""),
        ('xmlns:q="http://ns.apple.com/HDRGainMap/1.0/" q:HDRGainMapVersion="1"', ""),
        ('xmlns:q="http://ns.apple.com/depthBlurEffect/1.0/" q:SimulatedAperture="2"', ""),
        ('xmlns:q="http://ns.adobe.com/xmp/note/" q:HasExtendedXMP="0123"', ""),
        ('xmlns:q="http://ns.adobe.com/tiff/1.0/" q:Orientation="6"', ""),
        (
            'xmlns:q="http://ns.adobe.com/xap/1.0/"',
            "<q:Thumbnails><rdf:Alt><rdf:li>AAAA</rdf:li></rdf:Alt></q:Thumbnails>",
        ),
    ],
)
def test_depth_maps_and_what_else_is_not_in_the_picture_are_left_out(attributes, elements):
    assert xmp.kept(document(attributes, elements)) is None
    left = xmp.kept(document(f"{DC} {attributes}", RIGHTS + elements)).decode()
    assert RIGHTS in left
    for word in ("Depth", "AAAA", "PORTRAIT", "Directory", "Version", "Aperture", "0123", "Orient"):
        assert word not in left
    assert xmp.kept(left.encode()) == left.encode()


def test_panoramas_stay_panoramas():
    whole = document('xmlns:G="http://ns.google.com/photos/1.0/panorama/" G:UsePanoramaViewer="T"')
    assert xmp.kept(whole) == whole


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"\0\0",
        PLAIN[:-5],
        document('bad:name="1"'),
        b'<!DOCTYPE x [<!ENTITY a "aaaa">]>' + PLAIN,
        PLAIN.replace(RIGHTS.encode(), b"x" * (5 << 20)),
    ],
)
def test_what_is_damaged_or_hostile_is_left_out(damaged):
    assert xmp.kept(damaged) is None


def saved(path, options):
    picture = Image.fromarray(np.zeros((24, 40, 3), np.uint8))
    if path.suffix == ".png":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", PLAIN.decode())
        picture.save(path, pnginfo=info, **options)
    elif path.suffix == ".tif":
        picture.save(path, tiffinfo={700: PLAIN}, **options)
    else:
        picture.save(path, xmp=PLAIN, **options)
    return path


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("made", [".png", ".jpg", ".tif", ".webp"])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_xmp_and_dots_per_inch_follow_the_photo(tmp_path, suffix, made, bits):
    photo = images.read(saved(tmp_path / f"a{suffix}", {"dpi": (300, 150)}))
    pixels = photo.pixels.astype(f"uint{bits}")
    images.write_image(tmp_path / f"b{made}", pixels, **photo.options)
    with Image.open(tmp_path / f"b{made}") as picture:
        assert picture.info["xmp"] == PLAIN
        if made != ".webp":
            assert [float(dots) for dots in picture.info["dpi"]] == pytest.approx([300, 150], 1e-3)


def test_odd_dots_per_inch_are_left_out(tmp_path):
    path = saved(tmp_path / "a.png", {"dpi": (300, 300)})
    content = path.read_bytes()
    place = content.index(b"pHYs") + 4
    for dots in (0, 2**31):
        chunk = b"pHYs" + struct.pack(">IIB", dots, dots, 1)
        path.write_bytes(
            content[: place - 4] + chunk + struct.pack(">I", crc32(chunk)) + content[place + 13 :]
        )
        assert "dpi" not in images.read(path).options


def test_xmp_too_long_for_a_jpeg_is_told(tmp_path):
    description = document(DC, RIGHTS.replace("Zoë", "Z" * 70_000))
    pixels = np.zeros((24, 40, 3), np.uint8)
    (lost,) = images.write_image(tmp_path / "a.jpg", pixels, xmp=description)
    assert "cannot hold its XMP" in lost
    assert images.write_image(tmp_path / "a.png", pixels, xmp=description) == ()
