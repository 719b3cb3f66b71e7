"""Show two or three other valid versions to whoever asks for a choice, and keep what was chosen as a preference.

Made beside the answer and never on its path: whoever asks has an answer in review already. Only while nobody has acted
on that answer; every text passes the publish gate when it is made and again when it is chosen.
"""

import json
import logging
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from jarvish_regen.access.policy import REJECT, Viewer
from jarvish_regen.content import services as content
from jarvish_regen.content.compliance.gate import ReadyText, release
from jarvish_regen.content.models import ContentItem, ContentVersion, text_context
from jarvish_regen.content.states import ItemState
from jarvish_regen.errors import ConflictError, NotFoundError
from jarvish_regen.ids import from_short, to_short
from jarvish_regen.journal import services as journal
from jarvish_regen.language.worddiff import word_diff
from jarvish_regen.llm.base import CallRecord
from jarvish_regen.llm.deadline import Deadline
from regeneration import mandated
from regeneration.answering import ask_side_by_side
from regeneration.board import Board
from regeneration.events import VariantsAsked, VariantsReady
from regeneration.job import TACTICS, CandidateText, Job, JudgedCandidate, Verdict
from regeneration.jobs import job_of
from regeneration.models import Candidate, Preference, Regeneration, RegenerationState
from regeneration.quality import grade
from regeneration.resolution import measures
from regeneration.rest import is_whole_text_free
from regeneration.services import candidate_fields, origin_of
from regeneration.validate import report_on, validate

logger = logging.getLogger(__name__)

VARIANTS_TASK: Final = "regeneration.make_variants"
VARIANTS_MAX: Final = 3
# FEATURES R42 wants them within five seconds; what is left is for the queue and for writing them down.
MAKING_SECONDS: Final = 4.0
# Two versions that share this much of what could differ are one version (as DECISIONS 20 has it for the shelf).
OVERLAP_MAX: Final = 0.9
# Asked for once and never made, a choice may be asked for again after this.
STALE_SECONDS: Final = 10.0

# The same prompt brings nearly the same text; a tone makes it another one.
_TONES: Final = ("plain and short", "warm and personal", "calm and factual")

_LOADED: Final = ("feedback", "version", "answer", "upgrade", "item__advisor", "item__firm", "item__current")


@dataclass(frozen=True)
class Choice:
    """The other versions of an answer. `state`: "none" asked for, "making", "ready" (perhaps with none found)."""

    regeneration: Regeneration
    state: str
    variants: tuple[Candidate, ...]
    chosen_id: uuid.UUID | None = None


def ask_for_variants(*, viewer: Viewer, regeneration_id: uuid.UUID) -> Choice:
    """Ask for other versions of an answer in review; asking again changes nothing. Leaves VariantsAsked, which rings.

    Raises:
        NotFoundError: the attempt is not there, or not the viewer's.
        ConflictError: it has no answer, or somebody has acted on it.
    """
    viewer.require(REJECT)
    regeneration = _get(viewer, regeneration_id)
    found = choice_of(regeneration)
    if found.state in ("making", "ready"):
        return found
    _require_untouched(regeneration)
    with transaction.atomic():
        _note(regeneration, {"asked_at": timezone.now().isoformat(), "made_ms": None})
        item = regeneration.item
        journal.publish(
            VariantsAsked(
                firm_id=item.firm_id,
                item_id=item.id,
                actor_id=viewer.user_id,
                regeneration_id=regeneration.id,
                queue=regeneration.urgency,
            )
        )
    return replace(found, state="making")


def get_choice(*, viewer: Viewer, regeneration_id: uuid.UUID) -> Choice:
    """Return the other versions of one of the viewer's answers. Raises NotFoundError."""
    viewer.require(REJECT)
    return choice_of(_get(viewer, regeneration_id))


def choice_of(regeneration: Regeneration) -> Choice:
    """Return the other versions that were made for an attempt, best first, and which was chosen. Two queries."""
    noted = regeneration.ledger.get("variants", {})
    variants = tuple(regeneration.candidates.filter(is_variant=True).order_by("number")) if noted else ()
    chosen = Preference.objects.filter(regeneration=regeneration).values_list("chosen_id", flat=True).first()
    return Choice(regeneration, _state_of(noted), variants, chosen)


def _state_of(noted: dict[str, Any]) -> str:
    if not noted:
        return "none"
    if noted.get("made_ms") is not None:
        return "ready"
    age_seconds = (timezone.now() - datetime.fromisoformat(noted["asked_at"])).total_seconds()
    return "making" if age_seconds < STALE_SECONDS else "none"


def make_variants(*, regeneration_id: uuid.UUID) -> int:
    """Make the versions that were asked for and store them. Idempotent; returns how many there are now.

    Leaves Candidate rows with `is_variant`, their cost on the attempt, and VariantsReady.
    """
    began = time.monotonic()
    regeneration = Regeneration.objects.select_related(*_LOADED).get(id=regeneration_id)
    if not regeneration.ledger.get("variants") or not is_untouched(regeneration):
        return 0
    if _state_of(regeneration.ledger["variants"]) == "ready":
        return regeneration.candidates.filter(is_variant=True).count()
    job = job_of(regeneration)
    stored = _stored_candidates(regeneration, job)
    boards = [Board(another, Deadline.after(MAKING_SECONDS)) for another in other_ways(job)]
    ask_side_by_side(boards, deadline=Deadline.after(MAKING_SECONDS))
    made = [
        (judged.candidate, verdict)
        for board in boards
        for judged in board.outcome().candidates
        # By the person's own demands: another tactic may free words that they did not object to.
        if (verdict := validate(job, judged.candidate)).is_valid
    ]
    shown = [_current_text(regeneration)]
    picked = pick_diverse(job, [*made, *stored], shown=shown, most=VARIANTS_MAX)
    passed = [
        one
        for one in picked
        if isinstance(
            release(one[0].text, text_context(regeneration.item), rejected_text=regeneration.version.text), ReadyText
        )
    ]
    calls = [call for board in boards for call in board.calls]
    return _store(regeneration, job, passed, calls, made_ms=round((time.monotonic() - began) * 1000))


def other_ways(job: Job) -> list[Job]:
    """Return the job asked for in other ways, whose answers are worth comparing: other tactics, another tone. Pure."""
    is_free = is_whole_text_free(job, report_on(job.rejected_text, job.context))
    tactics = [tactic for tactic in TACTICS if tactic != job.tactic and (is_free or tactic != "whole_text")]
    ways = [replace(job, tactic=tactic) for tactic in (*tactics, job.tactic)][:VARIANTS_MAX]
    if job.constraints.tone:
        return ways
    return [
        replace(way, constraints=replace(way.constraints, tone=tone)) for way, tone in zip(ways, _TONES, strict=False)
    ]


def _stored_candidates(regeneration: Regeneration, job: Job) -> list[tuple[CandidateText, Verdict]]:
    """Return the attempt's own candidates that are valid by today's rules, best first."""
    rows = regeneration.candidates.filter(is_valid=True, is_variant=False).order_by("-quality", "number")
    found = []
    for row in rows:
        candidate = CandidateText(row.rung, row.text, (), row.explanation)
        verdict = validate(job, candidate)
        if verdict.is_valid:
            found.append((candidate, verdict))
    return found


def pick_diverse(
    job: Job, found: Iterable[tuple[CandidateText, Verdict]], *, shown: Sequence[str], most: int
) -> list[tuple[CandidateText, Verdict]]:
    """Return at most `most` texts of which no two, nor one and a text of `shown`, overlap by OVERLAP_MAX. Pure.

    Better grades go first; of two alike the one that came first stays.
    """
    graded = sorted(found, key=lambda one: -grade(job, *one).score)
    texts = list(shown)
    picked: list[tuple[CandidateText, Verdict]] = []
    for candidate, verdict in graded:
        if len(picked) == most:
            break
        if all(overlap(job, candidate.text, text) < OVERLAP_MAX for text in texts):
            picked.append((candidate, verdict))
            texts.append(candidate.text)
    return picked


def overlap(job: Job, one: str, other: str) -> float:
    """Return how much two answers to a job share of the words that could differ, 0.0 to 1.0. Pure.

    Words that had to stay are left out, or no two answers to one marked phrase would ever differ: where the whole text
    was free these are the mandated texts, elsewhere everything the answers left as it was.
    """
    before = report_on(job.rejected_text, job.context)
    words = _own_words if is_whole_text_free(job, before) else _changed_words
    mine, theirs = words(job, one), words(job, other)
    total = mine.total() + theirs.total()
    return 2 * (mine & theirs).total() / total if total else 1.0


def _own_words(job: Job, text: str) -> Counter[str]:
    return Counter(measures.word_keys(mandated.without_known_texts(text, job)))


def _changed_words(job: Job, text: str) -> Counter[str]:
    """Count what was put in and what was taken out; a removal is another answer than a rewording."""
    changed: Counter[str] = Counter()
    for piece in word_diff(job.rejected_text, text):
        if piece.kind != "same":
            changed.update(f"{piece.kind} {word}" for word in measures.word_keys(piece.text))
    return changed


def _store(
    regeneration: Regeneration,
    job: Job,
    picked: Sequence[tuple[CandidateText, Verdict]],
    calls: Sequence[CallRecord],
    *,
    made_ms: int,
) -> int:
    with transaction.atomic(), journal.together():
        # Whoever comes second finds them made.
        held = Regeneration.objects.select_for_update(of=("self",)).get(id=regeneration.id)
        if _state_of(held.ledger.get("variants", {})) == "ready":
            return held.candidates.filter(is_variant=True).count()
        numbers = held.candidates.order_by("-number").values_list("number", flat=True)
        first = (numbers.first() or 0) + 1
        rows = []
        for number, (candidate, verdict) in enumerate(picked, start=first):
            fields = candidate_fields(held, number, JudgedCandidate(candidate, verdict), grade(job, candidate, verdict))
            rows.append(Candidate(**fields | {"is_variant": True}))
        Candidate.objects.bulk_create(rows)
        cost_usd = sum(call.cost_usd for call in calls)
        _note(
            held,
            {
                **held.ledger.get("variants", {}),
                "made_ms": made_ms,
                "count": len(rows),
                "calls": len(calls),
                "cost_usd": round(cost_usd, 6),
            },
        )
        Regeneration.objects.filter(id=held.id).update(
            calls_count=F("calls_count") + len(calls),
            hedges_count=F("hedges_count") + sum(call.is_hedge for call in calls),
            cost_inr=F("cost_inr") + round(Decimal(cost_usd * settings.MODEL_RUPEES_A_DOLLAR), 4),
        )
        item = regeneration.item
        journal.publish(
            VariantsReady(
                firm_id=item.firm_id, item_id=item.id, regeneration_id=regeneration.id, count=len(rows), made_ms=made_ms
            )
        )
    return len(rows)


def _note(regeneration: Regeneration, noted: dict[str, Any]) -> None:
    """Write what is known of the variants into the ledger, whatever else is written there meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE regeneration_regeneration SET ledger = ledger || %s::jsonb WHERE id = %s",
            [json.dumps({"variants": noted}), regeneration.id],
        )
    regeneration.ledger = {**regeneration.ledger, "variants": noted}


def choose(*, viewer: Viewer, regeneration_id: uuid.UUID, candidate_id: uuid.UUID) -> ContentVersion:
    """Make one of the other versions the current one, through the publish gate; keep the choice as a preference.

    Returns the new version. Leaves a ContentVersion, a Preference, an audit entry and VersionReady.

    Raises:
        NotFoundError: the attempt or the version is not there, or not the viewer's.
        ConflictError: somebody has acted on the answer, or the text fails today's rules.
    """
    viewer.require(REJECT)
    regeneration = _get(viewer, regeneration_id)
    choice = choice_of(regeneration)
    chosen = next((one for one in choice.variants if one.id == candidate_id), None)
    if chosen is None:
        raise NotFoundError(
            _("There is no such version to choose."), field="candidate_id", given=to_short("candidate", candidate_id)
        )
    _require_untouched(regeneration)
    item = regeneration.item
    released = release(chosen.text, text_context(item), rejected_text=regeneration.version.text)
    if not isinstance(released, ReadyText):
        raise ConflictError(
            _("This text breaks a rule of today."), code="not_admissible", allowed=list(released.reasons)
        )
    with transaction.atomic(), journal.together():
        version = content.replace_current(
            item=item,
            text=released,
            origin=origin_of(chosen.rung),
            origin_key=variant_key(chosen.id),
            act="choose_variant",
            actor_id=viewer.user_id,
        )
        Preference.objects.create(
            regeneration=regeneration,
            chosen=chosen,
            others=[*(one.id for one in choice.variants if one.id != chosen.id), *_current_candidate(regeneration)],
            user_id=viewer.user_id,
        )
    return version


def variant_key(candidate_id: uuid.UUID) -> str:
    """Return the origin key of the version that a chosen variant became."""
    return f"variant:{candidate_id}"


def chosen_candidate(version: ContentVersion) -> uuid.UUID | None:
    """Return which variant a version was, or None for one that came otherwise."""
    kind, _colon, key = version.origin_key.partition(":")
    return uuid.UUID(key) if kind == "variant" else None


def candidate_id_of(given: str) -> uuid.UUID:
    """Return the id behind `cdt_…`. Raises NotFoundError for anything else."""
    try:
        return from_short("candidate", given)
    except ValueError as error:
        raise NotFoundError(_("There is no such version to choose."), field="candidate_id", given=given[:60]) from error


def _current_text(regeneration: Regeneration) -> str:
    current = regeneration.item.current
    return current.text if current else ""


def _current_candidate(regeneration: Regeneration) -> list[uuid.UUID]:
    rows = regeneration.candidates.filter(is_variant=False, text=_current_text(regeneration)).order_by("number")
    return list(rows.values_list("id", flat=True)[:1])


def is_untouched(regeneration: Regeneration) -> bool:
    """Say whether nobody has acted on an answer: it is in review, as this attempt left it."""
    item = regeneration.item
    own = {regeneration.answer_id, regeneration.upgrade_id} - {None}
    return (
        regeneration.state == RegenerationState.ANSWERED
        and item.state == ItemState.IN_REVIEW
        and item.current_id in own
    )


def _require_untouched(regeneration: Regeneration) -> None:
    if not is_untouched(regeneration):
        raise ConflictError(
            _("Other versions can be chosen only while the answer is in review and nobody has acted on it."),
            code="acted_on",
            field="state",
            given=regeneration.item.state,
            allowed=ItemState.IN_REVIEW.value,
        )


def _get(viewer: Viewer, regeneration_id: uuid.UUID) -> Regeneration:
    item_ids = ContentItem.objects.visible_to(viewer)
    found = Regeneration.objects.select_related(*_LOADED).filter(id=regeneration_id, item__in=item_ids).first()
    if found is None:
        raise NotFoundError(
            _("There is no such regeneration."), field="id", given=to_short("regeneration", regeneration_id)
        )
    return found
