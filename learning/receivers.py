"""Who listens on this floor: open dashboards hear that figures have changed; labels are taken of what was read."""

from feedback.events import FeedbackAnalysed
from feedback.models import Analysis
from jarvish_regen.content.events import VersionApproved
from jarvish_regen.journal.services import DomainEvent, Ring, on, rings
from learning.dashboard.access import tell_watchers
from regeneration.events import RegenerationFinished, RegenerationOpened


def tell_dashboards(event: DomainEvent) -> None:
    """Hint open dashboards; each is told once a second at most, however much happens."""
    tell_watchers()


on(RegenerationOpened)(tell_dashboards)
on(RegenerationFinished)(tell_dashboards)
on(VersionApproved)(tell_dashboards)


@rings(FeedbackAnalysed)
def ring_for_labels(event: FeedbackAnalysed) -> Ring | None:
    """Have the label of a rejection kept, or drawn for a second one, once the model in use has read it."""
    if event.role != Analysis.Role.CHAMPION:
        return None
    return Ring("learning.take_analysed", {"feedback_id": str(event.feedback_id)}, "learn")
