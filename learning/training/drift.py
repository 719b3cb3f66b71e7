"""Do the notes of this week look like those of the month before? Shares by PSI, rates by two-sample z, in three states.

Two bounds guard each state, and both must be passed: the size of a shift that matters, and one that chance alone does
not make. Population stability index: 0.1 and 0.25 are Siddiqi's bounds (Credit Risk Scorecards, 2006). Without any
shift, PSI over k classes of n and m notes is spread like chi-square with k - 1 degrees of freedom times 1/n + 1/m
(Yurdakul, 2018): of a hundred notes it passes 0.1 by chance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from scipy.stats import chi2

State = Literal["ok", "watch", "alarm"]
STATES: Final[tuple[State, State, State]] = ("ok", "watch", "alarm")

PSI_BOUNDS: Final = (0.1, 0.25)
# What chance may do: once in 20 looks for a watch, once in 10,000 for an alarm (five figures, looked at daily).
CHANCE: Final = (0.05, 0.0001)
Z_BOUNDS: Final = (1.96, 3.89)  # the same chances, both sides of a normal
# Shifts of a rate that matter: five and ten points of a hundred (the classes' own accuracy is known to about two).
RATE_BOUNDS: Final = (0.05, 0.10)
# Fewer notes than this on either side are not judged.
NOTES_MIN: Final = 50


@dataclass(frozen=True)
class Figure:
    """One figure of drift: how far it moved, its value before and now where it is a rate, and what that means."""

    name: str
    value: float
    before: float | None
    now: float | None
    state: State


@dataclass(frozen=True)
class Notes:
    """What the model in use made of a stretch of notes: counts by class, and the values its rates are made of.

    confidences: probability of each primary category; unsure: 1 where it was not sure; apart: 1 where the person had
    picked another category, of the notes with a pick.
    """

    categories: Mapping[str, int]
    languages: Mapping[str, int]
    confidences: Sequence[float]
    unsure: Sequence[float]
    apart: Sequence[float]

    def __len__(self) -> int:
        return len(self.confidences)


def figures_of(before: Notes, now: Notes) -> list[Figure]:
    """Return every figure of drift; none while either stretch has fewer than NOTES_MIN notes."""
    if min(len(before), len(now)) < NOTES_MIN:
        return []
    return [
        _shares("categories", before.categories, now.categories),
        _shares("languages", before.languages, now.languages),
        _rate("confidence", before.confidences, now.confidences),
        _rate("unsure", before.unsure, now.unsure),
        _rate("disagreement", before.apart, now.apart),
    ]


def psi(before: Mapping[str, int], now: Mapping[str, int]) -> float:
    """Return the population stability index of two counts by class, half a note added to each so that none is empty."""
    classes = sorted(set(before) | set(now))
    totals = [sum(counts.values()) + 0.5 * len(classes) for counts in (before, now)]
    found = 0.0
    for each in classes:
        was, is_now = (before.get(each, 0) + 0.5) / totals[0], (now.get(each, 0) + 0.5) / totals[1]
        found += (is_now - was) * math.log(is_now / was)
    return found


def _shares(name: str, before: Mapping[str, int], now: Mapping[str, int]) -> Figure:
    value = psi(before, now)
    spread = 1 / sum(before.values()) + 1 / sum(now.values())
    freedom = max(len(set(before) | set(now)) - 1, 1)
    bounds = [
        max(bound, spread * float(chi2.isf(chance, freedom))) for bound, chance in zip(PSI_BOUNDS, CHANCE, strict=True)
    ]
    return Figure(name, value, None, None, STATES[sum(value >= bound for bound in bounds)])


def _rate(name: str, before: Sequence[float], now: Sequence[float]) -> Figure:
    if min(len(before), len(now)) < NOTES_MIN:
        return Figure(name, 0.0, None, None, "ok")
    was, is_now = sum(before) / len(before), sum(now) / len(now)
    error = math.sqrt(_variance(before, was) / len(before) + _variance(now, is_now) / len(now))
    moved = abs(is_now - was)
    z = moved / error if error else (math.inf if moved else 0.0)
    passed = sum(moved >= bound and z >= z_bound for bound, z_bound in zip(RATE_BOUNDS, Z_BOUNDS, strict=True))
    return Figure(name, is_now - was, was, is_now, STATES[passed])


def _variance(values: Sequence[float], mean: float) -> float:
    return sum((value - mean) ** 2 for value in values) / max(len(values) - 1, 1)
