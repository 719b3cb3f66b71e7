"""Rejections with what models made of them, as the analysing floor stores it."""

import itertools
from typing import Any

from feedback.models import Analysis, Feedback
from jarvish_regen.content.models import AdvisorProfile, ModelVersion
from tests.factories import FLAWLESS_TEXT, draft_item, rejected

_numbers = itertools.count()


def rejection(profile: AdvisorProfile | None = None, **fields: Any) -> Feedback:
    """Return a stored rejection of a draft of its own; its note says that the tone is too pushy unless told else."""
    said = {"category": "tone_inappropriate", "note": "too pushy for my clients", "issues": (), **fields}
    item = draft_item(profile, text=f"{FLAWLESS_TEXT} {next(_numbers)}")
    return rejected(item, **said).feedback


def analysed(
    feedback: Feedback,
    category: str,
    *,
    role: str = "champion",
    version: ModelVersion | None = None,
    is_confident: bool = True,
    probability: float = 0.9,
    language: str = "en",
    **fields: Any,
) -> Analysis:
    """Store what a model said of a rejection."""
    return Analysis.objects.create(
        feedback=feedback,
        role=role,
        model_version=version,
        primary_category=category,
        probability=probability,
        categories=[{"code": category, "probability": probability, "evidence": []}],
        sentiment="negative",
        sentiment_score=-0.5,
        emotion="frustrated",
        urgency="medium",
        actionability=0.2,
        language=language,
        is_confident=is_confident,
        **fields,
    )
