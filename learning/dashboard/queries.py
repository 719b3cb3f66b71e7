"""Everything a page of the dashboard shows, and what /metrics tells, from one set of reads."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from jarvish_regen.ids import to_short
from jarvish_regen.journal.models import DeadLetter
from learning.dashboard.cells import Cell, now_of_database, read_cells, read_totals
from learning.dashboard.figures import Figures, figures_of
from learning.dashboard.queues import QueueFigures, queue_board
from learning.dashboard.ranges import Range, Span
from learning.dashboard.rollup import FRESH, HOUR, MINUTE, first_id_of
from learning.dashboard.targets import TargetFigures, get_target_board
from learning.models import Grain, RollUpMark, Snapshot, Subject
from regeneration.models import Regeneration, SimilarityAudit

WORST: Final = 10


@dataclass(frozen=True)
class WorstAnswer:
    """One of the slowest answers of a stretch."""

    regeneration_id: uuid.UUID
    answer_ms: int
    rung: str
    urgency: str
    waited_ms: int | None
    slowest_stage: str
    slowest_stage_ms: float | None
    calls_count: int
    hedges_count: int
    finished_at: datetime

    @property
    def short_id(self) -> str:
        """The id as the desk's search takes it."""
        return to_short("regeneration", self.regeneration_id)


@dataclass(frozen=True)
class Audits:
    """What became of kept answers that were given in a stretch, by kind of cache: (kind, right, wrong, open)."""

    kinds: tuple[tuple[str, int, int, int], ...]

    @property
    def wrong_share(self) -> float | None:
        """Wrong among those that are judged; None while none is."""
        judged = sum(right + wrong for _kind, right, wrong, _open in self.kinds)
        return sum(wrong for _kind, _right, wrong, _open in self.kinds) / judged if judged else None


@dataclass(frozen=True)
class DeadLetters:
    """Work that was given up on. waiting: for a decision, whenever it came. new: in the stretch."""

    waiting: int
    new: int


@dataclass(frozen=True)
class Now:
    """What stands at this moment, whatever range is looked at."""

    at: datetime
    queues: tuple[QueueFigures, ...]
    targets: tuple[TargetFigures, ...]

    @property
    def waiting(self) -> int:
        """Attempts that wait for a worker."""
        return sum(queue.waiting for queue in self.answer_queues)

    @property
    def oldest_seconds(self) -> float:
        """Age of the oldest attempt that waits for a worker."""
        return max((queue.oldest_seconds for queue in self.answer_queues), default=0.0)

    @property
    def answer_queues(self) -> tuple[QueueFigures, ...]:
        """The queues on which people wait."""
        return tuple(queue for queue in self.queues if queue.name in ("critical", "high", "normal", "low"))


@dataclass(frozen=True)
class Dashboard:
    """One look: a range, the stretch before it, and what stands now."""

    asked: Range
    figures: Figures
    before: Figures
    audits: Audits
    dead_letters: DeadLetters
    now: Now
    worst: tuple[WorstAnswer, ...]


def get_dashboard(asked: Range) -> Dashboard:
    """Return everything for one range. A dozen short statements; the broker may cost a fifth of a second."""
    at = now_of_database()
    span, span_before = asked.span(at), asked.span_before(at)
    return Dashboard(
        asked=asked,
        figures=figures_of(read_cells(span), span),
        before=figures_of(read_cells(span_before), span_before),
        audits=get_audits(span),
        dead_letters=get_dead_letters(span),
        now=get_now(at),
        worst=get_worst(span),
    )


def get_now(at: datetime) -> Now:
    """Return the queues and the targets as they stand."""
    return Now(at, queue_board(at), get_target_board(at))


def get_totals(at: datetime) -> Sequence[Cell]:
    """Return the cells of all time."""
    return read_totals(at)


def get_audits(span: Span) -> Audits:
    """Return what became of the kept answers of a stretch. Found by primary key: an id begins with its time."""
    return _audits(SimilarityAudit.objects.filter(id__gte=first_id_of(span.since), id__lt=first_id_of(span.until)))


def get_audits_of_all_time() -> Audits:
    """Return what became of all kept answers."""
    return _audits(SimilarityAudit.objects.all())


def _audits(audits: QuerySet[SimilarityAudit]) -> Audits:
    rows = (
        audits.values("kind")
        .annotate(
            right=Count("id", filter=Q(verdict="right")),
            wrong=Count("id", filter=Q(verdict="wrong")),
            still_open=Count("id", filter=Q(verdict="open")),
        )
        .order_by("kind")
    )
    return Audits(tuple((row["kind"], row["right"], row["wrong"], row["still_open"]) for row in rows))


def get_dead_letters(span: Span) -> DeadLetters:
    """Return how much work was given up on."""
    return DeadLetters(
        waiting=get_dead_letters_waiting(),
        new=DeadLetter.objects.filter(id__gte=first_id_of(span.since), id__lt=first_id_of(span.until)).count(),
    )


def get_dead_letters_waiting() -> int:
    """Return how much work that was given up on waits for a decision."""
    return DeadLetter.objects.filter(state=DeadLetter.State.WAITING).count()


def get_worst(span: Span) -> tuple[WorstAnswer, ...]:
    """Return the slowest answers of a stretch, slowest first.

    The slowest ten lie in the ten stretches of the roll-ups with the highest maxima, and in what is not rolled up yet:
    only those are read row by row.
    """
    stretches = _worst_stretches(span)
    wanted = Q(pk__in=[])
    for since, until in stretches:
        wanted |= Q(finished_at__gte=since, finished_at__lt=until)
    rows = Regeneration.objects.filter(wanted, answer_ms__isnull=False).order_by("-answer_ms", "-id")[:WORST]
    return tuple(_worst(row) for row in rows)


def _worst_stretches(span: Span) -> list[tuple[datetime, datetime]]:
    mark = RollUpMark.objects.first()
    if mark is None:
        return [(span.since, span.until)]
    rolled_until = max(span.since, min(span.until, mark.minutes_until - FRESH))
    grain, length = (Grain.HOUR, HOUR) if span.step >= HOUR else (Grain.MINUTE, MINUTE)
    rows = (
        Snapshot.objects.filter(
            grain=grain, starts_at__gte=span.since, starts_at__lt=rolled_until, subject=Subject.ATTEMPT
        )
        .order_by("-max_ms", "starts_at")
        .values_list("starts_at", flat=True)
    )
    # A stretch has a row for each combination of kinds: so many rows surely hold ten different stretches, if there are.
    starts = list(dict.fromkeys(rows[: WORST * 40]))[:WORST]
    return [*((at, min(at + length, span.until)) for at in starts), (rolled_until, span.until)]


def _worst(row: Regeneration) -> WorstAnswer:
    stages = [stage for stage in row.ledger.get("stages", []) if "ms" in stage and "name" in stage]
    slowest = max(stages, key=lambda stage: float(stage["ms"]), default=None)
    return WorstAnswer(
        regeneration_id=row.id,
        answer_ms=row.answer_ms or 0,
        rung=row.rung,
        urgency=row.urgency,
        waited_ms=row.ledger.get("waited_ms"),
        slowest_stage=str(slowest["name"]) if slowest else "",
        slowest_stage_ms=float(slowest["ms"]) if slowest else None,
        calls_count=row.calls_count,
        hedges_count=row.hedges_count,
        finished_at=row.finished_at or timezone.now(),
    )
