"""The ranges a dashboard offers, cut into steps on the wall clock's grid. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext_lazy as _

from learning.dashboard.rollup import floor_to

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise


@dataclass(frozen=True)
class Range:
    """A choice of time: its key in the address, its words, and the steps its charts have."""

    key: str
    words: "StrPromise"
    step: timedelta
    steps: int

    def span(self, now: datetime) -> "Span":
        """Return the stretch that ends now; its last step is the one that is running."""
        return Span(floor_to(now, self.step) - (self.steps - 1) * self.step, now, self.step)

    def span_before(self, now: datetime) -> "Span":
        """Return the stretch before it, as long and as far into its own last step."""
        return self.span(now).moved_back(self.steps * self.step)


@dataclass(frozen=True)
class Span:
    """A stretch of time. since: on a whole step. until: not in it."""

    since: datetime
    until: datetime
    step: timedelta

    def moved_back(self, by: timedelta) -> "Span":
        """Return the same stretch earlier."""
        return Span(self.since - by, self.until - by, self.step)

    @property
    def minutes(self) -> float:
        """How long it lasts."""
        return (self.until - self.since).total_seconds() / 60


RANGES: Final = (
    Range("15m", _("15 minutes"), timedelta(minutes=1), 15),
    Range("1h", _("1 hour"), timedelta(minutes=2), 30),
    Range("24h", _("24 hours"), timedelta(hours=1), 24),
    Range("7d", _("7 days"), timedelta(hours=6), 28),
    Range("30d", _("30 days"), timedelta(days=1), 30),
)
DEFAULT_RANGE: Final = RANGES[1]


def range_of(key: str | None) -> Range:
    """Return the range behind a key; the default one for anything else."""
    return next((one for one in RANGES if one.key == key), DEFAULT_RANGE)
