"""The attempt at a better text, and every candidate it weighed."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from feedback.models import Feedback
from jarvish_regen.content.models import ContentItem, ContentVersion
from jarvish_regen.ids import new_id, to_short


class Urgency(models.TextChoices):
    """The four answer queues, most urgent first."""

    CRITICAL = "critical", _("Critical")
    HIGH = "high", _("High")
    NORMAL = "normal", _("Normal")
    LOW = "low", _("Low")


class RegenerationState(models.TextChoices):
    """Where an attempt stands."""

    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Running")
    ANSWERED = "answered", _("Answered")
    NO_ANSWER = "no_answer", _("No admissible answer")
    DEAD = "dead", _("Given up")


OPEN_STATES = (RegenerationState.QUEUED, RegenerationState.RUNNING)


class Stage(models.TextChoices):
    """What a person sees of a running attempt."""

    QUEUED = "queued", _("Queued")
    REPAIRING = "repairing", _("Repairing")
    DRAFTING = "drafting", _("Drafting")
    CHECKING = "checking", _("Checking")
    READY = "ready", _("Ready")


class Regeneration(models.Model):
    """One attempt with one tactic. The row is the truth of the queue: claimed with a lease, finished with its fence."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    feedback = models.ForeignKey(Feedback, on_delete=models.PROTECT, related_name="regenerations")
    item = models.ForeignKey(ContentItem, on_delete=models.PROTECT, related_name="regenerations")
    version = models.ForeignKey(
        ContentVersion, on_delete=models.PROTECT, related_name="+", help_text=_("The rejected version.")
    )
    attempt = models.PositiveSmallIntegerField(default=1)
    tactic = models.CharField(max_length=30)
    urgency = models.CharField(max_length=10, choices=Urgency)
    state = models.CharField(max_length=10, choices=RegenerationState, default=RegenerationState.QUEUED)
    stage = models.CharField(max_length=10, choices=Stage, default=Stage.QUEUED)
    stored_at = models.DateTimeField(db_default=Now())
    claimed_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    fence = models.PositiveIntegerField(default=0)
    claims = models.PositiveSmallIntegerField(
        default=0, help_text=_("Counted before the work, so that work which kills its worker is known.")
    )
    finished_at = models.DateTimeField(null=True)
    answer_ms = models.PositiveIntegerField(null=True, help_text=_("From the stored rejection to the stored answer."))
    rung = models.CharField(max_length=20, blank=True, help_text=_("Where the answer came from."))
    is_valid = models.BooleanField(null=True)
    reason = models.CharField(max_length=500, blank=True)
    resolutions = models.JSONField(default=list, help_text=_("Per issue: what became of it, and how that is known."))
    ledger = models.JSONField(default=dict, help_text=_("Where the milliseconds went; calls, tokens, cost."))
    answer = models.ForeignKey(ContentVersion, on_delete=models.PROTECT, null=True, related_name="+")
    upgrade = models.ForeignKey(
        ContentVersion,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text=_("A better text that came after the answer, while nobody had acted on it."),
    )
    upgrade_ms = models.PositiveIntegerField(null=True, help_text=_("From the stored rejection to the upgrade."))
    constraints = models.JSONField(default=dict, help_text=_("What the caller demanded beside the feedback."))
    deadline_ms = models.PositiveIntegerField(
        null=True, help_text=_("The caller's own answer clock, shorter than the usual one; empty: the usual one.")
    )
    cache_kind = models.CharField(
        max_length=10,
        blank=True,
        choices=[
            ("exact", _("The same request, answered before")),
            ("recipe", _("The same edits, made before")),
            ("prepared", _("Prepared while the person read or typed")),
            ("similar", _("A similar request, answered before")),
        ],
    )
    failure_reason = models.CharField(
        max_length=15, blank=True, help_text=_("Why no model's valid text is the answer; empty when one is.")
    )
    quality = models.PositiveSmallIntegerField(null=True, help_text=_("Quality of the answer, 0 to 100."))
    calls_count = models.PositiveSmallIntegerField(default=0)
    hedges_count = models.PositiveSmallIntegerField(default=0)
    cost_inr = models.DecimalField(
        max_digits=10, decimal_places=4, default=0, help_text=_("Rupees for all calls, lost hedges included.")
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["feedback", "attempt"], name="one_regeneration_an_attempt"),
            models.UniqueConstraint(
                fields=["item"],
                condition=models.Q(state__in=["queued", "running"]),
                name="one_open_regeneration_an_item",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=RegenerationState.values), name="regeneration_state_known"
            ),
            models.CheckConstraint(condition=models.Q(urgency__in=Urgency.values), name="regeneration_urgency_known"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["stored_at"], name="regeneration_open", condition=models.Q(state__in=["queued", "running"])
            ),  # the sweeper
            models.Index(fields=["item", "-stored_at"], name="regeneration_of_item"),
            models.Index(fields=["finished_at"], name="regeneration_finished"),  # the dashboard's ranges
        ]

    def __str__(self) -> str:
        return f"attempt {self.attempt} ({self.tactic})"

    @property
    def short_id(self) -> str:
        """The id as URLs and the API show it."""
        return to_short("regeneration", self.id)

    @property
    def is_open(self) -> bool:
        """True until the attempt has an outcome."""
        return self.state in OPEN_STATES


class Candidate(models.Model):
    """One text that was weighed: where it came from, what the checks said, why it lost."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    regeneration = models.ForeignKey(Regeneration, on_delete=models.CASCADE, related_name="candidates")
    number = models.PositiveSmallIntegerField(help_text=_("0 is the repair by rules, stored with the rejection."))
    rung = models.CharField(max_length=20)
    text = models.TextField()
    explanation = models.CharField(max_length=500, blank=True)
    is_admissible = models.BooleanField()
    is_valid = models.BooleanField()
    score = models.FloatField(help_text=_("0 to 100; orders candidates of one attempt, nothing else."))
    resolutions = models.JSONField(default=list)
    objections = models.JSONField(default=list)
    why_lost = models.CharField(max_length=200, blank=True)
    quality = models.PositiveSmallIntegerField(null=True, help_text=_("0 to 100, from the goals; empty: not graded."))
    goals = models.JSONField(default=list, help_text=_("The goals behind the quality, each met or not."))
    ready_ms = models.PositiveIntegerField(null=True, help_text=_("When it was there, from the claim."))
    is_variant = models.BooleanField(default=False, help_text=_("Made because the person asked for a choice."))
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["regeneration", "number"], name="candidate_number_once")
        ]

    def __str__(self) -> str:
        return f"{self.rung} {self.number}"
