"""Who listens on this floor: an attempt that was stored owes its queue a ring."""

from escalation.services import RESPOND_TASK
from jarvish_regen.journal.services import Ring, rings
from regeneration.events import RegenerationOpened


@rings(RegenerationOpened)
def ring_for_answer(event: RegenerationOpened) -> Ring:
    """Ring the attempt's own answer queue."""
    return Ring(RESPOND_TASK, {"regeneration_id": str(event.regeneration_id)}, event.queue)
