"""What happens next with a rejected text, as facts for others."""

import uuid
from dataclasses import dataclass
from typing import ClassVar

from jarvish_regen.journal.services import DomainEvent


@dataclass(frozen=True, kw_only=True)
class CaseOpened(DomainEvent):
    """The first rejection of a draft opened its case."""

    kind: ClassVar[str] = "case.opened"
    case_id: uuid.UUID


@dataclass(frozen=True, kw_only=True)
class CaseMoved(DomainEvent):
    """A case changed its level or its hands."""

    kind: ClassVar[str] = "case.moved"
    case_id: uuid.UUID
    level: int
    state: str
