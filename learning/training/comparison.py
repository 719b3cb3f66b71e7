"""Is a new model worse for anybody? Two models' answers to the same messages, overall, by language and by category.

A cell is judged by McNemar's pairs (1947): only messages that one model got right and the other wrong say anything.
Of m such pairs, ``won`` by the new one, the share has Clopper and Pearson's exact 95 % interval (1934); times m / n it
is that of the difference in accuracy. A new model is worse in a cell when the whole interval lies below zero, and
worse overall when it gets fewer messages right. With fourteen cells now and then a model is held that is not worse;
that is the price of nobody being worse off.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from scipy.stats import beta

from jarvish_regen.content.taxonomy import taxonomy

CONFIDENCE: Final = 0.95
OVERALL: Final = "overall"


@dataclass(frozen=True)
class BothRead:
    """One labelled message and the first category each model gives it. ``categories`` are right, the primary first."""

    language: str
    categories: tuple[str, ...]
    old: str
    new: str


@dataclass(frozen=True)
class Cell:
    """Both models on the messages of one language or category.

    difference: new accuracy less old, with its interval; lost and won: right with the old or the new model alone.
    """

    name: str
    count: int
    old_right: int
    new_right: int
    lost: int
    won: int
    difference: float
    low: float
    high: float

    @property
    def is_worse(self) -> bool:
        """True where the new model is worse beyond its interval; overall, where it gets fewer right."""
        return self.high < 0 or (self.name == OVERALL and self.new_right < self.old_right)

    def in_words(self) -> str:
        """Say how the new model does here: in points, with interval and pairs."""
        return (
            f"{self.name}: {100 * self.difference:+.1f} points on {self.count} messages "
            f"({100 * self.low:+.1f} to {100 * self.high:+.1f}; {self.won} won, {self.lost} lost)"
        )


@dataclass(frozen=True)
class Comparison:
    """All cells, overall first."""

    cells: tuple[Cell, ...]

    @property
    def worse(self) -> tuple[Cell, ...]:
        """The cells in which the new model is worse."""
        return tuple(cell for cell in self.cells if cell.is_worse)

    @property
    def is_not_worse(self) -> bool:
        """True where there is something to compare and nobody is worse off."""
        return bool(self.cells) and not self.worse

    def in_words(self) -> str:
        """Say in a sentence or two why the new model may come in, or where it is worse and by how much."""
        if not self.cells:
            return "There is nothing to compare."
        if self.worse:
            return "Worse: " + "; ".join(cell.in_words() for cell in self.worse) + "."
        return f"Not worse anywhere. {self.cells[0].in_words()}."

    def as_plain(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return {
            "is_not_worse": self.is_not_worse,
            "words": self.in_words(),
            "cells": [{**asdict(cell), "is_worse": cell.is_worse} for cell in self.cells],
        }


def compare(messages: Sequence[BothRead]) -> Comparison:
    """Compare two models on the messages both have read; a cell without messages is left out."""
    return Comparison(tuple(_cell(name, own) for name, own in _cells(messages) if own))


def is_not_worse(
    old: Mapping[str, str], new: Mapping[str, str], rows: Mapping[str, tuple[str, tuple[str, ...]]]
) -> bool:
    """Say whether nobody is worse off: answers by id, and for each id its language and right categories."""
    return compare([BothRead(*rows[at], old[at], new[at]) for at in rows]).is_not_worse


def _cells(messages: Sequence[BothRead]) -> Iterator[tuple[str, list[BothRead]]]:
    yield OVERALL, list(messages)
    for language in taxonomy().languages:
        yield language, [each for each in messages if each.language == language]
    for category in taxonomy().categories:
        yield category, [each for each in messages if each.categories[0] == category]


def _cell(name: str, messages: Sequence[BothRead]) -> Cell:
    old = [each.old in each.categories for each in messages]
    new = [each.new in each.categories for each in messages]
    lost = sum(before and not after for before, after in zip(old, new, strict=True))
    won = sum(after and not before for before, after in zip(old, new, strict=True))
    low, high = interval_of_difference(won, lost, len(messages))
    return Cell(name, len(messages), sum(old), sum(new), lost, won, (won - lost) / len(messages), low, high)


def interval_of_difference(won: int, lost: int, count: int) -> tuple[float, float]:
    """Return the exact 95 % interval of a paired difference in accuracy, given the pairs; (0, 0) without any."""
    pairs = won + lost
    if not pairs:
        return 0.0, 0.0
    tail = (1 - CONFIDENCE) / 2
    low = float(beta.ppf(tail, won, lost + 1)) if won else 0.0
    high = float(beta.ppf(1 - tail, won + 1, lost)) if lost else 1.0
    return (2 * low - 1) * pairs / count, (2 * high - 1) * pairs / count
