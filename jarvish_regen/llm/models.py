"""Model endpoints as data. The key itself is never stored: the row names the environment variable that holds it."""

from typing import ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
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
    tier = models.CharField(max_length=10, choices=Tier, default=Tier.FAST)
    max_concurrency = models.PositiveSmallIntegerField(default=8, validators=[MinValueValidator(1)])
    price_in_usd_per_mtok = models.DecimalField(max_digits=8, decimal_places=3, default=0)
    price_out_usd_per_mtok = models.DecimalField(max_digits=8, decimal_places=3, default=0)
    is_active = models.BooleanField(default=True)
    history = HistoricalRecords()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(max_concurrency__gte=1), name="target_concurrency_positive")
        ]

    def __str__(self) -> str:
        return self.name
