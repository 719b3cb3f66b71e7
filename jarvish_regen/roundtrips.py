"""Send several statements to PostgreSQL at once: each wait for an answer is a round trip of somebody's answer clock.

Inside `pipelined()` a statement is sent without waiting. Reading a row waits for all that was sent before; so write
with `insert` and `swap`, which read nothing back. Outside of it they behave as Django's own.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.db import connection, transaction
from django.db.models import AutoField, Model, QuerySet
from django.db.models.constants import OnConflict
from django.db.models.sql import InsertQuery

_unread: ContextVar[list[Any] | None] = ContextVar("unread", default=None)


class SwapMissedError(RuntimeError):
    """Say that a compare-and-swap in a pipeline hit no row: what it was sent with is rolled back."""


@contextmanager
def pipelined() -> Iterator[None]:
    """Send what is written inside without waiting for each statement; wait for all of it at the end.

    Opened inside a transaction, which is rolled back by what the end raises: the first error of any statement sent, or
    SwapMissedError.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("pipelined() outside a transaction")
    if _unread.get() is not None:
        yield
        return
    connection.ensure_connection()
    cursors: list[Any] = []
    token = _unread.set(cursors)
    try:
        # The end raises the driver's errors; everybody else knows Django's.
        with connection.wrap_database_errors, connection.connection.pipeline():
            yield
    finally:
        _unread.reset(token)
    _require_hits(cursors)


def require_swaps() -> None:
    """Raise SwapMissedError now if a swap so far hit no row. Asked in a pipeline after a row was read, which waits for
    all that was sent before: nothing that rests on the swap need be sent then.
    """
    _require_hits(_unread.get() or ())


def _require_hits(cursors: Sequence[Any]) -> None:
    if any(cursor.rowcount < 1 for cursor in cursors):
        raise SwapMissedError("the row was changed by somebody else")


def insert(rows: Sequence[Model], *, unique: Sequence[str] = (), overwrites: Sequence[str] = ()) -> None:
    """Insert rows of one model with one statement; where one with the same ``unique`` fields is, overwrite some fields.

    In a pipeline what the database fills in is not read back.
    """
    if not rows:
        return
    model = type(rows[0])
    if _unread.get() is None:
        if overwrites:
            model._default_manager.bulk_create(
                rows, update_conflicts=True, unique_fields=unique, update_fields=overwrites
            )
        else:
            model._default_manager.bulk_create(rows)
        return
    field_of = model._meta.get_field
    query = InsertQuery(
        model,
        on_conflict=OnConflict.UPDATE if overwrites else None,
        update_fields=[field_of(name) for name in overwrites],
        unique_fields=[field_of(name) for name in unique],
    )
    fields = [field for field in model._meta.concrete_fields if not isinstance(field, AutoField)]
    query.insert_values(fields, list(rows))
    query.get_compiler(connection=connection).execute_sql(None)
    for row in rows:
        row._state.adding, row._state.db = False, connection.alias


def swap(rows: "QuerySet[Any]", **changes: object) -> bool:
    """Update by compare-and-swap and say whether a row was hit.

    In a pipeline nobody knows yet: it says True, and the pipeline's end raises SwapMissedError if none was.
    """
    unread = _unread.get()
    if unread is None:
        return bool(rows.update(**changes))

    def keep_cursor(
        execute: Callable[..., object], sql: str, params: object, many: bool, context: dict[str, Any]
    ) -> object:
        result = execute(sql, params, many, context)
        unread.append(context["cursor"].cursor)
        return result

    with connection.execute_wrapper(keep_cursor):
        rows.update(**changes)
    return True
