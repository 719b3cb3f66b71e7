"""The reviewers' desk: cases that wait for people, attempts that can be rung, work that was given up on."""

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.forms import BaseDialogForm

from escalation import services
from escalation.models import Case, CaseEntry, CaseState
from feedback.admin import SEVERITY_LABELS, category_title, issue_title, quoted
from feedback.models import Feedback, FeedbackIssue
from jarvish_regen.content.admin import findings_table, item_link, version_link
from jarvish_regen.desk import (
    Questions,
    ReadOnlyAdmin,
    ReadOnlyInline,
    ReasonForm,
    act,
    actor_of,
    age,
    bullets,
    button,
    display,
    facts,
    link,
    prose,
    short,
)
from jarvish_regen.errors import JarvishError
from jarvish_regen.journal.models import DeadLetter
from regeneration.admin import RegenerationAdmin, candidate_card
from regeneration.models import Candidate, Regeneration

CASE_LABELS = {
    str(CaseState.PEOPLE.label): "warning",
    str(CaseState.ANSWERED.label): "info",
    str(CaseState.MACHINE.label): "primary",
    str(CaseState.CLOSED.label): "success",
}
LETTER_LABELS = {
    str(DeadLetter.State.WAITING.label): "danger",
    str(DeadLetter.State.REPLAYED.label): "info",
    str(DeadLetter.State.DISCARDED.label): "success",
}


@dataclass(frozen=True)
class Story:
    """What somebody has to read before deciding a case."""

    feedback: Feedback | None
    issues: list[FeedbackIssue]
    attempt: Regeneration | None
    candidates: list[Candidate]


class CaseQuestions(Questions):
    """What somebody asks of the cases. The desk opens with what waits for a person."""

    default = "people"
    asked: ClassVar = {
        "people": (_("Waiting for a person"), Q(state=CaseState.PEOPLE)),
        "senior": (_("Waiting for a senior reviewer"), Q(state=CaseState.PEOPLE, level__gte=4)),
        "advisor": (_("Answered, waiting for the advisor"), Q(state=CaseState.ANSWERED)),
        "again": (_("Rejected more than once"), ~Q(state=CaseState.CLOSED) & Q(round__gt=1)),
        "closed": (_("Closed"), Q(state=CaseState.CLOSED)),
        "all": (_("All"), Q()),
    }


class EntryInline(ReadOnlyInline):
    """What happened in a case, step by step."""

    model = CaseEntry
    fields = ("created_at", "level", "explanation", "shown_actor")
    ordering = ("created_at", "id")
    verbose_name_plural = _("What happened")

    def get_queryset(self, request: HttpRequest) -> QuerySet[CaseEntry]:
        rows: QuerySet[CaseEntry] = super().get_queryset(request)
        return rows.select_related("actor")

    @display(description=_("by"))
    def shown_actor(self, entry: CaseEntry) -> str:
        return str(entry.actor) if entry.actor else gettext("the machine")


@admin.register(Case)
class CaseAdmin(ReadOnlyAdmin):
    """The desk: which drafts wait for a person, at which level, why, and for how long."""

    firm_path = "item__firm_id"
    short_kind = "case"
    text_columns = frozenset(
        {"shown_draft", "shown_topic", "shown_text", "shown_findings", "shown_note", "shown_issues", "shown_candidates"}
    )
    list_display = ("shown_draft", "shown_id", "level", "why", "since", "shown_advisor", "round", "shown_state")
    list_filter = (CaseQuestions, "level")
    list_select_related = ("item__advisor",)
    search_fields = ("item__external_id", "item__advisor__registered_name")
    ordering = ("-level", "opened_at")
    inlines = (EntryInline,)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "shown_id",
                    "shown_item",
                    "shown_state",
                    "level",
                    "why",
                    "round",
                    "shown_advisor",
                    "shown_channel",
                    "opened_at",
                    "closed_at",
                )
            },
        ),
        (_("Rejected text"), {"fields": ("shown_topic", "shown_rejected", "shown_text", "shown_findings")}),
        (_("What the advisor said"), {"fields": ("shown_category", "shown_severity", "shown_note", "shown_issues")}),
        (_("What the machine tried"), {"fields": ("shown_attempt", "shown_candidates")}),
    )

    def get_list_display(self, request: HttpRequest) -> list[str]:
        """Name a case by its draft where the topic may be read, and by its id alone where not."""
        shown = list(super().get_list_display(request))
        return [name for name in shown if name != "shown_id"] if "shown_draft" in shown else shown

    def rows_with_id(self, found: Any) -> Q:
        return Q(pk=found) | Q(item_id=found) | Q(item__rejections__id=found) | Q(item__regenerations__id=found)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Case | None:
        """Return a case with what has to be read before deciding it."""
        case: Case | None = super().get_object(request, object_id, from_field)
        if case is not None:
            case.story = _story_of(case)  # type: ignore[attr-defined]  # read by the fields of the one page
        return case

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("item__advisor", "item__current")

    @display(description=_("id"))
    def shown_id(self, case: Case) -> str:
        return case.short_id

    @display(description=_("draft"), ordering="item__topic", header=True)
    def shown_draft(self, case: Case) -> list[str]:
        said = f"{case.item.get_channel_display()}, {case.item.get_language_display()}"
        return [case.item.topic or said, f"{said} · {case.short_id}"]

    @display(description=_("draft"))
    def shown_item(self, case: Case) -> str:
        return item_link(case.item)

    @display(description=_("topic"), ordering="item__topic", empty_value="–")
    def shown_topic(self, case: Case) -> str | None:
        return case.item.topic or None

    @display(description=_("state"), ordering="state", label=CASE_LABELS)
    def shown_state(self, case: Case) -> str:
        return str(CaseState(case.state).label)

    @display(description=_("channel"), ordering="item__channel")
    def shown_channel(self, case: Case) -> str:
        return f"{case.item.get_channel_display()}, {case.item.get_language_display()}"

    @display(description=_("advisor"), ordering="item__advisor__registered_name")
    def shown_advisor(self, case: Case) -> str:
        return str(case.item.advisor)

    @display(description=_("waiting"), ordering="opened_at")
    def since(self, case: Case) -> str:
        return age(case.changed_at)

    @display(description=_("version"))
    def shown_rejected(self, case: Any) -> str:
        return version_link(case.story.feedback.version if case.story.feedback else case.item.current)

    @display(description=_("text"))
    def shown_text(self, case: Any) -> str:
        version = case.story.feedback.version if case.story.feedback else case.item.current
        return prose(version.text if version else "")

    @display(description=_("the rules say"))
    def shown_findings(self, case: Any) -> str:
        version = case.story.feedback.version if case.story.feedback else case.item.current
        return findings_table(version.findings if version else ())

    @display(description=_("why"), empty_value="–")
    def shown_category(self, case: Any) -> str | None:
        return category_title(case.story.feedback.category) if case.story.feedback else None

    @display(description=_("how bad"), label=SEVERITY_LABELS, empty_value="–")
    def shown_severity(self, case: Any) -> str | None:
        return case.story.feedback.severity if case.story.feedback else None

    @display(description=_("note"))
    def shown_note(self, case: Any) -> str:
        said = case.story.feedback
        return prose("\n".join(part for part in (said.note_text, said.suggestions) if part) if said else "")

    @display(description=_("named faults"))
    def shown_issues(self, case: Any) -> str:
        return bullets(format_html("{}: {}", issue_title(issue.code), quoted(issue)) for issue in case.story.issues)

    @display(description=_("attempt"))
    def shown_attempt(self, case: Any) -> str:
        attempt = case.story.attempt
        if attempt is None:
            return gettext("The machine was not asked.")
        address = reverse("admin:regeneration_regeneration_change", args=[attempt.pk])
        return format_html("{} · {}", link(address, attempt.short_id), attempt.get_state_display())

    @display(description=_("candidates"))
    def shown_candidates(self, case: Any) -> str:
        cards = format_html_join("", "{}", ((candidate_card(candidate),) for candidate in case.story.candidates))
        return cards or gettext("None was stored.")


def _story_of(case: Case) -> Story:
    feedback = (
        Feedback.objects.filter(item_id=case.item_id)
        .select_related("version")
        .prefetch_related("issues")
        .order_by("-created_at", "-id")
        .first()
    )
    attempt = (
        Regeneration.objects.filter(item_id=case.item_id)
        .prefetch_related("candidates")
        .order_by("-stored_at", "-id")
        .first()
    )
    candidates = sorted(attempt.candidates.all(), key=lambda row: (-row.score, row.number)) if attempt else []
    return Story(feedback, list(feedback.issues.all()) if feedback else [], attempt, candidates)


@admin.register(Regeneration)
class RingingRegenerationAdmin(RegenerationAdmin):
    """Attempts, where one whose ring was lost can be rung by hand. Only this floor knows the task."""

    actions_detail = ("ring",)

    def has_ring_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return bool(request.user.has_perm("regeneration.change_regeneration"))

    @button(
        description=_("Ring again"),
        icon="notifications_active",
        permissions=["ring"],
        dialog={
            "title": _("Ring for this attempt again?"),
            "description": _("A worker takes it if none has it. Ringing too often does no harm."),
            "form_class": BaseDialogForm,
            "form_submit_text": _("Ring"),
        },
    )
    def ring(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        """Ring a worker for an attempt that is open."""
        attempt = self.require_object(request, object_id)
        return act(
            request,
            partial(services.ring_open_attempt, regeneration=attempt),
            done=gettext("Rung."),
            back=reverse("admin:regeneration_regeneration_change", args=[attempt.pk]),
        )


class DeadLetterQuestions(Questions):
    """What somebody asks of dead letters. The list opens with those that wait."""

    default = "waiting"
    asked: ClassVar = {
        "waiting": (_("Dead letters waiting"), Q(state=DeadLetter.State.WAITING)),
        "replayed": (_("Replayed"), Q(state=DeadLetter.State.REPLAYED)),
        "discarded": (_("Discarded"), Q(state=DeadLetter.State.DISCARDED)),
        "all": (_("All"), Q()),
    }


@admin.register(DeadLetter)
class DeadLetterAdmin(ReadOnlyAdmin):
    """Work that was given up on. Here, because trying it again is this floor's business."""

    firm_path = "firm_id"
    short_kind = "dead_letter"
    list_display = ("shown_id", "shown_subject", "reason", "claims", "last_error", "shown_state", "since")
    list_filter = (DeadLetterQuestions, "subject_kind")
    ordering = ("-created_at",)
    actions = ("replay_selected",)
    actions_detail = ("replay", "discard")
    fieldsets = (
        (None, {"fields": ("shown_id", "shown_subject", "shown_firm", "reason", "claims", "last_error")}),
        (_("Work"), {"fields": ("task", "queue", "shown_arguments", "created_at")}),
        (_("Decision"), {"fields": ("shown_state", "settled_at", "shown_settler", "settled_reason")}),
    )

    def rows_with_id(self, found: Any) -> Q:
        return Q(pk=found) | Q(subject_id=found)

    @display(description=_("id"))
    def shown_id(self, letter: DeadLetter) -> str:
        return short("dead_letter", letter.id)

    @display(description=_("work"))
    def shown_subject(self, letter: DeadLetter) -> str:
        if letter.subject_kind == "regeneration":
            address = reverse("admin:regeneration_regeneration_change", args=[letter.subject_id])
            return link(address, short("regeneration", letter.subject_id))
        return f"{letter.subject_kind} {letter.subject_id}"

    @display(description=_("firm"))
    def shown_firm(self, letter: DeadLetter) -> str:
        return short("firm", letter.firm_id)

    @display(description=_("arguments"))
    def shown_arguments(self, letter: DeadLetter) -> str:
        return facts(letter.kwargs.items())

    @display(description=_("state"), ordering="state", label=LETTER_LABELS)
    def shown_state(self, letter: DeadLetter) -> str:
        return str(DeadLetter.State(letter.state).label)

    @display(description=_("by"))
    def shown_settler(self, letter: DeadLetter) -> str:
        return short("user", letter.settled_by)

    @display(description=_("age"), ordering="created_at")
    def since(self, letter: DeadLetter) -> str:
        return age(letter.created_at)

    def has_decide_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return bool(request.user.has_perm("journal.change_deadletter"))

    @admin.action(description=_("Replay"), permissions=["decide"])
    def replay_selected(self, request: HttpRequest, queryset: QuerySet[DeadLetter]) -> None:
        """Let the machine try each of the selected letters once more; one that cannot be replayed stops no other."""
        replayed = 0
        for letter_id in queryset.values_list("id", flat=True):
            try:
                services.replay_dead_letter(dead_letter_id=letter_id, actor_id=actor_of(request))
            except JarvishError as error:
                messages.error(request, f"{short('dead_letter', letter_id)}: {error.detail}")
            else:
                replayed += 1
        if replayed:
            words = ngettext("%(count)d letter is replayed.", "%(count)d letters are replayed.", replayed)
            messages.success(request, words % {"count": replayed})

    @button(
        description=_("Replay"),
        icon="replay",
        permissions=["decide"],
        dialog={
            "title": _("Let the machine try once more?"),
            "description": _("It runs alone, so that it harms no neighbour. If it fails again it comes back here."),
            "form_class": BaseDialogForm,
            "form_submit_text": _("Replay"),
        },
    )
    def replay(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        """Let the machine try once more."""
        letter = self.require_object(request, object_id)
        return act(
            request,
            partial(services.replay_dead_letter, dead_letter_id=letter.id, actor_id=actor_of(request)),
            done=gettext("The letter is replayed."),
            back=reverse("admin:journal_deadletter_change", args=[letter.pk]),
        )

    @button(
        description=_("Discard"),
        icon="delete",
        permissions=["decide"],
        dialog={
            "title": _("Give this work up for good?"),
            "description": _("The draft stays where it is. The reason goes into the audit trail."),
            "form_class": ReasonForm,
            "form_submit_text": _("Discard"),
        },
    )
    def discard(self, request: HttpRequest, form: ReasonForm, object_id: str) -> HttpResponse:
        """Give the work up for good, with the reason."""
        letter = self.require_object(request, object_id)
        return act(
            request,
            partial(
                services.discard_dead_letter,
                dead_letter_id=letter.id,
                actor_id=actor_of(request),
                reason=form.cleaned_data["reason"],
            ),
            done=gettext("The letter is discarded."),
            back=reverse("admin:journal_deadletter_change", args=[letter.pk]),
        )
