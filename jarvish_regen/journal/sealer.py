"""Give committed events and audit entries their place: a gapless number within the firm, and a link in its hash chain.

A number drawn while a transaction runs lets a reader skip one that commits late; numbering what is already committed,
by one
sealer at a time, cannot.
"""

import hashlib
import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import connection, transaction

from jarvish_regen.ids import to_short
from jarvish_regen.journal import webhooks
from jarvish_regen.journal.live import firm_group, hint_all, item_group
from jarvish_regen.journal.models import AuditEntry, Chain, Event
from jarvish_regen.roundtrips import pipelined

_LOCK_KEY = 0x6A72_0001  # any constant; shared by every sealer
_BATCH_ROWS = 500

# Columns of values, joined by id: Django's bulk_update writes a CASE a row, which took most of the relay's time.
_SEAL_EVENTS_SQL = """
    UPDATE journal_event SET seq = given.seq
      FROM unnest(%s::uuid[], %s::bigint[]) AS given (id, seq)
     WHERE journal_event.id = given.id
"""
_SEAL_ENTRIES_SQL = """
    UPDATE journal_auditentry SET seq = given.seq, prev_hash = given.prev_hash, hash = given.hash
      FROM unnest(%s::uuid[], %s::bigint[], %s::text[], %s::text[]) AS given (id, seq, prev_hash, hash)
     WHERE journal_auditentry.id = given.id
"""
_MOVE_CHAINS_SQL = """
    UPDATE journal_chain
       SET last_event_seq = given.event_seq, last_audit_seq = given.audit_seq, last_hash = given.hash
      FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[], %s::text[]) AS given (firm_id, event_seq, audit_seq, hash)
     WHERE journal_chain.firm_id = given.firm_id
"""


@dataclass(frozen=True)
class BrokenLink:
    """A place where the chain does not hold."""

    firm_id: uuid.UUID
    seq: int
    problem: str


def seal() -> int:
    """Number and chain what is committed and not sealed yet; hint each event to its open pages. Returns the rows
    sealed.

    Does nothing while another sealer works.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK_KEY])
            if not cursor.fetchone()[0]:
                return 0
        events = list(Event.objects.filter(seq__isnull=True).order_by("created_at", "id")[:_BATCH_ROWS])
        entries = list(AuditEntry.objects.filter(seq__isnull=True).order_by("created_at", "id")[:_BATCH_ROWS])
        if not events and not entries:
            return 0
        firm_ids = {row.firm_id for row in events} | {row.firm_id for row in entries}
        chains = _chains_of(firm_ids)
        for event in events:
            chain = chains[event.firm_id]
            chain.last_event_seq += 1
            event.seq = chain.last_event_seq
        for entry in entries:
            chain = chains[entry.firm_id]
            chain.last_audit_seq += 1
            entry.seq = chain.last_audit_seq
            entry.prev_hash = chain.last_hash
            entry.hash = chain.last_hash = link_hash(entry)
        owed = webhooks.owe(events)
        _store(events, entries, chains.values())
    webhooks.ring_for(owed)
    hint_all(
        (group, {"seq": event.seq, "kind": event.kind, "id": to_short("item", event.item_id)})
        for event in events
        if event.item_id
        for group in (item_group(event.item_id), firm_group(event.firm_id))
    )
    return len(events) + len(entries)


def _chains_of(firm_ids: set[uuid.UUID]) -> dict[uuid.UUID, Chain]:
    chains = Chain.objects.in_bulk(firm_ids)
    new = [Chain(firm_id=firm_id) for firm_id in firm_ids - chains.keys()]
    Chain.objects.bulk_create(new)  # nobody else makes one: the sealer's lock is held
    return chains | {chain.firm_id: chain for chain in new}


def _store(events: Sequence[Event], entries: Sequence[AuditEntry], chains: Iterable[Chain]) -> None:
    moved = [(chain.firm_id, chain.last_event_seq, chain.last_audit_seq, chain.last_hash) for chain in chains]
    with pipelined(), connection.cursor() as cursor:
        if events:
            cursor.execute(_SEAL_EVENTS_SQL, [[one.id for one in events], [one.seq for one in events]])
        if entries:
            sealed = [(one.id, one.seq, one.prev_hash, one.hash) for one in entries]
            cursor.execute(_SEAL_ENTRIES_SQL, list(map(list, zip(*sealed, strict=True))))
        cursor.execute(_MOVE_CHAINS_SQL, list(map(list, zip(*moved, strict=True))))


def link_hash(entry: AuditEntry) -> str:
    """Return the SHA-256 of the previous link and this entry's canonical JSON."""
    said = [
        str(entry.id),
        str(entry.firm_id),
        entry.seq,
        entry.subject_kind,
        str(entry.subject_id),
        entry.act,
        entry.from_state,
        entry.to_state,
        str(entry.actor_id or ""),
        entry.reason,
        entry.details,
        entry.created_at.timestamp(),
    ]
    canonical = json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{entry.prev_hash}{canonical}".encode()).hexdigest()


def broken_links(entries: Iterable[AuditEntry]) -> list[BrokenLink]:
    """Return where the given entries, ordered by (firm, seq), are not a gapless, unchanged chain."""
    found: list[BrokenLink] = []
    last: dict[uuid.UUID, tuple[int, str]] = {}
    for entry in entries:
        seq, previous = last.get(entry.firm_id, (0, "0" * 64))
        number = entry.seq or 0
        if number != seq + 1:
            found.append(BrokenLink(entry.firm_id, number, f"follows number {seq}"))
        if entry.prev_hash != previous:
            found.append(BrokenLink(entry.firm_id, number, "does not name its predecessor's hash"))
        if entry.hash != link_hash(entry):
            found.append(BrokenLink(entry.firm_id, number, "was changed after it was sealed"))
        last[entry.firm_id] = (number, entry.hash)
    return found
