"""Who listens on this floor: recordings are written down and notes understood in the background."""

from feedback import analyses, cascade, voice
from feedback.events import FeedbackAnalysed, FeedbackCaptured, VoiceTaken
from feedback.models import Analysis
from jarvish_regen.journal.services import Ring, rings


@rings(VoiceTaken)
def ring_for_writing_down(event: VoiceTaken) -> Ring:
    """Have a recording written down."""
    return voice.ring_for(event.voice_id)


@rings(FeedbackCaptured)
def ring_for_analysis(event: FeedbackCaptured) -> Ring:
    """Have a rejection's note understood."""
    return analyses.ring_for(event.feedback_id)


@rings(FeedbackAnalysed)
def ring_for_strong_model(event: FeedbackAnalysed) -> Ring | None:
    """Have a strong model asked about a note that the model in use was unsure of."""
    return cascade.ring_for_strong_model(event) if event.role == Analysis.Role.CHAMPION else None
