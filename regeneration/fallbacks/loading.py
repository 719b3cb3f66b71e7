"""Put the shipped shelf into the database: what is new or reworded is written, what people made theirs stays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import Q
from simple_history.utils import bulk_create_with_history, bulk_update_with_history

from jarvish_regen.content.compliance.pack import current_pack
from regeneration.fallbacks.files import ShippedText, shipped_defaults, shipped_library, shipped_templates
from regeneration.fallbacks.order import SHIPPED_ORDERS
from regeneration.fallbacks.shelf import forget_shelf
from regeneration.models import DefaultText, FallbackOrder, LibraryItem, Template

_LOCK = "regeneration.fallbacks.loading"
_TEMPLATE_FIELDS = ("title", "topic_words", "channels", "registrants", "content_class", "slots", "body", "state")
_ITEM_FIELDS = (
    "title",
    "topic_words",
    "channels",
    "registrants",
    "content_class",
    "text",
    "approved_by",
    "approved_on",
    "expires_on",
    "state",
)


@dataclass(frozen=True)
class Loaded:
    """How many rows were written, and how many shipped ones were taken out of use."""

    written: int = 0
    retired: int = 0


def load_files() -> Loaded:
    """Write what the shipped files have and the database has not; idempotent, one writer at a time.

    Shipped texts were tried against this release's rules by its tests, so they carry its pack. A shipped row that a
    person edited is theirs (``is_shipped`` False) and stays; a shipped row that left the files is taken out of use.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [_LOCK])
        templates = _load_templates()
        library = _load_library()
        written = templates.written + library.written + _load_defaults() + _load_orders()
    forget_shelf()
    return Loaded(written, templates.retired + library.retired)


def _load_templates() -> Loaded:
    rows = {(row.code, row.language): row for row in Template.objects.all()}
    new: list[Template] = []
    changed: list[Template] = []
    shipped = {(text.code, text.language) for text in shipped_templates()}
    for text in shipped_templates():
        values = _values(text) | {
            "slots": dict(text.slots),
            "body": text.text,
            "state": str(Template.State.ACTIVE),
        }
        row = rows.get((text.code, text.language))
        if row is None:
            new.append(Template(code=text.code, language=text.language, is_shipped=True, **_checked(values)))
        elif row.is_shipped and _differs(row, values, _TEMPLATE_FIELDS):
            changed.append(_with(row, _checked(values)))
    gone = [
        _with(row, {"state": str(Template.State.RETIRED)})
        for key, row in rows.items()
        if row.is_shipped and key not in shipped and row.state == Template.State.ACTIVE
    ]
    return _write(Template, new, changed, gone, (*_TEMPLATE_FIELDS, "pack_sha256"))


def _load_library() -> Loaded:
    rows = {(row.code, row.language): row for row in LibraryItem.objects.filter(firm__isnull=True)}
    new: list[LibraryItem] = []
    changed: list[LibraryItem] = []
    shipped = {(text.code, text.language) for text in shipped_library()}
    for text in shipped_library():
        values = _values(text) | {
            "text": text.text,
            "approved_by": text.approved_by,
            "approved_on": text.approved_on,
            "expires_on": text.expires_on,
            "state": str(LibraryItem.State.PUBLISHED),
        }
        row = rows.get((text.code, text.language))
        if row is None:
            new.append(LibraryItem(code=text.code, language=text.language, is_shipped=True, **_checked(values)))
        elif row.is_shipped and _differs(row, values, _ITEM_FIELDS):
            changed.append(_with(row, _checked(values)))
    gone = [
        _with(row, {"state": str(LibraryItem.State.WITHDRAWN)})
        for key, row in rows.items()
        if row.is_shipped and key not in shipped and row.state == LibraryItem.State.PUBLISHED
    ]
    return _write(LibraryItem, new, changed, gone, (*_ITEM_FIELDS, "pack_sha256"))


def _values(text: ShippedText) -> dict[str, Any]:
    return {
        "title": text.title,
        "topic_words": list(text.topic_words),
        "channels": list(text.channels),
        "registrants": list(text.registrants),
        "content_class": text.content_class,
    }


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    return values | {"pack_sha256": current_pack().sha256}


def _differs(row: Template | LibraryItem, values: dict[str, Any], fields: tuple[str, ...]) -> bool:
    """Say whether a shipped row is not as the file has it; one that the sweep took out for today's rules stays out."""
    names = [name for name in fields if name != "state" or row.pack_sha256 != current_pack().sha256]
    return any(getattr(row, name) != values[name] for name in names)


def _with(row: Any, values: dict[str, Any]) -> Any:
    for name, value in values.items():
        setattr(row, name, value)
    return row


def _write(model: Any, new: list[Any], changed: list[Any], gone: list[Any], fields: tuple[str, ...]) -> Loaded:
    if new:
        bulk_create_with_history(new, model, default_change_reason="Shipped with this release.")
    if changed:
        bulk_update_with_history(changed, model, list(fields), default_change_reason="Reworded by this release.")
    if gone:
        bulk_update_with_history(gone, model, ["state"], default_change_reason="No longer shipped.")
    return Loaded(len(new) + len(changed), len(gone))


def _load_defaults() -> int:
    stored = {
        (row.content_class, row.channel, row.registrant_type, row.language): row for row in DefaultText.objects.all()
    }
    new: list[DefaultText] = []
    outdated: list[int] = []
    for text in shipped_defaults():
        key = (text.content_class, text.channel, text.registrant_type, text.language)
        row = stored.pop(key, None)
        if row is not None and row.sha256 == text.sha256 and row.text == text.text:
            continue
        if row is not None:
            outdated.append(row.pk)
        new.append(
            DefaultText(
                content_class=text.content_class,
                channel=text.channel,
                registrant_type=text.registrant_type,
                language=text.language,
                text=text.text,
                unavailable=text.unavailable,
                sha256=text.sha256,
                signed_by=text.signed_by,
                signed_on=text.signed_on,
            )
        )
    # A signed row is never changed, only replaced by another that is signed.
    DefaultText.objects.filter(Q(pk__in=outdated) | Q(pk__in=[row.pk for row in stored.values()])).delete()
    DefaultText.objects.bulk_create(new)
    return len(new)


def _load_orders() -> int:
    known = set(FallbackOrder.objects.values_list("reason", flat=True))
    new = [
        FallbackOrder(reason=reason, rungs=list(rungs), state=FallbackOrder.State.LIVE)
        for reason, rungs in SHIPPED_ORDERS.items()
        if reason not in known
    ]
    if new:
        bulk_create_with_history(new, FallbackOrder, default_change_reason="Shipped with this release.")
    return len(new)
