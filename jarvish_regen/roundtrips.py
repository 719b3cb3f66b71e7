"""Send several statements to PostgreSQL at once: each wait for an answer is a round trip of somebody's answer clock.

Inside `pipelined()` a statement is sent without waiting. Reading a row waits for all that was sent before; so write
with `insert` and `swap`, which wait for nothing. Outside of it they behave as Django's own. `last_words` brings COMMIT
along with a transaction's last statement, and `afterwards` keeps a note until the answer is on its way.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from django.core.signals import request_finished, request_started
from django.db import DatabaseError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import AutoField, Field, Model, QuerySet
from django.db.models.expressions import DatabaseDefault

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Sent:
    """What a pipeline has sent and not looked at: cursors of swaps, and readers of what the database filled in."""

    swaps: list[Any] = field(default_factory=list)
    to_read: list[Callable[[], None]] = field(default_factory=list)

    def has_missed(self) -> bool:
        # -1 is that of a statement that an error before it kept from running.
        return any(cursor.rowcount == 0 for cursor in self.swaps)


_Field: TypeAlias = "Field[Any, Any]"
_sent: ContextVar[_Sent | None] = ContextVar("sent", default=None)


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
    if _sent.get() is not None:
        yield
        return
    connection.ensure_connection()
    sent = _Sent()
    token = _sent.set(sent)
    try:
        # The end raises the driver's errors; everybody else knows Django's.
        with connection.wrap_database_errors, connection.connection.pipeline():
            yield
    except DatabaseError as error:
        # What was sent behind a missed swap may have met what the faster one left.
        if sent.has_missed():
            raise SwapMissedError("the row was changed by somebody else") from error
        raise
    finally:
        _sent.reset(token)
    if sent.has_missed():
        raise SwapMissedError("the row was changed by somebody else")
    for read_back in sent.to_read:
        read_back()


def insert(
    rows: Sequence[Model],
    *,
    unique: Sequence[str] = (),
    overwrites: Sequence[str] = (),
    reads_back: Sequence[str] = (),
) -> None:
    """Insert rows of one model with one statement; where one with the same ``unique`` fields is, overwrite some fields.

    In a pipeline what the database fills in is not read back, but for the fields in ``reads_back``, at its end.
    """
    if not rows:
        return
    sent = _sent.get()
    columns: list[_Field] = []
    left_out: list[_Field] = []
    for column in type(rows[0])._meta.concrete_fields:
        is_left_out = isinstance(column, AutoField) or all(
            isinstance(getattr(row, column.attname), DatabaseDefault) for row in rows
        )
        (left_out if is_left_out else columns).append(column)
    wanted = [column for column in left_out if sent is None or column.name in reads_back]
    database = transaction.get_connection()
    values = [_stored(column, row, database) for row in rows for column in columns]
    cursor = database.cursor()
    cursor.execute(_insert_sql(columns, len(rows), unique=unique, overwrites=overwrites, wanted=wanted), values)
    for row in rows:
        row._state.adding, row._state.db = False, database.alias
    if not wanted:
        return

    def read_back() -> None:
        for row, found in zip(rows, cursor.fetchall(), strict=True):
            for column, value in zip(wanted, found, strict=True):
                setattr(row, column.attname, value)

    if sent is None:
        read_back()
    else:
        sent.to_read.append(read_back)


def _stored(column: _Field, row: Model, database: BaseDatabaseWrapper) -> Any:
    value = column.pre_save(row, add=True)
    if hasattr(value, "as_sql"):
        raise TypeError(f"{column} takes plain values here, or what the database has as its default")
    return column.get_db_prep_save(value, database)


def _insert_sql(
    columns: Sequence[_Field], count: int, *, unique: Sequence[str], overwrites: Sequence[str], wanted: Sequence[_Field]
) -> str:
    # Written here: what Django's compiler goes through to write it is dearer than all the rest of an insert.
    options = columns[0].model._meta
    places = ", ".join(
        column.get_placeholder(None, None, connection) if hasattr(column, "get_placeholder") else "%s"
        for column in columns
    )
    names = _names(columns)
    sql = f"INSERT INTO {_quoted(options.db_table)} ({names}) VALUES {', '.join([f'({places})'] * count)}"  # noqa: S608  names of ours
    if overwrites:
        changes = ", ".join(f"{_quoted(name)} = EXCLUDED.{_quoted(name)}" for name in _columns(options, overwrites))
        sql += f" ON CONFLICT ({', '.join(map(_quoted, _columns(options, unique)))}) DO UPDATE SET {changes}"
    return f"{sql} RETURNING {_names(wanted)}" if wanted else sql


def _names(columns: Sequence[_Field]) -> str:
    return ", ".join(_quoted(str(column.column)) for column in columns)


def _columns(options: Any, names: Sequence[str]) -> list[str]:
    return [options.get_field(name).column for name in names]


def _quoted(name: str) -> str:
    return f'"{name}"'


def swap(rows: "QuerySet[Any]", **changes: object) -> bool:
    """Update by compare-and-swap and say whether a row was hit.

    In a pipeline nobody knows yet: it says True, and the pipeline's end raises SwapMissedError if none was.
    """
    sent = _sent.get()
    if sent is None:
        return bool(rows.update(**changes))

    def keep_cursor(
        execute: Callable[..., object], sql: str, params: object, many: bool, context: dict[str, Any]
    ) -> object:
        result = execute(sql, params, many, context)
        sent.swaps.append(context["cursor"].cursor)
        return result

    with connection.execute_wrapper(keep_cursor):
        rows.update(**changes)
    return True


class _Request(threading.local):
    """What waits for the end of the request that this thread serves; None between requests."""

    waiting: list[Callable[[], object]] | None = None


_request = _Request()


def afterwards(write: Callable[[], object]) -> None:
    """Run a small write once the answer to the request is on its way; at once where there is no request.

    For notes that nobody waits for: one that fails, or whose process dies, is lost.
    """
    if _request.waiting is None:
        write()
    else:
        _request.waiting.append(write)


def _begin_request(**_named: object) -> None:
    _request.waiting = []


def _end_request(**_named: object) -> None:
    waiting, _request.waiting = _request.waiting, None
    if not waiting:
        return
    # The request's own connection is back in the pool by now.
    is_borrowed = connection.connection is None
    try:
        for write in waiting:
            write()
    except DatabaseError as error:
        logger.warning("note after a request lost", extra={"error": type(error).__name__})
    finally:
        if is_borrowed:
            connection.close()


request_started.connect(_begin_request, dispatch_uid="roundtrips.begin")
request_finished.connect(_end_request, dispatch_uid="roundtrips.end")


def last_words(sql: str, arguments: Sequence[Any]) -> None:
    """Execute the last statement of a transaction and, where this is the outermost block, commit it on the same way."""
    with connection.cursor() as cursor:
        cursor.execute(sql if connection.savepoint_ids else f"{sql}; COMMIT", arguments)
