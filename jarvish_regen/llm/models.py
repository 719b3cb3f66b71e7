"""Model endpoints as data, and how each does.

A key is never stored: the row names the environment variable that holds it. States and alarms name their target by its
name, since targets of the environment have no row.
"""

from typing import ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from jarvish_regen.ids import new_id
from jarvish_regen.llm.targets import check_base_url


def _public_url(value: str) -> None:
    try:
        check_base_url(value, allow_loopback=False)
    except ValueError as error:
        raise ValidationError(str(error)) from error


class ModelTarget(models.Model):
    """One OpenAI-compatible endpoint and the model asked for there."""

    class Tier(models.TextChoices):
        FAST = "fast", _("Fast")
        STRONG = "strong", _("Strong")
        LOCAL = "local", _("Local")

    class StructuredOutput(models.TextChoices):
        NONE = "none", _("Nothing")
        JSON_OBJECT = "json_object", _("A JSON object")
        JSON_SCHEMA = "json_schema", _("A JSON schema")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=60, unique=True)
    base_url = models.URLField(
        max_length=300,
        validators=[_public_url],
        help_text=_("A public https address. Local models are given by the environment."),
    )
    model = models.CharField(max_length=100)
    key_variable = models.CharField(
        max_length=80,
        validators=[
            RegexValidator(
                r"^JARVISH_[A-Z0-9_]*KEY[A-Z0-9_]*$", _("The variable's name starts with JARVISH_ and says KEY.")
            )
        ],
        help_text=_("Name of the environment variable that holds the key, such as JARVISH_VENDOR_KEY."),
    )
    vendor = models.CharField(
        max_length=60,
        blank=True,
        help_text=_("Targets of one vendor fail together. Empty: the address says who it is."),
    )
    region = models.CharField(max_length=60, blank=True, help_text=_("Where it stands, for people to read."))
    tier = models.CharField(max_length=10, choices=Tier, default=Tier.FAST)
    max_concurrency = models.PositiveSmallIntegerField(default=8, validators=[MinValueValidator(1)])
    price_in_usd_per_mtok = models.DecimalField(max_digits=8, decimal_places=3, default=0)
    price_out_usd_per_mtok = models.DecimalField(max_digits=8, decimal_places=3, default=0)
    stall_seconds = models.FloatField(
        default=0.6,
        validators=[MinValueValidator(0.05), MaxValueValidator(60.0)],
        help_text=_("The longest silence in the middle of an answer before the call is given up."),
    )
    structured_output = models.CharField(
        max_length=12,
        choices=StructuredOutput,
        default=StructuredOutput.JSON_OBJECT,
        help_text=_("What the endpoint can be held to."),
    )
    is_active = models.BooleanField(default=True)
    history = HistoricalRecords()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(max_concurrency__gte=1), name="target_concurrency_positive")
        ]

    def __str__(self) -> str:
        return self.name


class BreakerState(models.TextChoices):
    """The states of a breaker, as `breaker.State`."""

    CLOSED = "closed", _("Asked")
    OPEN = "open", _("Left alone")
    HALF_OPEN = "half_open", _("To be probed")


class TargetState(models.Model):
    """How one target does, as one process sees it. Written beside the calls, at most every two seconds."""

    target = models.CharField(max_length=60)
    process = models.CharField(max_length=80)
    model = models.CharField(max_length=100, blank=True)
    vendor = models.CharField(max_length=200, blank=True)
    region = models.CharField(max_length=60, blank=True)
    tier = models.CharField(max_length=10, blank=True)
    state = models.CharField(max_length=10, choices=BreakerState, default=BreakerState.CLOSED)
    since = models.DateTimeField()
    reason = models.CharField(max_length=300, blank=True)
    in_flight = models.PositiveIntegerField(default=0)
    max_concurrency = models.PositiveIntegerField(default=0)
    share = models.FloatField(default=1.0)
    ewma_ms = models.FloatField(null=True)
    first_token_ms = models.FloatField(null=True)
    p50_ms = models.FloatField(null=True)
    calls = models.PositiveBigIntegerField(default=0)
    failures = models.PositiveBigIntegerField(default=0)
    cost_usd = models.FloatField(default=0.0)
    throttled_until = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=300, blank=True)
    checked_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["target", "process"], name="target_state_once_a_process")
        ]
        indexes: ClassVar = [models.Index(fields=["updated_at"], name="target_state_fresh")]  # the board; the clearing

    def __str__(self) -> str:
        return f"{self.target} ({self.process})"


class TargetAlarm(models.Model):
    """A time in which a target was left alone because it failed. One is open at a time, whoever noticed."""

    target = models.CharField(max_length=60)
    process = models.CharField(max_length=80)
    reason = models.CharField(max_length=300, blank=True)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["target"], name="one_open_alarm_a_target", condition=models.Q(closed_at__isnull=True)
            )
        ]
        indexes: ClassVar = [models.Index(fields=["-opened_at"], name="target_alarm_newest")]  # the desk's list

    def __str__(self) -> str:
        return f"{self.target} {self.opened_at:%Y-%m-%d %H:%M}"
