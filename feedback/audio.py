"""Look at a recording: which container its bytes are, and how long it runs. Pure; what a sender says counts nothing."""

import io
import struct
from collections.abc import Iterator
from typing import Final

from tinytag import ParseError, TinyTag

WEBM: Final = "audio/webm"
OGG: Final = "audio/ogg"
MP4: Final = "audio/mp4"
MP3: Final = "audio/mpeg"
WAV: Final = "audio/wav"
# How a file of each kind is called: transcription endpoints go by the name.
FILE_NAMES: Final = {WEBM: "note.webm", OGG: "note.ogg", MP4: "note.m4a", MP3: "note.mp3", WAV: "note.wav"}
ALLOWED: Final = ("webm", "ogg", "mp4", "m4a", "mp3", "wav")

_EBML: Final = b"\x1a\x45\xdf\xa3"
_EBML_HEAD_BYTES: Final = 64  # the document type stands in the first header
_MP4_BRANDS: Final = (b"M4A ", b"M4B ", b"mp41", b"mp42", b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"dash", b"avc1")
_MP3_KBITS: Final = range(1, 15)  # 0 is free format, 15 is forbidden

# Elements of Matroska (RFC 9559) on the way to the last block's time.
_SEGMENT: Final = 0x18538067
_INFO: Final = 0x1549A966
_CLUSTER: Final = 0x1F43B675
_BLOCK_GROUP: Final = 0xA0
_PARENTS: Final = frozenset({_SEGMENT, _INFO, _CLUSTER, _BLOCK_GROUP})
_TIMESTAMP_SCALE: Final = 0x2AD7B1
_DURATION: Final = 0x4489
_CLUSTER_TIME: Final = 0xE7
_BLOCKS: Final = frozenset({0xA1, 0xA3})
_USUAL_SCALE_NS: Final = 1_000_000


def media_type_of(audio: bytes) -> str:
    """Return the media type that the first bytes show; empty for anything that is not taken."""
    head = audio[:_EBML_HEAD_BYTES]
    if head.startswith(_EBML):
        return WEBM if b"webm" in head else ""
    if head.startswith(b"OggS"):
        return OGG
    if head[4:8] == b"ftyp" and head[8:12] in _MP4_BRANDS:
        return MP4
    if head.startswith(b"RIFF") and head[8:12] == b"WAVE":
        return WAV
    if head.startswith(b"ID3") or _is_mp3_frame(head):
        return MP3
    return ""


def seconds_of(audio: bytes, media_type: str) -> float | None:
    """Return how long a recording runs, as its container tells; None when it does not (cut off, or never said)."""
    if media_type == WEBM:
        return _webm_seconds(audio)
    name = FILE_NAMES[media_type]
    try:
        found = TinyTag.get(filename=name, file_obj=io.BytesIO(audio), tags=False, duration=True).duration
    except ParseError:
        return None
    return float(found) if found and found > 0 else None


def _is_mp3_frame(head: bytes) -> bool:
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    return version != 1 and layer == 1 and head[2] >> 4 in _MP3_KBITS and head[2] >> 2 & 3 != 3


def _webm_seconds(audio: bytes) -> float | None:
    """Return the length by the last block's time: a browser's recorder writes no duration, for it streams."""
    scale_ns, said, cluster, last = _USUAL_SCALE_NS, 0.0, 0, None
    for element, body in _elements(audio):
        if element == _TIMESTAMP_SCALE:
            scale_ns = int.from_bytes(body) or _USUAL_SCALE_NS
        elif element == _DURATION and len(body) in (4, 8):
            said = struct.unpack(">f" if len(body) == 4 else ">d", body)[0]
        elif element == _CLUSTER_TIME:
            cluster = int.from_bytes(body)
        elif element in _BLOCKS and (track := _vint(body, 0, keeps_marker=False)) is not None:
            at = track[1]
            time = cluster + int.from_bytes(body[at : at + 2], signed=True)
            last = time if last is None else max(last, time)
    seconds = max(said if said == said else 0.0, float(last or 0)) * scale_ns / 1e9
    return seconds if 0 < seconds < float("inf") else None


def _elements(audio: bytes) -> Iterator[tuple[int, bytes]]:
    """Return the elements in their order, each parent's children in its place; stops at the first broken one."""
    at = 0
    while at < len(audio):
        name = _vint(audio, at, keeps_marker=True)
        size = None if name is None else _vint(audio, name[1], keeps_marker=False)
        if name is None or size is None:
            return
        start = size[1]
        if name[0] in _PARENTS:
            at = start  # its children follow; where it ends says nothing that they do not
            continue
        if size[0] is None:
            return  # of unknown size, and no parent that we know
        yield name[0] or 0, audio[start : start + min(size[0], len(audio) - start)]
        at = start + size[0]


def _vint(audio: bytes, at: int, *, keeps_marker: bool) -> tuple[int | None, int] | None:
    """Return a number of variable length and where it ends; the number is None for "unknown", all None if broken."""
    first = audio[at] if at < len(audio) else 0
    length = 9 - first.bit_length()
    if not first or length > 8 or at + length > len(audio):
        return None
    value = int.from_bytes(audio[at : at + length])
    if keeps_marker:
        return value, at + length
    bits = 7 * length
    value &= (1 << bits) - 1
    return (None if value == (1 << bits) - 1 else value), at + length
