"""What happens to drafts, as facts for others."""

import uuid
from dataclasses import dataclass
from typing import ClassVar

from jarvish_regen.journal.services import DomainEvent


@dataclass(frozen=True, kw_only=True)
class ContentArrived(DomainEvent):
    """A draft came in and was checked."""

    kind: ClassVar[str] = "content.arrived"
    version_id: uuid.UUID


@dataclass(frozen=True, kw_only=True)
class ItemMoved(DomainEvent):
    """A draft went from one state to another."""

    kind: ClassVar[str] = "item.moved"
    from_state: str
    to_state: str


@dataclass(frozen=True, kw_only=True)
class VersionReady(DomainEvent):
    """A further version was written and may be shown as ready."""

    kind: ClassVar[str] = "version.ready"
    version_id: uuid.UUID
    number: int
    origin: str


@dataclass(frozen=True, kw_only=True)
class VersionApproved(DomainEvent):
    """The advisor approved a version for use."""

    kind: ClassVar[str] = "version.approved"
    version_id: uuid.UUID
    number: int
