"""How far two labellers agree beyond chance: Cohen's kappa (1960), overall and for one class against the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

Pair = tuple[str, str]

# Landis and Koch (1977): the usual words for kappa, each from its lower bound up.
_WORDS: Final = ((0.81, "almost perfect"), (0.61, "substantial"), (0.41, "moderate"), (0.21, "fair"), (0.0, "slight"))


def cohen_kappa(pairs: Sequence[Pair]) -> float | None:
    """Return (observed - expected) / (1 - expected) agreement of pairs of labels; None of nothing.

    Where both only ever say the same one thing chance explains all of it, and kappa is 0 by custom.
    """
    if not pairs:
        return None
    count = len(pairs)
    observed = sum(left == right for left, right in pairs) / count
    lefts, rights = Counter(left for left, _ in pairs), Counter(right for _, right in pairs)
    expected = sum(lefts[label] * rights[label] for label in lefts) / count**2
    return (observed - expected) / (1 - expected) if expected < 1 else 0.0


def kappa_of_class(pairs: Sequence[Pair], label: str) -> float | None:
    """Return kappa of one class against all others; None while nobody said it."""
    if not any(label in pair for pair in pairs):
        return None
    return cohen_kappa([(str(left == label), str(right == label)) for left, right in pairs])


def kappa_word(kappa: float) -> str:
    """Return Landis and Koch's word for a kappa."""
    return next((word for least, word in _WORDS if kappa >= least), "poor")
