"""Tasks of the engine that nobody waits for: fetch and call."""

import uuid

from celery import shared_task

from regeneration import similar
from regeneration.fallbacks.confidence import count_rungs as count_rungs_now
from regeneration.fallbacks.services import recheck_shelf as recheck_shelf_now
from regeneration.similar.rings import AUDIT_TASK, FORGET_TASK, VECTOR_TASK


@shared_task(name=VECTOR_TASK)
def make_vector(*, version_id: str, approved: str = "", **kwargs: object) -> None:
    """Store what a version is about, and that it was approved if it was."""
    similar.make_vector(version_id=uuid.UUID(version_id), is_approved=approved == "yes")


@shared_task(name=FORGET_TASK)
def forget_vectors(*, item_id: str, **kwargs: object) -> None:
    """Delete the vectors of a withdrawn draft."""
    similar.forget_vectors(item_id=uuid.UUID(item_id))


@shared_task(name=AUDIT_TASK)
def audit_hits(**kwargs: object) -> None:
    """Judge cached answers by what the advisors did with them."""
    similar.audit_hits()


@shared_task(name="regeneration.count_rungs")
def count_rungs(**kwargs: object) -> None:
    """Count how often each rung's answers were approved as they stood."""
    count_rungs_now()


@shared_task(name="regeneration.recheck_shelf")
def recheck_shelf(**kwargs: object) -> None:
    """Check the shelf again against today's rules, as far as a run gets."""
    recheck_shelf_now()
