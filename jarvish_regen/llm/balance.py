"""Choose between targets: two at random by their weights, then the less loaded, then the quicker."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final, Protocol

# Loads are compared in quarters: one call more must not outweigh being twice as quick.
_BANDS: Final = 4


class Choice(Protocol):
    """What is chosen between."""

    @property
    def weight(self) -> float:
        """Return how often it should be looked at."""

    @property
    def share(self) -> float:
        """Return which part of its usual calls it should get; below 1.0 it is still coming back."""

    @property
    def load(self) -> float:
        """Return its calls under way as a part of those it may have."""

    @property
    def pace_ms(self) -> float:
        """Return how long it takes; 0.0 when nobody knows."""


def choose(candidates: Sequence[Choice], random: Random) -> int:
    """Return the place of the chosen one; raises ``ValueError`` without candidates."""
    if not candidates:
        raise ValueError("There is nothing to choose between.")
    # What is coming back takes part as often as its share says, and always when it is alone.
    places = [place for place, one in enumerate(candidates) if one.share >= 1.0 or random.random() < one.share]
    places = places or list(range(len(candidates)))
    if len(places) > 2:
        places = _two_of(places, [candidates[place].weight for place in places], random)
    return min(places, key=lambda place: _burden(candidates[place], random))


def _two_of(places: list[int], weights: list[float], random: Random) -> list[int]:
    (first,) = random.choices(range(len(places)), weights)
    rest = [index for index in range(len(places)) if index != first]
    (second,) = random.choices(rest, [weights[index] for index in rest])
    return [places[first], places[second]]


def _burden(one: Choice, random: Random) -> tuple[int, float, float]:
    # What fails or is of no use half the time takes twice as long to bring an answer.
    return int(one.load * _BANDS), one.pace_ms / max(one.weight, 0.01), random.random()
