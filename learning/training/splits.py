"""Who is left out: each writer in turn, and inside the rest each in turn again.

A setting for writer g is chosen on the other writers' messages, each scored by heads that read neither of the two.
Heads without g and h serve for both, so seven writers need 21 pairs, not 42.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]


def writers_of(groups: Sequence[str]) -> list[str]:
    """Return the writers in order."""
    return sorted(set(groups))


def rows_of(groups: Sequence[str], writer: str) -> Rows:
    """Return the rows of one writer."""
    return np.flatnonzero(np.array(groups) == writer)


def rows_without(groups: Sequence[str], writers: Sequence[str]) -> Rows:
    """Return the rows of all other writers."""
    return np.flatnonzero(~np.isin(np.array(groups), list(writers)))


def pairs(groups: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Return every two writers once."""
    return combinations(writers_of(groups), 2)
