"""Say for each of the 43 issue codes whether a candidate resolves it, and how we know."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from jarvish_regen.content.compliance.check import Report
from regeneration.job import Job, NamedIssue, Resolution
from regeneration.resolution import form, judges, lexicons, ways
from regeneration.resolution.comparison import Comparison

# Every code of content/taxonomy.yaml, by the way it is judged.
TABLE: dict[str, ways.Judge] = {
    # compliance_violation
    "missing_risk_disclaimer": judges.risk_warning,
    "missing_registration": judges.registration,
    "guaranteed_returns_claim": ways.by_rule,
    "misleading_performance_claim": ways.by_rule,
    "unbalanced_risk": judges.risk_balance,
    "specific_recommendation": ways.by_rule,
    "prohibited_superlative": ways.by_rule,
    "testimonial_or_endorsement": ways.by_rule,
    "pii_exposure": judges.named_thing,
    # tone_inappropriate
    "too_salesy": ways.measured(lexicons.SALESY, what=gettext_noop("pushy"), counts_shouting=True),
    "too_casual": ways.measured(lexicons.CASUAL, what=gettext_noop("casual")),
    "too_formal": judges.too_formal,
    "fear_mongering": ways.measured(lexicons.FEARFUL, what=gettext_noop("fearful"), counts_shouting=True),
    "insensitive": ways.by_rule,
    # length_issue
    "too_long": judges.too_long,
    "too_short": judges.too_short,
    # relevance_low
    "off_topic": ways.rewritten,
    "stale_or_badly_timed": ways.rewritten,
    "repetitive_content": judges.repetition,
    "missing_key_point": judges.key_point,
    # factual_error
    "wrong_figure": judges.figure,
    "wrong_rule": ways.rewritten,
    "unsupported_claim": judges.claim,
    "wrong_entity": judges.named_thing,
    # language_quality
    "grammar_spelling": judges.grammar,
    "unclear_or_jargon": judges.clarity,
    "poor_translation": ways.rewritten,
    "wrong_language": judges.reading_language,
    # target_mismatch
    "wrong_audience": ways.rewritten,
    "wrong_risk_profile": ways.rewritten,
    "wrong_level": judges.clarity,
    # formatting_error
    "poor_structure": form.structure,
    "emoji_hashtag_misuse": form.emoji_and_hashtags,
    "broken_link_or_placeholder": form.links_and_placeholders,
    "channel_format": form.channel_markup,
    # brand_violation
    "off_brand_voice": ways.rewritten,
    "wrong_signature": form.signature,
    "competitor_mention": judges.named_thing,
    "wrong_call_to_action": form.call_to_action,
    # technical_issue
    "truncated_output": form.complete,
    "garbled_text": form.clean_characters,
    "duplicated_text": form.no_repeats,
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
