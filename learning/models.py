"""What the floors below did, rolled up: small rows from which every range of the dashboard is read."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from feedback.models import Feedback
from jarvish_regen.access.models import User
from jarvish_regen.content.models import ModelVersion


class Grain(models.IntegerChoices):
    """How many seconds one row stands for."""

    EVER = 0, _("Everything before the hours that are kept apart")
    MINUTE = 60, _("A minute")
    HOUR = 3600, _("An hour")


class Subject(models.TextChoices):
    """What a row counts."""

    ATTEMPT = "attempt", _("Attempts that ended")
    STAGE = "stage", _("Stages of those attempts")
    APPROVAL = "approval", _("Versions approved for use")


class Snapshot(models.Model):
    """Counts, sums and a histogram of milliseconds for one stretch of time and one combination of kinds.

    Rows add up: over time, over rungs, over anything. Made again from the facts, never changed by hand.
    """

    grain = models.PositiveIntegerField(choices=Grain)
    starts_at = models.DateTimeField()
    subject = models.CharField(max_length=10, choices=Subject)
    stage = models.CharField(max_length=40, blank=True)
    state = models.CharField(max_length=10, blank=True)
    rung = models.CharField(max_length=20, blank=True)
    cache_kind = models.CharField(max_length=10, blank=True)
    failure_reason = models.CharField(max_length=15, blank=True)
    count = models.PositiveBigIntegerField()
    valid_count = models.PositiveBigIntegerField(default=0)
    late_count = models.PositiveBigIntegerField(default=0, help_text=_("Past the answer clock."))
    calls_count = models.PositiveBigIntegerField(default=0)
    hedges_count = models.PositiveBigIntegerField(default=0)
    cost_inr = models.DecimalField(max_digits=16, decimal_places=4, default=0)
    total_ms = models.FloatField(default=0.0)
    max_ms = models.FloatField(default=0.0)
    buckets = ArrayField(
        models.PositiveSmallIntegerField(), default=list, help_text=_("The buckets of the histogram that hold any.")
    )
    counts = ArrayField(models.PositiveBigIntegerField(), default=list, help_text=_("How many, in the same order."))

    class Meta:
        constraints: ClassVar = [
            # Its index is also the one that every range is read by: grain and time come first.
            models.UniqueConstraint(
                fields=["grain", "starts_at", "subject", "stage", "state", "rung", "cache_kind", "failure_reason"],
                name="snapshot_once",
            ),
            models.CheckConstraint(condition=models.Q(grain__in=Grain.values), name="snapshot_grain_known"),
            models.CheckConstraint(condition=models.Q(subject__in=Subject.values), name="snapshot_subject_known"),
        ]

    def __str__(self) -> str:
        return f"{self.subject} {self.grain} s from {self.starts_at:%Y-%m-%d %H:%M}"


class RollUpMark(models.Model):
    """How far the roll-up has come: one row."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    minutes_until = models.DateTimeField(help_text=_("Every whole minute before this is in the minutes."))
    ever_until = models.DateTimeField(help_text=_("Every whole hour before this is in the row of all time, too."))

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=models.Q(id=1), name="one_roll_up_mark")]

    def __str__(self) -> str:
        return f"rolled up to {self.minutes_until:%Y-%m-%d %H:%M}"


class TrainingRow(models.Model):
    """What one rejection means in the words of somebody who should know: what the next model is trained on.

    The text is the masked note. A person's label goes before a strong model's.
    """

    class Source(models.TextChoices):
        AUTHOR = "author", _("The advisor, on the form")
        REVIEWER = "reviewer", _("A reviewer")
        SECOND = "second", _("A second, blind reviewer")
        CASCADE = "cascade", _("A strong model")

    id = models.BigAutoField(primary_key=True)
    feedback = models.ForeignKey(Feedback, on_delete=models.CASCADE, related_name="+")
    source = models.CharField(max_length=10, choices=Source)
    labelled_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    text = models.TextField()
    language = models.CharField(max_length=10)
    categories = ArrayField(models.CharField(max_length=30), help_text=_("The primary one first."))
    issues = models.JSONField(default=list, help_text=_('As in the corpus: [{"code", "span"}].'))
    sentiment = models.CharField(max_length=10, blank=True)
    emotion = models.CharField(max_length=15, blank=True)
    urgency = models.CharField(max_length=10, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["feedback", "source"], name="training_row_once")]

    def __str__(self) -> str:
        return f"{self.categories[0]} by {self.source}"


class LabelTask(models.Model):
    """A note that a second person labels without seeing the first label: drawn at random, or because two disagree."""

    class Reason(models.TextChoices):
        RANDOM = "random", _("Drawn at random")
        DISAGREEMENT = "disagreement", _("Person and model disagree")
        UNSURE = "unsure", _("The model was unsure")

    id = models.BigAutoField(primary_key=True)
    feedback = models.OneToOneField(Feedback, on_delete=models.CASCADE, related_name="+")
    reason = models.CharField(max_length=15, choices=Reason)
    done_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    done_at = models.DateTimeField(null=True)
    agrees = models.BooleanField(null=True, help_text=_("Whether the second label names the first one's category."))
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["created_at"], name="labels_to_give", condition=models.Q(done_at__isnull=True))
        ]

    def __str__(self) -> str:
        return f"note {self.pk}"  # why it was drawn would tell what others said


class TrainingRun(models.Model):
    """One training: on what, how long, what came out, and why it was or was not let in."""

    id = models.BigAutoField(primary_key=True)
    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, null=True, related_name="+")
    rows_count = models.PositiveIntegerField()
    new_rows_count = models.PositiveIntegerField(help_text=_("Labels given on this installation."))
    seconds = models.FloatField()
    comparison = models.JSONField(default=dict, help_text=_("Against the one in use: by category and language."))
    outcome = models.CharField(max_length=500)
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"training of {self.created_at:%Y-%m-%d %H:%M}"
