"""Models and labels at the desk: which model is in use and why, what training made, notes to label blind."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminSelectMultipleWidget, UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from feedback.admin import category_title, issue_title
from jarvish_regen.content.models import ModelVersion
from jarvish_regen.content.taxonomy import taxonomy
from jarvish_regen.desk import (
    Questions,
    ReadOnlyAdmin,
    ReasonForm,
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
from learning.lifecycle import trial
from learning.models import LabelTask, TrainingRow, TrainingRun
from learning.queries import get_agreement
from learning.training.agreement import kappa_word

_STATE = ModelVersion.State
STATE_LABELS = {
    str(_STATE.CHAMPION.label): "success",
    str(_STATE.CHALLENGER.label): "info",
    str(_STATE.RETIRED.label): "warning",
    str(_STATE.REFUSED.label): "danger",
}
REASON_LABELS = {
    str(LabelTask.Reason.RANDOM.label): "info",
    str(LabelTask.Reason.DISAGREEMENT.label): "warning",
    str(LabelTask.Reason.UNSURE.label): "primary",
}


def table(head: Sequence[object], rows: Sequence[Sequence[object]]) -> SafeString:
    """Return figures as a table, the first column naming the row; a dash where there is none."""
    if not rows:
        return SafeString("–")
    titles = format_html_join("", '<th scope="col">{}</th>', ((title,) for title in head))
    lines = format_html_join(
        "",
        '<tr><th scope="row">{}</th>{}</tr>',
        ((row[0], format_html_join("", "<td>{}</td>", ((cell,) for cell in row[1:]))) for row in rows),
    )
    return format_html(
        '<div class="desk-scroll"><table class="desk-figures">'
        "<thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>",
        titles,
        lines,
    )


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def _language(code: str) -> str:
    names = {"en": _("English"), "hi": _("Hindi"), "mr": _("Marathi"), "hinglish": _("Hinglish")}
    return str(names.get(code, code))


def _category_figures(card: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (card.get("unread_writers") or {}).get("category") or {}
    return found


class ModelQuestions(Questions):
    """What somebody asks of the models."""

    asked: ClassVar = {
        "use": (_("In use"), Q(state=_STATE.CHAMPION)),
        "trial": (_("On trial"), Q(state=_STATE.CHALLENGER)),
        "refused": (_("Refused"), Q(state=_STATE.REFUSED)),
    }


@admin.register(ModelVersion)
class ModelVersionAdmin(ReadOnlyAdmin):
    """Trained models with their cards: on what, how good, who let them in. Here, because the gate is this floor's."""

    list_display = (
        "name",
        "kind",
        "shown_state",
        "shown_all",
        *(f"shown_{each}" for each in ("en", "hi", "mr", "hinglish")),
        "why",
        "since",
    )
    list_filter = (ModelQuestions, "kind")
    search_fields = ("name",)
    ordering = ("-changed_at",)
    actions_detail = ("promote", "roll_back")
    fieldsets = (
        (None, {"fields": ("name", "kind", "shown_state", "why", "shown_decider", "changed_at", "shown_trial")}),
        (_("What it was trained on"), {"fields": ("shown_data", "shown_origin", "created_at")}),
        (_("How good it is on writers it had not read"), {"fields": ("shown_languages", "shown_categories")}),
        (_("What it takes for what"), {"fields": ("shown_confusion",), "classes": ("collapse",)}),
        (_("What happened"), {"fields": ("shown_history",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return (
            super().get_queryset(request).defer("artefact", "parent__artefact").select_related("decided_by", "parent")
        )

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> ModelVersion | None:
        """Return a model with how its trial stands, where it is on one: read once a page."""
        version: ModelVersion | None = super().get_object(request, object_id, from_field)
        if version is not None:
            is_on_trial = version.state == _STATE.CHALLENGER
            version.standing = trial.trial_of(version).in_words() if is_on_trial else "–"  # type: ignore[attr-defined]
            version.steps = _steps(version)  # type: ignore[attr-defined]
        return version

    @display(description=_("state"), ordering="state", label=STATE_LABELS)
    def shown_state(self, version: ModelVersion) -> str:
        return str(_STATE(version.state).label)

    @display(description=_("all"))
    def shown_all(self, version: ModelVersion) -> str:
        return _percent(_category_figures(version.card).get("all", {}).get("text", {}).get("value"))

    @display(description=_("English"))
    def shown_en(self, version: ModelVersion) -> str:
        return self._of_language(version, "en")

    @display(description=_("Hindi"))
    def shown_hi(self, version: ModelVersion) -> str:
        return self._of_language(version, "hi")

    @display(description=_("Marathi"))
    def shown_mr(self, version: ModelVersion) -> str:
        return self._of_language(version, "mr")

    @display(description=_("Hinglish"))
    def shown_hinglish(self, version: ModelVersion) -> str:
        return self._of_language(version, "hinglish")

    def _of_language(self, version: ModelVersion, language: str) -> str:
        known = _category_figures(version.card).get("languages", {}).get(language, {})
        return _percent(known.get("text", {}).get("value"))

    @display(description=_("decided by"))
    def shown_decider(self, version: ModelVersion) -> str:
        return str(version.decided_by) if version.decided_by else gettext("the machine")

    @display(description=_("trial"))
    def shown_trial(self, version: Any) -> str:
        return str(version.standing)

    @display(description=_("data"))
    def shown_data(self, version: ModelVersion) -> str:
        card = version.card
        counts = [(_language(code), count) for code, count in (card.get("languages") or {}).items()]
        return facts(
            [
                (gettext("Messages"), f"{card.get('messages', 0):,}"),
                *counts,
                (gettext("Data hash"), version.data_sha256),
                (gettext("Label hash"), version.schema_sha256),
                (gettext("Encoder"), version.encoder),
                (gettext("Weights hash"), version.artefact_sha256),
            ]
        )

    @display(description=_("replaces"))
    def shown_origin(self, version: ModelVersion) -> str:
        return version.parent.name if version.parent else "–"

    @display(description=_("by language"))
    def shown_languages(self, version: ModelVersion) -> str:
        figures = _category_figures(version.card)
        rows = [
            (gettext("All"), figures.get("all")),
            *((_language(k), v) for k, v in figures.get("languages", {}).items()),
        ]
        return _shares(rows)

    @display(description=_("by category"))
    def shown_categories(self, version: ModelVersion) -> str:
        figures = _category_figures(version.card).get("categories", {})
        return _shares([(category_title(code), row) for code, row in figures.items()])

    @display(description=_("confusion"))
    def shown_confusion(self, version: ModelVersion) -> str:
        counts = _category_figures(version.card).get("confusion") or []
        codes = list(taxonomy().categories)
        if len(counts) != len(codes):
            return "–"
        rows = [(f"{at + 1}. {category_title(code)}", *counts[at]) for at, code in enumerate(codes)]
        return table([gettext("Meant ↓, heard →"), *(str(at + 1) for at in range(len(codes)))], rows)

    @display(description=_("steps"))
    def shown_history(self, version: Any) -> str:
        return bullets(version.steps)

    @display(description=_("age"), ordering="created_at")
    def since(self, version: ModelVersion) -> str:
        return age(version.created_at)

    def has_decide_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return bool(request.user.has_perm("content.change_modelversion"))

    @button(
        description=_("Put in use"),
        icon="rocket_launch",
        permissions=["decide"],
        dialog={
            "title": _("Put this model in use?"),
            "description": _("One on trial comes in only where nobody is worse off on people's labels."),
            "form_class": ReasonForm,
            "form_submit_text": _("Put in use"),
        },
    )
    def promote(self, request: HttpRequest, form: ReasonForm, object_id: str) -> HttpResponse:
        """Put this model in use, with the reason."""
        version = self.require_object(request, object_id)
        work = partial(
            trial.promote,
            version_id=version.id,
            reason=form.cleaned_data["reason"],
            decided_by=actor_of(request),
        )
        back = reverse("admin:content_modelversion_change", args=[version.pk])
        return act(request, work, done=gettext("The model is in use."), back=back)

    @button(
        description=_("Go back to the one before"),
        icon="undo",
        permissions=["decide"],
        dialog={
            "title": _("Go back to the model before the one in use?"),
            "description": _("Every process follows within ten seconds. Nothing is lost: it can be put in use again."),
            "form_class": ReasonForm,
            "form_submit_text": _("Go back"),
        },
    )
    def roll_back(self, request: HttpRequest, form: ReasonForm, object_id: str) -> HttpResponse:
        """Go back to the model that the one in use replaced, with the reason."""
        self.require_object(request, object_id)
        work = partial(trial.roll_back, reason=form.cleaned_data["reason"], decided_by=actor_of(request))
        return act(
            request,
            work,
            done=gettext("The earlier model is in use."),
            back=reverse("admin:content_modelversion_changelist"),
        )


def _steps(version: ModelVersion) -> list[str]:
    rows = ModelVersion.history.filter(id=version.id).order_by("-history_date", "-history_id")[:50]
    return [f"{row.history_date:%Y-%m-%d %H:%M} · {_STATE(row.state).label} · {row.why or '–'}" for row in rows]


def _shares(rows: Sequence[tuple[str, Mapping[str, Any] | None]]) -> SafeString:
    shown = []
    for name, row in rows:
        if not row:
            continue
        text = row["text"]
        interval = f"{100 * text['low']:.0f}–{100 * text['high']:.0f} %"
        shown.append((name, f"{row['count']:,}", _percent(text["value"]), interval, _percent(row.get("with_dropdown"))))
    head = [
        gettext("Messages of"),
        gettext("Count"),
        gettext("Right"),
        gettext("95 % interval"),
        gettext("With the pick"),
    ]
    return table(head, shown)


@admin.register(TrainingRun)
class TrainingRunAdmin(ReadOnlyAdmin):
    """What each training made, and why it was or was not let in."""

    list_display = ("created_at", "model_version", "rows_count", "new_rows_count", "shown_seconds", "outcome")
    list_select_related = ("model_version",)
    ordering = ("-created_at",)
    fieldsets = (
        (None, {"fields": ("created_at", "model_version", "outcome", "rows_count", "new_rows_count", "shown_seconds")}),
        (_("On writers it had not read"), {"fields": ("shown_unread",)}),
        (_("On trial, on people's labels"), {"fields": ("shown_trial",)}),
    )

    @display(description=_("took"), ordering="seconds")
    def shown_seconds(self, run: TrainingRun) -> str:
        return f"{run.seconds:.0f} s"

    @display(description=_("against the one in use"))
    def shown_unread(self, run: TrainingRun) -> str:
        return _compared(run.comparison.get("unread_writers"))

    @display(description=_("against the one in use"))
    def shown_trial(self, run: TrainingRun) -> str:
        return _compared(run.comparison.get("trial"))


def _compared(comparison: Mapping[str, Any] | None) -> str:
    cells = (comparison or {}).get("cells", [])
    names = {"overall": gettext("All"), **{code: category_title(code) for code in taxonomy().categories}}
    rows = [
        (
            names.get(cell["name"]) or _language(cell["name"]),
            f"{cell['count']:,}",
            _percent(cell["old_right"] / cell["count"]),
            _percent(cell["new_right"] / cell["count"]),
            f"{100 * cell['low']:+.1f} … {100 * cell['high']:+.1f}",
            gettext("worse") if cell["is_worse"] else gettext("not worse"),
        )
        for cell in cells
    ]
    head = [gettext("Messages of"), gettext("Count"), gettext("Before"), gettext("Now"), gettext("Points, 95 %"), ""]
    return table(head, rows)


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
            said = f"{category_title(analysis.primary_category)} ({_percent(analysis.probability)})"
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
        (pair.title, pair.count, _percent(pair.share), _kappa(pair.kappa)) for pair in agreement.pairs if pair.count
    ]
    cells = [
        (f"{category_title(cell.category)}, {_language(cell.language)}", cell.count, _kappa(cell.kappa))
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
