"""Having a recording written down: what is sent, what comes back, and what a bad other side costs."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from jarvish_regen.llm.addresses import UnsafeBaseURLError
from jarvish_regen.llm.base import (
    AnswerMalformedError,
    AnswerTooLongError,
    DeadlinePassedError,
    KeyRefusedError,
    LLMError,
    RequestRefusedError,
    StreamCutError,
    TargetFailedError,
    TargetThrottledError,
    TargetUnreachableError,
)
from jarvish_regen.llm.deadline import Deadline
from jarvish_regen.llm.targets import InvalidTargetError
from jarvish_regen.llm.transcription import Endpoint, Transcriber, Transcript, build_endpoint
from tests.fake_audio import Recording
from tests.fake_openai import FakeOpenAI

AUDIO = b"\x1a\x45\xdf\xa3 webm \r\n--not-a-boundary--\r\n" + bytes(range(256)) * 8
PATIENT_SECONDS = 30.0


@pytest.fixture
def fake() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as running:
        yield running


def _endpoint(fake: FakeOpenAI) -> Endpoint:
    return build_endpoint(url=fake.url, key="sk-voice", model="whisper-1", allow_loopback=True)


async def _transcribed(endpoint: Endpoint, *, seconds: float = PATIENT_SECONDS) -> Transcript:
    transcriber = Transcriber(endpoint)
    try:
        return await transcriber.transcribe(
            AUDIO, file_name="note.webm", media_type="audio/webm", deadline=Deadline.after(seconds)
        )
    finally:
        await transcriber.close()


async def test_the_bytes_arrive_as_they_are_and_the_words_come_back(fake: FakeOpenAI) -> None:
    said = await _transcribed(_endpoint(fake))

    (got,) = fake.server.recordings
    assert said == Transcript("Too pushy, and the disclaimer is missing.", 3.2, "english")
    assert (got.audio, got.file_name, got.media_type) == (AUDIO, "note.webm", "audio/webm")
    assert got.fields == {"model": "whisper-1", "response_format": "verbose_json", "temperature": "0"}
    assert got.headers["Authorization"] == "Bearer sk-voice"


async def test_an_endpoint_that_tells_only_words_is_asked_a_second_time(fake: FakeOpenAI) -> None:
    def hear(recording: Recording) -> dict[str, Any]:
        return {"text": "बहुत लंबा है", "language": "hindi", "duration": "4.5"}

    fake.server.hear = hear
    whole = await _transcribed(_endpoint(fake))
    fake.switch("404")
    with pytest.raises(RequestRefusedError):
        await _transcribed(_endpoint(fake))

    assert whole == Transcript("बहुत लंबा है", 4.5, "hindi")
    assert [one.fields["response_format"] for one in fake.server.recordings] == ["verbose_json"] * 2 + ["json"]


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ("401", KeyRefusedError),
        ("404", RequestRefusedError),
        ("429", TargetThrottledError),
        ("500", TargetFailedError),
        ("503", TargetFailedError),
        ("redirect", RequestRefusedError),
        ("disconnect", StreamCutError),
        ("dead", TargetUnreachableError),
        ("cut", StreamCutError),
        ("html", AnswerMalformedError),
        ("bad_json", AnswerMalformedError),
        ("nested", AnswerMalformedError),
        ("bad_utf8", AnswerMalformedError),
        ("wrong_schema", AnswerMalformedError),
        ("huge", AnswerTooLongError),
    ],
)
async def test_each_failure_has_its_name(fake: FakeOpenAI, profile: str, expected: type[LLMError]) -> None:
    fake.switch(profile)

    with pytest.raises(expected) as refused:
        await _transcribed(_endpoint(fake))

    assert "sk-" not in str(refused.value)


async def test_an_endpoint_that_hangs_is_left_at_the_deadline(fake: FakeOpenAI) -> None:
    fake.switch("hang")

    with pytest.raises(DeadlinePassedError):
        await _transcribed(_endpoint(fake), seconds=0.2)
    with pytest.raises(DeadlinePassedError):
        await _transcribed(_endpoint(fake), seconds=0.0)

    assert len(fake.server.recordings) == 1


async def test_cancelling_is_no_deadline(fake: FakeOpenAI) -> None:
    fake.switch("hang")
    task = asyncio.create_task(_transcribed(_endpoint(fake)))
    while not fake.server.recordings:
        await asyncio.sleep(0.01)

    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_what_cannot_be_stored_is_left_out(fake: FakeOpenAI) -> None:
    fake.switch("lone_surrogate")

    assert (await _transcribed(_endpoint(fake))).text == "Too  pushy"


@pytest.mark.parametrize("seconds", [None, "long", float("inf"), -3, [1]])
async def test_a_length_that_is_none_is_not_believed(fake: FakeOpenAI, seconds: object) -> None:
    fake.server.hear = lambda recording: {"text": "ok", "duration": None if seconds == float("inf") else seconds}

    assert (await _transcribed(_endpoint(fake))).seconds is None


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com/v1",
        "https://10.0.0.1/v1",
        "https://169.254.169.254/v1",
        "http://127.0.0.1/v1",
        "ftp://a.in",
    ],
)
def test_only_public_addresses_are_asked(url: str) -> None:
    with pytest.raises(UnsafeBaseURLError):
        build_endpoint(url=url, key="k", model="m")
    with pytest.raises(UnsafeBaseURLError):
        Transcriber(Endpoint(url, "m", "k"))


@pytest.mark.parametrize(("key", "model"), [("k\r\nX-Evil: 1", "m"), ("k", " "), ("k", "m\r\n--x"), ("ключ", "m")])
def test_what_would_break_out_of_a_header_or_a_form_is_refused(key: str, model: str) -> None:
    with pytest.raises(InvalidTargetError):
        build_endpoint(url="https://api.vendor.com/v1", key=key, model=model)


def test_the_whole_address_may_be_given() -> None:
    given = "https://api.vendor.com/v1/audio/transcriptions/"

    assert build_endpoint(url=given, key="k", model="m").base_url == "https://api.vendor.com/v1"
