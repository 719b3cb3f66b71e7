"""Read the words of feedback that mean the same or the opposite; the lists, and what may go into them, are data."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import yaml

from jarvish_regen.language.words import normalise_for_comparison

MEANINGS_PATH: Final = Path(__file__).with_name("meanings.yaml")


def _read() -> dict[str, Any]:
    lists: dict[str, Any] = yaml.safe_load(MEANINGS_PATH.read_text(encoding="utf-8"))
    return lists


def _meanings(lists: dict[str, Any]) -> dict[tuple[str, ...], str]:
    found: dict[tuple[str, ...], str] = {}
    for meaning, phrases in [*lists["same"].items(), ("", lists["fillers"])]:
        for phrase in phrases.split(","):
            words = tuple(normalise_for_comparison(phrase).replace("'", "").replace("-", " ").split())
            if found.setdefault(words, meaning) != meaning:
                raise ValueError(f"{phrase.strip()!r} means both {found[words]!r} and {meaning!r}")
    return found


_LISTS: Final = _read()
# The phrase as words, and what it means; "" means nothing.
MEANINGS: Final = _meanings(_LISTS)
LONGEST: Final = max(map(len, MEANINGS))
OPPOSITE_OF: Final[dict[str, frozenset[str]]] = {
    word: frozenset(other for line in _LISTS["opposites"] if word in line.split() for other in line.split()) - {word}
    for pair in _LISTS["opposites"]
    for word in pair.split()
}
SEQUENCE: Final = frozenset(_LISTS["sequence"].split())
