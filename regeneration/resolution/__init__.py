"""Say for each of the 43 issue codes whether a candidate resolves it, and how we know."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from jarvish_regen.content.compliance.check import Report
from regeneration.job import Job, NamedIssue, Resolution
from regeneration.resolution import judges, lexicons
from regeneration.resolution.comparison import Comparison

# Every code of content/taxonomy.yaml, by the way it is judged.
TABLE: dict[str, judges.Judge] = {
    # compliance_violation
    "missing_risk_disclaimer": judges.risk_warning,
    "missing_registration": judges.registration,
    "guaranteed_returns_claim": judges.by_rule,
    "misleading_performance_claim": judges.by_rule,
    "unbalanced_risk": judges.risk_balance,
    "specific_recommendation": judges.by_rule,
    "prohibited_superlative": judges.by_rule,
    "testimonial_or_endorsement": judges.by_rule,
    "pii_exposure": judges.named_thing,
    # tone_inappropriate
    "too_salesy": judges.measured(lexicons.SALESY, what=gettext_noop("pushy"), counts_shouting=True),
    "too_casual": judges.measured(lexicons.CASUAL, what=gettext_noop("casual")),
    "too_formal": judges.too_formal,
    "fear_mongering": judges.measured(lexicons.FEARFUL, what=gettext_noop("fearful"), counts_shouting=True),
    "insensitive": judges.by_rule,
    # length_issue
    "too_long": judges.too_long,
    "too_short": judges.too_short,
    # relevance_low
    "off_topic": judges.rewritten,
    "stale_or_badly_timed": judges.rewritten,
    "repetitive_content": judges.repetition,
    "missing_key_point": judges.key_point,
    # factual_error
    "wrong_figure": judges.figure,
    "wrong_rule": judges.rewritten,
    "unsupported_claim": judges.claim,
    "wrong_entity": judges.named_thing,
    # language_quality
    "grammar_spelling": judges.grammar,
    "unclear_or_jargon": judges.clarity,
    "poor_translation": judges.rewritten,
    "wrong_language": judges.reading_language,
    # target_mismatch
    "wrong_audience": judges.rewritten,
    "wrong_risk_profile": judges.rewritten,
    "wrong_level": judges.clarity,
    # formatting_error
    "poor_structure": judges.structure,
    "emoji_hashtag_misuse": judges.emoji_and_hashtags,
    "broken_link_or_placeholder": judges.links_and_placeholders,
    "channel_format": judges.channel_markup,
    # brand_violation
    "off_brand_voice": judges.rewritten,
    "wrong_signature": judges.signature,
    "competitor_mention": judges.named_thing,
    "wrong_call_to_action": judges.call_to_action,
    # technical_issue
    "truncated_output": judges.complete,
    "garbled_text": judges.clean_characters,
    "duplicated_text": judges.no_repeats,
    "wrong_variable": judges.named_thing,
}


def resolutions(job: Job, candidate: str, *, before: Report, after: Report) -> tuple[Resolution, ...]:
    """Return what became of each named issue, in the order they were named.

    ``before`` and ``after`` are the compliance reports of the rejected text and of the candidate. Raises
    ``KeyError`` for a
    code that is not in the taxonomy.
    """
    comparison = Comparison(job=job, candidate=candidate, before=before, after=after)
    return tuple(_resolution(comparison, issue) for issue in job.feedback.issues)


def _resolution(comparison: Comparison, issue: NamedIssue) -> Resolution:
    judge = TABLE[issue.code]
    mark = comparison.mark_of(issue)
    status, says = judge(comparison, issue)
    quote = comparison.rejected[slice(*mark)] if mark else None
    return Resolution(code=issue.code, quote=quote, status=status, says=says)
