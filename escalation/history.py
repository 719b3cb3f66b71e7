"""Check the whole record after the fact: chains, states, versions, attempts. Reads everything, changes nothing.

What was accepted settles, nothing happens twice, only legal moves are made, and the
audit trail explains every state there is.
"""

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

from django.conf import settings
from django.db.models import Count, Max
from django.db.models.functions import Now

from escalation.models import Case, CaseState
from jarvish_regen.content.models import ContentItem, ContentVersion
from jarvish_regen.content.states import ItemState, may_move
from jarvish_regen.ids import to_short
from jarvish_regen.journal.models import AuditEntry, Chain, DeadLetter, Event
from jarvish_regen.journal.sealer import broken_links
from regeneration.models import OPEN_STATES, Regeneration, RegenerationState

# An open attempt is claimed at most REGENERATION_CLAIMS_MAX times, each for a lease; twice that and a sweep is stuck.
STUCK_SECONDS: Final = 2 * settings.REGENERATION_CLAIMS_MAX * settings.REGENERATION_LEASE_SECONDS


@dataclass(frozen=True)
class Violation:
    """One place where the record does not hold: which promise, on what, in words."""

    promise: str
    subject: str
    problem: str


@dataclass(frozen=True)
class Verdict:
    """What was looked at and what does not hold."""

    items: int
    versions: int
    attempts: int
    audit_entries: int
    events: int
    violations: tuple[Violation, ...]

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {**asdict(self), "holds": not self.violations}


def verify(*, is_quiet: bool = True) -> Verdict:
    """Return what does not hold. With `is_quiet` the system has come to rest, so every open attempt must be settled."""
    violations = [*_chains(), *_sequences(), *_items(), *_versions(), *_attempts(), *_cases(), *_letters()]
    if is_quiet:
        violations += _stuck()
    return Verdict(
        items=ContentItem.objects.count(),
        versions=ContentVersion.objects.count(),
        attempts=Regeneration.objects.count(),
        audit_entries=AuditEntry.objects.count(),
        events=Event.objects.count(),
        violations=tuple(violations),
    )


def _chains() -> Iterator[Violation]:
    entries = AuditEntry.objects.filter(seq__isnull=False).order_by("firm_id", "seq")
    for link in broken_links(entries.iterator()):
        yield Violation("audit chain", f"{to_short('firm', link.firm_id)} entry {link.seq}", link.problem)
    lasts = dict(entries.order_by().values_list("firm_id").annotate(last=Max("seq")))
    hashes = {(row.firm_id, row.seq): row.hash for row in entries.filter(seq__in=set(lasts.values()))}
    for chain in Chain.objects.iterator():
        last = lasts.get(chain.firm_id, 0)
        subject = to_short("firm", chain.firm_id)
        if chain.last_audit_seq != last:
            yield Violation("audit chain", subject, f"the head says {chain.last_audit_seq}, the last entry is {last}")
        elif last and chain.last_hash != hashes[chain.firm_id, last]:
            yield Violation("audit chain", subject, "the head does not name the last entry's hash")


def _sequences() -> Iterator[Violation]:
    counted = Event.objects.filter(seq__isnull=False).values("firm_id").annotate(last=Max("seq"), rows=Count("id"))
    for row in counted.order_by():
        if row["last"] != row["rows"]:
            problem = f"{row['rows']} events carry numbers up to {row['last']}"
            yield Violation("event numbers", to_short("firm", row["firm_id"]), problem)


def _items() -> Iterator[Violation]:
    paths = _paths("item")
    for item in ContentItem.objects.only("id", "state").iterator():
        subject = item.short_id
        path = paths.pop(item.id, [])
        if not path:
            yield Violation("audit explains states", subject, "it has no audit entry")
            continue
        yield from _walk(subject, path, item.state)
    for item_id in paths:
        yield Violation("nothing is lost", to_short("item", item_id), "it has audit entries and no row")


def _walk(subject: str, path: list[tuple[str, str]], state: str) -> Iterator[Violation]:
    """Say whether one way leads through all moves of a draft, from its arrival to where it stands.

    The order of the entries is not used: their time is that of their transaction's start, which may cross.
    """
    balance = Counter(to_state for _from, to_state in path)
    balance.subtract(from_state for from_state, _to in path if from_state)
    arrivals = [to_state for from_state, to_state in path if not from_state]
    if arrivals != [ItemState.IN_REVIEW]:
        yield Violation("audit explains states", subject, f"it arrived as {', '.join(arrivals) or 'nothing'}")
    for from_state, to_state in path:
        if from_state and not may_move(from_state, to_state):
            yield Violation("legal moves", subject, f"{from_state} → {to_state}")
    expected = {state: 1}
    found = {one: count for one, count in balance.items() if count}
    if found != expected:
        trail = ", ".join(f"{one} ({count:+d})" for one, count in sorted(found.items())) or "where it began"
        yield Violation("audit explains states", subject, f"it stands at {state}; its trail ends at {trail}")


def _paths(subject_kind: str) -> dict[uuid.UUID, list[tuple[str, str]]]:
    """Return the moves of each subject."""
    rows = AuditEntry.objects.filter(subject_kind=subject_kind).exclude(to_state="")
    paths: dict[uuid.UUID, list[tuple[str, str]]] = defaultdict(list)
    for subject_id, from_state, to_state in rows.values_list("subject_id", "from_state", "to_state").iterator():
        paths[subject_id].append((from_state, to_state))
    return paths


def _versions() -> Iterator[Violation]:
    for row in ContentVersion.objects.values("item_id").annotate(last=Max("number"), rows=Count("id")).order_by():
        if row["last"] != row["rows"]:
            problem = f"{row['rows']} versions carry numbers up to {row['last']}"
            yield Violation("version numbers", to_short("item", row["item_id"]), problem)
    current = ContentItem.objects.exclude(current__isnull=True).select_related("current")
    latest = dict(ContentVersion.objects.order_by().values_list("item_id").annotate(last=Max("number")))
    for item in current.iterator():
        if item.current is None or item.current.item_id != item.id or item.current.number != latest[item.id]:
            yield Violation("current version", item.short_id, "its current version is not its latest")


def _attempts() -> Iterator[Violation]:
    written: dict[str, int] = defaultdict(int)
    # A better text that came late is a further version of the same attempt, its upgrade.
    answers = ContentVersion.objects.filter(origin_key__contains=":").exclude(origin_key__endswith=":late")
    keys = answers.values_list("origin_key", flat=True)
    for key in keys.iterator():
        written[key.split(":", 1)[0]] += 1
    for attempt in Regeneration.objects.select_related("answer").iterator():
        subject = attempt.short_id
        versions = written.pop(str(attempt.id), 0)
        is_answered = attempt.state == RegenerationState.ANSWERED
        if versions > 1:
            yield Violation("one version an attempt", subject, f"it wrote {versions} versions")
        if is_answered != (attempt.answer is not None) or is_answered != (versions == 1):
            yield Violation("one version an attempt", subject, f"it is {attempt.state} with {versions} versions")
        if attempt.answer is not None and attempt.answer.item_id != attempt.item_id:
            yield Violation("one version an attempt", subject, "its answer belongs to another draft")
        if attempt.claims > settings.REGENERATION_CLAIMS_MAX:
            yield Violation("claims are bounded", subject, f"it was taken {attempt.claims} times")
        if not attempt.is_open and attempt.finished_at is None:
            yield Violation("attempts settle", subject, f"it is {attempt.state} and was never finished")


def _stuck() -> Iterator[Violation]:
    open_now = Regeneration.objects.filter(state__in=OPEN_STATES).annotate(now=Now())
    for attempt in open_now.iterator():
        seconds = (attempt.now - attempt.stored_at).total_seconds()
        if seconds > STUCK_SECONDS:
            yield Violation("attempts settle", attempt.short_id, f"it has been {attempt.state} for {seconds:.0f} s")
    rewriting = ContentItem.objects.filter(state=ItemState.REGENERATING).exclude(regenerations__state__in=OPEN_STATES)
    for item in rewriting.iterator():
        yield Violation("drafts settle", item.short_id, "it is being rewritten and no attempt is open")


_CASE_OF_STATE: Final = {
    ItemState.REGENERATING: {CaseState.MACHINE},
    ItemState.WITH_PEOPLE: {CaseState.PEOPLE},
    ItemState.APPROVED: {CaseState.CLOSED},
}


def _cases() -> Iterator[Violation]:
    for case in Case.objects.exclude(state=CaseState.CLOSED).select_related("item").iterator():
        allowed = _CASE_OF_STATE.get(ItemState(case.item.state))
        if allowed is not None and case.state not in allowed:
            yield Violation("cases follow drafts", case.short_id, f"it is {case.state}; its draft is {case.item.state}")


def _letters() -> Iterable[Violation]:
    for letter in DeadLetter.objects.exclude(state=DeadLetter.State.WAITING).iterator():
        is_explained = AuditEntry.objects.filter(
            subject_kind="dead_letter", subject_id=letter.id, to_state=letter.state
        )
        if letter.settled_at is None or not is_explained.exists():
            yield Violation(
                "audit explains states", to_short("dead_letter", letter.id), f"{letter.state} without a word"
            )
