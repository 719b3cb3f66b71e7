"""What happened, who did it, who is told. The cellar knows firms, items and people by their UUIDs only."""

import base64
import secrets
from typing import ClassVar

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from jarvish_regen.ids import new_id, to_short


def sealed_once(table_columns: list[str]) -> list[pgtrigger.Trigger]:
    """Return the triggers of an append-only table: no delete, no update but the sealing of a row, once."""
    unchanged = " AND ".join(f"OLD.{column} IS NOT DISTINCT FROM NEW.{column}" for column in table_columns)
    return [
        pgtrigger.Protect(name="no_delete", operation=pgtrigger.Delete),
        pgtrigger.Protect(
            name="seal_once",
            operation=pgtrigger.Update,
            condition=pgtrigger.Condition(f"NOT (OLD.seq IS NULL AND {unchanged})"),
        ),
    ]


class Event(models.Model):
    """A fact, stored in the transaction that made it true. `seq` is given by the sealer, gapless within a firm."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=60)
    firm_id = models.UUIDField()
    item_id = models.UUIDField(null=True)
    actor_id = models.UUIDField(null=True)
    payload = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now())
    seq = models.BigIntegerField(null=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["firm_id", "seq"], name="event_seq_once")]
        indexes: ClassVar = [
            models.Index(
                fields=["created_at"], name="event_unsealed", condition=models.Q(seq__isnull=True)
            ),  # the sealer
            models.Index(fields=["item_id", "seq"], name="event_of_item"),  # replay for one page
        ]
        triggers: ClassVar = sealed_once(["id", "kind", "firm_id", "item_id", "actor_id", "payload", "created_at"])

    def __str__(self) -> str:
        return f"{self.kind} {to_short('event', self.id)}"


class AuditEntry(models.Model):
    """One act on one thing: who, what, from which state to which, why. Append-only and hash-chained within a firm."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    firm_id = models.UUIDField()
    subject_kind = models.CharField(max_length=30)
    subject_id = models.UUIDField()
    act = models.CharField(max_length=60)
    from_state = models.CharField(max_length=30, blank=True)
    to_state = models.CharField(max_length=30, blank=True)
    actor_id = models.UUIDField(null=True)
    reason = models.CharField(max_length=500, blank=True)
    details = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now())
    seq = models.BigIntegerField(null=True)
    prev_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64, blank=True)

    class Meta:
        verbose_name_plural = "audit entries"
        constraints: ClassVar = [models.UniqueConstraint(fields=["firm_id", "seq"], name="audit_seq_once")]
        indexes: ClassVar = [
            models.Index(
                fields=["created_at"], name="audit_unsealed", condition=models.Q(seq__isnull=True)
            ),  # the sealer
            models.Index(fields=["subject_id", "created_at"], name="audit_of_subject"),  # the timeline of one thing
        ]
        triggers: ClassVar = sealed_once(
            [
                "id",
                "firm_id",
                "subject_kind",
                "subject_id",
                "act",
                "from_state",
                "to_state",
                "actor_id",
                "reason",
                "details",
                "created_at",
            ]
        )

    def __str__(self) -> str:
        return f"{self.act} {self.from_state}→{self.to_state}"


class Chain(models.Model):
    """Where the sealer stands in one firm's numbering and hash chain."""

    firm_id = models.UUIDField(primary_key=True)
    last_event_seq = models.BigIntegerField(default=0)
    last_audit_seq = models.BigIntegerField(default=0)
    last_hash = models.CharField(max_length=64, default="0" * 64)

    def __str__(self) -> str:
        return f"{self.firm_id} at {self.last_event_seq}"


class Outbox(models.Model):
    """A ring that is owed: written with the work it announces, sent after commit, sent again if that was lost."""

    id = models.BigAutoField(primary_key=True)
    task = models.CharField(max_length=80)
    kwargs = models.JSONField(default=dict)
    queue = models.CharField(max_length=20)
    created_at = models.DateTimeField(db_default=Now())
    rung_at = models.DateTimeField(null=True)
    rings = models.PositiveSmallIntegerField(default=0)

    class Meta:
        verbose_name_plural = "outbox"
        indexes: ClassVar = [
            models.Index(fields=["created_at"], name="outbox_owed", condition=models.Q(rung_at__isnull=True))
        ]  # the relay

    def __str__(self) -> str:
        return f"{self.task} on {self.queue}"


class DeadLetter(models.Model):
    """Work that was given up on: why, how often it was tried, and what became of it."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting for a decision")
        REPLAYED = "replayed", _("Replayed")
        DISCARDED = "discarded", _("Discarded")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    firm_id = models.UUIDField(null=True)
    subject_kind = models.CharField(max_length=30)
    subject_id = models.UUIDField()
    task = models.CharField(max_length=80)
    kwargs = models.JSONField(default=dict)
    queue = models.CharField(max_length=20)
    reason = models.CharField(max_length=200)
    claims = models.PositiveSmallIntegerField()
    last_error = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    created_at = models.DateTimeField(db_default=Now())
    settled_at = models.DateTimeField(null=True)
    settled_by = models.UUIDField(null=True)
    settled_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["subject_id"], condition=models.Q(state="waiting"), name="dead_letter_waiting_once"
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["waiting", "replayed", "discarded"]), name="dead_letter_state_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject_kind}: {self.reason}"


class IdempotencyKey(models.Model):
    """The answer that a repeated call gets again. Written in the transaction of the work itself."""

    id = models.BigAutoField(primary_key=True)
    caller = models.CharField(max_length=60)
    method = models.CharField(max_length=8)
    path = models.CharField(max_length=200)
    key = models.CharField(max_length=255)
    body_sha256 = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    body = models.JSONField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["caller", "method", "path", "key"], name="idempotency_key_once")
        ]
        indexes: ClassVar = [models.Index(fields=["created_at"], name="idempotency_age")]  # cleaning

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def new_webhook_secret() -> str:
    """Return a signing secret in the form of the Standard Webhooks specification: `whsec_` and base 64 of 24 bytes."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()


class WebhookEndpoint(models.Model):
    """Where a firm wants to hear of its events."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    firm_id = models.UUIDField()
    url = models.URLField(max_length=500)
    secret = models.CharField(max_length=100, default=new_webhook_secret)
    kinds = ArrayField(models.CharField(max_length=60))
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar = [models.Index(fields=["firm_id"], name="webhook_of_firm")]

    def __str__(self) -> str:
        return self.url


class Delivery(models.Model):
    """One event on its way to one endpoint: the same id at every try."""

    class State(models.TextChoices):
        DUE = "due", _("Due")
        DELIVERED = "delivered", _("Delivered")
        FAILED = "failed", _("Given up")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE)
    event = models.ForeignKey(Event, on_delete=models.PROTECT)
    state = models.CharField(max_length=10, choices=State, default=State.DUE)
    tries = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(db_default=Now())
    last_status = models.PositiveSmallIntegerField(null=True)
    last_error = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints: ClassVar = [models.UniqueConstraint(fields=["endpoint", "event"], name="delivery_once")]
        indexes: ClassVar = [
            models.Index(fields=["due_at"], name="delivery_due", condition=models.Q(state="due"))
        ]  # the sender

    def __str__(self) -> str:
        return f"{self.endpoint_id} {self.state}"
