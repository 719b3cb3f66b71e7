"""How an answer is shown: its stages while it is made, then what changed, what was fixed, and how that is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jarvish_regen.access.policy import APPROVE, ASK_PERSON, EDIT, REJECT, Viewer
from jarvish_regen.content.models import ContentItem, ContentVersion
from jarvish_regen.content.rendering import first_lines, show_diff
from jarvish_regen.content.states import ItemState
from jarvish_regen.content.taxonomy import taxonomy
from jarvish_regen.ids import to_short
from jarvish_regen.journal.models import Chain
from jarvish_regen.language.worddiff import word_diff
from regeneration.fallbacks import confidence_of, load_shelf
from regeneration.models import OPEN_STATES, Candidate, Regeneration, RegenerationState, Stage
from regeneration.quality import quality_of
from regeneration.rendering import ShownQuality, is_from_shelf, rung_words, show_ledger, show_quality
from regeneration.variants import Choice, choice_of, chosen_candidate, is_untouched

STAGE_WORDS: Final = {
    Stage.QUEUED: gettext_lazy("Your rejection is stored."),
    Stage.REPAIRING: gettext_lazy("The rules put right what they can."),
    Stage.DRAFTING: gettext_lazy("Better words are being looked for."),
    Stage.CHECKING: gettext_lazy("The new text is checked against the rules and against what you said."),
    Stage.READY: gettext_lazy("The new version is there."),
}
# Attempts that may have to be passed over to the one whose answer stands.
ATTEMPTS_LOOKED_AT: Final = 12
# Fewer verdicts than this say nothing a reader could use.
TRUST_FROM: Final = 10
# How sure we are that an issue is resolved, in words and with the sign that goes with them.
STATUS_WORDS: Final = {
    "checked": gettext_lazy("Fixed, and checked"),
    "estimated": gettext_lazy("Fixed, as far as can be estimated"),
    "changed": gettext_lazy("Changed, but not proven fixed"),
    "unresolved": gettext_lazy("Not fixed"),
}


@dataclass(frozen=True)
class ShownStage:
    """A step of the stepper."""

    value: str
    label: str
    words: str
    is_done: bool
    is_now: bool


@dataclass(frozen=True)
class ShownFix:
    """What became of one issue."""

    title: str
    quote: str
    status: str
    verdict: str
    says: str


def _stages(now: str) -> list[ShownStage]:
    order = list(Stage)
    at = order.index(Stage(now))
    return [
        ShownStage(stage.value, str(stage.label), str(STAGE_WORDS[stage]), index < at, index == at)
        for index, stage in enumerate(order)
    ]


def _fixes(attempt: Regeneration) -> list[ShownFix]:
    issues = taxonomy().issues
    return [
        ShownFix(
            title=_(issues[found["code"]].title) if found["code"] in issues else found["code"],
            quote=found.get("quote") or "",
            status=found["status"],
            verdict=str(STATUS_WORDS.get(found["status"], found["status"])),
            says=found.get("says") or "",
        )
        for found in attempt.resolutions
    ]


@dataclass(frozen=True)
class ShownVariant:
    """Another version to choose."""

    id: str
    diff: str
    quality: ShownQuality | None
    came_from: str


@dataclass(frozen=True)
class Shown:
    """The attempt whose answer is on the screen; `found_nothing` is a later one that found nothing better."""

    attempt: Regeneration | None
    found_nothing: Regeneration | None = None


def latest_attempt(item: ContentItem) -> Shown:
    """Return the newest attempt at an item that has something to show, with its versions and the rejection."""
    newest = list(
        Regeneration.objects.filter(item=item)
        .select_related("version", "answer", "upgrade", "feedback")
        .order_by("-stored_at")[:ATTEMPTS_LOOKED_AT]
    )
    if not newest:
        return Shown(None)
    first = newest[0]
    if first.state == RegenerationState.NO_ANSWER and item.state == ItemState.IN_REVIEW:
        standing = next((one for one in newest if one.answer_id is not None), None)
        if standing is not None:
            return Shown(standing, first)
    return Shown(first)


def _variants(choice: Choice) -> list[ShownVariant]:
    return [
        ShownVariant(
            id=to_short("candidate", one.id),
            diff=show_diff(word_diff(choice.regeneration.version.text, one.text)),
            quality=show_quality(one.quality, quality_of(one.goals)),
            came_from=rung_words(one.rung),
        )
        for one in choice.variants
        if one.id != choice.chosen_id
    ]


def _trust(attempt: Regeneration) -> str:
    """Say how often answers of this kind were taken as they stood, where history has something to say."""
    known = confidence_of(attempt.rung, attempt.feedback.category, load_shelf())
    if known.shown_count < TRUST_FROM:
        return ""
    return _("Answers like this one were taken as they stood %(share)d times in 100 (of %(count)d).") % {
        "share": round(known.mean * 100),
        "count": known.shown_count,
    }


def _shown_version(item: ContentItem, attempt: Regeneration | None, choice: Choice | None) -> ContentVersion | None:
    """Return the version an attempt stands for: the chosen one, the better one that came later, or its answer."""
    if attempt is None:
        return None
    if choice and choice.chosen_id and item.current and chosen_candidate(item.current) == choice.chosen_id:
        return item.current
    return attempt.upgrade or attempt.answer


def _quality(attempt: Regeneration, answer: ContentVersion, candidates: Sequence[Candidate]) -> ShownQuality | None:
    graded = next((one for one in candidates if one.text == answer.text and one.quality is not None), None)
    return show_quality(graded.quality, quality_of(graded.goals)) if graded else show_quality(attempt.quality, None)


def _later_s(attempt: Regeneration) -> str:
    if attempt.upgrade_ms is None:
        return ""
    return f"{max(0, attempt.upgrade_ms - (attempt.answer_ms or 0)) / 1000:.1f}"


def _age_ms(attempt: Regeneration, now: datetime) -> int:
    return max(0, round((now - attempt.stored_at).total_seconds() * 1000))


def show_answer(request: HttpRequest, viewer: Viewer, item: ContentItem, *, is_part: bool) -> HttpResponse:
    """Show where an item's answer stands. `is_part` gives the fragment of the item's page, without the actions.

    The header X-State changes whenever the fragment would look different, so that a page that asks need not be redrawn.
    """
    shown = latest_attempt(item)
    attempt = shown.attempt
    is_running = attempt is not None and attempt.state in OPEN_STATES and item.state == ItemState.REGENERATING
    choice = choice_of(attempt) if attempt and not is_running else None
    candidates: list[Candidate] = list(attempt.candidates.order_by("number")) if attempt and not is_running else []
    answer = _shown_version(item, attempt, choice)
    is_newest = bool(answer and answer.id == item.current_id)
    in_review = item.state == ItemState.IN_REVIEW and is_newest
    pieces = word_diff(attempt.version.text, answer.text) if attempt and answer and not is_running else ()
    stage = attempt.stage if attempt and is_running else ""
    number = item.current.number if item.current else 0
    other = choice.state if choice else ""
    state = f"{item.state}:{number}:{attempt.short_id if attempt else ''}:{attempt.state if attempt else ''}:{stage}"
    state += f":{other}"
    if attempt:
        attempt.item = item
    may_choose = bool(attempt and in_review and viewer.may(REJECT) and is_untouched(attempt))
    fixes = _fixes(attempt) if attempt and not is_running else []
    context = {
        "section": "drafts",
        "item": item,
        "title": item.topic or first_lines(item.current.text if item.current else "", chars=60),
        "attempt": attempt,
        "answer": answer,
        "is_running": is_running,
        "is_part": is_part,
        "is_newest": is_newest,
        "stages": _stages(attempt.stage if attempt and is_running else Stage.READY),
        "elapsed_ms": str(_age_ms(attempt, timezone.now())) if attempt else "0",
        "elapsed_s": f"{_age_ms(attempt, timezone.now()) / 1000:.1f}" if attempt else "0.0",
        "took_s": f"{attempt.answer_ms / 1000:.1f}" if attempt and attempt.answer_ms is not None else "",
        "diff": show_diff(pieces),
        "fixes": fixes,
        "has_unresolved": any(fix.status == "unresolved" for fix in fixes),
        "came_from": rung_words(attempt.rung) if attempt else "",
        "is_other_text": bool(attempt and answer and is_from_shelf(attempt.rung)),
        "trust": _trust(attempt) if attempt and answer and not is_running else "",
        "later_s": _later_s(attempt) if attempt else "",
        "earlier": attempt.answer if attempt and attempt.upgrade_id else None,
        "found_nothing": shown.found_nothing,
        "quality": _quality(attempt, answer, candidates) if attempt and answer else None,
        "ledger": show_ledger(attempt, candidates) if attempt and not is_running else None,
        "may_choose": may_choose,
        "variants_state": other,
        "variants": _variants(choice) if choice and may_choose else [],
        "is_waiting": is_running or (may_choose and other == "making"),
        "since": str(Chain.objects.filter(firm_id=item.firm_id).values_list("last_event_seq", flat=True).first() or 0),
        "state": state,
        "is_with_people": item.state == ItemState.WITH_PEOPLE,
        "may_approve": in_review and viewer.may(APPROVE) and item.advisor.user_id == viewer.user_id,
        "may_reject": in_review and viewer.may(REJECT),
        "may_ask": in_review and viewer.may(ASK_PERSON),
        "may_edit": in_review and viewer.may(EDIT) and item.advisor.user_id == viewer.user_id,
        "has_bar": in_review and viewer.may(REJECT) and not is_part,
    }
    wants_fragment = request.headers.get("HX-Request") == "true"
    response = render(request, "regeneration/_answer.html" if wants_fragment else "regeneration/answer.html", context)
    response["X-State"] = state
    return response
