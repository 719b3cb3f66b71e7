"""Write recordings down as OpenAI-compatible servers do: ``POST /audio/transcriptions`` of the fake provider."""

from __future__ import annotations

import asyncio
import email.parser
import email.policy
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.fake_http import Exchange
from tests.fake_profiles import FULL_REPLY_TOKENS, Misbehaviour, Profile

_HUGE_BYTES = 5 * 1024 * 1024
_STATUSES = {
    Misbehaviour.KEY_REFUSED: 401,
    Misbehaviour.NOT_FOUND: 404,
    Misbehaviour.FAIL: 500,
    Misbehaviour.UNAVAILABLE: 503,
}


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording as the server got it."""

    audio: bytes
    file_name: str
    media_type: str
    fields: Mapping[str, str]
    headers: Mapping[str, str]


Hear = Callable[[Recording], dict[str, Any]]


def default_hearing(recording: Recording) -> dict[str, Any]:
    """Hear the same in every recording."""
    return {"text": "Too pushy, and the disclaimer is missing.", "language": "english", "duration": 3.2}


def recording_of(exchange: Exchange) -> Recording | None:
    """Return the form that was posted; None for what is no form with a file and a model."""
    head = f"Content-Type: {exchange.headers.get('Content-Type', '')}\r\n\r\n".encode()
    form = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + exchange.body)
    fields: dict[str, str] = {}
    audio, file_name, media_type = None, "", ""
    for part in form.iter_parts() if form.is_multipart() else ():
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        raw = payload if isinstance(payload, bytes) else b""
        if name == "file":
            audio, file_name, media_type = raw, part.get_filename() or "", part.get_content_type()
        else:
            fields[str(name)] = raw.decode()
    if audio is None or not fields.get("model") or not file_name:
        return None
    return Recording(audio, file_name, media_type, fields, exchange.headers)


async def answer(
    exchange: Exchange,
    recording: Recording,
    *,
    profile: Profile,
    hear: Hear,
    until_stopped: Callable[[], Awaitable[object]],
    retry_after_seconds: float,
) -> None:
    """Answer one recording the way the profile wants it; it takes the time of a full reply."""
    does = profile.does
    if does in _STATUSES:
        exchange.reply_json({"error": {"message": "fake", "type": "fake"}}, status=_STATUSES[does])
        return
    await asyncio.sleep(profile.first_token_seconds + FULL_REPLY_TOKENS * profile.token_seconds)
    match does:
        case Misbehaviour.HANG | Misbehaviour.STALL | Misbehaviour.DRIP:
            await until_stopped()
            exchange.abort()
        case Misbehaviour.DISCONNECT | Misbehaviour.REFUSE:
            exchange.abort()
        case Misbehaviour.CUT:
            exchange.begin()
            exchange.write(b'{"text": "Too pu')
            exchange.close()
        case Misbehaviour.THROTTLE:
            exchange.reply_json({"error": {}}, status=429, headers={"Retry-After": f"{retry_after_seconds:g}"})
        case Misbehaviour.REDIRECT:
            exchange.reply(307, b"", headers={"Location": "http://127.0.0.1:9/v1/audio/transcriptions"})
        case Misbehaviour.HTML:
            exchange.reply(200, b"<html><h1>502</h1></html>", media_type="text/html")
        case Misbehaviour.BAD_JSON | Misbehaviour.MALFORMED:
            exchange.reply(200, b'{"text": "Too pu')
        case Misbehaviour.NESTED:
            exchange.reply(200, b"[" * 100_000)
        case Misbehaviour.BAD_UTF8:
            exchange.reply(200, b'{"text": "\xe0\xa4"}')
        case Misbehaviour.LONE_SURROGATE:
            exchange.reply(200, b'{"text": "Too \\ud83d pushy\\u0000"}')
        case Misbehaviour.WRONG_SCHEMA:
            exchange.reply_json({"transcript": ["Too pushy"]})
        case Misbehaviour.EMPTY:
            exchange.reply_json({"text": "", "duration": 2.0})
        case Misbehaviour.HUGE:
            exchange.reply_json({"text": "x" * _HUGE_BYTES})
        case _:
            heard = hear(recording)
            plain = recording.fields.get("response_format", "json") == "json"
            exchange.reply_json({"text": heard["text"]} if plain else heard)
