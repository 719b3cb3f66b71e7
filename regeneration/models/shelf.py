"""What stands ready when no better text can be made: templates, approved texts, safe defaults, and in which order."""

from typing import ClassVar

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from jarvish_regen.access.models import Firm, User
from jarvish_regen.content.models import Channel, ContentClass, Language, RegistrantType
from jarvish_regen.ids import new_id


class Template(models.Model):
    """A text with typed slots, in one language. Cannot be saved while any filling could break a rule."""

    class State(models.TextChoices):
        ACTIVE = "active", _("In use")
        RETIRED = "retired", _("Out of use")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    code = models.SlugField(max_length=60)
    language = models.CharField(max_length=10, choices=Language)
    title = models.CharField(max_length=120)
    topic_words = ArrayField(
        models.CharField(max_length=60), default=list, help_text=_("Words by which a text on this subject is known.")
    )
    channels = ArrayField(models.CharField(max_length=10, choices=Channel))
    registrants = ArrayField(models.CharField(max_length=3, choices=RegistrantType))
    content_class = models.CharField(max_length=15, choices=ContentClass)
    slots = models.JSONField(default=dict, blank=True, help_text=_("Name of each slot and its type."))
    body = models.TextField()
    state = models.CharField(max_length=10, choices=State, default=State.ACTIVE)
    pack_sha256 = models.CharField(max_length=64, blank=True, help_text=_("The rules it was last checked against."))
    is_shipped = models.BooleanField(default=False, help_text=_("Comes with the product; an edit makes it yours."))
    changed_at = models.DateTimeField(auto_now=True)
    history = HistoricalRecords()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["code", "language"], name="template_once")]

    def __str__(self) -> str:
        return f"{self.code} ({self.language})"


class LibraryItem(models.Model):
    """A whole text that was approved for use by itself; only greeting, closing and date may change."""

    class State(models.TextChoices):
        PUBLISHED = "published", _("Published")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    firm = models.ForeignKey(
        Firm, on_delete=models.CASCADE, null=True, blank=True, help_text=_("Whose library; empty: everybody's.")
    )
    code = models.SlugField(max_length=80)
    language = models.CharField(max_length=10, choices=Language)
    title = models.CharField(max_length=120)
    topic_words = ArrayField(models.CharField(max_length=60), default=list)
    channels = ArrayField(models.CharField(max_length=10, choices=Channel))
    registrants = ArrayField(models.CharField(max_length=3, choices=RegistrantType))
    content_class = models.CharField(max_length=15, choices=ContentClass)
    text = models.TextField()
    approved_by = models.CharField(max_length=120)
    approved_on = models.DateField()
    expires_on = models.DateField()
    state = models.CharField(max_length=10, choices=State, default=State.PUBLISHED)
    pack_sha256 = models.CharField(max_length=64, blank=True)
    is_shipped = models.BooleanField(default=False)
    used_count = models.PositiveIntegerField(default=0)
    used_at = models.DateTimeField(null=True, help_text=_("When it was last an answer."))
    changed_at = models.DateTimeField(auto_now=True)
    history = HistoricalRecords(excluded_fields=["used_count", "used_at"])

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["firm", "code", "language"], name="library_item_once", nulls_distinct=False
            ),
            models.CheckConstraint(
                condition=models.Q(expires_on__gt=models.F("approved_on")), name="library_item_expires_later"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} ({self.language})"


class DefaultText(models.Model):
    """The signed text that is safe whatever happens: one for each kind, platform, registrant and language."""

    id = models.BigAutoField(primary_key=True)
    content_class = models.CharField(max_length=15, choices=ContentClass)
    channel = models.CharField(max_length=10, choices=Channel)
    registrant_type = models.CharField(max_length=3, choices=RegistrantType)
    language = models.CharField(max_length=10, choices=Language)
    text = models.TextField(blank=True)
    unavailable = models.CharField(
        max_length=300, blank=True, help_text=_("Why no lawful text fits here; then there is none.")
    )
    sha256 = models.CharField(max_length=64)
    signed_by = models.CharField(max_length=120)
    signed_on = models.DateField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["content_class", "channel", "registrant_type", "language"], name="default_text_once"
            ),
            models.CheckConstraint(
                condition=models.Q(text="") ^ models.Q(unavailable=""), name="default_text_or_reason"
            ),
        ]
        triggers: ClassVar = [pgtrigger.Protect(name="signed", operation=pgtrigger.Update)]

    def __str__(self) -> str:
        return f"{self.content_class}, {self.channel}, {self.registrant_type}, {self.language}"


class FailureReason(models.TextChoices):
    """Why no valid text of a model is the answer."""

    NO_MODEL = "no_model", _("No model is connected")
    TIMEOUT = "timeout", _("No model answered in time")
    API_ERROR = "api_error", _("Models failed or could not be reached")
    COMPLIANCE = "compliance", _("What models wrote breaks a rule")
    QUALITY = "quality", _("What models wrote does not answer the feedback")


class FallbackOrder(models.Model):
    """Which rung answers first for one reason of failure. Simulated on history before it goes live."""

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        SIMULATED = "simulated", _("Simulated")
        LIVE = "live", _("Live")
        RETIRED = "retired", _("Retired")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    reason = models.CharField(max_length=15, choices=FailureReason)
    rungs = ArrayField(models.CharField(max_length=20), help_text=_("Best first."))
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    simulation = models.JSONField(default=dict, blank=True)
    simulated_at = models.DateTimeField(null=True)
    made_live_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    made_live_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    history = HistoricalRecords()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["reason"], condition=models.Q(state="live"), name="one_live_order_a_reason")
        ]

    def __str__(self) -> str:
        return f"{self.reason}: {', '.join(self.rungs)}"


class RungRecord(models.Model):
    """How often a rung's answers were approved as they stood, per category: the confidence that is shown with them."""

    id = models.BigAutoField(primary_key=True)
    rung = models.CharField(max_length=20)
    category = models.CharField(max_length=30)
    shown_count = models.PositiveIntegerField(default=0)
    approved_count = models.PositiveIntegerField(default=0)
    confidence = models.FloatField(help_text=_("Posterior mean of approval, 0 to 1."))
    low = models.FloatField(help_text=_("Lower end of the 90 % interval."))
    high = models.FloatField(help_text=_("Upper end of the 90 % interval."))
    counted_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["rung", "category"], name="rung_record_once")]

    def __str__(self) -> str:
        return f"{self.rung} for {self.category}"
