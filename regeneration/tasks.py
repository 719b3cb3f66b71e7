"""Tasks of the engine that nobody waits for: fetch and call."""

import uuid

from celery import shared_task

from regeneration import similar
from regeneration.fallbacks.confidence import count_rungs as count_rungs_now
from regeneration.fallbacks.services import count_library_use
from regeneration.fallbacks.services import recheck_shelf as recheck_shelf_now
from regeneration.prepare import make_at_arrival, make_typed
from regeneration.prepare import sweep_prepared as sweep_prepared_now
from regeneration.prepare.rings import ARRIVAL_TASK, SWEEP_TASK, TYPED_TASK
from regeneration.similar.rings import AUDIT_TASK, FORGET_TASK, VECTOR_TASK
from regeneration.variants import VARIANTS_TASK
from regeneration.variants import make_variants as make_variants_now


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
    """Count how often each rung's answers were approved as they stood, and what of the library was used."""
    count_rungs_now()
    count_library_use()


@shared_task(name="regeneration.recheck_shelf")
def recheck_shelf(**kwargs: object) -> None:
    """Check the shelf again against today's rules, as far as a run gets."""
    recheck_shelf_now()


@shared_task(name=VARIANTS_TASK)
def make_variants(*, regeneration_id: str, **kwargs: object) -> None:
    """Make the other versions that somebody asked for."""
    make_variants_now(regeneration_id=uuid.UUID(regeneration_id))


@shared_task(name=ARRIVAL_TASK)
def prepare_arrival(*, version_id: str, **kwargs: object) -> None:
    """Prepare answers to the likeliest rejections of a new draft."""
    make_at_arrival(version_id=uuid.UUID(version_id))


@shared_task(name=TYPED_TASK)
def prepare_typed(*, prepared_id: str, **kwargs: object) -> None:
    """Prepare an answer to what somebody is typing; nothing to do when it is overtaken."""
    make_typed(prepared_id=uuid.UUID(prepared_id))


@shared_task(name=SWEEP_TASK)
def sweep_prepared(**kwargs: object) -> None:
    """Let go of preparations that can be of no use any more."""
    sweep_prepared_now()
