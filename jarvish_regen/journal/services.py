"""Write down what happened, in the transaction that makes it true, and tell of it after commit."""

import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, TypeVar

from celery import current_app
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import RedisError

from jarvish_regen.journal.models import AuditEntry, DeadLetter, Event, Outbox

logger = logging.getLogger(__name__)


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
    Event.objects.bulk_create(_row(event) for event in events)
    owed = [ring for event in events for bell in _bells.get(type(event), ()) if (ring := bell(event))]
    rows = Outbox.objects.bulk_create(
        Outbox(task=ring.task, kwargs=dict(ring.kwargs), queue=ring.queue) for ring in owed
    )
    transaction.on_commit(lambda: _announce(events, rows))


def _row(event: DomainEvent) -> Event:
    own = {
        field.name: getattr(event, field.name)
        for field in fields(event)
        if field.name not in ("firm_id", "item_id", "actor_id")
    }
    payload = {name: str(value) if isinstance(value, uuid.UUID) else value for name, value in own.items()}
    return Event(
        kind=event.kind, firm_id=event.firm_id, item_id=event.item_id, actor_id=event.actor_id, payload=payload
    )


def _announce(events: tuple[DomainEvent, ...], rows: list[Outbox]) -> None:
    for row in rows:
        ring_now(row)
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
    Outbox.objects.filter(pk=row.pk).update(rung_at=Now(), rings=F("rings") + 1)
    return True


def _send(task: str, kwargs: dict[str, str], queue: str) -> bool:
    try:
        current_app.send_task(task, kwargs=kwargs, queue=queue, retry=False, ignore_result=True)
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
    AuditEntry.objects.create(
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
    _, is_new = DeadLetter.objects.get_or_create(
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
