"""Write down what happened, in the transaction that makes it true, and tell of it after commit."""

import logging
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any, ClassVar, Final, TypeVar

from celery import Celery
from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

from jarvish_regen.errors import ConflictError
from jarvish_regen.faults import faultpoint
from jarvish_regen.ids import to_short
from jarvish_regen.journal.models import AuditEntry, DeadLetter, Event, Outbox, WebhookEndpoint
from jarvish_regen.roundtrips import afterwards, insert

logger = logging.getLogger(__name__)

_NOTE_RUNG_SQL: Final = (
    "UPDATE journal_outbox SET rung_at = statement_timestamp(), rings = rings + 1 WHERE id = ANY(%s)"
)

NO_FIRM_ID: Final = uuid.UUID(int=0)  # the chain of what concerns the house and no firm
ACT_OF_SETTLING: Final = {DeadLetter.State.REPLAYED: "replay", DeadLetter.State.DISCARDED: "discard"}


@dataclass(frozen=True, kw_only=True)
class DomainEvent:
    """A fact made of ids. Subclasses set `kind`; every field beyond these three goes into the payload."""

    kind: ClassVar[str]
    firm_id: uuid.UUID
    item_id: uuid.UUID | None
    actor_id: uuid.UUID | None = None


@dataclass(frozen=True)
class Ring:
    """A task that an event owes to a queue."""

    task: str
    kwargs: Mapping[str, str]
    queue: str


_E = TypeVar("_E", bound=DomainEvent)
_listeners: dict[type[DomainEvent], list[Callable[[Any], None]]] = {}
_bells: dict[type[DomainEvent], list[Callable[[Any], Ring | None]]] = {}


def on(event_type: type[_E]) -> Callable[[Callable[[_E], None]], Callable[[_E], None]]:
    """Call the decorated function after the commit that stored such an event."""

    def register(listener: Callable[[_E], None]) -> Callable[[_E], None]:
        _listeners.setdefault(event_type, []).append(listener)
        return listener

    return register


def rings(event_type: type[_E]) -> Callable[[Callable[[_E], Ring | None]], Callable[[_E], Ring | None]]:
    """Owe a queue the ring that the decorated function names. It is stored with the event, so no crash can lose it."""

    def register(bell: Callable[[_E], Ring | None]) -> Callable[[_E], Ring | None]:
        _bells.setdefault(event_type, []).append(bell)
        return bell

    return register


def listeners() -> dict[type[DomainEvent], list[str]]:
    """Return who listens to what, as dotted names: what docs/loop.md is checked against."""
    found: dict[type[DomainEvent], list[str]] = {}
    for table in (_listeners, _bells):
        for event_type, functions in table.items():
            found.setdefault(event_type, []).extend(
                f"{function.__module__}.{function.__name__}" for function in functions
            )
    return found


def publish(*events: DomainEvent) -> None:
    """Store events in the open transaction, with the rings they owe, and announce them after it commits.

    Leaves behind Event and Outbox rows. Raises RuntimeError outside a transaction: a fact without its row is a rumour.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("publish() outside a transaction")
    written = _written.get()
    if written is None:
        _store(events)
    else:
        written.events.extend(events)


@dataclass(frozen=True)
class _Written:
    """What waits for the end of a `together` block."""

    events: list[DomainEvent] = field(default_factory=list)
    entries: list[AuditEntry] = field(default_factory=list)


_written: ContextVar[_Written | None] = ContextVar("written", default=None)


@contextmanager
def together() -> Iterator[None]:
    """Store what is published and audited inside with one statement for all events and one for all entries.

    Opened inside a transaction, which holds the rest of the story; a block that raises stores nothing. Each statement
    saved is a round trip of an answer.
    """
    if _written.get() is not None:
        yield
        return
    written = _Written()
    token = _written.set(written)
    try:
        yield
    finally:
        _written.reset(token)
    if written.entries:
        insert(written.entries)
    if written.events:
        _store(tuple(written.events))


def _store(events: tuple[DomainEvent, ...]) -> None:
    insert([_row(event) for event in events])
    owed = [ring for event in events for bell in _bells.get(type(event), ()) if (ring := bell(event))]
    rows = [Outbox(task=ring.task, kwargs=dict(ring.kwargs), queue=ring.queue) for ring in owed]
    insert(rows, reads_back=["id"])
    transaction.on_commit(lambda: _announce(events, rows))


_KIND_OF_ID: Final = {
    "version_id": "version",
    "feedback_id": "feedback",
    "regeneration_id": "regeneration",
    "case_id": "case",
    "voice_id": "voice",
}


def public_details(event: Event) -> dict[str, Any]:
    """Return an event's payload as outsiders read it: ids in their short form."""
    return {
        name: to_short(_KIND_OF_ID[name], uuid.UUID(value)) if name in _KIND_OF_ID else value
        for name, value in event.payload.items()
    }


def _row(event: DomainEvent) -> Event:
    own = {
        one.name: getattr(event, one.name)
        for one in fields(event)
        if one.name not in ("firm_id", "item_id", "actor_id")
    }
    payload = {name: str(value) if isinstance(value, uuid.UUID) else value for name, value in own.items()}
    return Event(
        kind=event.kind, firm_id=event.firm_id, item_id=event.item_id, actor_id=event.actor_id, payload=payload
    )


def _announce(events: tuple[DomainEvent, ...], rows: list[Outbox]) -> None:
    if rows:
        faultpoint("after-commit-before-ring")
    sent = [row for row in rows if _send(row.task, row.kwargs, row.queue)]
    # Nobody waits for this note: without it the relay rings once more.
    afterwards(lambda: _note_rung(sent))
    for event in events:
        for listener in _listeners.get(type(event), ()):
            try:
                listener(event)
            except Exception:  # one listener's failure must not silence the next; the fact itself is stored
                logger.exception("listener failed", extra={"kind": event.kind, "listener": listener.__name__})


def ring_again(ring: Ring) -> bool:
    """Ring for work that is stored already. A ring that is lost here is repeated by the next sweep, so none is owed."""
    return _send(ring.task, dict(ring.kwargs), ring.queue)


def ring_now(row: Outbox) -> bool:
    """Send one owed ring to the broker; return False, leaving the row owed, when the broker is away."""
    if not _send(row.task, row.kwargs, row.queue):
        return False
    _note_rung([row])
    return True


def _note_rung(rows: Sequence[Outbox]) -> None:
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(_NOTE_RUNG_SQL, [[row.pk for row in rows]])


@cache
def _celery() -> Celery:
    # Named by a setting, like the URL configuration: the cellar does not import the roof.
    app: Celery = import_string(settings.CELERY_APP_PATH)
    return app


def _send(task: str, kwargs: dict[str, str], queue: str) -> bool:
    try:
        _celery().send_task(task, kwargs=kwargs, queue=queue, retry=False, ignore_result=True)
    except (BrokerError, RedisError, OSError) as error:
        logger.warning("ring lost", extra={"task": task, "error": type(error).__name__})
        return False
    return True


def audit(
    *,
    firm_id: uuid.UUID,
    subject_kind: str,
    subject_id: uuid.UUID,
    act: str,
    actor_id: uuid.UUID | None,
    from_state: str = "",
    to_state: str = "",
    reason: str = "",
    details: Mapping[str, Any] | None = None,
) -> None:
    """Append one entry to the audit trail, in the caller's transaction. Details hold ids and codes, never texts."""
    entry = AuditEntry(
        firm_id=firm_id,
        subject_kind=subject_kind,
        subject_id=subject_id,
        act=act,
        actor_id=actor_id,
        from_state=from_state,
        to_state=to_state,
        reason=reason[:500],
        details=dict(details or {}),
    )
    written = _written.get()
    if written is None:
        entry.save(force_insert=True)
    else:
        written.entries.append(entry)


def bury(
    *,
    firm_id: uuid.UUID | None,
    subject_kind: str,
    subject_id: uuid.UUID,
    ring: Ring,
    reason: str,
    claims: int,
    last_error: str = "",
) -> bool:
    """Set work aside as a dead letter. Returns False when it already waits there."""
    _letter, is_new = DeadLetter.objects.get_or_create(
        subject_id=subject_id,
        state=DeadLetter.State.WAITING,
        defaults={
            "firm_id": firm_id,
            "subject_kind": subject_kind,
            "task": ring.task,
            "kwargs": dict(ring.kwargs),
            "queue": ring.queue,
            "reason": reason[:200],
            "claims": claims,
            "last_error": last_error[:200],
        },
    )
    return is_new


def settle_dead_letter(*, letter: DeadLetter, state: DeadLetter.State, actor_id: uuid.UUID | None, reason: str) -> None:
    """Write down what became of a dead letter, once, in the caller's transaction. Leaves an audit entry.

    Raises:
        ConflictError: somebody else has decided meanwhile. Carries the current state.
    """
    settled = DeadLetter.objects.filter(id=letter.id, state=DeadLetter.State.WAITING).update(
        state=state, settled_at=Now(), settled_by=actor_id, settled_reason=reason[:500]
    )
    if not settled:
        now = DeadLetter.objects.values_list("state", flat=True).get(id=letter.id)
        raise ConflictError(
            _("This was decided meanwhile: it is “%(state)s”.") % {"state": DeadLetter.State(now).label},
            field="state",
            given=DeadLetter.State.WAITING.value,
            allowed=now,
            code="moved_on",
        )
    audit(
        firm_id=letter.firm_id or NO_FIRM_ID,
        subject_kind="dead_letter",
        subject_id=letter.id,
        act=ACT_OF_SETTLING[state],
        from_state=DeadLetter.State.WAITING,
        to_state=state,
        actor_id=actor_id,
        reason=reason,
        details={letter.subject_kind: str(letter.subject_id)},
    )


def disable_endpoint(*, endpoint: WebhookEndpoint, actor_id: uuid.UUID, reason: str) -> None:
    """Stop a webhook in its firm's stead, in the caller's transaction. Leaves an audit entry.

    Raises:
        ConflictError: it is stopped already.
    """
    if not WebhookEndpoint.objects.filter(id=endpoint.id, is_active=True).update(is_active=False):
        raise ConflictError(_("This webhook is stopped already."), field="is_active", given=False, code="moved_on")
    audit(
        firm_id=endpoint.firm_id,
        subject_kind="endpoint",
        subject_id=endpoint.id,
        act="disable",
        actor_id=actor_id,
        reason=reason,
    )
