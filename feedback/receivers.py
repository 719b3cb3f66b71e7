"""Who listens on this floor: recordings are written down in the background."""

from feedback import voice
from feedback.events import VoiceTaken
from jarvish_regen.journal.services import Ring, rings


@rings(VoiceTaken)
def ring_for_writing_down(event: VoiceTaken) -> Ring:
    """Have a recording written down."""
    return voice.ring_for(event.voice_id)
