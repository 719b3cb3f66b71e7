"""Say whether an answer that was made beforehand still answers what was said in the end. Pure.

``validate`` has the first word: only a valid text may be adopted. But of some issues it can only say that the words are
others now. Where a verdict rests on that, the person's own words decide, so they must have been known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from regeneration.cache.gate import say_the_same
from regeneration.job import FeedbackBrief, Verdict

# What a check or a measure has settled; "changed" is neither.
_SETTLED: Final = ("checked", "estimated")


def still_answers(asked: FeedbackBrief, verdict: Verdict, *, known: str) -> bool:
    """Return whether a text made when ``known`` had been said (note and suggestions) may answer ``asked`` now.

    ``verdict`` is today's, on that text and the whole of what was asked.
    """
    if not verdict.is_valid:
        return False
    if say_the_same(said_in(asked), known):
        return True
    return bool(verdict.resolutions) and all(one.status in _SETTLED for one in verdict.resolutions)


def said_in(brief: FeedbackBrief) -> str:
    """Return all that was said in own words on the whole text."""
    return _joined(brief.note, brief.suggestions)


def words_of(kept: Mapping[str, Any]) -> str:
    """Return the same of a brief that is kept as JSON; empty for one that holds nothing."""
    return _joined(kept.get("note", ""), kept.get("suggestions", ""))


def _joined(*parts: str) -> str:
    return "\n".join(part for part in parts if part)
