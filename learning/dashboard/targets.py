"""The model targets as the dashboard shows them: what is configured, what their breakers say, what is in flight."""

from dataclasses import dataclass
from datetime import datetime

from jarvish_regen.llm.models import ModelTarget
from jarvish_regen.llm.queries import BoardRow, target_board


@dataclass(frozen=True)
class TargetFigures:
    """One target now, over all processes. breaker: closed, half_open, open, or empty when nobody has asked it of late.

    places: calls that may be in flight at once. Calls and failures are those of the processes that run.
    """

    name: str
    model: str
    breaker: str = ""
    in_flight: int = 0
    places: int = 0
    calls: int = 0
    failure_share: float | None = None
    p50_ms: float | None = None


def get_target_board(now: datetime) -> tuple[TargetFigures, ...]:
    """Return every target by name: those that workers tell of, and those that are configured and not asked yet."""
    told = {row.target: _figures(row) for row in target_board(now=now)}
    for target in ModelTarget.objects.filter(is_active=True):
        told.setdefault(target.name, TargetFigures(target.name, target.model))
    return tuple(told[name] for name in sorted(told))


def _figures(row: BoardRow) -> TargetFigures:
    return TargetFigures(
        name=row.target,
        model=row.model,
        breaker=row.state,
        in_flight=row.in_flight,
        places=row.max_concurrency,
        calls=row.calls,
        failure_share=row.failure_share if row.calls else None,
        p50_ms=row.p50_ms,
    )
