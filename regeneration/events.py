"""Attempts at a better text, as facts for others."""

import uuid
from dataclasses import dataclass
from typing import ClassVar

from jarvish_regen.journal.services import DomainEvent


@dataclass(frozen=True, kw_only=True)
class RegenerationOpened(DomainEvent):
    """An attempt was stored with its candidate 0; somebody has to answer it."""

    kind: ClassVar[str] = "regeneration.opened"
    regeneration_id: uuid.UUID
    attempt: int
    queue: str


@dataclass(frozen=True, kw_only=True)
class RegenerationFinished(DomainEvent):
    """An attempt has its outcome."""

    kind: ClassVar[str] = "regeneration.finished"
    regeneration_id: uuid.UUID
    state: str
    rung: str
    answer_ms: int


@dataclass(frozen=True, kw_only=True)
class VariantsAsked(DomainEvent):
    """Somebody wants a choice of versions; they have to be made."""

    kind: ClassVar[str] = "variants.asked"
    regeneration_id: uuid.UUID
    queue: str


@dataclass(frozen=True, kw_only=True)
class VariantsReady(DomainEvent):
    """The other versions that were asked for are there, or it is known that there are none."""

    kind: ClassVar[str] = "variants.ready"
    regeneration_id: uuid.UUID
    count: int
    made_ms: int


@dataclass(frozen=True, kw_only=True)
class RegenerationImproved(DomainEvent):
    """A better text came after the answer and is the current version now; nobody had acted yet."""

    kind: ClassVar[str] = "regeneration.improved"
    regeneration_id: uuid.UUID
    version_id: uuid.UUID
    improved_ms: int
