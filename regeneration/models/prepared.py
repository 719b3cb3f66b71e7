"""Answers made before they are asked for, and what people chose when they had a choice."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from jarvish_regen.access.models import Firm, User
from jarvish_regen.content.models import ContentItem, ContentVersion
from jarvish_regen.ids import new_id
from regeneration.models.attempts import Candidate, Regeneration


class PreparedAnswer(models.Model):
    """One answer made ahead of the rejection it may answer. Adopted only if it still answers what was said."""

    class Occasion(models.TextChoices):
        ARRIVAL = "arrival", _("The draft arrived")
        CATEGORY = "category", _("A category was chosen")
        NOTE = "note", _("The note grew")

    class State(models.TextChoices):
        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Being made")
        READY = "ready", _("Ready")
        EMPTY = "empty", _("Nothing valid was found")
        CANCELLED = "cancelled", _("Overtaken by what was typed")
        ADOPTED = "adopted", _("Used")
        EXPIRED = "expired", _("Never asked for")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    firm = models.ForeignKey(Firm, on_delete=models.CASCADE)
    item = models.ForeignKey(ContentItem, on_delete=models.CASCADE, related_name="prepared")
    version = models.ForeignKey(ContentVersion, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(
        User, on_delete=models.CASCADE, null=True, related_name="+", help_text=_("Who is typing; empty at arrival.")
    )
    occasion = models.CharField(max_length=10, choices=Occasion)
    sequence = models.PositiveIntegerField(
        default=0, help_text=_("Of one person and draft; an older one stops when a newer one starts.")
    )
    fingerprint = models.CharField(max_length=64, help_text=_("Of the feedback it answers; the cache's own."))
    brief = models.JSONField(default=dict, help_text=_("The feedback it answers, masked as it is stored anywhere."))
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    rung = models.CharField(max_length=20, blank=True)
    text = models.TextField(blank=True)
    edits = models.JSONField(default=list)
    is_valid = models.BooleanField(default=False)
    expected_value = models.FloatField(default=0.0, help_text=_("Chance that it is asked for, 0 to 1."))
    calls_count = models.PositiveSmallIntegerField(default=0)
    cost_inr = models.DecimalField(max_digits=10, decimal_places=4, default=0)
    pack_sha256 = models.CharField(max_length=64, blank=True)
    prompt_version = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    ready_at = models.DateTimeField(null=True)
    adopted_by = models.OneToOneField(Regeneration, on_delete=models.SET_NULL, null=True, related_name="prepared")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["version", "fingerprint"],
                condition=models.Q(state__in=["queued", "running", "ready"]),
                name="prepared_once_while_alive",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["version", "state"], name="prepared_of_version"),  # adoption at submit
            models.Index(fields=["created_at"], name="prepared_by_age"),  # expiry, daily cost
        ]

    def __str__(self) -> str:
        return f"{self.occasion} ({self.state})"


class Preference(models.Model):
    """Which of several valid texts a person took: a label for learning."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    regeneration = models.ForeignKey(Regeneration, on_delete=models.CASCADE, related_name="preferences")
    chosen = models.ForeignKey(Candidate, on_delete=models.CASCADE, related_name="+")
    others = ArrayField(models.UUIDField(), help_text=_("The candidates that were shown beside it."))
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["regeneration"], name="one_preference_a_regeneration")]

    def __str__(self) -> str:
        return f"preference of {self.regeneration_id}"
