"""Say how long an answer may be kept: by what was wrong, by what the text is about, never past what it rests on.

The table is in hours. A market update is stale by the next session; a figure that was wrong once is looked at again
the same day; a tone, a length or a layout stays what it is.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import regex

from jarvish_regen.language.words import normalise_for_comparison
from regeneration.job import Job

HOURS_BY_CATEGORY: Final[dict[str, float]] = {
    "compliance_violation": 24 * 7,
    "tone_inappropriate": 24 * 14,
    "length_issue": 24 * 14,
    "relevance_low": 24,
    "factual_error": 8,
    "language_quality": 24 * 14,
    "target_mismatch": 24 * 7,
    "formatting_error": 24 * 14,
    "brand_violation": 24 * 7,
    "technical_issue": 24 * 7,
}
HOURS_OTHERWISE: Final = 24.0
HOURS_OF_MARKET_NEWS: Final = 1.0
_INDIA: Final = ZoneInfo("Asia/Kolkata")

_DAYS: Final = "today|yesterday|this week|आज|कल|काल|इस हफ्ते|या आठवड्यात|aaj|kal"
_MARKETS: Final = "markets?|stocks?|बाज़ार|बाजार|शेयर|शेअर|bazaar|bazar"
_MARKET_NEWS: Final = regex.compile(
    rf"""(?<![\p{{L}}\p{{M}}])(?:
        (?:sensex|nifty|nasdaq|dow\ jones|सेंसेक्स|निफ्टी)(?![\p{{L}}\p{{M}}])
      | (?:{_DAYS})(?![\p{{L}}\p{{M}}])[^.।!?\n]{{0,60}}?(?<![\p{{L}}\p{{M}}])(?:{_MARKETS})
      | (?:{_MARKETS})[^.।!?\n]{{0,60}}?(?<![\p{{L}}\p{{M}}])(?:{_DAYS})(?![\p{{L}}\p{{M}}])
    )""",
    regex.VERBOSE,
)


def seconds_to_keep(job: Job, *, now: datetime, learned_hours: float | None = None) -> float:
    """Return for how many seconds an answer to ``job`` may be kept; 0 when not at all.

    ``learned_hours`` is a lifetime learned for the category; it replaces the table's but lengthens no upper bound: an
    approval's expiry, the end of the day a date of the job depends on, and market news.
    """
    hours = learned_hours if learned_hours is not None else HOURS_BY_CATEGORY.get(job.feedback.category)
    seconds = 3600 * (HOURS_OTHERWISE if hours is None else hours)
    if is_market_news(job):
        seconds = min(seconds, 3600 * HOURS_OF_MARKET_NEWS)
    if job.context.approval_valid_until is not None:
        seconds = min(seconds, _until_end_of(job.context.approval_valid_until, now))
    return max(0.0, seconds)


def is_market_news(job: Job) -> bool:
    """Say whether the text speaks of the market's day."""
    return _MARKET_NEWS.search(normalise_for_comparison(f"{job.situation.topic}. {job.rejected_text}")) is not None


def _until_end_of(day: date, now: datetime) -> float:
    end = datetime.combine(day + timedelta(days=1), time.min, tzinfo=_INDIA)
    return (end - now).total_seconds()
