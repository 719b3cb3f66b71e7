"""What people said of a draft."""

from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from jarvish_regen.access.models import User
from jarvish_regen.content.models import ContentItem, ContentVersion
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
