"""Make a version's vector when its draft arrives, mark it when the version is approved, forget it when withdrawn."""

from __future__ import annotations

import logging
import uuid

import regex

from jarvish_regen.content.models import ContentVersion, text_context
from jarvish_regen.language.embedder import Embedder, embedder
from regeneration.cache.identity import identity_of
from regeneration.job import FeedbackBrief, Job, Voice
from regeneration.mandated import without_known_texts
from regeneration.models import TextVector

logger = logging.getLogger(__name__)

_SLOT = regex.compile(r"⟦[^⟧]*⟧")


def make_vector(*, version_id: uuid.UUID, is_approved: bool = False, encoder: Embedder | None = None) -> bool:
    """Store what a version is about; False when there is nothing to do or nothing may be kept.

    Slow (half a second for a long text), so never inside a transaction. What is embedded has identity slotted out and
    mandated texts left out. Doing it again changes nothing, but for an approval that is added.
    """
    encoder = encoder or embedder()
    version = ContentVersion.objects.select_related("item__advisor", "item__firm").get(id=version_id)
    item = version.item
    job = job_for_text(version)
    slotted = identity_of(job).slotted(version.text)
    if slotted is None:
        logger.info("text keeps identity, no vector made", extra={"version_id": version_id})
        return False
    said = about(slotted, job)
    known = TextVector.objects.filter(version_id=version_id, encoder=encoder.name, slotted_text=slotted)
    if known.exists():
        return is_approved and known.filter(is_approved=False).update(is_approved=True) > 0
    fields = {
        "firm_id": item.firm_id,
        "advisor_id": item.advisor_id,
        "channel": item.channel,
        "language": item.language,
        "content_class": version.content_class,
        "encoder": encoder.name,
        "embedding": encoder.embed([said])[0],
        "slotted_text": slotted,
    }
    # An approval is added by whoever saw it and taken away by nobody here: tasks may come in any order.
    marked = {"is_approved": True} if is_approved else {}
    TextVector.objects.update_or_create(version_id=version_id, defaults={**fields, **marked})
    return True


def mark_approved(*, version_id: uuid.UUID) -> bool:
    """Let a version be found as approved text; makes its vector where there is none yet."""
    return make_vector(version_id=version_id, is_approved=True)


def forget_vectors(*, item_id: uuid.UUID) -> int:
    """Delete the vectors of a withdrawn draft and return how many there were."""
    deleted, _by_model = TextVector.objects.filter(version__item_id=item_id).delete()
    return deleted


def job_for_text(version: ContentVersion) -> Job:
    """Return a job that holds a text and who speaks in it, and no feedback. Expects advisor and firm to be loaded."""
    advisor = version.item.advisor
    return Job(
        rejected_text=version.text,
        context=text_context(version.item),
        feedback=FeedbackBrief("", ""),
        voice=Voice(advisor.registered_name, advisor.signature, advisor.voice, advisor.audience, advisor.phone),
    )


def about(slotted: str, job: Job) -> str:
    """Return what is embedded of a slotted text: no slots, no statutory lines."""
    return without_known_texts(_SLOT.sub(" ", slotted), job)
