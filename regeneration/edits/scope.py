"""Say which feedback concerns the text as a whole, so that a full rewrite may be accepted."""

from __future__ import annotations

from regeneration.job import FeedbackBrief

# Codes whose complaint, with no words marked, is about the text as a whole.
WHOLE_TEXT_CODES = frozenset(
    {
        "too_salesy",
        "too_casual",
        "too_formal",
        "fear_mongering",
        "insensitive",
        "too_long",
        "too_short",
        "off_topic",
        "stale_or_badly_timed",
        "repetitive_content",
        "missing_key_point",
        "grammar_spelling",
        "unclear_or_jargon",
        "poor_translation",
        "wrong_language",
        "wrong_audience",
        "wrong_risk_profile",
        "wrong_level",
        "poor_structure",
        "off_brand_voice",
        "garbled_text",
    }
)
# Feedback that names only an area concerns the whole text in these categories.
WHOLE_TEXT_CATEGORIES = frozenset(
    {"tone_inappropriate", "length_issue", "relevance_low", "language_quality", "target_mismatch"}
)


def concerns_whole_text(feedback: FeedbackBrief) -> bool:
    """Say whether the feedback is about the text as a whole, so that a full rewrite may be accepted."""
    if any(issue.code == "wrong_language" for issue in feedback.issues):
        return True
    if not feedback.issues:
        return feedback.category in WHOLE_TEXT_CATEGORIES
    return any(issue.anchor is None and issue.code in WHOLE_TEXT_CODES for issue in feedback.issues)
