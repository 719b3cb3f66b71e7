"""What the ground adds to webhooks: the sender's own id, and the text that may now be used."""

from typing import Any

from jarvish_regen.content import services
from jarvish_regen.content.compliance.gate import ReadyText
from jarvish_regen.content.events import VersionApproved
from jarvish_regen.content.models import ContentItem
from jarvish_regen.journal.models import Event
from jarvish_regen.journal.webhooks import adds_details


@adds_details
def say_of_item(event: Event) -> dict[str, Any]:
    """Return external id and channel of the event's draft; for an approval also the text, through the publish gate."""
    if event.item_id is None:
        return {}
    item = ContentItem.objects.select_related("advisor", "firm", "current").get(id=event.item_id)
    said: dict[str, Any] = {"external_id": item.external_id, "channel": item.channel, "language": item.language}
    if event.kind == VersionApproved.kind:
        released = services.ready_text(item)
        said["text"] = released.text if isinstance(released, ReadyText) else None
        said["notes"] = list(released.notes if isinstance(released, ReadyText) else released.reasons)
    return said
