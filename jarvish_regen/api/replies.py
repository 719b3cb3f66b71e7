"""What views share on the way in and out: shapes applied, keys honoured, one error an item."""

from collections.abc import Callable, Mapping
from functools import cache
from types import SimpleNamespace
from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from jarvish_regen.api.errors import ExceptionFormatter
from jarvish_regen.api.fields import StrictSerializer
from jarvish_regen.errors import InputError, JarvishError, TooLargeError, error_body
from jarvish_regen.journal.idempotency import Reply, once

KEY_HEADER = "Idempotency-Key"


def shaped(shape: type[StrictSerializer], body: Any) -> dict[str, Any]:
    """Return the body as the shape has it. Raises ValidationError, naming each field that is wrong."""
    try:
        fit: dict[str, Any] = _bound(shape).run_validation(body)
    except ValidationError:
        pass  # told below, in the words that a shape of its own has for it
    else:
        return fit
    serializer = shape(data=body)
    serializer.is_valid(raise_exception=True)
    validated: dict[str, Any] = serializer.validated_data
    return validated


@cache
def _bound(shape: type[StrictSerializer]) -> StrictSerializer:
    # To copy and bind all fields for each call takes longer than to check with them; checking leaves nothing behind.
    return shape()


def asked(shape: type[StrictSerializer], request: Request) -> dict[str, Any]:
    """Return the query string as the shape has it. Raises ValidationError for unknown or unusable parameters."""
    return shaped(shape, request.query_params.dict())


def caller_of(request: Request) -> str:
    """Return whose idempotency keys these are: a token's or a person's. Two callers' keys never meet."""
    token_key = getattr(request.auth, "token_key", None)
    return f"token:{token_key}" if token_key else f"user:{request.user.pk}"


def once_for(request: Request, work: Callable[[], Reply]) -> Reply:
    """Run `work` in one transaction, once per Idempotency-Key of this caller and address."""
    return once(
        caller=caller_of(request),
        method=request.method or "",
        path=request.path,
        key=request.headers.get(KEY_HEADER),
        body=request.data,
        work=work,
    )


def answered(reply: Reply, *, headers: Mapping[str, str] | None = None) -> Response:
    """Return a reply as a response; one that was given before says so."""
    response = Response(reply.body if reply.status != 204 else None, status=reply.status)
    if reply.is_replay:
        response["Idempotent-Replayed"] = "true"
    for name, value in (headers or {}).items():
        response[name] = value
    return response


def items_of(body: Any, *, allowed: int) -> list[Any]:
    """Return the `items` of a bulk call.

    Raises:
        InputError: there is no list of items, it is empty, or something stands beside it.
        TooLargeError: more items than are taken at once.
    """
    if not isinstance(body, dict) or not isinstance(body.get("items"), list):
        raise InputError(
            "Send an object with a list named items.", field="items", given=type(body).__name__, allowed="list"
        )
    unknown = sorted(set(body) - {"items"})
    if unknown:
        raise InputError(
            "Unknown field.", code="unknown_field", field=unknown[0], given=body[unknown[0]], allowed=["items"]
        )
    items: list[Any] = body["items"]
    if not items:
        raise InputError("The list is empty.", code="empty", field="items", given=0, allowed=allowed)
    if len(items) > allowed:
        raise TooLargeError("More items than are taken at once.", field="items", given=len(items), allowed=allowed)
    return items


def each_once(request: Request, items: list[Any], work: Callable[[Any], Reply]) -> tuple[list[Reply], bool]:
    """Run `work` for each item in a transaction of its own, so that a bad one never undoes a good one.

    Under an Idempotency-Key each item's reply is kept with its work: a call that was cut off goes on where it ended.
    Returns the replies in order, and whether the whole call had been seen before. A refusal of one item is its reply.
    """
    seen = once_for(request, lambda: Reply(207, {})).is_replay
    key = request.headers.get(KEY_HEADER)
    path = f"{request.path}#items"
    replies = []
    for number, item in enumerate(items):
        item_key = None if key is None else f"{number}:{key}"[:255]
        try:
            reply = once(
                caller=caller_of(request),
                method=request.method or "",
                path=path,
                key=item_key,
                body=item,
                work=_work_on(work, item),
            )
        except JarvishError as error:
            reply = Reply(error.http_status, refusal(error))
        replies.append(reply)
    return replies, seen


def _work_on(work: Callable[[Any], Reply], item: Any) -> Callable[[], Reply]:
    return lambda: work(item)


def refusal(error: JarvishError) -> dict[str, Any]:
    """Return one of our errors in the shape of an error body."""
    kind = "server_error" if error.http_status >= 500 else "client_error"
    return error_body(
        code=error.code, detail=error.detail, kind=kind, field=error.field, given=error.given, allowed=error.allowed
    )


def misshapen(error: ValidationError, given: Any) -> dict[str, Any]:
    """Return what is wrong with the shape of one item of many, as an error body."""
    context: Any = {"request": SimpleNamespace(_full_data=given)}
    body: dict[str, Any] = ExceptionFormatter(error, context, error).run()
    return body
