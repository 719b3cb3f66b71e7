"""Texts like this one that were approved before: their vectors, the look-up, and how well similarity has done."""

from regeneration.similar.approved import similar_approved
from regeneration.similar.audit import CacheFigures, KindFigures, audit_hits, cache_figures, note_hit
from regeneration.similar.vectors import forget_vectors, make_vector, mark_approved

__all__ = [
    "CacheFigures",
    "KindFigures",
    "audit_hits",
    "cache_figures",
    "forget_vectors",
    "make_vector",
    "mark_approved",
    "note_hit",
    "similar_approved",
]
