"""Take attempts: by compare-and-swap with a lease and a fence, on PostgreSQL's clock. The row is the truth."""

import time
import uuid
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.db import connection
from django.db.models import OuterRef, Subquery
from django.db.models.functions import JSONObject

from feedback.models import FeedbackIssue
from regeneration.job import CandidateText
from regeneration.models import Candidate, PreparedAnswer, Regeneration

RECENT_CODES_MAX: Final = 20
# Each costs a validation at submit; the newest fits best.
PREPARED_MAX: Final = 3


@dataclass(frozen=True)
class Prepared:
    """An answer made before it was asked for; whether it still answers what was said is for ``validate`` to say."""

    id: uuid.UUID
    text: str
    fingerprint: str


@dataclass(frozen=True)
class Claim:
    """A row taken by this worker: only writes that carry the fence count."""

    regeneration: Regeneration
    fence: int
    waited_seconds: float  # on PostgreSQL's clock, up to the claim
    taken_at: float  # on the monotonic clock, which counts from there
    issues: tuple[FeedbackIssue, ...]
    zero: CandidateText
    recent_codes: tuple[str, ...] = ()
    prepared: tuple[Prepared, ...] = ()


_CLAIM_SQL: Final = """
    UPDATE regeneration_regeneration
       SET state = 'running', stage = 'repairing', claimed_at = clock_timestamp(),
           fence = fence + 1, claims = claims + 1,
           lease_until = clock_timestamp() + make_interval(secs => %(lease_seconds)s)
     WHERE id = %(id)s AND state IN ('queued', 'running') AND claims < %(claims_max)s
       AND (lease_until IS NULL OR lease_until < clock_timestamp())
 RETURNING fence, extract(epoch FROM clock_timestamp() - stored_at)
"""

_TAKE_OVER_SQL: Final = """
    UPDATE regeneration_regeneration
       SET state = 'running', fence = fence + 1, lease_until = clock_timestamp() + make_interval(secs =>
       %(lease_seconds)s)
     WHERE id = %(id)s AND state IN ('queued', 'running')
       AND extract(epoch FROM clock_timestamp() - stored_at)
           > CASE WHEN lease_until >= clock_timestamp() THEN %(late_seconds)s ELSE %(due_seconds)s END
 RETURNING fence, extract(epoch FROM clock_timestamp() - stored_at)
"""
# A worker that holds the lease writes its answer by itself within this much of the answer clock's end.
_WRITING_SECONDS: Final = 0.25


def claim(regeneration_id: uuid.UUID, *, claims_max: int = settings.REGENERATION_CLAIMS_MAX) -> Claim | None:
    """Take an attempt for this worker by compare-and-swap on PostgreSQL's clock; None when it is not to be had.

    The claim is counted before the work, so that work which kills its worker shows.
    """
    return _take(
        _CLAIM_SQL,
        {"id": regeneration_id, "lease_seconds": settings.REGENERATION_LEASE_SECONDS, "claims_max": claims_max},
    )


def take_over(regeneration_id: uuid.UUID) -> Claim | None:
    """Take an attempt whose answer clock has run out away from whoever has it; None when it is settled or has time
    left.

    In the caller's transaction: a crash before its end leaves the attempt as it was.
    """
    return _take(
        _TAKE_OVER_SQL,
        {
            "id": regeneration_id,
            "lease_seconds": settings.REGENERATION_LEASE_SECONDS,
            "due_seconds": settings.REGENERATION_DEADLINE_SECONDS,
            "late_seconds": settings.REGENERATION_DEADLINE_SECONDS + _WRITING_SECONDS,
        },
    )


_ISSUE_ROWS: Final = ArraySubquery(
    FeedbackIssue.objects.filter(feedback=OuterRef("feedback"))
    .order_by("id")
    .values(fields=JSONObject(**{name: name for name in ("code", "start", "end", "quote", "prefix", "suffix", "note")}))
)
_ZERO_ROW: Final = Subquery(
    Candidate.objects.filter(regeneration=OuterRef("id"), number=0).values(
        fields=JSONObject(**{name: name for name in ("rung", "text", "explanation")})
    )
)
# What this advisor objected to in the last rejections, newest first.
_RECENT_CODES: Final = ArraySubquery(
    FeedbackIssue.objects.filter(feedback__item__advisor=OuterRef("item__advisor"))
    .exclude(feedback=OuterRef("feedback"))
    .order_by("-id")
    .values("code")[:RECENT_CODES_MAX]
)
_PREPARED_ROWS: Final = ArraySubquery(
    PreparedAnswer.objects.filter(version=OuterRef("version"), state=PreparedAnswer.State.READY)
    .order_by("-ready_at")
    .values(fields=JSONObject(id="id", text="text", fingerprint="fingerprint"))[:PREPARED_MAX]
)


def _take(sql: str, arguments: dict[str, Any]) -> Claim | None:
    with connection.cursor() as cursor:
        cursor.execute(sql, arguments)
        row = cursor.fetchone()
    taken_at = time.monotonic()
    if row is None:
        return None
    # One statement for all that an answer needs: each further one is a round trip of the answer clock.
    regeneration = (
        Regeneration.objects.select_related("feedback", "version", "item__advisor", "item__firm", "item__current")
        .annotate(issue_rows=_ISSUE_ROWS, zero_row=_ZERO_ROW, recent_codes=_RECENT_CODES, prepared_rows=_PREPARED_ROWS)
        .get(id=arguments["id"])
    )
    issues = tuple(FeedbackIssue(**fields) for fields in regeneration.issue_rows)
    stored = regeneration.zero_row
    zero = CandidateText(stored["rung"], stored["text"], (), stored["explanation"])
    prepared = tuple(
        Prepared(uuid.UUID(found["id"]), found["text"], found["fingerprint"]) for found in regeneration.prepared_rows
    )
    return Claim(
        regeneration, row[0], float(row[1]), taken_at, issues, zero, tuple(regeneration.recent_codes), prepared
    )
