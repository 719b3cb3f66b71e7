"""Ask history how far the quality score is to be trusted: how many answers graded so were approved as they stood."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Case, F, IntegerField, Q, Value, When

from jarvish_regen.content.states import ItemState
from regeneration.fallbacks.beta import beta_interval
from regeneration.fallbacks.confidence import judged_answers

# Below this many verdicts a curve says more about chance than about the score: with 30, the 90 % interval of a share of
# one half is still 30 points wide.
ENOUGH: Final = 30
BINS: Final = ((0, 59), (60, 69), (70, 79), (80, 89), (90, 100))


@dataclass(frozen=True, slots=True)
class Bin:
    """Tell of the answers graded from ``low`` to ``high``: how many, how many were approved as they stood, and the
    90 % interval of that share (Jeffreys' prior).
    """

    low: int
    high: int
    count: int
    approved: int
    mean_score: float
    share_low: float
    share_high: float

    @property
    def share(self) -> float:
        """Return the share that was approved as it stood, 0.0 for none."""
        return self.approved / self.count if self.count else 0.0


@dataclass(frozen=True, slots=True)
class Reliability:
    """Hold the curve; ``brier`` and ``calibration_error`` (ECE over the bins) are None without any verdict."""

    count: int
    approved: int
    bins: tuple[Bin, ...]
    brier: float | None
    calibration_error: float | None

    @property
    def is_enough(self) -> bool:
        """Say whether there are verdicts enough to read anything from the curve."""
        return self.count >= ENOUGH


def graded_verdicts(since: datetime) -> list[tuple[int, bool]]:
    """Return the grade of each judged answer since then, and whether it was approved as it stood. One query."""
    as_it_stood = Q(item__state=ItemState.APPROVED, item__current=F("answer"))
    rows = (
        judged_answers(since)
        .filter(quality__isnull=False)
        .annotate(approved=Case(When(as_it_stood, then=Value(1)), default=Value(0), output_field=IntegerField()))
        .values_list("quality", "approved")
    )
    return [(quality, bool(approved)) for quality, approved in rows if quality is not None]


def reliability(verdicts: Sequence[tuple[int, bool]]) -> Reliability:
    """Return the reliability curve of (score 0 to 100, was it approved as it stood). Pure."""
    bins = tuple(_bin(low, high, [one for one in verdicts if low <= one[0] <= high]) for low, high in BINS)
    count = len(verdicts)
    if not count:
        return Reliability(0, 0, bins, None, None)
    brier = sum((score / 100 - approved) ** 2 for score, approved in verdicts) / count
    error = sum(one.count * abs(one.mean_score / 100 - one.share) for one in bins) / count
    return Reliability(count, sum(approved for _score, approved in verdicts), bins, brier, error)


def _bin(low: int, high: int, verdicts: Sequence[tuple[int, bool]]) -> Bin:
    count, approved = len(verdicts), sum(was for _score, was in verdicts)
    share_low, share_high = beta_interval(0.5 + approved, 0.5 + count - approved)
    mean = sum(score for score, _was in verdicts) / count if count else 0.0
    return Bin(low, high, count, approved, mean, share_low, share_high)
