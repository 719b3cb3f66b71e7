"""Tasks of the conductor: fetch and call."""

import uuid

from celery import shared_task

from escalation import services


@shared_task(name=services.RESPOND_TASK)
def respond(*, regeneration_id: str, **kwargs: object) -> None:
    """Answer one attempt; nothing to do when somebody else has it."""
    services.take_next_step(regeneration_id=uuid.UUID(regeneration_id))
