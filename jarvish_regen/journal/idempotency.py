"""The same unsafe call twice does its work once: `Idempotency-Key`, kept with the work it belongs to."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from jarvish_regen.errors import InFlightError, InputError, KeyReusedError
from jarvish_regen.journal.models import IdempotencyKey
from jarvish_regen.roundtrips import pipelined

KEY_MAX_CHARS = 255


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
    """
    if key is None:
        with transaction.atomic():
            return work()
    if not (key.isascii() and key.isprintable() and 0 < len(key) <= KEY_MAX_CHARS):
        raise InputError(
            "Idempotency-Key is 1 to 255 printable ASCII characters.", field="Idempotency-Key", given=key[:60]
        )
    digest = hashlib.sha256(
        json.dumps(body, sort_keys=True, separators=(",", ":"), default=str).encode("utf-8", "surrogatepass")
    ).hexdigest()
    with transaction.atomic():
        # Two statements, so that the second sees what was committed while the first waited; one round trip.
        with connection.cursor() as cursor, pipelined():
            lock = hashlib.sha256(f"{caller}\0{method}\0{path}\0{key}".encode()).digest()[:8]
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [int.from_bytes(lock, signed=True)])
            known = IdempotencyKey.objects.filter(caller=caller, method=method, path=path, key=key).first()
            is_free = cursor.fetchone()[0]
        if known is None and not is_free:
            raise InFlightError(
                "A call with this Idempotency-Key is still running.", field="Idempotency-Key", given=key
            )
        if known is not None:
            if known.body_sha256 != digest:
                raise KeyReusedError(
                    "This Idempotency-Key was used with another body.", field="Idempotency-Key", given=key
                )
            return Reply(known.status, known.body, is_replay=True)
        reply = work()
        IdempotencyKey.objects.create(
            caller=caller, method=method, path=path, key=key, body_sha256=digest, status=reply.status, body=reply.body
        )
    return reply
