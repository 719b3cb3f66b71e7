"""Shapes of rejections and of the vocabulary they use."""

import json
from collections.abc import Sequence
from typing import Any, Final

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from feedback.analysis import Analysis as Reading
from feedback.models import Analysis, Feedback, FeedbackIssue
from feedback.services import ISSUES_MAX, METADATA_MAX_KEYS, NOTE_MAX_CHARS, Rejection, SaidIssue
from jarvish_regen.api.codes import Code
from jarvish_regen.api.fields import OneOfField, PlainTextField, ShortIdField, StrictSerializer
from jarvish_regen.content.taxonomy import taxonomy

METADATA_MAX_CHARS: Final = 4_000
POSITION_MAX: Final = settings.CONTENT_TEXT_MAX_CHARS
VERSION_MAX: Final = 1_000_000
_WORDS: Final = taxonomy()
CATEGORY_CHOICES: Final = [(category.code, category.title) for category in _WORDS.categories.values()]
ISSUE_CHOICES: Final = [(issue.code, issue.title) for issue in _WORDS.issues.values()]
SEVERITY_CHOICES: Final = [(severity, severity) for severity in _WORDS.severities]
ACTION_CHOICES: Final = [(action, action) for action in _WORDS.suggested_actions]


class SaidIssueSerializer(StrictSerializer):
    """One fault: a code, and where it shows by position, by quote, or both.

    Positions are code points into the rejected text, end exclusive.
    """

    code = OneOfField(choices=ISSUE_CHOICES)
    start = serializers.IntegerField(min_value=0, max_value=POSITION_MAX, required=False, allow_null=True)
    end = serializers.IntegerField(min_value=0, max_value=POSITION_MAX, required=False, allow_null=True)
    quote = PlainTextField(required=False, default="", allow_blank=True)
    prefix = PlainTextField(required=False, default="", allow_blank=True, max_length=80)
    suffix = PlainTextField(required=False, default="", allow_blank=True, max_length=80)
    note = serializers.CharField(required=False, default="", allow_blank=True, max_length=500)


@extend_schema_field({"type": "object", "additionalProperties": True, "maxProperties": METADATA_MAX_KEYS})
class MetadataField(serializers.JSONField):
    """Facts of the caller's own, kept with the rejection and never read by us."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            raise ValidationError(
                "An object is expected.", code=Code("invalid", given=type(data).__name__, allowed="object")
            )
        if len(data) > METADATA_MAX_KEYS:
            raise ValidationError("Too many keys.", code=Code("max_length", given=len(data), allowed=METADATA_MAX_KEYS))
        length = len(json.dumps(data, ensure_ascii=False))
        if length > METADATA_MAX_CHARS:
            raise ValidationError("Too much text.", code=Code("max_length", given=length, allowed=METADATA_MAX_CHARS))
        return data


class RejectionSerializer(StrictSerializer):
    """A rejection: quick with a category alone, detailed with issues, marked words and notes."""

    category = OneOfField(choices=CATEGORY_CHOICES)
    severity = OneOfField(choices=SEVERITY_CHOICES, required=False, default="major")
    suggested_action = OneOfField(choices=ACTION_CHOICES, required=False, default="regenerate")
    issues = SaidIssueSerializer(many=True, required=False, max_length=ISSUES_MAX)  # type: ignore[call-arg]  # many=True takes it
    note = PlainTextField(
        required=False, default="", allow_blank=True, max_length=NOTE_MAX_CHARS, help_text="Plain text."
    )
    note_html = PlainTextField(
        required=False,
        default="",
        allow_blank=True,
        max_length=4 * NOTE_MAX_CHARS,
        help_text="Instead of note: sanitised on arrival.",
    )
    suggestions = PlainTextField(required=False, default="", allow_blank=True, max_length=NOTE_MAX_CHARS)
    version = serializers.IntegerField(
        min_value=1,
        max_value=VERSION_MAX,
        required=False,
        allow_null=True,
        help_text="The version you looked at; an old one is 409 unless its quotes are still there.",
    )
    metadata = MetadataField(required=False)
    voice_note = ShortIdField(
        "voice",
        required=False,
        allow_null=True,
        default=None,
        help_text="The recording the note was made from; its audio is deleted with this.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("note") and attrs.get("note_html"):
            raise ValidationError(
                {
                    "note_html": ValidationError(
                        "Send note or note_html, not both.", code=Code("one_of", allowed=["note", "note_html"])
                    ).detail
                }
            )
        return attrs


def rejection_of(shaped: dict[str, Any], *, source: str) -> Rejection:
    """Return the validated shape as a rejection."""
    return Rejection(
        category=shaped["category"],
        severity=shaped["severity"],
        suggested_action=shaped["suggested_action"],
        issues=tuple(SaidIssue(**issue) for issue in shaped.get("issues", ())),
        note=shaped["note_html"] or shaped["note"],
        note_is_html=bool(shaped["note_html"]),
        suggestions=shaped["suggestions"],
        version=shaped.get("version"),
        metadata=shaped.get("metadata", {}),
        source=source,
        voice_note=shaped.get("voice_note"),
    )


class BulkRejectionSerializer(RejectionSerializer):
    """A rejection that names its draft."""

    content_id = ShortIdField("item")


class BulkRejectionsSerializer(StrictSerializer):
    """Many rejections at once."""

    items = BulkRejectionSerializer(many=True, max_length=settings.BULK_ITEMS_MAX)  # type: ignore[call-arg]  # as above


class StoredIssueSerializer(serializers.Serializer[FeedbackIssue]):
    """A fault as it was stored: anchored in the rejected version."""

    code = serializers.ChoiceField(choices=ISSUE_CHOICES)
    start = serializers.IntegerField(allow_null=True)
    end = serializers.IntegerField(allow_null=True)
    quote = serializers.CharField(allow_blank=True)
    note = serializers.CharField(allow_blank=True)


class WordsSerializer(serializers.Serializer[Any]):
    """Words and where they stand: code points, end exclusive."""

    start = serializers.IntegerField()
    end = serializers.IntegerField()
    span = serializers.CharField()


class FoundCategorySerializer(serializers.Serializer[Any]):
    """A category that a note speaks of, with the words that say so."""

    code = serializers.CharField()
    probability = serializers.FloatField()
    evidence = WordsSerializer(many=True)


class FoundIssueSerializer(serializers.Serializer[Any]):
    """A fault that a note names: where in the note, and where in the draft if it says."""

    code = serializers.CharField()
    start = serializers.IntegerField()
    end = serializers.IntegerField()
    span = serializers.CharField()
    probability = serializers.FloatField()
    points_to = WordsSerializer(allow_null=True)


class AnalysisSerializer(serializers.Serializer[Any]):
    """What a note means, as a model of ours read it: a proposal, never somebody's word."""

    primary_category = serializers.CharField()
    categories = FoundCategorySerializer(many=True)
    issues = FoundIssueSerializer(many=True)
    sentiment = serializers.CharField(help_text="negative, neutral or positive.")
    sentiment_score = serializers.FloatField(help_text="From -1, a complaint, to 1, praise.")
    emotion = serializers.CharField()
    urgency = serializers.CharField()
    actionability = serializers.FloatField(help_text="How far it says what to do: 0 to 1.")
    language = serializers.CharField(help_text="en, hi, mr or hinglish.")
    confident = serializers.BooleanField()
    question = serializers.ListField(
        child=serializers.CharField(), allow_null=True, help_text="The two categories to ask about when not confident."
    )


def analysis_body(found: Reading, *, draft: str) -> dict[str, Any]:
    """Return a reading as plain JSON values; ``draft`` is the text that `points_to` lies in."""
    return {
        "primary_category": found.primary_category,
        "categories": [
            {
                "code": one.code,
                "probability": round(one.probability, 4),
                "evidence": [{"start": words.start, "end": words.end, "span": words.span} for words in one.evidence],
            }
            for one in found.categories
        ],
        "issues": [
            {
                "code": issue.code,
                "start": issue.start,
                "end": issue.end,
                "span": issue.span,
                "probability": round(issue.probability, 4),
                "points_to": _words(draft, issue.points_to),
            }
            for issue in found.issues
        ],
        "sentiment": found.sentiment,
        "sentiment_score": round(found.sentiment_score, 4),
        "emotion": found.emotion,
        "urgency": found.urgency,
        "actionability": round(found.actionability, 4),
        "language": found.language,
        "confident": found.confident,
        "question": list(found.question) if found.question else None,
    }


def stored_analysis_body(feedback: Feedback) -> dict[str, Any] | None:
    """Return what the model in use made of a rejection's note; None while it is not there.

    Expects version and analyses to be loaded.
    """
    rows = [row for row in feedback.analyses.all() if row.role == Analysis.Role.CHAMPION]
    if not rows:
        return None
    row = min(rows, key=lambda one: one.created_at)
    codes = [one["code"] for one in row.categories]
    return {
        "primary_category": row.primary_category,
        "categories": [
            {
                "code": one["code"],
                "probability": round(one["probability"], 4),
                "evidence": [_words(feedback.note_text, place) for place in one["evidence"]],
            }
            for one in row.categories
        ],
        "issues": [
            {
                **issue,
                "probability": round(issue["probability"], 4),
                "points_to": _words(feedback.version.text, issue["points_to"]),
            }
            for issue in row.issues
        ],
        "sentiment": row.sentiment,
        "sentiment_score": round(row.sentiment_score, 4),
        "emotion": row.emotion,
        "urgency": row.urgency,
        "actionability": round(row.actionability, 4),
        "language": row.language,
        "confident": row.is_confident,
        # The question is the form's; of a stored note the two most probable categories are as near as it gets.
        "question": codes[:2] if not row.is_confident and len(codes) > 1 else None,
    }


def _words(text: str, place: Sequence[int] | None) -> dict[str, Any] | None:
    if place is None:
        return None
    start, end = place
    return {"start": start, "end": end, "span": text[start:end]}


class StoredRejectionSerializer(serializers.Serializer[Feedback]):
    """A rejection as it was stored. Personal data in notes was masked on arrival."""

    id = serializers.CharField(source="short_id")
    version = serializers.IntegerField(source="version.number")
    category = serializers.ChoiceField(choices=CATEGORY_CHOICES)
    severity = serializers.ChoiceField(choices=SEVERITY_CHOICES)
    suggested_action = serializers.ChoiceField(choices=ACTION_CHOICES)
    issues = StoredIssueSerializer(many=True)
    note = serializers.CharField(source="note_text", allow_blank=True)
    note_html = serializers.CharField(allow_blank=True)
    suggestions = serializers.CharField(allow_blank=True)
    metadata = serializers.DictField()
    source = serializers.ChoiceField(choices=[("page", "page"), ("api", "api"), ("bulk", "bulk"), ("shell", "shell")])  # type: ignore[assignment]
    created_at = serializers.DateTimeField()
    analysis = serializers.SerializerMethodField(help_text="What was understood of the note; null until it is there.")

    @extend_schema_field(AnalysisSerializer(allow_null=True))
    def get_analysis(self, feedback: Feedback) -> dict[str, Any] | None:
        return stored_analysis_body(feedback)


class TaxonomyIssueSerializer(serializers.Serializer[Any]):
    """One fault a draft can have."""

    code = serializers.CharField()
    title = serializers.CharField()


class TaxonomyCategorySerializer(serializers.Serializer[Any]):
    """A family of faults."""

    code = serializers.CharField()
    title = serializers.CharField()
    issues = TaxonomyIssueSerializer(many=True)


class TaxonomySerializer(serializers.Serializer[Any]):
    """The vocabulary of feedback."""

    version = serializers.IntegerField()
    categories = TaxonomyCategorySerializer(many=True)
    severities = serializers.ListField(child=serializers.CharField())
    suggested_actions = serializers.ListField(child=serializers.CharField())
