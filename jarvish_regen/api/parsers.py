"""JSON as it comes in, refused where it could not be stored or would mean two things."""

import json
import math
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from jarvish_regen.errors import InputError, TooLargeError
from jarvish_regen.language.words import problem_in


class StrictJSONParser(BaseParser):
    """Parse JSON as RFC 8259 means it: UTF-8, no NaN, no key twice, no NUL, no half of a surrogate pair."""

    media_type = "application/json"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        raw = stream.read()
        if len(raw) > settings.REQUEST_BODY_MAX_BYTES:
            raise TooLargeError("The body is too large.", given=len(raw), allowed=settings.REQUEST_BODY_MAX_BYTES)
        return read_json(raw)


def read_json(raw: bytes) -> Any:
    """Return the value that the bytes hold.

    Raises ParseError for what is not JSON, InputError for text that cannot be stored.
    """
    try:
        body = json.loads(raw.decode("utf-8"), parse_constant=_refuse_constant, object_pairs_hook=_without_twins)
        _refuse_broken_text(body, "")
    except UnicodeDecodeError as error:
        raise ParseError(f"The body is not UTF-8 (byte {error.start}).") from error
    except RecursionError as error:
        raise ParseError("The body is nested too deeply.") from error
    except ValueError as error:
        raise ParseError(f"The body is not JSON: {error}") from error
    return body


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key[:60]!r} stands twice")
        found[key] = value
    return found


def _refuse_broken_text(value: Any, path: str) -> None:
    if isinstance(value, str):
        problem = problem_in(value)
        if problem:
            raise InputError(
                f"The text holds {problem}, which cannot be stored.",
                code="broken_text",
                field=path or None,
                given=value[:60],
            )
    elif isinstance(value, dict):
        for key, inner in value.items():
            _refuse_broken_text(key, path)
            _refuse_broken_text(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _refuse_broken_text(inner, f"{path}.{index}" if path else str(index))
    elif isinstance(value, float) and math.isinf(value):
        raise InputError("The number is too large.", field=path or None)
