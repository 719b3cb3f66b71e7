"""A new version of a rejected text: the attempts, what was prepared, what is on the shelf, and what people chose."""

from regeneration.models.attempts import (
    OPEN_STATES,
    Candidate,
    Regeneration,
    RegenerationState,
    Stage,
    Urgency,
)
from regeneration.models.prepared import Preference, PreparedAnswer
from regeneration.models.shelf import (
    DefaultText,
    FailureReason,
    FallbackOrder,
    LibraryItem,
    RungRecord,
    Template,
)
from regeneration.models.similar import SimilarityAudit, TextVector

__all__ = [
    "OPEN_STATES",
    "Candidate",
    "DefaultText",
    "FailureReason",
    "FallbackOrder",
    "LibraryItem",
    "Preference",
    "PreparedAnswer",
    "Regeneration",
    "RegenerationState",
    "RungRecord",
    "SimilarityAudit",
    "Stage",
    "Template",
    "TextVector",
    "Urgency",
]
