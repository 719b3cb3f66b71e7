"""The fallback ladder: what answers when no model's valid text is there."""

from regeneration.fallbacks.candidates import shelf_candidates
from regeneration.fallbacks.confidence import confidence_of, count_rungs, fallback_share
from regeneration.fallbacks.order import order_for
from regeneration.fallbacks.services import recently_used
from regeneration.fallbacks.shelf import forget_shelf, load_shelf
from regeneration.fallbacks.values import Confidence, Shelf, ShelfText

__all__ = [
    "Confidence",
    "Shelf",
    "ShelfText",
    "confidence_of",
    "count_rungs",
    "fallback_share",
    "forget_shelf",
    "load_shelf",
    "order_for",
    "recently_used",
    "shelf_candidates",
]
