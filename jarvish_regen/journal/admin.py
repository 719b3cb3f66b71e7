"""The journal at the desk: what happened and who was told. Nothing here is edited by hand."""

import json
from typing import Any, ClassVar
from urllib.parse import urlsplit

from django.contrib import admin
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from jarvish_regen.desk import Questions, ReadOnlyAdmin, ReasonForm, act, actor_of, age, button, display, facts, short
from jarvish_regen.journal import services
from jarvish_regen.journal.models import AuditEntry, Delivery, Event, IdempotencyKey, Outbox, WebhookEndpoint


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    """Facts in the order in which each firm's pages hear of them."""

    firm_path = "firm_id"
    short_kind = "event"
    list_display = ("shown_id", "kind", "shown_item", "seq", "since")
    fields = ("shown_id", "kind", "seq", "shown_firm", "shown_item", "shown_actor", "shown_payload", "created_at")
    search_fields = ("kind",)
    ordering = ("-created_at",)

    def rows_with_id(self, found: Any) -> Q:
        return Q(pk=found) | Q(item_id=found)

    @display(description=_("id"))
    def shown_id(self, event: Event) -> str:
        return short("event", event.id)

    @display(description=_("draft"))
    def shown_item(self, event: Event) -> str:
        return short("item", event.item_id)

    @display(description=_("firm"))
    def shown_firm(self, event: Event) -> str:
        return short("firm", event.firm_id)

    @display(description=_("by"))
    def shown_actor(self, event: Event) -> str:
        return short("user", event.actor_id)

    @display(description=_("says"))
    def shown_payload(self, event: Event) -> str:
        return facts(event.payload.items())

    @display(description=_("age"), ordering="created_at")
    def since(self, event: Event) -> str:
        return age(event.created_at)


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Who did what, from which state to which, why. Each entry holds the hash of the one before."""

    firm_path = "firm_id"
    list_display = ("seq", "act", "shown_subject", "moved", "shown_actor", "reason", "since")
    fields = (
        "seq",
        "act",
        "shown_subject",
        "moved",
        "shown_actor",
        "reason",
        "shown_details",
        "created_at",
        "prev_hash",
        "hash",
    )
    list_filter = ("subject_kind",)
    search_fields = ("act",)
    ordering = ("-created_at",)
    _KINDS: ClassVar = {"item", "firm", "user", "invitation", "dead_letter", "endpoint", "regeneration", "case"}

    def rows_with_id(self, found: Any) -> Q:
        return Q(pk=found) | Q(subject_id=found) | Q(actor_id=found)

    @display(description=_("on"))
    def shown_subject(self, entry: AuditEntry) -> str:
        if entry.subject_kind in self._KINDS:
            return short(entry.subject_kind, entry.subject_id)
        return f"{entry.subject_kind} {entry.subject_id}"

    @display(description=_("moved"))
    def moved(self, entry: AuditEntry) -> str:
        return f"{entry.from_state or '·'} → {entry.to_state}" if entry.to_state else "–"

    @display(description=_("by"))
    def shown_actor(self, entry: AuditEntry) -> str:
        return short("user", entry.actor_id)

    @display(description=_("details"))
    def shown_details(self, entry: AuditEntry) -> str:
        return facts((name, json.dumps(value, ensure_ascii=False)) for name, value in entry.details.items())

    @display(description=_("age"), ordering="created_at")
    def since(self, entry: AuditEntry) -> str:
        return age(entry.created_at)


class OutboxQuestions(Questions):
    """What somebody asks of the doorbell."""

    asked: ClassVar = {
        "owed": (_("Rings still owed"), Q(rung_at__isnull=True)),
        "again": (_("Rung more than once"), Q(rings__gt=1)),
    }


@admin.register(Outbox)
class OutboxAdmin(ReadOnlyAdmin):
    """Rings that were owed, with the work they announce."""

    list_display = ("task", "queue", "shown_arguments", "rings", "rung_at", "since")
    fields = ("task", "queue", "shown_arguments", "rings", "rung_at", "created_at")
    list_filter = (OutboxQuestions, "queue")
    search_fields = ("task",)
    ordering = ("-id",)

    @display(description=_("for"))
    def shown_arguments(self, row: Outbox) -> str:
        return ", ".join(f"{name} {value}" for name, value in row.kwargs.items())

    @display(description=_("age"), ordering="created_at")
    def since(self, row: Outbox) -> str:
        return age(row.created_at)


@admin.register(IdempotencyKey)
class IdempotencyKeyAdmin(ReadOnlyAdmin):
    """Calls that would get their first answer again. The answer itself may hold a client's text and is not shown."""

    list_display = ("key", "method", "path", "status", "since")
    fields = ("key", "caller", "method", "path", "status", "body_sha256", "created_at")
    search_fields = ("key", "path")
    ordering = ("-id",)

    @display(description=_("age"), ordering="created_at")
    def since(self, row: IdempotencyKey) -> str:
        return age(row.created_at)


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ReadOnlyAdmin):
    """Where firms hear of their events. Firms make them; here one can be stopped. The signing secret is never shown."""

    firm_path = "firm_id"
    short_kind = "endpoint"
    list_display = ("url", "shown_firm", "is_active", "shown_kinds", "since")
    fields = ("url", "shown_firm", "shown_kinds", "is_active", "created_at")
    list_filter = ("is_active",)
    search_fields = ("url",)
    ordering = ("-created_at",)
    actions_detail = ("disable",)

    def rows_with_id(self, found: Any) -> Q:
        return Q(pk=found) | Q(firm_id=found)

    @display(description=_("firm"))
    def shown_firm(self, endpoint: WebhookEndpoint) -> str:
        return short("firm", endpoint.firm_id)

    @display(description=_("hears of"))
    def shown_kinds(self, endpoint: WebhookEndpoint) -> str:
        return ", ".join(endpoint.kinds)

    @display(description=_("age"), ordering="created_at")
    def since(self, endpoint: WebhookEndpoint) -> str:
        return age(endpoint.created_at)

    def has_disable_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return bool(request.user.has_perm("journal.change_webhookendpoint"))

    @button(
        description=_("Stop"),
        icon="notifications_off",
        permissions=["disable"],
        dialog={
            "title": _("Stop this webhook?"),
            "description": _("Nothing more is sent to this address. The firm can add it again."),
            "form_class": ReasonForm,
            "form_submit_text": _("Stop"),
        },
    )
    def disable(self, request: HttpRequest, form: ReasonForm, object_id: str) -> HttpResponse:
        """Stop sending to this address."""
        endpoint = self.require_object(request, object_id)

        def work() -> None:
            with transaction.atomic():
                services.disable_endpoint(
                    endpoint=endpoint, actor_id=actor_of(request), reason=form.cleaned_data["reason"]
                )

        back = reverse("admin:journal_webhookendpoint_change", args=[endpoint.pk])
        return act(request, work, done=gettext("The webhook is stopped."), back=back)


class DeliveryQuestions(Questions):
    """What somebody asks of webhooks."""

    asked: ClassVar = {
        "failed": (_("Given up"), Q(state=Delivery.State.FAILED)),
        "trying": (_("Failing, tried again"), Q(state=Delivery.State.DUE, tries__gt=0)),
        "due": (_("Not sent yet"), Q(state=Delivery.State.DUE)),
    }


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    """Events on their way to the firms' systems."""

    firm_path = "endpoint__firm_id"
    short_kind = "delivery"
    list_display = ("shown_id", "shown_kind", "shown_host", "state", "tries", "last_status", "last_error", "due_at")
    fields = ("shown_id", "shown_kind", "shown_host", "state", "tries", "last_status", "last_error", "due_at")
    list_filter = (DeliveryQuestions,)
    list_select_related = ("endpoint", "event")
    ordering = ("-due_at",)

    def rows_with_id(self, found: Any) -> Q:
        return Q(pk=found) | Q(event_id=found) | Q(endpoint_id=found)

    @display(description=_("id"))
    def shown_id(self, delivery: Delivery) -> str:
        return short("delivery", delivery.id)

    @display(description=_("event"))
    def shown_kind(self, delivery: Delivery) -> str:
        return delivery.event.kind

    @display(description=_("to"))
    def shown_host(self, delivery: Delivery) -> str:
        return urlsplit(delivery.endpoint.url).hostname or "–"
