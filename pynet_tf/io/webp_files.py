"""Whether a WebP file has lost anything of its picture, which Pillow does not tell."""

# Before the chunks: RIFF, the length, WEBP. Before each one's content: its name and length.
_FILE_HEAD, _CHUNK_HEAD = 12, 8
# Of a frame of an animation, before the chunks in it.
_FRAME_HEAD = 16


def is_lossless(content: bytes) -> bool:
    """Tells whether the first picture of a WebP file is stored without loss.

    Args:
        content: of the file.
    """
    place = _FILE_HEAD
    while chunk := content[place : place + _CHUNK_HEAD]:
        name = chunk[:4]
        if name in (b"VP8L", b"VP8 "):
            return name == b"VP8L"
        length = _FRAME_HEAD if name == b"ANMF" else int.from_bytes(chunk[4:], "little")
        # Contents of odd length are followed by a byte of nothing.
        place += _CHUNK_HEAD + length + length % 2
    return False
