"""What people said of a draft."""

from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from jarvish_regen.access.models import User
from jarvish_regen.content.models import ContentItem, ContentVersion, ModelVersion
from jarvish_regen.ids import new_id, to_short


class Feedback(models.Model):
    """One rejection of one version: why, how bad, which words. Personal data is masked before it is stored."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    item = models.ForeignKey(ContentItem, on_delete=models.PROTECT, related_name="rejections")
    version = models.ForeignKey(ContentVersion, on_delete=models.PROTECT, related_name="rejections")
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    category = models.CharField(max_length=30)
    severity = models.CharField(max_length=10)
    suggested_action = models.CharField(max_length=15)
    note_html = models.TextField(blank=True)
    note_text = models.TextField(blank=True)
    suggestions = models.TextField(blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    source = models.CharField(
        max_length=10, choices=[("page", _("Page")), ("api", "API"), ("bulk", _("Bulk")), ("shell", _("Shell"))]
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "feedback"
        indexes: ClassVar = [models.Index(fields=["item", "-created_at"], name="feedback_of_item")]  # the timeline
        triggers: ClassVar = [pgtrigger.Protect(name="feedback_stays", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.category} ({self.severity})"

    @property
    def short_id(self) -> str:
        """The id as URLs and the API show it."""
        return to_short("feedback", self.id)


class FeedbackIssue(models.Model):
    """One named fault, with the words that show it where there are any (code points in the rejected version)."""

    id = models.BigAutoField(primary_key=True)
    feedback = models.ForeignKey(Feedback, on_delete=models.CASCADE, related_name="issues")
    code = models.CharField(max_length=40)
    start = models.PositiveIntegerField(null=True)
    end = models.PositiveIntegerField(null=True)
    quote = models.TextField(blank=True)
    prefix = models.CharField(max_length=80, blank=True)
    suffix = models.CharField(max_length=80, blank=True)
    note = models.CharField(max_length=500, blank=True)
    source = models.CharField(
        max_length=10,
        default="person",
        choices=[
            ("person", _("Said by the person")),
            ("rules", _("Found by the rules")),
            ("derived", _("Derived from the category")),
            ("analysis", _("Understood from the note")),
        ],
    )

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(start__isnull=True, end__isnull=True) | models.Q(start__lt=models.F("end")),
                name="issue_span_ordered",
            )
        ]
        indexes: ClassVar = [models.Index(fields=["feedback"], name="issue_of_feedback")]

    def __str__(self) -> str:
        return self.code


class FeedbackDraft(models.Model):
    """What somebody has typed and tagged and not sent yet: one a person and item, overwritten as they type."""

    id = models.BigAutoField(primary_key=True)
    item = models.ForeignKey(ContentItem, on_delete=models.CASCADE)
    user = models.ForeignKey(User, on_delete=models.CASCADE)
    form = models.JSONField(default=dict)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["item", "user"], name="feedback_draft_once")]

    def __str__(self) -> str:
        return f"{self.user_id} on {self.item_id}"


class Analysis(models.Model):
    """What a model made of one rejection's note: one row a model, so that models can be compared on the same notes.

    ``categories`` is ``[{"code", "probability", "evidence": [[start, end], …]}]``, best first; ``issues`` is
    ``[{"code", "start", "end", "span", "probability", "points_to": [start, end] | null}]``. Positions are code points:
    of evidence and spans in the note's text, of ``points_to`` in the rejected version.
    """

    class Role(models.TextChoices):
        CHAMPION = "champion", _("In use")
        CHALLENGER = "challenger", _("On trial: nobody sees it")
        CASCADE = "cascade", _("A strong model, asked where the local one was unsure")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    feedback = models.ForeignKey(Feedback, on_delete=models.CASCADE, related_name="analyses")
    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="+", null=True)
    role = models.CharField(max_length=10, choices=Role, default=Role.CHAMPION)
    primary_category = models.CharField(max_length=30)
    probability = models.FloatField(help_text=_("Of the primary category, calibrated: 0 to 1."))
    categories = models.JSONField(default=list)
    issues = models.JSONField(default=list)
    sentiment = models.CharField(max_length=10)
    sentiment_score = models.FloatField(help_text=_("From -1, a complaint, to 1, praise."))
    emotion = models.CharField(max_length=15)
    urgency = models.CharField(max_length=10)
    actionability = models.FloatField(help_text=_("How far it says what to do: 0 to 1."))
    language = models.CharField(max_length=10)
    is_confident = models.BooleanField()
    took_ms = models.FloatField(default=0.0)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "analyses"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["feedback", "role", "model_version"], name="analysis_once_a_model"),
            # NULLs are never alike to a unique constraint; a strong model's say has no version of ours.
            models.UniqueConstraint(
                fields=["feedback", "role"], condition=models.Q(model_version=None), name="analysis_once_elsewhere"
            ),
            models.CheckConstraint(
                condition=models.Q(
                    probability__range=(0, 1), sentiment_score__range=(-1, 1), actionability__range=(0, 1)
                ),
                name="analysis_in_range",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["role", "-created_at"], name="analyses_by_role")]  # drift reads these

    def __str__(self) -> str:
        return f"{self.primary_category} ({self.probability:.2f})"


class VoiceNote(models.Model):
    """Something said instead of typed. The audio is kept until its words are confirmed or given up, never longer."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waits to be written down")
        READY = "ready", _("Written down, to be confirmed")
        FAILED = "failed", _("Could not be written down")
        CONFIRMED = "confirmed", _("Confirmed")
        DROPPED = "dropped", _("Given up")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    item = models.ForeignKey(ContentItem, on_delete=models.CASCADE, related_name="+")
    author = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    feedback = models.ForeignKey(Feedback, on_delete=models.PROTECT, null=True, related_name="voice_notes")
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    audio = models.BinaryField(null=True)
    media_type = models.CharField(max_length=40, help_text=_("As the bytes show, not as the sender says."))
    seconds = models.FloatField(null=True)
    transcript = models.TextField(blank=True, help_text=_("Personal data masked."))
    language = models.CharField(max_length=10, blank=True)
    problem = models.CharField(max_length=200, blank=True)
    claims = models.PositiveSmallIntegerField(default=0)
    leased_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    audio_deleted_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~models.Q(state__in=("confirmed", "dropped")) | models.Q(audio=None),
                name="no_audio_once_settled",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["created_at"], name="voice_with_audio", condition=models.Q(audio__isnull=False)),
            models.Index(fields=["item", "author", "-created_at"], name="voice_of_item"),
        ]

    def __str__(self) -> str:
        return f"voice note, {self.state}"

    @property
    def short_id(self) -> str:
        """The id as URLs and the API show it."""
        return to_short("voice", self.id)
