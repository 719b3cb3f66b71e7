"""The shelf at the desk: texts that are tried in every form before they are saved, orders that are simulated."""

from functools import partial
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from jarvish_regen.access.models import User
from jarvish_regen.content.models import Channel, RegistrantType
from jarvish_regen.desk import (
    HistoryAdmin,
    Questions,
    ReadOnlyAdmin,
    ScopedAdmin,
    act,
    actor_of,
    button,
    display,
    facts,
    prose,
    words_of,
)
from jarvish_regen.errors import InputError
from regeneration.fallbacks import services, simulation
from regeneration.fallbacks.checking import check_library_text, check_template
from regeneration.fallbacks.shelf import library_text, template_text
from regeneration.models import DefaultText, FallbackOrder, LibraryItem, RungRecord, Template


class ShelfTextForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable when it runs
    """What both kinds of shelf texts ask for; a text that breaks a rule in any form comes back with the reasons."""

    body_field: ClassVar[str] = "body"
    channels = forms.MultipleChoiceField(
        label=_("channels"), choices=Channel.choices, widget=UnfoldAdminCheckboxSelectMultipleWidget
    )
    registrants = forms.MultipleChoiceField(
        label=_("registrants"), choices=RegistrantType.choices, widget=UnfoldAdminCheckboxSelectMultipleWidget
    )

    def faults(self) -> list[str]:
        """Return why the text may not be used."""
        raise NotImplementedError

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]  # Django's hook: the instance has its values only after it
        if not self.errors:
            for fault in self.faults():
                self.add_error(self.body_field, fault)


class TemplateForm(ShelfTextForm):
    """A template with its slots."""

    class Meta:
        model = Template
        fields = (
            "code",
            "language",
            "title",
            "content_class",
            "channels",
            "registrants",
            "topic_words",
            "slots",
            "body",
            "state",
        )
        widgets: ClassVar = {
            "body": UnfoldAdminTextareaWidget(attrs={"rows": 10, "dir": "auto"}),
            "topic_words": UnfoldAdminTextInputWidget(attrs={"dir": "auto"}),
        }

    def faults(self) -> list[str]:
        return check_template(template_text(self.instance))


class LibraryForm(ShelfTextForm):
    """A whole text with its approval."""

    body_field: ClassVar[str] = "text"

    class Meta:
        model = LibraryItem
        fields = (
            "firm",
            "code",
            "language",
            "title",
            "content_class",
            "channels",
            "registrants",
            "topic_words",
            "text",
            "approved_by",
            "approved_on",
            "expires_on",
            "state",
        )
        widgets: ClassVar = {
            "text": UnfoldAdminTextareaWidget(attrs={"rows": 12, "dir": "auto"}),
            "topic_words": UnfoldAdminTextInputWidget(attrs={"dir": "auto"}),
        }

    def faults(self) -> list[str]:
        return check_library_text(library_text(self.instance))


class TemplateQuestions(Questions):
    """What somebody asks of the templates."""

    asked: ClassVar = {
        "used": (_("In use"), Q(state=Template.State.ACTIVE)),
        "retired": (_("Out of use"), Q(state=Template.State.RETIRED)),
        "ours": (_("Written or edited here"), Q(is_shipped=False)),
    }


@admin.register(Template)
class TemplateAdmin(HistoryAdmin):
    """Texts with typed slots. One that could break a rule in any filling cannot be saved."""

    form = TemplateForm
    list_display = ("title", "code", "language", "content_class", "shown_state", "is_shipped", "changed_at")
    list_filter = (TemplateQuestions, "language", "content_class")
    search_fields = ("code", "title")
    ordering = ("code", "language")
    readonly_fields = ("is_shipped", "pack_sha256", "changed_at")
    fieldsets = (
        (None, {"fields": ("code", "language", "title", "content_class", "state")}),
        (_("Where"), {"fields": ("channels", "registrants", "topic_words")}),
        (_("Text"), {"fields": ("slots", "body")}),
        (_("Record"), {"fields": ("is_shipped", "pack_sha256", "changed_at")}),
    )

    @display(
        description=_("state"),
        ordering="state",
        label={str(Template.State.ACTIVE.label): "success", str(Template.State.RETIRED.label): "warning"},
    )
    def shown_state(self, template: Template) -> str:
        return str(Template.State(template.state).label)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # it is taken out of use: what answered somebody stays to be looked at

    def save_model(self, request: HttpRequest, obj: Template, form: Any, change: bool) -> None:
        """Save through the service, which tries the text once more: no door gets round it."""
        services.save_template(obj)


class LibraryQuestions(Questions):
    """What somebody asks of the library."""

    asked: ClassVar = {
        "live": (_("Published"), Q(state=LibraryItem.State.PUBLISHED)),
        "withdrawn": (_("Withdrawn"), Q(state=LibraryItem.State.WITHDRAWN)),
        "unused": (_("Never used"), Q(used_count=0)),
        "ours": (_("Written or edited here"), Q(is_shipped=False)),
    }


@admin.register(LibraryItem)
class LibraryItemAdmin(HistoryAdmin):
    """Whole texts that were approved beforehand, everybody's or one firm's."""

    form = LibraryForm
    list_display = ("title", "code", "language", "shown_state", "expires", "used_count", "firm", "is_shipped")
    list_filter = (LibraryQuestions, "language", "content_class")
    list_select_related = ("firm",)
    search_fields = ("code", "title")
    ordering = ("code", "language")
    readonly_fields = ("is_shipped", "pack_sha256", "used_count", "used_at", "changed_at")
    fieldsets = (
        (None, {"fields": ("firm", "code", "language", "title", "content_class", "state")}),
        (_("Approval"), {"fields": ("approved_by", "approved_on", "expires_on")}),
        (_("Where"), {"fields": ("channels", "registrants", "topic_words")}),
        (_("Text"), {"fields": ("text",)}),
        (_("Record"), {"fields": ("used_count", "used_at", "is_shipped", "pack_sha256", "changed_at")}),
    )

    @display(
        description=_("state"),
        ordering="state",
        label={str(LibraryItem.State.PUBLISHED.label): "success", str(LibraryItem.State.WITHDRAWN.label): "warning"},
    )
    def shown_state(self, item: LibraryItem) -> str:
        return str(LibraryItem.State(item.state).label)

    @display(description=_("expires"), ordering="expires_on")
    def expires(self, item: LibraryItem) -> str:
        days = (item.expires_on - timezone.localdate()).days
        return gettext("expired") if days <= 0 else gettext("in %(days)d days") % {"days": days}

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # it is withdrawn

    def save_model(self, request: HttpRequest, obj: LibraryItem, form: Any, change: bool) -> None:
        """Save through the service, which tries the text once more."""
        services.save_library_item(obj)


@admin.register(DefaultText)
class DefaultTextAdmin(ReadOnlyAdmin):
    """What is safe whatever happens. Signed: it changes with a release only."""

    list_display = ("__str__", "beginning", "signed_by", "signed_on")
    list_filter = ("content_class", "channel", "registrant_type", "language")
    ordering = ("content_class", "channel", "registrant_type", "language")
    fieldsets = (
        (None, {"fields": ("content_class", "channel", "registrant_type", "language")}),
        (_("Text"), {"fields": ("shown_text", "unavailable")}),
        (_("Seal"), {"fields": ("signed_by", "signed_on", "sha256")}),
    )

    @display(description=_("text"))
    def beginning(self, row: DefaultText) -> str:
        return row.text[:80] if row.text else row.unavailable

    @display(description=_("text"))
    def shown_text(self, row: DefaultText) -> str:
        return prose(row.text)


class OrderForm(forms.ModelForm):  # type: ignore[type-arg]  # as above
    """A new order: the reason it is for, and rungs, best first."""

    class Meta:
        model = FallbackOrder
        fields = ("reason", "rungs")
        widgets: ClassVar = {"rungs": UnfoldAdminTextInputWidget}

    def clean_rungs(self) -> list[str]:
        """Refuse what is no order."""
        rungs: list[str] = self.cleaned_data["rungs"]
        try:
            simulation.require_rungs(rungs)
        except InputError as error:
            raise forms.ValidationError(f"{error.detail} {', '.join(error.allowed)}") from error
        return rungs


ORDER_LABELS = {
    str(FallbackOrder.State.DRAFT.label): "info",
    str(FallbackOrder.State.SIMULATED.label): "primary",
    str(FallbackOrder.State.LIVE.label): "success",
    str(FallbackOrder.State.RETIRED.label): "warning",
}


@admin.register(FallbackOrder)
class FallbackOrderAdmin(ScopedAdmin):
    """Which rung answers first, for each reason. A new order is drafted, simulated on history, then made live."""

    form = OrderForm
    list_display = ("shown_reason", "shown_rungs", "shown_state", "simulated_at", "made_live_at", "made_live_by")
    list_filter = ("reason", "state")
    list_select_related = ("made_live_by",)
    ordering = ("reason", "-created_at")
    actions_detail = ("simulate", "make_live")
    add_fieldsets = ((None, {"fields": ("reason", "rungs")}),)
    fieldsets = (
        (None, {"fields": ("reason", "shown_rungs", "shown_state")}),
        (_("Simulated"), {"fields": ("simulated_at", "shown_simulation")}),
        (_("Live"), {"fields": ("made_live_at", "made_live_by", "created_at")}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: FallbackOrder | None = None) -> Any:  # type: ignore[override]
        return self.add_fieldsets if obj is None else super().get_fieldsets(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else ("reason", "shown_rungs", "shown_simulation")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # an order that was simulated must be the order that goes live

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_decide_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Say who may simulate orders and let them decide."""
        return bool(request.user.has_perm("regeneration.change_fallbackorder"))

    @display(description=_("reason"), ordering="reason")
    def shown_reason(self, order: FallbackOrder) -> str:
        return order.get_reason_display()

    @display(description=_("rungs, best first"))
    def shown_rungs(self, order: FallbackOrder) -> str:
        return " → ".join(order.rungs)

    @display(description=_("state"), ordering="state", label=ORDER_LABELS)
    def shown_state(self, order: FallbackOrder) -> str:
        return str(FallbackOrder.State(order.state).label)

    @display(description=_("what history says"))
    def shown_simulation(self, order: FallbackOrder) -> str:
        figures = order.simulation
        if not figures:
            return gettext("Not simulated yet.")
        lines: list[tuple[object, object]] = [
            (gettext("Attempts replayed"), figures["attempts"]),
            (gettext("Would be answered otherwise"), figures["changed"]),
        ]
        for name, label in (("this", gettext("This order")), ("live", gettext("The live order"))):
            one = figures[name]
            by_rung = ", ".join(f"{words_of(rung)} {count}" for rung, count in one["by_rung"].items())
            used = format_html("{} / {} ({} %)", one["used_as_stood"], one["judged"], round(one["share"] * 100, 1))
            lines += [
                (gettext("%(order)s: used as it stood") % {"order": label}, used),
                (gettext("%(order)s: answers by rung") % {"order": label}, by_rung or "–"),
                (gettext("%(order)s: without an answer") % {"order": label}, one["without_answer"]),
            ]
        return facts(lines)

    @button(
        description=_("Simulate"),
        icon="science",
        permissions=["decide"],
        dialog={
            "title": _("Replay this order on the last 30 days?"),
            "description": _("It is compared with the live order. Nothing changes for advisors."),
            "form_class": BaseDialogForm,
            "form_submit_text": _("Simulate"),
        },
    )
    def simulate(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        """Replay the order on history."""
        order = self.require_object(request, object_id)
        return act(
            request,
            partial(simulation.simulate_order, order=order),
            done=gettext("Simulated."),
            back=reverse("admin:regeneration_fallbackorder_change", args=[order.pk]),
        )

    @button(
        description=_("Make live"),
        icon="play_circle",
        permissions=["decide"],
        dialog={
            "title": _("Let this order decide from now on?"),
            "description": _("The live order for the same reason is retired. Only what was simulated today goes live."),
            "form_class": BaseDialogForm,
            "form_submit_text": _("Make live"),
        },
    )
    def make_live(self, request: HttpRequest, form: BaseDialogForm, object_id: str) -> HttpResponse:
        """Let the order decide."""
        order = self.require_object(request, object_id)
        actor = User.objects.get(pk=actor_of(request))
        return act(
            request,
            partial(simulation.make_live, order=order, actor=actor),
            done=gettext("This order is live."),
            back=reverse("admin:regeneration_fallbackorder_change", args=[order.pk]),
        )


@admin.register(RungRecord)
class RungRecordAdmin(ReadOnlyAdmin):
    """How far each rung is to be trusted, learned from what became of its answers."""

    list_display = ("rung", "category", "shown_count", "approved_count", "share", "interval", "counted_at")
    list_filter = ("rung", "category")
    ordering = ("category", "-confidence")
    fieldsets = (
        (None, {"fields": ("rung", "category", "shown_count", "approved_count")}),
        (_("Confidence"), {"fields": ("share", "interval", "counted_at")}),
    )

    @display(description=_("confidence"), ordering="confidence")
    def share(self, record: RungRecord) -> str:
        return f"{record.confidence:.0%}"

    @display(description=_("90 % interval"))
    def interval(self, record: RungRecord) -> str:
        return f"{record.low:.0%} – {record.high:.0%}"
