"""Attempts at the desk: what was tried, what it was worth, where the milliseconds went."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django.conf import settings
from django.contrib import admin
from django.db.models import Q
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from feedback.admin import issue_title
from jarvish_regen.content.admin import item_link, version_link
from jarvish_regen.desk import Questions, ReadOnlyAdmin, ReadOnlyStack, age, bullets, display, facts, prose, words_of
from regeneration import shelf_admin  # noqa: F401  Django looks for the pages of an application here
from regeneration.models import OPEN_STATES, Candidate, Regeneration, RegenerationState
from regeneration.quality import GOAL_WORDS
from regeneration.queries import shown_grade
from regeneration.rendering import rupees

STATE_LABELS = {
    str(RegenerationState.QUEUED.label): "info",
    str(RegenerationState.RUNNING.label): "primary",
    str(RegenerationState.ANSWERED.label): "success",
    str(RegenerationState.NO_ANSWER.label): "warning",
    str(RegenerationState.DEAD.label): "danger",
}


def resolutions_list(resolutions: Iterable[dict[str, Any]]) -> SafeString:
    """Return, per named issue, what became of it and how that is known."""
    return bullets(
        ": ".join(
            part
            for part in (issue_title(str(row.get("code", ""))), str(row.get("status", "")), str(row.get("says", "")))
            if part
        )
        for row in resolutions
    )


def candidate_card(candidate: Candidate) -> SafeString:
    """Return one weighed text with its verdict."""
    verdict = (
        gettext("valid")
        if candidate.is_valid
        else gettext("admissible, not all issues resolved")
        if candidate.is_admissible
        else gettext("not admissible")
    )
    lost = format_html('<p class="desk-note">{}</p>', candidate.why_lost) if candidate.why_lost else ""
    return format_html(
        '<section class="desk-card"><h3>{} · {} · {}</h3>{}{}{}</section>',
        words_of(candidate.rung),
        verdict,
        round(candidate.score),
        prose(candidate.text),
        bullets(candidate.objections) if candidate.objections else "",
        lost,
    )


class CandidateInline(ReadOnlyStack):
    """The texts that were weighed in one attempt."""

    model = Candidate
    text_columns = frozenset({"why_lost", "shown_text", "explanation", "shown_objections"})
    fields = (
        "rung",
        "is_admissible",
        "is_valid",
        "score",
        "quality",
        "ready_ms",
        "is_variant",
        "why_lost",
        "shown_text",
        "explanation",
        "shown_objections",
    )
    ordering = ("number",)
    verbose_name_plural = _("Candidates")

    @display(description=_("text"))
    def shown_text(self, candidate: Candidate) -> str:
        return prose(candidate.text)

    @display(description=_("objections"))
    def shown_objections(self, candidate: Candidate) -> str:
        return bullets(candidate.objections)


class RegenerationQuestions(Questions):
    """What somebody asks of the attempts."""

    asked: ClassVar = {
        "open": (_("Open now"), Q(state__in=OPEN_STATES)),
        "empty": (_("Found nothing admissible"), Q(state=RegenerationState.NO_ANSWER)),
        "partly": (_("Answered, not all issues resolved"), Q(state=RegenerationState.ANSWERED, is_valid=False)),
        "late": (_("Later than promised"), Q(answer_ms__gt=settings.REGENERATION_DEADLINE_SECONDS * 1000 + 100)),
        "dropped": (_("Taken more than once"), Q(claims__gt=1)),
    }


class RegenerationAdmin(ReadOnlyAdmin):
    """Attempts with their ledger. Registered one floor up, where an attempt can be rung."""

    firm_path = "item__firm_id"
    short_kind = "regeneration"
    text_columns = frozenset({"shown_resolutions", "reason", "shown_demands"})
    list_display = (
        "shown_id",
        "shown_item",
        "shown_state",
        "urgency",
        "attempt",
        "rung",
        "is_valid",
        "quality",
        "answer_ms",
        "calls_count",
        "shown_cost",
        "claims",
        "since",
    )
    list_filter = (RegenerationQuestions, "urgency", "rung", "cache_kind", "failure_reason")
    list_select_related = ("item", "version", "answer", "upgrade", "feedback")
    ordering = ("-stored_at",)
    inlines = (CandidateInline,)
    fieldsets = (
        (None, {"fields": ("shown_id", "shown_item", "shown_rejected", "shown_answer", "shown_state", "stage")}),
        (
            _("Outcome"),
            {
                "fields": (
                    "rung",
                    "is_valid",
                    "shown_quality",
                    "answer_ms",
                    "reason",
                    "failure_reason",
                    "cache_kind",
                    "shown_upgrade",
                    "shown_resolutions",
                )
            },
        ),
        (_("Asked for"), {"fields": ("shown_demands", "deadline_ms")}),
        (
            _("Work"),
            {"fields": ("tactic", "attempt", "urgency", "claims", "fence", "stored_at", "claimed_at", "finished_at")},
        ),
        (_("Ledger"), {"fields": ("shown_stages", "shown_calls", "shown_totals", "shown_cost")}),
    )

    def rows_with_id(self, found: Any) -> Q:
        return Q(pk=found) | Q(item_id=found) | Q(feedback_id=found)

    @display(description=_("id"))
    def shown_id(self, regeneration: Regeneration) -> str:
        return regeneration.short_id

    @display(description=_("draft"))
    def shown_item(self, regeneration: Regeneration) -> str:
        return item_link(regeneration.item)

    @display(description=_("rejected"))
    def shown_rejected(self, regeneration: Regeneration) -> str:
        return version_link(regeneration.version)

    @display(description=_("answer"))
    def shown_answer(self, regeneration: Regeneration) -> str:
        return version_link(regeneration.answer)

    @display(description=_("state"), ordering="state", label=STATE_LABELS)
    def shown_state(self, regeneration: Regeneration) -> str:
        return str(RegenerationState(regeneration.state).label)

    @display(description=_("named issues"))
    def shown_resolutions(self, regeneration: Regeneration) -> str:
        return resolutions_list(regeneration.resolutions)

    @display(description=_("milliseconds"))
    def shown_stages(self, regeneration: Regeneration) -> str:
        ledger = regeneration.ledger
        stages = [(words_of(stage["name"]), f"{stage['ms']} ms") for stage in ledger.get("stages", [])]
        waited = [(gettext("Waited for a worker"), f"{ledger['waited_ms']} ms")] if "waited_ms" in ledger else []
        return facts([*waited, *stages])

    @display(description=_("calls"))
    def shown_calls(self, regeneration: Regeneration) -> str:
        return format_html_join(
            "",
            '<p class="desk-note">{}</p>',
            (
                (", ".join(f"{words_of(name)}: {value}" for name, value in call.items() if value not in (None, "", 0)),)
                for call in regeneration.ledger.get("calls", [])
            ),
        ) or gettext("No model was asked.")

    @display(description=_("tokens and cost"))
    def shown_totals(self, regeneration: Regeneration) -> str:
        ledger = regeneration.ledger
        names = ("prompt_tokens", "completion_tokens", "cost_usd")
        return facts((words_of(name), ledger[name]) for name in names if name in ledger)

    @display(description=_("cost"), ordering="cost_inr")
    def shown_cost(self, regeneration: Regeneration) -> str:
        return rupees(regeneration.cost_inr)

    @display(description=_("quality"), ordering="quality")
    def shown_quality(self, regeneration: Regeneration) -> str:
        grade = shown_grade(regeneration)
        if grade is None:
            return "" if regeneration.quality is None else str(regeneration.quality)
        goals = ((str(GOAL_WORDS.get(goal.code, goal.code)), goal.says) for goal in grade.goals)
        head = (gettext("Grade"), f"{grade.score} ({grade.low}–{grade.high})")
        return facts([head, *goals])

    @display(description=_("better version that came later"))
    def shown_upgrade(self, regeneration: Regeneration) -> str:
        return version_link(regeneration.upgrade)

    @display(description=_("demands"))
    def shown_demands(self, regeneration: Regeneration) -> str:
        return facts(
            (words_of(name), ", ".join(map(str, value)) if isinstance(value, list) else value)
            for name, value in regeneration.constraints.items()
        )

    @display(description=_("age"), ordering="stored_at")
    def since(self, regeneration: Regeneration) -> str:
        return age(regeneration.stored_at)


@admin.register(Candidate)
class CandidateAdmin(ReadOnlyAdmin):
    """Texts that were weighed: where each came from and why it lost."""

    firm_path = "regeneration__item__firm_id"
    short_kind = "candidate"
    text_columns = frozenset({"why_lost", "shown_text", "explanation", "shown_objections", "shown_resolutions"})
    list_display = ("__str__", "shown_item", "is_admissible", "is_valid", "score", "quality", "why_lost", "since")
    list_filter = ("rung", "is_variant")
    list_select_related = ("regeneration__item",)
    ordering = ("-created_at",)
    fieldsets = (
        (None, {"fields": ("shown_item", "rung", "number", "is_admissible", "is_valid", "score", "why_lost")}),
        (_("Text"), {"fields": ("shown_text", "explanation", "shown_objections", "shown_resolutions")}),
    )

    def rows_with_id(self, found: Any) -> Q:
        return Q(pk=found) | Q(regeneration_id=found)

    @display(description=_("draft"))
    def shown_item(self, candidate: Candidate) -> str:
        return item_link(candidate.regeneration.item)

    @display(description=_("text"))
    def shown_text(self, candidate: Candidate) -> str:
        return prose(candidate.text)

    @display(description=_("objections"))
    def shown_objections(self, candidate: Candidate) -> str:
        return bullets(candidate.objections)

    @display(description=_("named issues"))
    def shown_resolutions(self, candidate: Candidate) -> str:
        return resolutions_list(candidate.resolutions)

    @display(description=_("age"), ordering="created_at")
    def since(self, candidate: Candidate) -> str:
        return age(candidate.created_at)
