"""Rejections at the desk: why, how bad, which words."""

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from feedback.models import Feedback, FeedbackIssue
from jarvish_regen.content.admin import item_link, version_link
from jarvish_regen.content.taxonomy import taxonomy
from jarvish_regen.desk import Questions, ReadOnlyAdmin, ReadOnlyInline, age, display, prose

SEVERITY_LABELS = {"critical": "danger", "major": "warning", "minor": "info"}


def category_title(code: str) -> str:
    """Return a category in words; a code that is no longer in the taxonomy stays as it is."""
    known = taxonomy().categories.get(code)
    return known.title if known else code


def issue_title(code: str) -> str:
    """Return an issue in words; a code that is no longer in the taxonomy stays as it is."""
    known = taxonomy().issues.get(code)
    return known.title if known else code


def quoted(issue: FeedbackIssue) -> str | SafeString:
    """Return the marked words of an issue with their place, or a dash."""
    if not issue.quote:
        return "–"
    return format_html('<q class="desk-quote" dir="auto">{}</q> ({}–{})', issue.quote, issue.start, issue.end)


class IssueInline(ReadOnlyInline):
    """The faults that were named."""

    model = FeedbackIssue
    text_columns = frozenset({"shown_words", "note"})
    fields = ("shown_fault", "shown_words", "note", "source")
    ordering = ("id",)
    verbose_name_plural = _("Named faults")

    @display(description=_("fault"))
    def shown_fault(self, issue: FeedbackIssue) -> str:
        return issue_title(issue.code)

    @display(description=_("words"))
    def shown_words(self, issue: FeedbackIssue) -> str:
        return quoted(issue)


class FeedbackQuestions(Questions):
    """What somebody asks of the rejections."""

    asked: ClassVar = {
        "critical": (_("Said to be critical"), Q(severity="critical")),
        "person": (_("Asked for a person"), Q(suggested_action="escalate")),
        "wordless": (_("No words beyond the category"), Q(note_text="", suggestions="")),
    }


@admin.register(Feedback)
class FeedbackAdmin(ReadOnlyAdmin):
    """What people said of drafts. Personal data was masked before it was stored."""

    firm_path = "item__firm_id"
    short_kind = "feedback"
    text_columns = frozenset({"shown_note", "shown_suggestions", "metadata"})
    list_display = ("shown_id", "shown_category", "shown_severity", "shown_item", "suggested_action", "source", "since")
    list_filter = (FeedbackQuestions, "severity", "source")
    list_select_related = ("item", "version", "author")
    ordering = ("-created_at",)
    inlines = (IssueInline,)
    fieldsets = (
        (None, {"fields": ("shown_id", "shown_item", "shown_version", "shown_author", "source", "created_at")}),
        (
            _("What was said"),
            {"fields": ("shown_category", "shown_severity", "suggested_action", "shown_note", "shown_suggestions")},
        ),
        (_("Sent along"), {"fields": ("metadata",), "classes": ("collapse",)}),
    )

    def rows_with_id(self, found: Any) -> Q:
        return Q(pk=found) | Q(item_id=found) | Q(version_id=found)

    @display(description=_("id"))
    def shown_id(self, feedback: Feedback) -> str:
        return feedback.short_id

    @display(description=_("why"), ordering="category")
    def shown_category(self, feedback: Feedback) -> str:
        return category_title(feedback.category)

    @display(description=_("how bad"), ordering="severity", label=SEVERITY_LABELS)
    def shown_severity(self, feedback: Feedback) -> str:
        return feedback.severity

    @display(description=_("draft"))
    def shown_item(self, feedback: Feedback) -> str:
        return item_link(feedback.item)

    @display(description=_("rejected"))
    def shown_version(self, feedback: Feedback) -> str:
        return version_link(feedback.version)

    @display(description=_("by"))
    def shown_author(self, feedback: Feedback) -> str:
        return str(feedback.author)

    @display(description=_("note"))
    def shown_note(self, feedback: Feedback) -> str:
        return prose(feedback.note_text)

    @display(description=_("suggestions"))
    def shown_suggestions(self, feedback: Feedback) -> str:
        return prose(feedback.suggestions)

    @display(description=_("age"), ordering="created_at")
    def since(self, feedback: Feedback) -> str:
        return age(feedback.created_at)
