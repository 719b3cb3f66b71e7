"""What a recording's bytes tell: their container, and how long they run."""

from collections.abc import Callable
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedback.audio import FILE_NAMES, media_type_of, seconds_of
from tests.recordings import mp3, mp4, ogg, wav, webm

MAKERS: Final[dict[str, Callable[[float], bytes]]] = {
    "audio/wav": wav,
    "audio/ogg": ogg,
    "audio/mpeg": mp3,
    "audio/mp4": mp4,
    "audio/webm": webm,
}


@pytest.mark.parametrize("media_type", MAKERS)
@pytest.mark.parametrize("seconds", [2.0, 59.0, 75.0])
def test_the_bytes_tell_the_container_and_the_length(media_type: str, seconds: float) -> None:
    audio = MAKERS[media_type](seconds)

    assert media_type_of(audio) == media_type
    assert seconds_of(audio, media_type) == pytest.approx(seconds, abs=0.05)


def test_every_container_has_a_file_name() -> None:
    assert set(FILE_NAMES) == set(MAKERS)


@pytest.mark.parametrize(
    "audio",
    [
        b"",
        b"RIFF",
        b"\x1a\x45\xdf\xa3",
        webm(1.0, kind=b"matroska"),
        mp4(1.0, brand=b"heic"),
        b"\x89PNG\r\n\x1a\n" + bytes(60),
        b"\xff\xd8\xff\xe0" + bytes(60),
        b"%PDF-1.7" + bytes(60),
        b"PK\x03\x04" + bytes(60),
        b"\x7fELF" + bytes(60),
        b"MZ" + bytes(60),
        b"#!/bin/sh\nrm -rf /\n",
        b"<svg onload=alert(1)>" + bytes(60),
        b"fLaC" + bytes(60),
        b"RIFF\x00\x00\x00\x00AVI LIST" + bytes(60),
        b"\xff\xfe" + "text".encode("utf-16-le") * 20,
        b"\xff\xff\xff\xff" + bytes(60),
        b"note.webm",
    ],
)
def test_anything_else_is_nothing(audio: bytes) -> None:
    assert media_type_of(audio) == ""


def test_a_recorder_that_tells_too_little_is_measured_by_its_blocks() -> None:
    assert seconds_of(webm(75.0, duration=3.0), "audio/webm") == pytest.approx(75.0, abs=0.05)
    assert seconds_of(webm(3.0, duration=75.0), "audio/webm") == pytest.approx(75.0, abs=0.05)


@pytest.mark.parametrize("media_type", MAKERS)
def test_a_recording_that_is_cut_off_has_a_length_or_none(media_type: str) -> None:
    whole = MAKERS[media_type](3.0)

    found = [seconds_of(whole[:length], media_type) for length in range(0, min(len(whole), 600), 7)]

    assert all(seconds is None or 0 < seconds < 3600 for seconds in found)


@given(
    media_type=st.sampled_from(sorted(MAKERS)),
    changes=st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255)), max_size=12),
)
def test_broken_bytes_never_fail(media_type: str, changes: list[tuple[int, int]]) -> None:
    audio = bytearray(MAKERS[media_type](1.0))
    for place, value in changes:
        audio[place % len(audio)] = value

    found = seconds_of(bytes(audio), media_type)

    assert found is None or found > 0
    assert media_type_of(bytes(audio)) in {"", *MAKERS}
