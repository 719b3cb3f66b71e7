"""Give committed events and audit entries their place: a gapless number within the firm, and a link in its hash chain.

A number drawn while a transaction runs lets a reader skip one that commits late; numbering what is already committed,
by one
sealer at a time, cannot.
"""

import hashlib
import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection, transaction

from jarvish_regen.ids import to_short
from jarvish_regen.journal import webhooks
from jarvish_regen.journal.live import firm_group, hint, item_group
from jarvish_regen.journal.models import AuditEntry, Chain, Event

_LOCK_KEY = 0x6A72_0001  # any constant; shared by every sealer
_BATCH_ROWS = 500


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
        Chain.objects.bulk_create((Chain(firm_id=firm_id) for firm_id in firm_ids), ignore_conflicts=True)
        chains = Chain.objects.in_bulk(firm_ids)
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
        Event.objects.bulk_update(events, ["seq"])
        owed = webhooks.owe(events)
        AuditEntry.objects.bulk_update(entries, ["seq", "prev_hash", "hash"])
        Chain.objects.bulk_update(chains.values(), ["last_event_seq", "last_audit_seq", "last_hash"])
    webhooks.ring_for(owed)
    for event in events:
        if event.item_id:
            shown = {"seq": event.seq, "kind": event.kind, "id": to_short("item", event.item_id)}
            hint(item_group(event.item_id), **shown)
            hint(firm_group(event.firm_id), **shown)
    return len(events) + len(entries)


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
