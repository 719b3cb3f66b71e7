"""What the cells of a stretch say, in the words of the people who watch: rates, quantiles, shares, costs. Pure.

Definitions stand in docs/dashboard.md, word for word what is computed here.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from learning.dashboard.cells import Cell, histogram_of
from learning.dashboard.histogram import quantile_ms
from learning.dashboard.ranges import Span
from learning.models import Subject
from regeneration.models import RegenerationState

MODEL_RUNGS: Final = frozenset({"model", "simplified"})
KEPT_RUNGS: Final = frozenset({"prepared", "cache"})
# Four kinds of origin, in the order charts stack them: a colour each is what an eye can tell apart.
MODEL, KEPT, REPAIR, SHELF = "model", "kept", "repair", "shelf"
ORIGINS: Final = (MODEL, KEPT, REPAIR, SHELF)


def origin_of(rung: str) -> str:
    """Return which of the four kinds of origin a rung is."""
    if rung in MODEL_RUNGS:
        return MODEL
    if rung in KEPT_RUNGS:
        return KEPT
    return REPAIR if rung == "repair" else SHELF


@dataclass(frozen=True)
class Quantiles:
    """Milliseconds from the stored rejection to the stored answer, from a histogram: ± 2.5 %. None: nothing counted."""

    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


@dataclass(frozen=True)
class RungFigures:
    """Answers of one rung."""

    rung: str
    count: int
    share: float
    valid_share: float
    quantiles: Quantiles


@dataclass(frozen=True)
class StageFigures:
    """One stage of the ledger, over all attempts that had it."""

    stage: str
    count: int
    mean_ms: float
    p95_ms: float
    share: float  # of all milliseconds that stages took


@dataclass(frozen=True)
class StepFigures:
    """One step of a chart."""

    starts_at: datetime
    answers: int
    by_origin: tuple[int, ...]  # as ORIGINS
    unanswered: int
    quantiles: Quantiles


@dataclass(frozen=True)
class Figures:
    """Everything a stretch of time says. Shares are 0 to 1 and None where there is nothing to divide by."""

    span: Span
    attempts: int
    answers: int
    answers_per_minute: float
    late: int
    quantiles: Quantiles
    model_share: float | None
    kept_share: float | None
    error_share: float | None
    errors: tuple[tuple[str, int], ...]  # state, attempts that ended in it without an answer
    reasons: tuple[tuple[str, int], ...]  # why no model's valid text is the answer
    hits: tuple[tuple[str, int], ...]  # by kind of cache
    hit_share: float | None
    calls: int
    calls_per_request: float | None
    hedges: int
    hedges_per_request: float | None
    cost_inr: Decimal
    cost_per_answer_inr: Decimal | None
    approved: int
    cost_per_approved_inr: Decimal | None
    rungs: tuple[RungFigures, ...]
    stages: tuple[StageFigures, ...]
    steps: tuple[StepFigures, ...]


def figures_of(cells: Sequence[Cell], span: Span) -> Figures:
    """Return what the cells of a stretch say."""
    attempts = [cell for cell in cells if cell.subject == Subject.ATTEMPT]
    answered = [cell for cell in attempts if cell.state == RegenerationState.ANSWERED]
    ended, answers = _sum(attempts), _sum(answered)
    hits = _by((cell.cache_kind, cell.count) for cell in answered if cell.cache_kind)
    calls, hedges = sum(cell.calls_count for cell in attempts), sum(cell.hedges_count for cell in attempts)
    cost = sum((cell.cost_inr for cell in attempts), Decimal(0))
    approved = _sum(cell for cell in cells if cell.subject == Subject.APPROVAL)
    return Figures(
        span=span,
        attempts=ended,
        answers=answers,
        answers_per_minute=answers / span.minutes if span.minutes else 0.0,
        late=sum(cell.late_count for cell in answered),
        quantiles=_quantiles(answered),
        model_share=_share(_sum(cell for cell in answered if cell.rung in MODEL_RUNGS), answers),
        kept_share=_share(_sum(cell for cell in answered if cell.rung in KEPT_RUNGS), answers),
        error_share=_share(ended - answers, ended),
        errors=_by((cell.state, cell.count) for cell in attempts if cell.state != RegenerationState.ANSWERED),
        reasons=_by((cell.failure_reason, cell.count) for cell in attempts if cell.failure_reason),
        hits=hits,
        hit_share=_share(sum(count for _kind, count in hits), answers),
        calls=calls,
        calls_per_request=_share(calls, ended),
        hedges=hedges,
        hedges_per_request=_share(hedges, ended),
        cost_inr=cost,
        cost_per_answer_inr=cost / answers if answers else None,
        approved=approved,
        cost_per_approved_inr=cost / approved if approved else None,
        rungs=_rungs(answered, answers),
        stages=_stages([cell for cell in cells if cell.subject == Subject.STAGE]),
        steps=_steps(attempts, span),
    )


def _sum(cells: Iterable[Cell]) -> int:
    return sum(cell.count for cell in cells)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _by(pairs: Iterable[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    """Return the pairs added up by name, most first."""
    total: dict[str, int] = defaultdict(int)
    for name, count in pairs:
        total[name] += count
    return tuple(sorted(total.items(), key=lambda pair: (-pair[1], pair[0])))


def _quantiles(cells: Sequence[Cell]) -> Quantiles:
    return Quantiles(*(_quantile(cells, share) for share in (0.5, 0.95, 0.99)))


def _quantile(cells: Sequence[Cell], share: float) -> float | None:
    most_ms = max((cell.max_ms for cell in cells), default=0.0)
    return quantile_ms(histogram_of(cells), share, most_ms=most_ms)


def _rungs(answered: Sequence[Cell], answers: int) -> tuple[RungFigures, ...]:
    found = []
    for rung, count in _by((cell.rung, cell.count) for cell in answered):
        own = [cell for cell in answered if cell.rung == rung]
        valid = sum(cell.valid_count for cell in own)
        found.append(RungFigures(rung, count, count / answers, valid / count, _quantiles(own)))
    return tuple(found)


def _stages(cells: Sequence[Cell]) -> tuple[StageFigures, ...]:
    """Return the stages, most milliseconds first."""
    by_stage: dict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        by_stage[cell.stage].append(cell)
    all_ms = sum(cell.total_ms for cell in cells)
    found = [
        StageFigures(
            stage,
            count := _sum(own),
            (total_ms := sum(cell.total_ms for cell in own)) / count,
            _quantile(own, 0.95) or 0.0,
            total_ms / all_ms if all_ms else 0.0,
        )
        for stage, own in by_stage.items()
    ]
    return tuple(sorted(found, key=lambda stage: -stage.share))


def _steps(attempts: Sequence[Cell], span: Span) -> tuple[StepFigures, ...]:
    """Return every step of the stretch, the empty ones too."""
    by_step: dict[datetime, list[Cell]] = defaultdict(list)
    for cell in attempts:
        by_step[cell.starts_at].append(cell)
    steps = []
    starts_at = span.since
    while starts_at < span.until:
        own = by_step.get(starts_at, [])
        answered = [cell for cell in own if cell.state == RegenerationState.ANSWERED]
        by_origin = tuple(_sum(cell for cell in answered if origin_of(cell.rung) == origin) for origin in ORIGINS)
        answers = _sum(answered)
        steps.append(StepFigures(starts_at, answers, by_origin, _sum(own) - answers, _quantiles(answered)))
        starts_at += span.step
    return tuple(steps)
