"""Models at the desk: which is in use and why, its card, what each training made."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from feedback.admin import category_title
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
)
from learning.admin.tables import language_name, percent, table
from learning.lifecycle import drift, trial
from learning.models import TrainingRun
from learning.training.drift import Figure

_STATE = ModelVersion.State
STATE_LABELS = {
    str(_STATE.CHAMPION.label): "success",
    str(_STATE.CHALLENGER.label): "info",
    str(_STATE.RETIRED.label): "warning",
    str(_STATE.REFUSED.label): "danger",
}


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
    list_before_template = "learning/drift.html"
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

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        shown = _drift_table(drift.kept_figures(timezone.now()))
        return super().changelist_view(request, {**(extra_context or {}), "drift": shown})

    @display(description=_("state"), ordering="state", label=STATE_LABELS)
    def shown_state(self, version: ModelVersion) -> str:
        return str(_STATE(version.state).label)

    @display(description=_("all"))
    def shown_all(self, version: ModelVersion) -> str:
        return percent(_category_figures(version.card).get("all", {}).get("text", {}).get("value"))

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
        return percent(known.get("text", {}).get("value"))

    @display(description=_("decided by"))
    def shown_decider(self, version: ModelVersion) -> str:
        return str(version.decided_by) if version.decided_by else gettext("the machine")

    @display(description=_("trial"))
    def shown_trial(self, version: Any) -> str:
        return str(version.standing)

    @display(description=_("data"))
    def shown_data(self, version: ModelVersion) -> str:
        card = version.card
        counts = [(language_name(code), count) for code, count in (card.get("languages") or {}).items()]
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
            *((language_name(k), v) for k, v in figures.get("languages", {}).items()),
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


def _drift_table(figures: Sequence[Figure]) -> SafeString | None:
    words = {"ok": gettext("as before"), "watch": gettext("watch"), "alarm": gettext("ALARM")}
    rows = [
        (
            drift.TITLES[one.name],
            f"{one.value:+.3f}",
            percent(one.before),
            percent(one.now),
            words[one.state] if one.state != "alarm" else f"{words[one.state]}: {drift.ADVICE[one.name]}",
        )
        for one in figures
    ]
    head = [gettext("This week"), gettext("Moved"), gettext("Month before"), gettext("Now"), gettext("State")]
    return table(head, rows) if rows else None


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
        shown.append((name, f"{row['count']:,}", percent(text["value"]), interval, percent(row.get("with_dropdown"))))
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
            names.get(cell["name"]) or language_name(cell["name"]),
            f"{cell['count']:,}",
            percent(cell["old_right"] / cell["count"]),
            percent(cell["new_right"] / cell["count"]),
            f"{100 * cell['low']:+.1f} … {100 * cell['high']:+.1f}",
            gettext("worse") if cell["is_worse"] else gettext("not worse"),
        )
        for cell in cells
    ]
    head = [gettext("Messages of"), gettext("Count"), gettext("Before"), gettext("Now"), gettext("Points, 95 %"), ""]
    return table(head, rows)
