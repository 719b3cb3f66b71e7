"""Have a recording written down by any OpenAI-compatible endpoint: one POST with a form, one answer in JSON.

Guarded like the model client: public addresses pinned at the connection, no redirects, bytes counted on both sides, one
deadline over everything, and nothing of a provider's words in an error.
"""

from __future__ import annotations

import asyncio
import json
import math
import secrets
from dataclasses import dataclass, field
from typing import Final

from jarvish_regen.llm.addresses import check_base_url
from jarvish_regen.llm.base import (
    CLOSING_SECONDS,
    AnswerMalformedError,
    AnswerTooLongError,
    DeadlinePassedError,
    RequestRefusedError,
)
from jarvish_regen.llm.deadline import Deadline
from jarvish_regen.llm.failures import failure_of_status
from jarvish_regen.llm.targets import InvalidTargetError
from jarvish_regen.llm.transport import Answer, GuardedTransport, Transport

__all__ = ["Endpoint", "Transcriber", "Transcript", "build_endpoint"]

# A minute of fast speech is 200 words; segments, times and log-probabilities of words make the rest.
MAX_REPLY_BYTES: Final = 256 * 1024
_PATH: Final = "/audio/transcriptions"
# The first tells language and length; endpoints that cannot do it refuse it, and take the second.
_FORMATS: Final = ("verbose_json", "json")
_CONNECTIONS: Final = 2


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Name one model that listens. ``base_url`` ends before ``/audio/transcriptions``."""

    base_url: str
    model: str
    api_key: str = field(repr=False)
    allow_loopback: bool = False


@dataclass(frozen=True, slots=True)
class Transcript:
    """Hold what was said; ``seconds`` and ``language`` (in the provider's words) where the endpoint tells them."""

    text: str = field(repr=False)
    seconds: float | None = None
    language: str = ""


def build_endpoint(*, url: str, key: str, model: str, allow_loopback: bool = False) -> Endpoint:
    """Return a checked endpoint; takes a ``url`` with or without ``/audio/transcriptions``.

    ``allow_loopback`` may be True only where the URL comes from the environment. Raises ``UnsafeBaseURLError`` or
    ``InvalidTargetError``, both of them ``ValueError``.
    """
    base_url = url.strip().rstrip("/").removesuffix(_PATH)
    check_base_url(base_url, allow_loopback=allow_loopback)
    if not model.strip() or not model.isprintable():
        raise InvalidTargetError("model", "An endpoint needs the name of a model.")
    # A key goes into a header: a line end in it would be a second header.
    if not key.isascii() or any(character <= " " or character == "\x7f" for character in key.strip()):
        raise InvalidTargetError("key", "The key holds a character that keys do not have.")
    return Endpoint(base_url, model.strip(), key.strip(), allow_loopback)


class Transcriber:
    """Ask one endpoint, each time over a connection of its own: minutes lie between two recordings.

    ``transport`` replaces the network (a scripted other side).
    """

    def __init__(self, endpoint: Endpoint, *, transport: Transport | None = None) -> None:
        check_base_url(endpoint.base_url, allow_loopback=endpoint.allow_loopback)
        self._endpoint = endpoint
        self._transport: Transport = transport or GuardedTransport(
            allow_loopback=endpoint.allow_loopback, max_connections=_CONNECTIONS, max_wire_bytes=MAX_REPLY_BYTES
        )

    async def transcribe(self, audio: bytes, *, file_name: str, media_type: str, deadline: Deadline) -> Transcript:
        """Return what was said, at the latest when ``deadline`` passes; raises ``LLMError``.

        The names are ours, never a sender's: they go into a header.
        """
        work = deadline.sooner(CLOSING_SECONDS)
        if work.passed:
            raise DeadlinePassedError("No time was left to ask.")
        limit = asyncio.timeout(work.left())
        try:
            async with limit:
                return await self._ask(audio, file_name, media_type)
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise DeadlinePassedError("The transcript was not whole in time.") from error
        except (ValueError, RecursionError) as error:
            # JSONDecodeError and UnicodeDecodeError are ValueErrors.
            raise AnswerMalformedError(f"The answer cannot be read ({type(error).__name__}).") from error

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    async def _ask(self, audio: bytes, file_name: str, media_type: str) -> Transcript:
        refused: RequestRefusedError | None = None
        for reply_format in _FORMATS:
            try:
                return _transcript(await self._post(audio, file_name, media_type, reply_format))
            except RequestRefusedError as refusal:
                refused = refusal
        raise refused or RequestRefusedError("The endpoint does not take the request.")

    async def _post(self, audio: bytes, file_name: str, media_type: str, reply_format: str) -> bytes:
        fields = {"model": self._endpoint.model, "response_format": reply_format, "temperature": "0"}
        boundary, body = _form(fields, audio, file_name, media_type)
        answer = await self._transport.post(
            f"{self._endpoint.base_url}{_PATH}",
            headers={
                "Authorization": f"Bearer {self._endpoint.api_key}",
                "Content-Type": f"multipart/form-data; boundary={boundary}",
                "Accept": "application/json",
                "Accept-Encoding": "identity",
            },
            body=body,
        )
        try:
            if answer.status >= 300:
                raise failure_of_status(answer.status, answer.headers)
            return await _whole(answer)
        finally:
            await answer.close()


async def _whole(answer: Answer) -> bytes:
    received = bytearray()
    async for piece in answer.pieces():
        received += piece
        if len(received) > MAX_REPLY_BYTES:
            raise AnswerTooLongError(f"More than {MAX_REPLY_BYTES} bytes.")
    return bytes(received)


def _form(fields: dict[str, str], audio: bytes, file_name: str, media_type: str) -> tuple[str, bytes]:
    boundary = secrets.token_hex(24)
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{file_name}"\r\n'
        f"Content-Type: {media_type}\r\n\r\n"
    )
    return boundary, b"".join([*parts, head.encode(), audio, f"\r\n--{boundary}--\r\n".encode()])


def _transcript(raw: bytes) -> Transcript:
    said = json.loads(raw.decode("utf-8"))
    if not isinstance(said, dict) or not isinstance(said.get("text"), str):
        raise AnswerMalformedError("The answer has no text.")
    # Half of a surrogate pair and NUL cannot be stored, and nobody says them.
    text = said["text"].encode("utf-8", "ignore").decode().replace("\x00", "")
    language = said.get("language")
    return Transcript(text.strip(), _seconds(said.get("duration")), language[:20] if isinstance(language, str) else "")


def _seconds(given: object) -> float | None:
    try:
        seconds = float(given)  # type: ignore[arg-type]  # some endpoints write it as text
    except (TypeError, ValueError):
        return None
    return seconds if math.isfinite(seconds) and seconds > 0 else None
