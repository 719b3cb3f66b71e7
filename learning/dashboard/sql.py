# ruff: noqa: S608  every piece put together here is a name or a number of our own; values are parameters
"""The statements behind roll-ups and ranges: facts become cells, cells add up to coarser cells. Text only, no values.

A cell has the columns of a Snapshot. The same two steps serve the roll-up, the hours, the totals and every page, so
that
they cannot differ.
"""

from typing import Final

from learning.dashboard.histogram import GROWTH, TOP_BUCKET

_KEYS: Final = "starts_at, subject, stage, state, rung, cache_kind, failure_reason"
_SUMS: Final = "count, valid_count, late_count, calls_count, hedges_count, cost_inr, total_ms, max_ms"
CELL_COLUMNS: Final = f"{_KEYS}, {_SUMS}, buckets, counts"
_ADDED: Final = (
    "sum(count)::bigint AS count, sum(valid_count)::bigint AS valid_count, sum(late_count)::bigint AS late_count, "
    "sum(calls_count)::bigint AS calls_count, sum(hedges_count)::bigint AS hedges_count, sum(cost_inr) AS cost_inr, "
    "sum(total_ms) AS total_ms, max(max_ms) AS max_ms"
)

# Identifiers are UUIDs of version 7, so the primary key of an event gives its time and serves as the index.
_FACTS: Final = f"""
    SELECT starts_at, subject, stage, state, rung, cache_kind, failure_reason, valid_count, late_count, calls_count,
           hedges_count, cost_inr, ms,
           CASE WHEN ms IS NULL THEN NULL
                WHEN ms <= 1 THEN 0
                ELSE least({TOP_BUCKET}, ceil(ln(ms) / ln({GROWTH}::float8)))::int END AS bucket
      FROM (
        SELECT date_bin('1 minute', finished_at, %(origin)s) AS starts_at, 'attempt' AS subject, '' AS stage, state,
               rung, cache_kind, failure_reason, (is_valid IS TRUE)::int AS valid_count,
               (coalesce(answer_ms, 0) > %(late_ms)s)::int AS late_count, calls_count, hedges_count, cost_inr,
               answer_ms::float8 AS ms
          FROM regeneration_regeneration
         WHERE finished_at >= %(facts_since)s AND finished_at < %(facts_until)s
        UNION ALL
        SELECT date_bin('1 minute', finished_at, %(origin)s), 'stage', left(step.name, 40), '', '', '', '', 0, 0, 0,
               0, 0, greatest(step.ms, 0)
          FROM regeneration_regeneration
         CROSS JOIN LATERAL (
            SELECT 'waiting' AS name, (ledger->>'waited_ms')::float8 AS ms WHERE ledger ? 'waited_ms'
            UNION ALL
            SELECT noted->>'name', (noted->>'ms')::float8
              FROM jsonb_array_elements(
                CASE WHEN jsonb_typeof(ledger->'stages') = 'array' THEN ledger->'stages' ELSE '[]'::jsonb END
              ) AS noted
             WHERE noted ? 'name' AND noted ? 'ms'
         ) AS step
         WHERE finished_at >= %(facts_since)s AND finished_at < %(facts_until)s
        UNION ALL
        SELECT date_bin('1 minute', created_at, %(origin)s), 'approval', '', '', '', '', '', 0, 0, 0, 0, 0, NULL
          FROM journal_event
         WHERE id >= %(events_from)s AND id < %(events_to)s AND kind = 'version.approved'
           AND created_at >= %(facts_since)s AND created_at < %(facts_until)s
      ) AS happened
"""

# Facts of a stretch of time as cells of a minute each.
MINUTE_CELLS: Final = f"""
    SELECT {_KEYS}, sum(n)::bigint AS count, sum(valid_count)::bigint AS valid_count,
           sum(late_count)::bigint AS late_count, sum(calls_count)::bigint AS calls_count,
           sum(hedges_count)::bigint AS hedges_count, sum(cost_inr) AS cost_inr, sum(total_ms) AS total_ms,
           max(max_ms) AS max_ms,
           coalesce(array_agg(bucket ORDER BY bucket) FILTER (WHERE bucket IS NOT NULL), '{{}}') AS buckets,
           coalesce(array_agg(n ORDER BY bucket) FILTER (WHERE bucket IS NOT NULL), '{{}}') AS counts
      FROM (
        SELECT {_KEYS}, bucket, count(*) AS n, sum(valid_count) AS valid_count, sum(late_count) AS late_count,
               sum(calls_count) AS calls_count, sum(hedges_count) AS hedges_count, sum(cost_inr) AS cost_inr,
               coalesce(sum(ms), 0) AS total_ms, coalesce(max(ms), 0) AS max_ms
          FROM ({_FACTS}) AS facts
         GROUP BY {_KEYS}, bucket
      ) AS by_bucket
     GROUP BY {_KEYS}
"""


def stored_cells(number: int) -> str:
    """Return the statement for the stored cells of one grain and stretch; its values end in `_number`."""
    return (
        f"SELECT {CELL_COLUMNS} FROM learning_snapshot "
        f"WHERE grain = %(grain_{number})s AND starts_at >= %(since_{number})s AND starts_at < %(until_{number})s"
    )


def added_up(cells: str, starts_at: str) -> str:
    """Return the statement that adds cells up to coarser ones, whose start is the expression `starts_at`."""
    keys = _KEYS.removeprefix("starts_at, ")
    return f"""
    WITH cells AS ({cells}),
    stepped AS (SELECT {starts_at} AS step, cells.* FROM cells),
    sums AS (SELECT step, {keys}, {_ADDED} FROM stepped GROUP BY step, {keys}),
    histograms AS (
        SELECT step, {keys}, array_agg(bucket ORDER BY bucket) AS buckets, array_agg(n ORDER BY bucket) AS counts
          FROM (
            SELECT step, {keys}, held.bucket, sum(held.n)::bigint AS n
              FROM stepped CROSS JOIN LATERAL unnest(buckets, counts) AS held (bucket, n)
             GROUP BY step, {keys}, held.bucket
          ) AS merged
         GROUP BY step, {keys}
    )
    SELECT sums.step AS starts_at, {", ".join(f"sums.{name.strip()}" for name in f"{keys}, {_SUMS}".split(","))},
           coalesce(histograms.buckets, '{{}}') AS buckets, coalesce(histograms.counts, '{{}}') AS counts
      FROM sums LEFT JOIN histograms USING (step, {keys})
    """
