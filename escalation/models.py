"""What happens next with a rejected text, and who decides."""

from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from feedback.models import Feedback
from jarvish_regen.access.models import User
from jarvish_regen.content.models import ContentItem
from jarvish_regen.ids import new_id, to_short


class CaseState(models.TextChoices):
    """Where a case stands."""

    MACHINE = "machine", _("With the machine")
    ANSWERED = "answered", _("Answered, waiting for the advisor")
    PEOPLE = "people", _("With people")
    CLOSED = "closed", _("Closed")


class Case(models.Model):
    """The story of one draft from its first rejection until it is approved, refused or withdrawn."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    item = models.ForeignKey(ContentItem, on_delete=models.PROTECT, related_name="cases")
    round = models.PositiveSmallIntegerField(default=1, help_text=_("Rejections so far."))
    level = models.PositiveSmallIntegerField(default=1)
    state = models.CharField(max_length=10, choices=CaseState, default=CaseState.MACHINE)
    why = models.CharField(max_length=500, blank=True, help_text=_("Why the case stands at this level, in words."))
    policy = models.JSONField(help_text=_("The rules of the ladder as they were when the case opened."))
    opened_at = models.DateTimeField(db_default=Now())
    changed_at = models.DateTimeField(db_default=Now())
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["item"], condition=~models.Q(state="closed"), name="one_open_case_an_item"),
            models.CheckConstraint(condition=models.Q(state__in=CaseState.values), name="case_state_known"),
            models.CheckConstraint(condition=models.Q(level__gte=1, level__lte=5), name="case_level_known"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["level", "opened_at"], name="case_desk", condition=models.Q(state="people"))
        ]  # the desk

    def __str__(self) -> str:
        return f"{self.short_id} at level {self.level}"

    @property
    def short_id(self) -> str:
        """The id as URLs and the API show it."""
        return to_short("case", self.id)


class CaseEntry(models.Model):
    """One step of a case, explained in words. Append-only."""

    id = models.BigAutoField(primary_key=True)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="entries")
    feedback = models.ForeignKey(Feedback, on_delete=models.PROTECT, null=True)
    act = models.CharField(max_length=30)
    level = models.PositiveSmallIntegerField()
    explanation = models.CharField(max_length=500)
    actor = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "case entries"
        indexes: ClassVar = [models.Index(fields=["case", "created_at"], name="entries_of_case")]
        triggers: ClassVar = [
            pgtrigger.Protect(name="entry_written_once", operation=pgtrigger.Update | pgtrigger.Delete)
        ]

    def __str__(self) -> str:
        return f"{self.act}: {self.explanation}"
