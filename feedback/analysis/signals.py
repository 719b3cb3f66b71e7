"""The values an analysis is made of."""

from __future__ import annotations

from dataclasses import dataclass

from feedback.analysis.issues import FoundIssue
from jarvish_regen.language.identify import Language


@dataclass(frozen=True, slots=True)
class Evidence:
    """Words of the message that speak for a category: ``text[start:end]``, code points."""

    start: int
    end: int
    span: str


@dataclass(frozen=True, slots=True)
class FoundCategory:
    """A category the message speaks of, how probable, and the words that say so, strongest first."""

    code: str
    probability: float
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Analysis:
    """What a message means.

    categories: primary first, then those above their own threshold. sentiment_score: -1 to 1, the expectation over
    the three classes. actionability: 0 to 1, how likely it says what to do. question: the two categories to ask
    about when not confident, else None.
    """

    primary_category: str
    categories: tuple[FoundCategory, ...]
    issues: tuple[FoundIssue, ...]
    sentiment: str
    sentiment_score: float
    emotion: str
    urgency: str
    actionability: float
    language: Language
    confident: bool
    question: tuple[str, str] | None
    model_version: str
