"""What stands on the shelf, as frozen values: texts with slots, whole texts, safe defaults, orders, confidence."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType

from regeneration.fallbacks.subjects import SubjectIndex

# Who says it, where, in whose register, in which language: each combination has one default or the reason for none.
DefaultKey = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class ShelfText:
    """Hold one template or library text in one language.

    ``firm_id`` is None for what everybody may use; ``expires_on`` is None for templates, which are checked anew with
    each rule pack instead.
    """

    rung: str
    id: uuid.UUID
    code: str
    language: str
    title: str
    content_class: str
    channels: frozenset[str]
    registrants: frozenset[str]
    body: str
    slots: Mapping[str, str] = field(default_factory=dict)
    firm_id: uuid.UUID | None = None
    approved_on: date | None = None
    expires_on: date | None = None
    used_count: int = 0


@dataclass(frozen=True, slots=True)
class Confidence:
    """Say how often a rung's answers were approved as they stood: posterior mean and 90 % interval, 0 to 1.

    ``shown_count`` is how many answers it rests on; 0 means that only the prior speaks.
    """

    mean: float
    low: float
    high: float
    shown_count: int = 0


@dataclass(frozen=True)
class Shelf:
    """Hold all that stands ready, read at one moment. Swapped whole, never changed."""

    templates: Mapping[tuple[str, str], ShelfText]  # by code and language
    library: Mapping[tuple[str, str], tuple[ShelfText, ...]]  # firms may use one code for texts of their own
    defaults: Mapping[DefaultKey, str]
    orders: Mapping[str, tuple[str, ...]]
    records: Mapping[tuple[str, str], Confidence]
    template_subjects: SubjectIndex = field(default_factory=SubjectIndex)
    library_subjects: SubjectIndex = field(default_factory=SubjectIndex)


EMPTY_SHELF = Shelf(
    templates=MappingProxyType({}),
    library=MappingProxyType({}),
    defaults=MappingProxyType({}),
    orders=MappingProxyType({}),
    records=MappingProxyType({}),
)
