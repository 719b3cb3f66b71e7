"""How an answer is shown: its stages while it is made, then what changed, what was fixed, and how that is known."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jarvish_regen.access.policy import APPROVE, ASK_PERSON, EDIT, REJECT, Viewer
from jarvish_regen.content.models import ContentItem
from jarvish_regen.content.rendering import first_lines, show_diff
from jarvish_regen.content.states import ItemState
from jarvish_regen.content.taxonomy import taxonomy
from jarvish_regen.journal.models import Chain
from jarvish_regen.language.worddiff import word_diff
from regeneration.models import OPEN_STATES, Regeneration, Stage

STAGE_WORDS: Final = {
    Stage.QUEUED: gettext_lazy("Your rejection is stored."),
    Stage.REPAIRING: gettext_lazy("The rules put right what they can."),
    Stage.DRAFTING: gettext_lazy("Better words are being looked for."),
    Stage.CHECKING: gettext_lazy("The new text is checked against the rules and against what you said."),
    Stage.READY: gettext_lazy("The new version is there."),
}
RUNG_WORDS: Final = {
    "repair": gettext_lazy("Repaired by rules, without a model"),
    "model": gettext_lazy("Written by a model, checked by rules"),
}
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


def latest_attempt(item: ContentItem) -> Regeneration | None:
    """Return the newest attempt at an item, with its rejected version, its answer and the rejection."""
    return (
        Regeneration.objects.filter(item=item)
        .select_related("version", "answer", "feedback")
        .order_by("-stored_at")
        .first()
    )


def _age_ms(attempt: Regeneration, now: datetime) -> int:
    return max(0, round((now - attempt.stored_at).total_seconds() * 1000))


def show_answer(request: HttpRequest, viewer: Viewer, item: ContentItem, *, is_part: bool) -> HttpResponse:
    """Show where an item's answer stands. `is_part` gives the fragment of the item's page, without the actions.

    The header X-State changes whenever the fragment would look different, so that a page that asks need not be redrawn.
    """
    attempt = latest_attempt(item)
    is_running = attempt is not None and attempt.state in OPEN_STATES and item.state == ItemState.REGENERATING
    answer = attempt.answer if attempt else None
    is_newest = bool(answer and answer.id == item.current_id)
    in_review = item.state == ItemState.IN_REVIEW and is_newest
    pieces = word_diff(attempt.version.text, answer.text) if attempt and answer and not is_running else ()
    stage = attempt.stage if attempt and is_running else ""
    number = item.current.number if item.current else 0
    state = f"{item.state}:{number}:{attempt.short_id if attempt else ''}:{attempt.state if attempt else ''}:{stage}"
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
        "came_from": str(RUNG_WORDS.get(attempt.rung, attempt.rung)) if attempt else "",
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
