"""Find approved texts on the same subject: the advisor's own or the firm's published ones, and nobody else's."""

from __future__ import annotations

import uuid
from typing import Any, Final

from django.db import connection
from django.utils.translation import gettext as _
from pgvector import Vector

from jarvish_regen.language.embedder import Embedder, embedder
from regeneration.cache.gate import is_same_subject
from regeneration.cache.identity import identity_of
from regeneration.job import CandidateText, Job
from regeneration.similar.vectors import about
from regeneration.validate import report_on

# Cosine and share of common words from which two texts are about the same thing; measured on the demo drafts
# (docs/cache.md): the 99th percentile of pairs on different subjects lies below.
LEAST_COSINE: Final = {"e5-small-4bit": 0.7, "ngrams": 0.92}
LEAST_SHARED_WORDS: Final = 0.35
# Channels whose texts can stand in for one another: alike in length, markup and reader.
CHANNEL_FAMILIES: Final = (
    frozenset({"whatsapp"}),
    frozenset({"linkedin", "facebook", "instagram"}),
    frozenset({"x"}),
    frozenset({"sms"}),
    frozenset({"email", "blog"}),
)
# More than are asked for: some will be on another subject or lack a value for a slot.
_LOOK_AT: Final = 12

# The tenant's rows are taken first and compared exactly. A walk of the whole index by nearness, filtered afterwards,
# would miss the texts of a small firm among those of large ones.
SQL: Final = """
    WITH own AS MATERIALIZED (
        SELECT version_id, slotted_text, embedding
          FROM regeneration_textvector
         WHERE is_approved AND firm_id = %(firm_id)s AND (advisor_id = %(advisor_id)s OR is_published)
           AND channel = ANY(%(channels)s) AND language = %(language)s AND content_class = %(content_class)s
           AND encoder = %(encoder)s AND version_id IS DISTINCT FROM %(version_id)s
    ), wanted AS (
        SELECT COALESCE(
            (SELECT embedding FROM regeneration_textvector
              WHERE version_id = %(version_id)s AND firm_id = %(firm_id)s AND encoder = %(encoder)s),
            %(vector)s::vector) AS embedding
    )
    SELECT own.slotted_text, 1 - (own.embedding <=> wanted.embedding) AS cosine
      FROM own, wanted
     WHERE own.embedding <=> wanted.embedding <= %(farthest)s
     ORDER BY own.embedding <=> wanted.embedding, own.version_id
     LIMIT %(count)s
"""


def similar_approved(
    job: Job,
    *,
    firm_id: uuid.UUID,
    advisor_id: uuid.UUID,
    limit: int = 3,
    version_id: uuid.UUID | None = None,
    encoder: Embedder | None = None,
) -> tuple[CandidateText, ...]:
    """Return approved texts on the subject of the rejected one, nearest first, in the advisor's own name.

    One statement. With ``version_id`` the vector made at arrival is used; without, the text is embedded here, which
    takes a quarter of a second and more. Validate each: it was approved for another occasion.
    """
    encoder = encoder or embedder()
    identity = identity_of(job)
    found: list[CandidateText] = []
    for slotted, _cosine in _nearest(job, identity_text(job), firm_id, advisor_id, version_id, encoder):
        text = identity.put_in(slotted)
        if text is None or text == job.rejected_text or any(text == one.text for one in found):
            continue
        if is_same_subject(about(slotted, job), about(job.rejected_text, job), least_shared=LEAST_SHARED_WORDS):
            says = _("A text on the same subject that was approved before; checked again now.")
            found.append(CandidateText("similar", text, (), says))
        if len(found) == limit:
            break
    return tuple(found)


def identity_text(job: Job) -> str:
    """Return what is embedded of the rejected text: as at arrival, without identity where that can be parted."""
    slotted = identity_of(job).slotted(job.rejected_text)
    return about(slotted if slotted is not None else job.rejected_text, job)


def arguments(
    job: Job, vector: Any, firm_id: uuid.UUID, advisor_id: uuid.UUID, version_id: uuid.UUID | None, encoder: str
) -> dict[str, Any]:
    """Return the statement's values; ``vector`` may be None when the version has one stored."""
    content_class = job.context.content_class or report_on(job.rejected_text, job.context).content_class
    family = next((family for family in CHANNEL_FAMILIES if job.context.channel in family), {job.context.channel})
    return {
        "firm_id": firm_id,
        "advisor_id": advisor_id,
        "channels": sorted(family),
        "language": job.context.language,
        "content_class": content_class,
        "encoder": encoder,
        "version_id": version_id,
        "vector": None if vector is None else Vector(vector).to_text(),
        "farthest": 1 - next((least for name, least in LEAST_COSINE.items() if encoder.startswith(name)), 2.0),
        "count": _LOOK_AT,
    }


def _nearest(
    job: Job, text: str, firm_id: uuid.UUID, advisor_id: uuid.UUID, version_id: uuid.UUID | None, encoder: Embedder
) -> list[tuple[str, float]]:
    vector = None if version_id is not None else encoder.embed([text])[0]
    with connection.cursor() as cursor:
        cursor.execute(SQL, arguments(job, vector, firm_id, advisor_id, version_id, encoder.name))
        return [(str(slotted), float(cosine)) for slotted, cosine in cursor.fetchall()]
