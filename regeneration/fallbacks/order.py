"""Say which rung answers first when no model's valid text is there, for each reason why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from regeneration.board import DEFAULT_ORDER, MADE_RUNGS, SHELF_RUNGS
from regeneration.fallbacks.values import Shelf

RUNGS: Final = frozenset((*MADE_RUNGS, *SHELF_RUNGS))
# Shipped orders, live until somebody makes another one so. A mended text of the person's own comes first; where what
# models wrote breaks rules, the draft's subject itself is hard to say lawfully, so approved wording comes before the
# repair. Each is simulated on a firm's own history before it is changed.
SHIPPED_ORDERS: Final[Mapping[str, tuple[str, ...]]] = {
    "no_model": ("prepared", "cache", "repair", "similar", "template", "library", "default"),
    "timeout": ("prepared", "cache", "simple", "repair", "similar", "template", "library", "default"),
    "api_error": ("prepared", "cache", "simple", "repair", "similar", "template", "library", "default"),
    "compliance": ("prepared", "cache", "simple", "similar", "repair", "template", "library", "default"),
    "quality": ("prepared", "cache", "model", "simple", "repair", "similar", "template", "library", "default"),
}


def order_for(reason: str, shelf: Shelf) -> tuple[str, ...]:
    """Return the rungs for one reason of failure, best first: the live order, else the shipped one."""
    return shelf.orders.get(reason) or SHIPPED_ORDERS.get(reason, DEFAULT_ORDER)
