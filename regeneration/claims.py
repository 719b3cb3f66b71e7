"""Take attempts: by compare-and-swap with a lease and a fence, on PostgreSQL's clock. The row is the truth."""

import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import FloatField, Func, OuterRef, QuerySet, Subquery
from django.db.models.expressions import Combinable
from django.db.models.functions import JSONObject
from django.db.models.sql import Query
from django.db.models.sql.compiler import SQLCompiler

from feedback.models import FeedbackIssue
from regeneration.adoption import words_of
from regeneration.job import CandidateText
from regeneration.models import Candidate, PreparedAnswer, Regeneration

RECENT_CODES_MAX: Final = 20
# Each costs a validation at submit; the newest fits best.
PREPARED_MAX: Final = 2


@dataclass(frozen=True)
class Prepared:
    """An answer made before it was asked for; whether it still answers what was said is for ``validate`` to say."""

    id: uuid.UUID
    text: str
    fingerprint: str
    known: str = ""  # what had been said in own words when it was made


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
    alongside: Mapping[str, Any] = field(default_factory=dict)


_CLAIM_SQL: Final = """
    UPDATE regeneration_regeneration
       SET state = 'running', stage = 'repairing', claimed_at = clock_timestamp(),
           fence = fence + 1, claims = claims + 1, lease_until = clock_timestamp() + make_interval(secs => %s)
     WHERE id = %s AND state IN ('queued', 'running') AND claims < %s
       AND (lease_until IS NULL OR lease_until < clock_timestamp())
 RETURNING *
"""

_TAKE_OVER_SQL: Final = """
    UPDATE regeneration_regeneration
       SET state = 'running', fence = fence + 1, lease_until = clock_timestamp() + make_interval(secs => %s)
     WHERE id = %s AND state IN ('queued', 'running')
       AND extract(epoch FROM clock_timestamp() - stored_at)
           > CASE WHEN lease_until >= clock_timestamp() THEN %s ELSE %s END
 RETURNING *
"""
# A worker that holds the lease writes its answer by itself within this much of the answer clock's end.
_WRITING_SECONDS: Final = 0.25


def claim(
    regeneration_id: uuid.UUID,
    *,
    claims_max: int = settings.REGENERATION_CLAIMS_MAX,
    alongside: Mapping[str, Combinable] | None = None,
) -> Claim | None:
    """Take an attempt for this worker by compare-and-swap on PostgreSQL's clock; None when it is not to be had.

    The claim is counted before the work, so that work which kills its worker shows. ``alongside`` are expressions on
    the attempt whose values the claim brings along, for floors above: the same objects each time, for what reads them
    is compiled once.
    """
    return _take(_CLAIM_SQL, (settings.REGENERATION_LEASE_SECONDS, regeneration_id, claims_max), alongside or {})


def take_over(regeneration_id: uuid.UUID, *, alongside: Mapping[str, Combinable] | None = None) -> Claim | None:
    """Take an attempt whose answer clock has run out away from whoever has it; None when it is settled or has time
    left.

    In the caller's transaction: a crash before its end leaves the attempt as it was. ``alongside`` as for a claim.
    """
    due_seconds = settings.REGENERATION_DEADLINE_SECONDS
    arguments = (settings.REGENERATION_LEASE_SECONDS, regeneration_id, due_seconds + _WRITING_SECONDS, due_seconds)
    return _take(_TAKE_OVER_SQL, arguments, alongside or {})


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
    .exclude(rung="repair")  # rules make the same at once, for what was really said
    .order_by("-ready_at")
    .values(fields=JSONObject(id="id", text="text", fingerprint="fingerprint", brief="brief"))[:PREPARED_MAX]
)


class _Waited(Func):
    template = "extract(epoch FROM clock_timestamp() - %(expressions)s)"
    output_field = FloatField()


# What compiling leaves on a compiler for whoever reads its rows.
_COMPILED: Final = ("select", "klass_info", "annotation_col_map", "col_count", "has_extra_select")


class _TakingCompiler(SQLCompiler):
    taking: "_Taking"

    def as_sql(self, with_limits: bool = True, with_col_aliases: bool = False) -> tuple[str, tuple[Any, ...]]:
        take, reading = self.taking, self.taking.reading
        with reading.lock:
            if reading.compiled is None:
                sql, parameters = super().as_sql(with_limits, with_col_aliases)
                reading.compiled = _Compiled(sql, tuple(parameters), {name: getattr(self, name) for name in _COMPILED})
            compiled = reading.compiled
        for name, value in compiled.left.items():
            setattr(self, name, value)
        # Read as a table, the name means what the statement has returned: none but the attempt just taken.
        sql = f"WITH regeneration_regeneration AS ({take.take_sql}) {compiled.sql}"
        return sql, (*take.take_arguments, *compiled.parameters)


@dataclass(frozen=True)
class _Compiled:
    sql: str
    parameters: tuple[Any, ...]
    left: Mapping[str, Any]


@dataclass(eq=False)
class _Reading:
    """What is read of an attempt that was taken. It is always the same, and to compile it is dearer than to run it."""

    rows: QuerySet[Any]
    alongside: Mapping[str, Combinable]
    compiled: _Compiled | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


_READINGS_MAX: Final = 16
_readings: dict[tuple[tuple[str, int], ...], _Reading] = {}


def _reading_with(alongside: Mapping[str, Combinable]) -> _Reading:
    # By identity: the reading holds the expressions, so no other object can have their ids meanwhile.
    key = tuple((name, id(expression)) for name, expression in alongside.items())
    found = _readings.get(key)
    if found is None:
        rows = Regeneration.objects.select_related(
            "feedback", "version", "item__advisor", "item__firm", "item__current"
        ).annotate(
            waited_seconds=_Waited("stored_at"),
            issue_rows=_ISSUE_ROWS,
            zero_row=_ZERO_ROW,
            recent_codes=_RECENT_CODES,
            prepared_rows=_PREPARED_ROWS,
            **alongside,
        )
        if len(_readings) >= _READINGS_MAX:
            _readings.clear()
        found = _readings[key] = _Reading(rows, dict(alongside))
    return found


class _Taking(Query):
    """Read attempts as a data-modifying statement returns them, with all that hangs on them: one round trip."""

    take_sql: str
    take_arguments: tuple[object, ...]
    reading: "_Reading"

    def get_compiler(
        self, using: str | None = None, connection: Any = None, elide_empty: bool = True
    ) -> _TakingCompiler:
        compiler = _TakingCompiler(self, connection or connections[using or DEFAULT_DB_ALIAS], using, elide_empty)
        compiler.taking = self
        return compiler


def _take(sql: str, arguments: tuple[object, ...], alongside: Mapping[str, Combinable]) -> Claim | None:
    reading = _reading_with(alongside)
    rows = reading.rows.all()
    taking = rows.query.chain(_Taking)
    assert isinstance(taking, _Taking)  # noqa: S101  # what the chain was asked for
    taking.take_sql, taking.take_arguments, taking.reading = sql, arguments, reading
    rows.query = taking
    taken = list(rows)
    taken_at = time.monotonic()
    if not taken:
        return None
    (regeneration,) = taken
    issues = tuple(FeedbackIssue(**fields) for fields in regeneration.issue_rows)
    stored = regeneration.zero_row
    return Claim(
        regeneration=regeneration,
        fence=regeneration.fence,
        waited_seconds=float(regeneration.waited_seconds),
        taken_at=taken_at,
        issues=issues,
        zero=CandidateText(stored["rung"], stored["text"], (), stored["explanation"]),
        recent_codes=tuple(regeneration.recent_codes),
        prepared=tuple(
            Prepared(uuid.UUID(found["id"]), found["text"], found["fingerprint"], words_of(found["brief"]))
            for found in regeneration.prepared_rows
        ),
        alongside={name: getattr(regeneration, name) for name in alongside},
    )
