"""Try an order of rungs on what has happened before it answers anybody: which candidate would have won, was it good?"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import Prefetch
from django.utils import timezone
from django.utils.translation import gettext as _

from jarvish_regen.access.models import User
from jarvish_regen.content.states import ItemState
from jarvish_regen.errors import ConflictError, InputError
from jarvish_regen.language.words import normalise_for_comparison
from regeneration.board import MADE_RUNGS, positions
from regeneration.fallbacks.order import RUNGS, SHIPPED_ORDERS
from regeneration.fallbacks.shelf import forget_shelf
from regeneration.models import Candidate, FailureReason, FallbackOrder, Regeneration, RegenerationState

SIMULATED_SINCE_DAYS: Final = 30
# History moves on: what was simulated longer ago is simulated again before it goes live.
SIMULATION_VALID: Final = timedelta(days=1)
_ATTEMPTS_MAX: Final = 5_000


@dataclass(frozen=True, slots=True)
class Weighed:
    """Hold one stored candidate as an order sees it."""

    rung: str
    text: str
    is_admissible: bool
    is_valid: bool
    score: float


@dataclass(frozen=True, slots=True)
class Replay:
    """Tell what one order would have answered: winners by rung, how many of them were used in the end as they stood."""

    by_rung: dict[str, int]
    without_answer: int
    used_as_stood: int
    judged: int

    @property
    def share(self) -> float:
        """Return the share of winners that are known to have been the right text."""
        return self.used_as_stood / self.judged if self.judged else 0.0


def winner_of(order: Sequence[str], candidates: Sequence[Weighed]) -> int | None:
    """Return which candidate an order lets win, as the board chooses (``board.Board.outcome``), or None."""
    places = positions(order)

    def worth(number: int) -> tuple[bool, bool, int, float]:
        one = candidates[number]
        is_new = all(one.text != other.text for other in candidates[:number])
        is_written = one.is_valid and one.rung in MADE_RUNGS and one.rung != "repair" and is_new
        place = 0 if one.is_valid else -places.get(one.rung, len(places))
        return one.is_valid, is_written, place, one.score

    admissible = [number for number, one in enumerate(candidates) if one.is_admissible]
    return max(admissible, key=worth) if admissible else None


def draft_order(*, reason: str, rungs: Sequence[str]) -> FallbackOrder:
    """Store an order to be simulated. Raises InputError for an unknown reason, or rungs unknown, double or none."""
    if reason not in FailureReason.values:
        raise InputError(
            _("There is no such reason."), field="reason", given=reason, allowed=list(FailureReason.values)
        )
    require_rungs(rungs)
    return FallbackOrder.objects.create(reason=reason, rungs=list(rungs))


def require_rungs(rungs: Sequence[str]) -> None:
    """Raise InputError unless these can be an order: known rungs, each once, at least one."""
    if not rungs or len(set(rungs)) != len(rungs) or not set(rungs) <= RUNGS:
        raise InputError(
            _("An order names known rungs, each once."), field="rungs", given=list(rungs), allowed=sorted(RUNGS)
        )


def simulate_order(*, order: FallbackOrder, since: datetime | None = None) -> dict[str, Any]:
    """Replay an order on the stored attempts that failed for its reason, beside the live order; return the figures.

    Leaves them on the row, which becomes simulated. Raises ConflictError for an order that is live or retired. Two
    queries for at most 5,000 attempts, the newest first.
    """
    began_at = timezone.now()
    since = since or began_at - timedelta(days=SIMULATED_SINCE_DAYS)
    live = FallbackOrder.objects.filter(reason=order.reason, state=FallbackOrder.State.LIVE).first()
    live_rungs = tuple(live.rungs) if live else SHIPPED_ORDERS[order.reason]
    stories = [_story(attempt) for attempt in _attempts(order.reason, since)]
    this, other = _replay(order.rungs, stories), _replay(live_rungs, stories)
    figures: dict[str, Any] = {
        "since": since.isoformat(),
        "attempts": len(stories),
        "changed": sum(
            winner_of(order.rungs, candidates) != winner_of(live_rungs, candidates) for candidates, _text in stories
        ),
        "this": asdict(this) | {"share": round(this.share, 4)},
        "live": asdict(other) | {"share": round(other.share, 4), "rungs": list(live_rungs)},
    }
    open_states = (FallbackOrder.State.DRAFT, FallbackOrder.State.SIMULATED)
    _move(order.id, open_states, state=FallbackOrder.State.SIMULATED, simulation=figures, simulated_at=began_at)
    return figures


def make_live(*, order: FallbackOrder, actor: User) -> FallbackOrder:
    """Let an order decide from now on; the one before it is retired. In effect within seconds (``load_shelf``).

    Raises ConflictError unless it was simulated within a day.
    """
    now = timezone.now()
    with transaction.atomic():
        row = FallbackOrder.objects.select_for_update().get(id=order.id)
        if row.state != FallbackOrder.State.SIMULATED or row.simulated_at is None:
            raise ConflictError(
                _("Only an order that was simulated can go live."), field="state", given=row.state, allowed="simulated"
            )
        if now - row.simulated_at > SIMULATION_VALID:
            raise ConflictError(
                _("It was simulated more than a day ago. Simulate it again."),
                field="simulated_at",
                given=row.simulated_at.isoformat(),
                allowed=(now - SIMULATION_VALID).isoformat(),
            )
        for live in FallbackOrder.objects.filter(reason=row.reason, state=FallbackOrder.State.LIVE):
            _move(live.id, (FallbackOrder.State.LIVE,), state=FallbackOrder.State.RETIRED)
        made = _move(
            row.id,
            (FallbackOrder.State.SIMULATED,),
            state=FallbackOrder.State.LIVE,
            made_live_by=actor,
            made_live_at=now,
        )
        transaction.on_commit(forget_shelf)
    return made


def _move(order_id: uuid.UUID, from_states: Iterable[str], **values: Any) -> FallbackOrder:
    """Change an order that is in one of the given states, with its history. Raises ConflictError when it is not."""
    with transaction.atomic():
        row = FallbackOrder.objects.select_for_update().get(id=order_id)
        if row.state not in from_states:
            raise ConflictError(
                _("This order has moved on."), field="state", given=row.state, allowed=sorted(from_states)
            )
        for name, value in values.items():
            setattr(row, name, value)
        row.save()
    return row


def _attempts(reason: str, since: datetime) -> Iterable[Regeneration]:
    return (
        Regeneration.objects.filter(
            failure_reason=reason,
            finished_at__gte=since,
            state__in=(RegenerationState.ANSWERED, RegenerationState.NO_ANSWER),
        )
        .select_related("item__current")
        .prefetch_related(Prefetch("candidates", Candidate.objects.filter(is_variant=False).order_by("number")))
        .order_by("-finished_at")[:_ATTEMPTS_MAX]
    )


def _story(attempt: Regeneration) -> tuple[list[Weighed], str]:
    """Return the candidates of an attempt and the text that was approved in the end, empty while none is."""
    item = attempt.item
    used = item.current.text if item.state == ItemState.APPROVED and item.current else ""
    candidates = [
        Weighed(row.rung, row.text, row.is_admissible, row.is_valid, row.score) for row in attempt.candidates.all()
    ]
    return candidates, normalise_for_comparison(used)


def _replay(order: Sequence[str], stories: Sequence[tuple[list[Weighed], str]]) -> Replay:
    by_rung: Counter[str] = Counter()
    without = used_as_stood = judged = 0
    for candidates, used in stories:
        winner = winner_of(order, candidates)
        if winner is None:
            without += 1
            continue
        by_rung[candidates[winner].rung] += 1
        if used:
            judged += 1
            used_as_stood += normalise_for_comparison(candidates[winner].text) == used
    return Replay(dict(by_rung), without, used_as_stood, judged)
