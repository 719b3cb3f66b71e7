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
