"""Who listens on this floor: what a draft is about is worked out when it arrives and when it is approved."""

from jarvish_regen.content.events import ContentArrived, ItemMoved, VersionApproved
from jarvish_regen.content.states import ItemState
from jarvish_regen.journal.services import Ring, rings
from regeneration.events import VariantsAsked
from regeneration.prepare.rings import ARRIVAL_TASK
from regeneration.similar.rings import FORGET_TASK, QUEUE, VECTOR_TASK
from regeneration.variants import VARIANTS_TASK


@rings(ContentArrived)
def ring_for_vector(event: ContentArrived) -> Ring:
    """Have the vector of a new draft made."""
    return Ring(VECTOR_TASK, {"version_id": str(event.version_id)}, QUEUE)


@rings(ContentArrived)
def ring_for_preparing(event: ContentArrived) -> Ring:
    """Have answers to the likeliest rejections of a new draft prepared."""
    return Ring(ARRIVAL_TASK, {"version_id": str(event.version_id)}, QUEUE)


@rings(VersionApproved)
def ring_for_approved_vector(event: VersionApproved) -> Ring:
    """Let an approved version be found as such."""
    return Ring(VECTOR_TASK, {"version_id": str(event.version_id), "approved": "yes"}, QUEUE)


@rings(ItemMoved)
def ring_for_forgetting(event: ItemMoved) -> Ring | None:
    """Have the vectors of a withdrawn draft deleted."""
    if event.to_state != ItemState.WITHDRAWN or event.item_id is None:
        return None
    return Ring(FORGET_TASK, {"item_id": str(event.item_id)}, QUEUE)


@rings(VariantsAsked)
def ring_for_variants(event: VariantsAsked) -> Ring:
    """Have other versions made, on the answer queue of the attempt: somebody is looking."""
    return Ring(VARIANTS_TASK, {"regeneration_id": str(event.regeneration_id)}, event.queue)
