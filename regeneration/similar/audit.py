"""Look again at answers that came out of the cache: what the advisor did tells whether they were the right ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Exists, F, OuterRef, Q
from django.db.models.functions import Now

from feedback.models import Feedback
from jarvish_regen.content.models import ContentItem
from jarvish_regen.content.states import ItemState
from regeneration.models import Regeneration, SimilarityAudit

KINDS = ("exact", "recipe", "prepared", "similar")


@dataclass(frozen=True)
class KindFigures:
    """Tell how the hits of one kind did. ``wrong_rate`` is of those judged, None while none is."""

    kind: str
    hits: int
    right: int
    wrong: int

    @property
    def wrong_rate(self) -> float | None:
        """The share of judged hits that were rejected again, 0.0 to 1.0."""
        judged = self.right + self.wrong
        return self.wrong / judged if judged else None


@dataclass(frozen=True)
class CacheFigures:
    """Tell how many answers there were, and how many of them came from the cache, by kind."""

    answers: int
    kinds: tuple[KindFigures, ...]

    @property
    def hit_rate(self) -> float | None:
        """The share of answers that came from the cache, 0.0 to 1.0; None when there was no answer."""
        return sum(kind.hits for kind in self.kinds) / self.answers if self.answers else None


def note_hit(*, regeneration: Regeneration, kind: str, similarity: float | None = None) -> SimilarityAudit:
    """Write down that an answer came from the cache, to be looked at again. Doing it again changes nothing."""
    audit, _is_new = SimilarityAudit.objects.get_or_create(
        regeneration=regeneration, defaults={"kind": kind, "similarity": similarity}
    )
    return audit


def audit_hits() -> dict[str, int]:
    """Judge the open audits: approved as it stood is right, rejected again is wrong; return how many of each.

    Answers nobody has acted on stay open. Audits are opened here for cached answers that have none yet.
    """
    missing = Regeneration.objects.exclude(cache_kind="").filter(answer__isnull=False, similarity_audits__isnull=True)
    SimilarityAudit.objects.bulk_create(
        [
            SimilarityAudit(regeneration_id=row.id, kind=row.cache_kind)
            for row in missing.only("id", "cache_kind")[:1000]
        ],
        ignore_conflicts=True,
    )
    waiting = SimilarityAudit.objects.filter(verdict="open")
    is_rejected = Exists(Feedback.objects.filter(version_id=OuterRef("regeneration__answer_id")))
    is_approved = Exists(
        ContentItem.objects.filter(current_id=OuterRef("regeneration__answer_id"), state=ItemState.APPROVED)
    )
    wrong = waiting.filter(is_rejected).update(verdict="wrong", judged_at=Now())
    right = waiting.filter(is_approved).update(verdict="right", judged_at=Now())
    return {"right": right, "wrong": wrong}


def cache_figures(*, since: datetime, until: datetime | None = None) -> CacheFigures:
    """Return hits by kind with their judgement for a range of time, by when answers were finished. Two statements."""
    answered = Regeneration.objects.filter(answer__isnull=False, finished_at__gte=since)
    judged = SimilarityAudit.objects.filter(regeneration__finished_at__gte=since)
    if until is not None:
        answered = answered.filter(finished_at__lt=until)
        judged = judged.filter(regeneration__finished_at__lt=until)
    counts = dict(answered.order_by().values_list("cache_kind").annotate(count=Count("id")))
    verdicts = {
        row["of_kind"]: (row["right"], row["wrong"])
        for row in judged.order_by()
        .values(of_kind=F("kind"))
        .annotate(right=Count("id", filter=Q(verdict="right")), wrong=Count("id", filter=Q(verdict="wrong")))
    }
    kinds = tuple(KindFigures(kind, counts.get(kind, 0), *verdicts.get(kind, (0, 0))) for kind in KINDS)
    return CacheFigures(sum(counts.values()), kinds)
