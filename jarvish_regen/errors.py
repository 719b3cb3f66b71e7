"""What can go wrong, in one tree, and its one shape on the wire.

JarvishError
├── InputError          400  a value that cannot be used: names the field, the value given, what is allowed
├── ForbiddenError      403  the role may not do this at all
├── NotFoundError       404  not there, or not yours: the two are never told apart
├── ConflictError       409  the thing has moved on: carries its current state
│   ├── StaleVersionError    an old version was meant
│   └── InFlightError        the same Idempotency-Key is being worked on
├── TooLargeError       413  more than is taken at once
├── KeyReusedError      422  the Idempotency-Key belongs to another body
└── UnavailableError    503  try again in a moment
"""

import json
from typing import Any, Final

from django.utils.functional import Promise

GIVEN_MAX_CHARS: Final = 200


class JarvishError(Exception):
    """Something the caller can be told. `detail` is in words; `field`, `given` and `allowed` say what to mend."""

    code = "error"
    http_status = 500

    def __init__(
        self,
        detail: str | Promise,
        *,
        code: str | None = None,
        field: str | None = None,
        given: Any = None,
        allowed: Any = None,
    ) -> None:
        super().__init__(str(detail))
        self.detail = str(detail)
        self.code = code or self.code
        self.field = field
        self.given = given
        self.allowed = allowed


class InputError(JarvishError):
    code = "invalid"
    http_status = 400


class ForbiddenError(JarvishError):
    code = "permission_denied"
    http_status = 403


class NotFoundError(JarvishError):
    code = "not_found"
    http_status = 404


class ConflictError(JarvishError):
    code = "conflict"
    http_status = 409


class StaleVersionError(ConflictError):
    code = "stale_version"


class InFlightError(ConflictError):
    code = "in_flight"


class TooLargeError(JarvishError):
    code = "too_large"
    http_status = 413


class KeyReusedError(JarvishError):
    code = "idempotency_key_reused"
    http_status = 422


class UnavailableError(JarvishError):
    code = "unavailable"
    http_status = 503


def shown(given: Any) -> Any:
    """Return the value as it may be repeated to the caller: short, and never a whole text."""
    if given is None or isinstance(given, bool | int | float):
        return given
    words = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False, default=str)
    words = words.encode("utf-8", "replace").decode().replace("\x00", "�")
    return words if len(words) <= GIVEN_MAX_CHARS else f"{words[:GIVEN_MAX_CHARS]}…"


def error_body(
    *, code: str, detail: str, kind: str, field: str | None = None, given: Any = None, allowed: Any = None
) -> dict[str, Any]:
    """Return the wire shape of one error, for the few places that are not DRF views."""
    return {
        "type": kind,
        "errors": [{"code": code, "detail": detail, "field": field, "given": shown(given), "allowed": allowed}],
    }
