"""Reads of the ground that several doors share."""

import base64
import binascii
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import Q
from django.utils.translation import gettext as _

from jarvish_regen.access.policy import READ_ITEM, Viewer
from jarvish_regen.content.models import ContentItem, ContentVersion
from jarvish_regen.errors import InputError, NotFoundError
from jarvish_regen.journal.models import Chain, Event

REPLAYED_MAX: Final = 1_000  # further behind than that, reading anew is cheaper than replaying


@dataclass(frozen=True)
class ItemPage:
    """A page of drafts, newest first, and where the next one begins."""

    items: Sequence[ContentItem]
    next_cursor: str | None


@dataclass(frozen=True)
class Missed:
    """What happened since a reader last looked; `is_too_much` when they had better read anew."""

    events: Sequence[Event]
    latest_seq: int
    is_too_much: bool


def get_page(
    *,
    viewer: Viewer,
    state: str | None = None,
    channel: str | None = None,
    language: str | None = None,
    limit: int = 25,
    cursor: str | None = None,
) -> ItemPage:
    """Return a page of the viewer's drafts. The cursor names the last draft before it, so new arrivals shift nothing.

    Raises:
        InputError: the cursor is not one of ours.
    """
    viewer.require(READ_ITEM)
    found = ContentItem.objects.visible_to(viewer).for_list()
    filters = {"state": state, "channel": channel, "language": language}
    found = found.filter(**{name: value for name, value in filters.items() if value})
    if cursor:
        at, item_id = _read_cursor(cursor)
        found = found.filter(Q(created_at__lt=at) | Q(created_at=at, id__lt=item_id))
    rows = list(found[: limit + 1])
    return ItemPage(rows[:limit], _cursor_of(rows[limit - 1]) if len(rows) > limit else None)


def _cursor_of(item: ContentItem) -> str:
    return base64.urlsafe_b64encode(f"{item.created_at.isoformat()}|{item.id.hex}".encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> tuple[datetime, uuid.UUID]:
    try:
        at, _bar, item_id = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii").partition("|")
        read = datetime.fromisoformat(at)
        if read.tzinfo is None:
            raise ValueError("no time zone")
        return read, uuid.UUID(item_id)
    except (ValueError, binascii.Error, OverflowError) as error:
        raise InputError(
            _("Not a cursor of this list."), field="cursor", given=cursor, allowed="next_cursor", code="invalid_cursor"
        ) from error


def get_version(*, item: ContentItem, number: int) -> ContentVersion:
    """Return a version of a loaded item by its number. Raises NotFoundError."""
    version = item.versions.filter(number=number).first()
    if version is None:
        raise NotFoundError(
            _("There is no such version."),
            field="number",
            given=number,
            allowed=item.current.number if item.current else None,
        )
    return version


def get_missed(*, viewer: Viewer, since: int, limit: int = REPLAYED_MAX, item_id: uuid.UUID | None = None) -> Missed:
    """Return the sealed events after `since` that exist for the viewer, oldest first; with `item_id`, those of one
    draft.
    """
    viewer.require(READ_ITEM)
    latest = Chain.objects.filter(firm_id=viewer.firm_id).values_list("last_event_seq", flat=True).first() or 0
    events = Event.objects.filter(firm_id=viewer.firm_id, seq__gt=since, seq__lte=latest).order_by("seq")
    if item_id is not None:
        found = list(events.filter(item_id=item_id)[: REPLAYED_MAX + 1])
        return Missed((), latest, True) if len(found) > REPLAYED_MAX else Missed(found[:limit], latest, False)
    if latest - since > REPLAYED_MAX:
        return Missed((), latest, True)
    if viewer.sees_own_items_only:
        events = events.filter(item_id__in=ContentItem.objects.visible_to(viewer).values("id"))
    return Missed(list(events[:limit]), latest, False)
