"""What people said, as facts for others."""

import uuid
from dataclasses import dataclass
from typing import ClassVar

from jarvish_regen.journal.services import DomainEvent


@dataclass(frozen=True, kw_only=True)
class FeedbackCaptured(DomainEvent):
    """A rejection was stored."""

    kind: ClassVar[str] = "feedback.captured"
    feedback_id: uuid.UUID
    category: str
    severity: str


@dataclass(frozen=True, kw_only=True)
class VoiceTaken(DomainEvent):
    """A recording waits to be written down."""

    kind: ClassVar[str] = "voice.taken"
    voice_id: uuid.UUID
