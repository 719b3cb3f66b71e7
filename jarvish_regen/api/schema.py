"""Pieces of the OpenAPI description that every view uses."""

from collections.abc import Mapping
from typing import Any, Final

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse

from jarvish_regen.api.fields import ErrorSerializer

IDEMPOTENCY_KEY: Final = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="1 to 255 printable ASCII characters. The same call with the same key is done once; a "
    "repetition gets the same reply with `Idempotent-Replayed: true`.",
)
PREFER: Final = OpenApiParameter(
    "Prefer",
    str,
    OpenApiParameter.HEADER,
    description="`wait=N` (seconds, at most 10): wait for the new version and get 200 with it when it is ready "
    "in time.",
)

_WORDS: Final[Mapping[int, tuple[str, str, str, str | None]]] = {
    400: ("A value cannot be used.", "validation_error", "invalid_choice", "category"),
    401: ("No token or session, or it has ended.", "client_error", "not_authenticated", None),
    403: ("Role or scopes do not allow this.", "client_error", "permission_denied", "scopes"),
    404: ("Not there, or not yours.", "client_error", "not_found", "id"),
    409: ("The thing has moved on: `allowed` has its current state.", "client_error", "stale_version", "version"),
    413: ("More than is taken at once.", "client_error", "too_large", "items"),
    415: ("Not application/json.", "client_error", "unsupported_media_type", None),
    422: (
        "The Idempotency-Key was used with another body.",
        "client_error",
        "idempotency_key_reused",
        "Idempotency-Key",
    ),
    429: ("Too many calls; see Retry-After and RateLimit.", "client_error", "throttled", None),
    503: ("Try again in a moment.", "server_error", "unavailable", None),
}


def errors(*statuses: int) -> dict[int, Any]:
    """Return the error responses of a view, each with an example in the one shape."""
    found: dict[int, Any] = {}
    for status in (*statuses, 503):
        words, kind, code, field = _WORDS[status]
        value = {
            "type": kind,
            "errors": [{"code": code, "detail": words, "field": field, "given": None, "allowed": None}],
        }
        found[status] = OpenApiResponse(
            ErrorSerializer, words, examples=[OpenApiExample(code, value=value, response_only=True)]
        )
    return found
