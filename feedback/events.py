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
class FeedbackAnalysed(DomainEvent):
    """A rejection's note was read; ``role`` is that of the model which read it (`feedback.models.Analysis.Role`)."""

    kind: ClassVar[str] = "feedback.analysed"
    feedback_id: uuid.UUID
    primary_category: str
    is_confident: bool
    role: str


@dataclass(frozen=True, kw_only=True)
class VoiceTaken(DomainEvent):
    """A recording waits to be written down."""

    kind: ClassVar[str] = "voice.taken"
    voice_id: uuid.UUID
