"""Answers found before: kept with identity slotted out, never shared between firms, validated at every use."""

from regeneration.cache.answers import AnswerCache, CacheHit, HitKind, Purged, answer_cache
from regeneration.cache.keys import CacheScope, cache_key, fingerprint, recipe_key

__all__ = [
    "AnswerCache",
    "CacheHit",
    "CacheScope",
    "HitKind",
    "Purged",
    "answer_cache",
    "cache_key",
    "fingerprint",
    "recipe_key",
]
