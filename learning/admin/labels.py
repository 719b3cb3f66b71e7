"""Labels at the desk: notes to label blind, how far labels agree, what the next model learns from."""

from functools import partial
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminSelectMultipleWidget, UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from feedback.admin import category_title, issue_title
from jarvish_regen.content.taxonomy import taxonomy
from jarvish_regen.desk import (
    Questions,
    ReadOnlyAdmin,
    act,
    actor_of,
    age,
    bullets,
    button,
    display,
    facts,
    prose,
    sight_of,
)
from learning import labels
from learning.admin.tables import language_name, percent, table
from learning.models import LabelTask, TrainingRow
from learning.queries import get_agreement
from learning.training.agreement import kappa_word


class LabelForm(BaseDialogForm):
    """Asks what a note means: one category, and the faults it names."""

    category = forms.ChoiceField(label=_("What it is about"), widget=UnfoldAdminSelectWidget)
    issues = forms.MultipleChoiceField(
        label=_("Faults it names"), required=False, widget=UnfoldAdminSelectMultipleWidget
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        words = taxonomy()
        choices = [(code, one.title) for code, one in words.categories.items()]
        # Nothing is chosen beforehand: a first choice that stands there would be the label of who is in a hurry.
        self.fields["category"].choices = [("", "—"), *choices]
        self.fields["issues"].choices = [
            (one.title, [(issue.code, issue.title) for issue in one.issues]) for one in words.categories.values()
        ]


class RelabelForm(LabelForm):
    """Asks what a note means, and why what was picked is wrong."""

    reason = forms.CharField(label=_("Reason"), max_length=500, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}))


class LabelQuestions(Questions):
    """What somebody asks of the notes to label. The desk opens with those that wait."""

    default = "open"
    asked: ClassVar = {
        "open": (_("Waiting for a second label"), Q(done_at__isnull=True)),
        "apart": (_("Labelled, not as the author"), Q(agrees=False)),
        "done": (_("Labelled"), Q(done_at__isnull=False)),
        "all": (_("All"), Q()),
    }


@admin.register(LabelTask)
class LabelTaskAdmin(ReadOnlyAdmin):
    """Notes to label without knowing what was picked, what the model said, or by whom, until the label is given."""

    firm_path = "feedback__item__firm_id"
    text_columns = frozenset({"shown_note", "shown_draft"})
    list_display = ("shown_number", "shown_done", "since")
    list_filter = (LabelQuestions,)
    list_select_related = ("feedback__version",)
    list_before_template = "learning/agreement.html"
    ordering = ("created_at",)
    actions_detail = ("label", "take")
    fieldsets = (
        (_("What was said"), {"fields": ("shown_note",)}),
        (_("Of this draft"), {"fields": ("shown_draft",)}),
        (_("Labels"), {"fields": ("shown_done", "shown_revealed")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request).select_related("feedback__version")
        # One's own rejection is not there: nobody labels it.
        return rows.exclude(feedback__author_id=request.user.pk)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        sight = sight_of(request)
        agreement = get_agreement(None if sight.sees_all_firms else sight.firm_id)
        return super().changelist_view(request, {**(extra_context or {}), "agreement": _agreement_tables(agreement)})

    @display(description=_("note"))
    def shown_number(self, task: LabelTask) -> str:
        return gettext("Note %(number)s") % {"number": task.pk}

    @display(description=_("note"))
    def shown_note(self, task: LabelTask) -> str:
        return prose(task.feedback.note_text)

    @display(description=_("draft"))
    def shown_draft(self, task: LabelTask) -> str:
        return prose(task.feedback.version.text)

    @display(description=_("second label"))
    def shown_done(self, task: LabelTask) -> str:
        if task.done_at is None:
            return gettext("waiting")
        return gettext("agrees") if task.agrees else gettext("differs")

    @display(description=_("what was said before"))
    def shown_revealed(self, task: LabelTask) -> str:
        if task.done_at is None:
            return gettext("Shown once the label is given.")
        analysis = labels.champions_say(task.feedback_id)
        second = TrainingRow.objects.filter(feedback_id=task.feedback_id, source=TrainingRow.Source.SECOND).first()
        lines = [
            (gettext("Author"), category_title(task.feedback.category)),
            (gettext("Second label"), category_title(second.categories[0]) if second else "–"),
            (gettext("Drawn because"), LabelTask.Reason(task.reason).label),
        ]
        if analysis is not None:
            said = f"{category_title(analysis.primary_category)} ({percent(analysis.probability)})"
            lines.insert(2, (gettext("Model"), said))
        return facts(lines)

    @display(description=_("waiting"), ordering="created_at")
    def since(self, task: LabelTask) -> str:
        return age(task.created_at)

    def has_label_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return bool(request.user.has_perm("learning.change_labeltask")) and sight_of(request).sees_texts

    @button(
        description=_("Give the label"),
        icon="label",
        permissions=["label"],
        dialog={
            "title": _("What does this note mean?"),
            "description": _("You see what others said once you have said it."),
            "form_class": LabelForm,
            "form_submit_text": _("Give the label"),
        },
    )
    def label(self, request: HttpRequest, form: LabelForm, object_id: str) -> HttpResponse:
        """Store a second label and show the first."""
        task = self.require_object(request, object_id)
        work = partial(
            labels.give_label,
            task_id=task.pk,
            user_id=actor_of(request),
            category=form.cleaned_data["category"],
            issues=form.cleaned_data["issues"],
        )
        return act(request, work, done=gettext("The label is given."), back=self._page(task))

    @button(
        description=_("Keep it for me"),
        icon="lock_clock",
        permissions=["label"],
        dialog={
            "title": _("Keep this note for a quarter of an hour?"),
            "description": _("Nobody else can label it meanwhile."),
            "form_class": BaseDialogForm,
            "form_submit_text": _("Keep it"),
        },
    )
    def take(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        """Keep a note for one person."""
        task = self.require_object(request, object_id)
        work = partial(labels.claim, task_id=task.pk, user_id=actor_of(request))
        return act(request, work, done=gettext("It is yours for a quarter of an hour."), back=self._page(task))

    def _page(self, task: LabelTask) -> str:
        return reverse("admin:learning_labeltask_change", args=[task.pk])


def _agreement_tables(agreement: Any) -> list[SafeString]:
    pairs = [
        (pair.title, pair.count, percent(pair.share), _kappa(pair.kappa)) for pair in agreement.pairs if pair.count
    ]
    cells = [
        (f"{category_title(cell.category)}, {language_name(cell.language)}", cell.count, _kappa(cell.kappa))
        for cell in agreement.cells
    ]
    shown = []
    if pairs:
        shown.append(table([gettext("Who"), gettext("Notes"), gettext("Alike"), gettext("Cohen's kappa")], pairs))
    if cells:
        shown.append(table([gettext("Category"), gettext("Notes"), gettext("Cohen's kappa")], cells))
    return shown


def _kappa(kappa: float | None) -> str:
    return "–" if kappa is None else f"{kappa:.2f}, {kappa_word(kappa)}"


class RowQuestions(Questions):
    """What somebody asks of the labels."""

    asked: ClassVar = {source.value: (source.label, Q(source=source.value)) for source in TrainingRow.Source}


@admin.register(TrainingRow)
class TrainingRowAdmin(ReadOnlyAdmin):
    """Labels that the next model learns from. A wrong one is corrected beside the first, which stays."""

    firm_path = "feedback__item__firm_id"
    text_columns = frozenset({"shown_text", "shown_issues"})
    list_display = ("shown_category", "source", "language", "shown_labeller", "since")
    list_filter = (RowQuestions, "language")
    list_select_related = ("labelled_by",)
    ordering = ("-id",)
    actions_detail = ("relabel",)
    fieldsets = (
        (None, {"fields": ("shown_category", "shown_issues", "source", "language", "shown_labeller", "created_at")}),
        (_("What was said"), {"fields": ("shown_text",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        # A first label is not looked up here while the note waits for its blind second one.
        waiting = LabelTask.objects.filter(done_at__isnull=True).values("feedback_id")
        return super().get_queryset(request).exclude(feedback_id__in=waiting)

    @display(description=_("means"), ordering="categories")
    def shown_category(self, row: TrainingRow) -> str:
        return ", ".join(category_title(code) for code in row.categories)

    @display(description=_("faults"))
    def shown_issues(self, row: TrainingRow) -> str:
        return bullets(issue_title(issue["code"]) for issue in row.issues)

    @display(description=_("note"))
    def shown_text(self, row: TrainingRow) -> str:
        return prose(row.text)

    @display(description=_("by"))
    def shown_labeller(self, row: TrainingRow) -> str:
        return str(row.labelled_by) if row.labelled_by else gettext("a strong model")

    @display(description=_("age"), ordering="created_at")
    def since(self, row: TrainingRow) -> str:
        return age(row.created_at)

    def has_relabel_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return bool(request.user.has_perm("learning.change_trainingrow")) and sight_of(request).sees_texts

    @button(
        description=_("Correct"),
        icon="edit",
        permissions=["relabel"],
        dialog={
            "title": _("What does this note mean?"),
            "description": _("Your label goes before the author's. The reason goes into the audit trail."),
            "form_class": RelabelForm,
            "form_submit_text": _("Correct"),
        },
    )
    def relabel(self, request: HttpRequest, form: RelabelForm, object_id: str) -> HttpResponse:
        """Store what a reviewer says a note means."""
        row = self.require_object(request, object_id)
        work = partial(labels.relabel, feedback_id=row.feedback_id, user_id=actor_of(request), **form.cleaned_data)
        back = reverse("admin:learning_trainingrow_change", args=[row.pk])
        return act(request, work, done=gettext("Corrected."), back=back)
