"""Recordings for tests, written as their containers are: short, silent, and of any length they are told to have."""

import struct
from typing import Final

_UNKNOWN_SIZE: Final = b"\x01\xff\xff\xff\xff\xff\xff\xff"


def wav(seconds: float = 2.0, *, rate: int = 8000) -> bytes:
    """Return 8-bit mono PCM."""
    count = int(seconds * rate)
    head = b"RIFF" + struct.pack("<I", 36 + count) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, rate, rate, 1, 8)
    return head + b"data" + struct.pack("<I", count) + b"\x80" * count


def ogg(seconds: float = 2.0) -> bytes:
    """Return Opus whose last page tells the length."""
    head = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 312, 48000, 0, 0)
    tags = b"OpusTags" + struct.pack("<I", 1) + b"x" + struct.pack("<I", 0)
    return _page(0, 0, head, 2) + _page(0, 1, tags) + _page(int(seconds * 48000) + 312, 2, b"\xf8" * 200, 4)


def mp3(seconds: float = 2.0) -> bytes:
    """Return frames of 128 kbit/s at 44.1 kHz; a frame has 1152 samples."""
    return (b"\xff\xfb\x90\x00" + bytes(413)) * round(seconds * 44100 / 1152)


def mp4(seconds: float = 2.0, *, brand: bytes = b"M4A ") -> bytes:
    """Return a file whose movie header tells the length."""
    movie = _box(b"mvhd", bytes(4) + struct.pack(">IIII", 0, 0, 1000, int(seconds * 1000)) + bytes(80))
    return _box(b"ftyp", brand + bytes(4) + b"isom") + _box(b"moov", movie) + _box(b"mdat", bytes(100))


def webm(seconds: float = 2.0, *, duration: float | None = None, kind: bytes = b"webm") -> bytes:
    """Return what a browser's recorder writes: open-ended, a cluster every five seconds, a block every 20 ms.

    ``duration`` writes the field that recorders leave out, in seconds.
    """
    head = b"\x1a\x45\xdf\xa3" + _sized(b"\x42\x82" + _sized(kind))
    told = b"" if duration is None else b"\x44\x89" + _sized(struct.pack(">d", duration * 1000))
    info = b"\x15\x49\xa9\x66" + _sized(b"\x2a\xd7\xb1" + _sized(b"\x0f\x42\x40") + told)
    clusters = b""
    blocks = int(seconds * 50)
    for first in range(0, blocks, 250):
        clusters += b"\x1f\x43\xb6\x75" + _UNKNOWN_SIZE + b"\xe7" + _sized((first * 20).to_bytes(4))
        for block in range(first, min(first + 250, blocks)):
            clusters += b"\xa3" + _sized(b"\x81" + struct.pack(">h", (block - first) * 20) + b"\x80" + b"\xf8" * 3)
    return head + b"\x18\x53\x80\x67" + _UNKNOWN_SIZE + info + clusters


def _sized(body: bytes) -> bytes:
    return bytes([0x40 | len(body) >> 8, len(body) & 0xFF]) + body


def _page(granule: int, number: int, body: bytes, flags: int = 0) -> bytes:
    lacing = [255] * (len(body) // 255) + [len(body) % 255]
    head = struct.pack("<BBqIIIB", 0, flags, granule, 7, number, 0, len(lacing))
    return b"OggS" + head + bytes(lacing) + body


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body) + 8) + kind + body
