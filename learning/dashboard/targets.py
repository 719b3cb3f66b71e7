"""The model targets as the dashboard shows them: what is configured, what their breakers say, what is in flight."""

from dataclasses import dataclass

from jarvish_regen.llm.models import ModelTarget


@dataclass(frozen=True)
class TargetFigures:
    """One target now. breaker: closed, half_open, open, or empty where no worker has told yet."""

    name: str
    model: str
    tier: str
    breaker: str
    in_flight: int


def get_target_board() -> tuple[TargetFigures, ...]:
    """Return every active target by name."""
    return tuple(
        TargetFigures(target.name, target.model, target.tier, "", 0)
        for target in ModelTarget.objects.filter(is_active=True).order_by("name")
    )
