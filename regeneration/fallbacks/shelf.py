"""Read the shelf from the database, and keep it in the process: whole, and seconds old at most."""

from __future__ import annotations

import logging
import threading
import time
from types import MappingProxyType
from typing import Final

from django.db import close_old_connections, connection

from regeneration.fallbacks.files import row_seal, subjects_of
from regeneration.fallbacks.values import Confidence, DefaultKey, Shelf, ShelfText
from regeneration.models import DefaultText, FallbackOrder, LibraryItem, RungRecord, Template

logger = logging.getLogger(__name__)

# How old the kept shelf may be before it is read again: what an operator withdraws is gone from answers this soon.
FRESH_SECONDS: Final = 5.0


def read_shelf() -> Shelf:
    """Read all active templates, published library texts, defaults, live orders and records: five queries."""
    templates = list(Template.objects.filter(state=Template.State.ACTIVE))
    items = list(LibraryItem.objects.filter(state=LibraryItem.State.PUBLISHED))
    library: dict[tuple[str, str], list[ShelfText]] = {}
    for item in items:
        library.setdefault((item.code, item.language), []).append(library_text(item))
    defaults: dict[DefaultKey, str] = {
        (row.content_class, row.channel, row.registrant_type, row.language): row.text
        for row in DefaultText.objects.exclude(text="")
        if _is_as_signed(row)
    }
    orders = {row.reason: tuple(row.rungs) for row in FallbackOrder.objects.filter(state=FallbackOrder.State.LIVE)}
    records = {
        (row.rung, row.category): Confidence(row.confidence, row.low, row.high, row.shown_count)
        for row in RungRecord.objects.all()
    }
    return Shelf(
        templates=MappingProxyType({(row.code, row.language): template_text(row) for row in templates}),
        library=MappingProxyType({key: tuple(found) for key, found in library.items()}),
        defaults=MappingProxyType(defaults),
        orders=MappingProxyType(orders),
        records=MappingProxyType(records),
        template_subjects=subjects_of((row.code, row.topic_words) for row in templates),
        library_subjects=subjects_of((row.code, row.topic_words) for row in items),
    )


# Every change of a row makes a new version of it, at another place and by another transaction.
_STATE_SQL: Final = " UNION ALL ".join(
    f"SELECT count(*), sum(hashtextextended(ctid::text || ' ' || xmin::text, 0))::text FROM {model._meta.db_table}"  # noqa: S608  # names of our tables
    for model in (Template, LibraryItem, DefaultText, FallbackOrder, RungRecord)
)


def shelf_state() -> tuple[tuple[int, str | None], ...]:
    """Return what differs after any change of the shelf's rows; one query that brings none of them."""
    with connection.cursor() as cursor:
        cursor.execute(_STATE_SQL)
        return tuple((int(count), state) for count, state in cursor.fetchall())


def _is_as_signed(row: DefaultText) -> bool:
    seal = row_seal(row.content_class, row.channel, row.registrant_type, row.language, row.text)
    if seal == row.sha256:
        return True
    logger.error("default text is not as signed", extra={"default_id": row.pk, "signed_by": row.signed_by})
    return False


def template_text(row: Template) -> ShelfText:
    """Return a template's row as a value."""
    return ShelfText(
        rung="template",
        id=row.id,
        code=row.code,
        language=row.language,
        title=row.title,
        content_class=row.content_class,
        channels=frozenset(row.channels),
        registrants=frozenset(row.registrants),
        body=row.body,
        slots=MappingProxyType(dict(row.slots)),
    )


def library_text(row: LibraryItem) -> ShelfText:
    """Return a library text's row as a value."""
    return ShelfText(
        rung="library",
        id=row.id,
        code=row.code,
        language=row.language,
        title=row.title,
        content_class=row.content_class,
        channels=frozenset(row.channels),
        registrants=frozenset(row.registrants),
        body=row.text,
        firm_id=row.firm_id,
        approved_on=row.approved_on,
        expires_on=row.expires_on,
        used_count=row.used_count,
    )


class _Keeper:
    """Keeps one shelf for the process. Whoever finds it old gets it all the same; one thread looks for changes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shelf: Shelf | None = None
        self._state: tuple[tuple[int, str | None], ...] = ()
        self._read_at = 0.0
        self._is_reading = False

    def get(self) -> Shelf:
        with self._lock:
            shelf, is_old = self._shelf, time.monotonic() - self._read_at > FRESH_SECONDS
            reads_again = shelf is not None and is_old and not self._is_reading
            self._is_reading = self._is_reading or reads_again
        if shelf is None:
            return self.read()
        if reads_again:
            threading.Thread(target=self._read_aside, name="shelf", daemon=True).start()
        return shelf

    def read(self) -> Shelf:
        began_at = time.monotonic()
        state = shelf_state()  # before the rows: a change in between shows the next time
        with self._lock:
            if self._shelf is not None and state == self._state:
                self._read_at = began_at
                return self._shelf
        shelf = read_shelf()
        with self._lock:
            self._shelf, self._state, self._read_at = shelf, state, began_at
        return shelf

    def forget(self) -> None:
        with self._lock:
            self._shelf = None

    def _read_aside(self) -> None:
        try:
            self.read()
        except Exception:  # the old shelf serves on while the database is away
            logger.warning("shelf not read", exc_info=True)
        finally:
            close_old_connections()
            connection.close()
            with self._lock:
                self._is_reading = False


_keeper = _Keeper()


def load_shelf() -> Shelf:
    """Return the shelf as it was at most some seconds ago. Asks the database only the first time in a process."""
    return _keeper.get()


def forget_shelf() -> None:
    """Let the next `load_shelf` read the database: for whoever has just changed the shelf in this process."""
    _keeper.forget()
