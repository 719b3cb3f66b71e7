"""Heavy reads of this floor: how far labellers agree, which labelled notes two models have both read."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from django.db.models import OuterRef, Subquery
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from feedback.models import Analysis
from jarvish_regen.content.taxonomy import taxonomy
from learning.models import LabelTask, TrainingRow
from learning.training.agreement import Pair, cohen_kappa, kappa_of_class

# Below this many pairs one label more moves kappa by a tenth and more.
PAIRS_MIN: Final = 10


@dataclass(frozen=True)
class PairAgreement:
    """How far two labellers agree: on how many notes, in how many of them, and kappa (None below PAIRS_MIN)."""

    title: StrOrPromise
    count: int
    share: float | None
    kappa: float | None


@dataclass(frozen=True)
class CellAgreement:
    """Kappa of the first label and the second for one category against the rest, in one language."""

    category: str
    language: str
    count: int
    kappa: float


@dataclass(frozen=True)
class Agreement:
    """How far everybody agrees with the second, blind label."""

    pairs: tuple[PairAgreement, ...]
    cells: tuple[CellAgreement, ...]


@dataclass(frozen=True)
class _Labelled:
    second: str
    author: str
    language: str
    reason: str
    model: str | None
    reviewer: list[str] | None
    strong: str | None


def get_agreement(firm_id: uuid.UUID | None = None) -> Agreement:
    """Return how far author, model, reviewer and strong model agree with second labels; of one firm, or of all.

    The random draw stands apart: the other notes were chosen because something was odd about them.
    """
    rows = list(_labelled(firm_id))
    at_random = [row for row in rows if row.reason == LabelTask.Reason.RANDOM]
    pairs = (
        _agreement(_("Author and second label, drawn at random"), [(row.author, row.second) for row in at_random]),
        _agreement(_("Author and second label, all"), [(row.author, row.second) for row in rows]),
        _agreement(
            _("Model and second label, drawn at random"), [(row.model, row.second) for row in at_random if row.model]
        ),
        _agreement(_("Model and second label, all"), [(row.model, row.second) for row in rows if row.model]),
        _agreement(_("Reviewer and second label"), [(row.reviewer[0], row.second) for row in rows if row.reviewer]),
        _agreement(_("Strong model and second label"), [(row.strong, row.second) for row in rows if row.strong]),
    )
    return Agreement(pairs, tuple(_cells(rows)))


def _agreement(title: StrOrPromise, pairs: list[Pair]) -> PairAgreement:
    share = sum(left == right for left, right in pairs) / len(pairs) if pairs else None
    return PairAgreement(title, len(pairs), share, cohen_kappa(pairs) if len(pairs) >= PAIRS_MIN else None)


def _cells(rows: list[_Labelled]) -> Iterator[CellAgreement]:
    for language in taxonomy().languages:
        pairs = [(row.author, row.second) for row in rows if row.language == language]
        if len(pairs) < PAIRS_MIN:
            continue
        for category in taxonomy().categories:
            kappa = kappa_of_class(pairs, category)
            if kappa is not None:
                yield CellAgreement(category, language, sum(category in pair for pair in pairs), kappa)


def _labelled(firm_id: uuid.UUID | None) -> Iterator[_Labelled]:
    said = Analysis.objects.filter(feedback_id=OuterRef("feedback_id")).order_by("created_at", "id")
    seconds = TrainingRow.objects.filter(source=TrainingRow.Source.SECOND)
    if firm_id is not None:
        seconds = seconds.filter(feedback__item__firm_id=firm_id)
    task = LabelTask.objects.filter(feedback_id=OuterRef("feedback_id"))
    reviewer = TrainingRow.objects.filter(feedback_id=OuterRef("feedback_id"), source=TrainingRow.Source.REVIEWER)
    champion, strong = Analysis.Role.CHAMPION, Analysis.Role.CASCADE
    found = seconds.order_by("id").values_list(
        "categories",
        "feedback__category",
        "language",
        Subquery(task.values("reason")[:1]),
        Subquery(said.filter(role=champion).values("primary_category")[:1]),
        Subquery(reviewer.values("categories")[:1]),
        Subquery(said.filter(role=strong).values("primary_category")[:1]),
    )
    for categories, author, language, reason, model, by_reviewer, by_strong in found:
        yield _Labelled(categories[0], author, language, reason or "", model, by_reviewer, by_strong)
