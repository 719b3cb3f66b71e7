"""Quantiles of the beta distribution, for honest intervals around a share. Pure."""

from __future__ import annotations

import math

_STEPS = 60  # bisection: the 60th halving is below what a float tells apart
_TERMS = 300
_SMALLEST = 1e-300


def beta_interval(successes: float, failures: float, *, mass: float = 0.9) -> tuple[float, float]:
    """Return the central interval that holds ``mass`` of Beta(successes, failures); both parameters above 0."""
    tail = (1 - mass) / 2
    return _quantile(tail, successes, failures), _quantile(1 - tail, successes, failures)


def _quantile(share: float, a: float, b: float) -> float:
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _below(middle, a, b) < share:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _below(x: float, a: float, b: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b) (DLMF 8.17.22, by Lentz's method)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    # The fraction converges fast on one side of the mean; on the other the mirrored one does.
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(x, a, b) / a
    return 1 - front * _fraction(1 - x, b, a) / b


def _fraction(x: float, a: float, b: float) -> float:
    c, d = 1.0, 1 / _away_from_zero(1 - (a + b) * x / (a + 1))
    found = d
    for m in range(1, _TERMS):
        for numerator in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _away_from_zero(1 + numerator * d)
            c = _away_from_zero(1 + numerator / c)
            found *= c * d
        if abs(c * d - 1) < 1e-14:
            break
    return found


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _SMALLEST else _SMALLEST
