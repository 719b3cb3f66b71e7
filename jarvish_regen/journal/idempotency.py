"""The same unsafe call twice does its work once: `Idempotency-Key`, kept with the work it belongs to."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection, transaction

from jarvish_regen.errors import ConflictError, InFlightError, InputError, KeyReusedError
from jarvish_regen.roundtrips import SwapMissedError, last_words, pipelined

KEY_MAX_CHARS: Final = 255
# Turns of work that others overtook, each time between its reading and its writing.
OVERTAKEN_MAX: Final = 3

_KNOWN_SQL: Final = (
    "SELECT body_sha256, status, body FROM journal_idempotencykey"
    " WHERE caller = %s AND method = %s AND path = %s AND key = %s"
)
_KEEP_SQL: Final = (
    "INSERT INTO journal_idempotencykey (caller, method, path, key, body_sha256, status, body)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s)"
)


@dataclass(frozen=True)
class Reply:
    """A status and a JSON body; `is_replay` when the work had been done before."""

    status: int
    body: dict[str, Any]
    is_replay: bool = False


def once(*, caller: str, method: str, path: str, key: str | None, body: Any, work: Callable[[], Reply]) -> Reply:
    """Run `work` in a transaction and remember its reply under the key; give the remembered reply to whoever repeats
    the call.

    Args:
        caller: the token or person; keys of two callers never meet.
        key: the header's value; None runs the work without remembering.
        body: the parsed body; its canonical JSON must be the same at each repetition.

    Raises:
        InputError: the key is empty, longer than 255 characters or not printable ASCII.
        KeyReusedError: the key was used with another body.
        InFlightError: the first call with this key is still running.
        ConflictError: others overtook the work in each of several turns (SwapMissedError in `work` begins a turn anew).
    """
    if key is None:
        return _until_not_overtaken(lambda: _unkept(work))
    if not (key.isascii() and key.isprintable() and 0 < len(key) <= KEY_MAX_CHARS):
        raise InputError(
            "Idempotency-Key is 1 to 255 printable ASCII characters.", field="Idempotency-Key", given=key[:60]
        )
    digest = hashlib.sha256(
        json.dumps(body, sort_keys=True, separators=(",", ":"), default=str).encode("utf-8", "surrogatepass")
    ).hexdigest()
    call = _Call(caller, method, path, key)
    return _until_not_overtaken(lambda: _kept(call, digest, work))


def _until_not_overtaken(turn: Callable[[], Reply]) -> Reply:
    for _turn in range(OVERTAKEN_MAX):
        try:
            return turn()
        except SwapMissedError:
            continue  # all is undone, and the next turn sees what the faster one left
    raise ConflictError("Others are working on the same thing; look at it and try again.", code="moved_on")


def _unkept(work: Callable[[], Reply]) -> Reply:
    with transaction.atomic():
        return work()


@dataclass(frozen=True)
class _Call:
    caller: str
    method: str
    path: str
    key: str

    @property
    def fields(self) -> list[str]:
        return [self.caller, self.method, self.path, self.key]

    @property
    def lock(self) -> int:
        return int.from_bytes(hashlib.sha256("\0".join(self.fields).encode()).digest()[:8], signed=True)


def _kept(call: _Call, digest: str, work: Callable[[], Reply]) -> Reply:
    with transaction.atomic():
        # Two statements, so that the second sees what was committed while the first waited; one round trip.
        with connection.cursor() as locked, connection.cursor() as found:
            with pipelined():
                locked.execute("SELECT pg_try_advisory_xact_lock(%s)", [call.lock])
                found.execute(_KNOWN_SQL, call.fields)
            (is_free,), known = locked.fetchone(), found.fetchone()
        if known is None and not is_free:
            raise InFlightError(
                "A call with this Idempotency-Key is still running.", field="Idempotency-Key", given=call.key
            )
        if known is not None:
            body_sha256, status, body = known
            if body_sha256 != digest:
                raise KeyReusedError(
                    "This Idempotency-Key was used with another body.", field="Idempotency-Key", given=call.key
                )
            return Reply(status, json.loads(body), is_replay=True)
        reply = work()
        # Work that was refused half-way can only be undone: nothing of it is kept, its key neither.
        if not transaction.get_rollback():
            last_words(_KEEP_SQL, [*call.fields, digest, reply.status, json.dumps(reply.body)])
    return reply
