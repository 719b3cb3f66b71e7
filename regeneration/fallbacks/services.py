"""Write the shelf: save a text once it was tried in every form, take out what today's rules no longer allow."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final
from uuid import UUID

from django.db.models import F, QuerySet
from django.utils import timezone
from simple_history.utils import bulk_update_with_history

from jarvish_regen.content.compliance.pack import current_pack
from jarvish_regen.errors import InputError
from jarvish_regen.language.words import normalise_for_comparison
from regeneration.fallbacks.checking import USUAL, check_library_text, check_template, context_for, sample_job
from regeneration.fallbacks.rendering import finished
from regeneration.fallbacks.shelf import forget_shelf, library_text, template_text
from regeneration.fallbacks.slots import SLOT
from regeneration.fallbacks.values import Shelf
from regeneration.models import Candidate, DefaultText, LibraryItem, Template

logger = logging.getLogger(__name__)

# A task may take 20 s (CELERY_TASK_SOFT_TIME_LIMIT); what is left over is looked at by the next run.
SWEEP_SECONDS: Final = 12.0
# Long enough for "not within a month" and for the quarter in which a text counts as partly worn.
USED_DAYS: Final = 90
_USED_ROWS: Final = 60


def save_template(template: Template) -> Template:
    """Save a template that is lawful in every form it can take; an edit makes a shipped one yours.

    Raises InputError with all reasons (slot, value, rule) otherwise. Tried before anything is locked: about a second.
    """
    faults = check_template(template_text(template))
    if faults:
        raise InputError(" ".join(faults), code="inadmissible", field="body", allowed=faults)
    template.pack_sha256 = current_pack().sha256
    template.is_shipped = False
    template.save()
    forget_shelf()
    return template


def save_library_item(item: LibraryItem) -> LibraryItem:
    """Save a library text that may be sent wherever it says; an edit makes a shipped one yours. Raises InputError."""
    faults = check_library_text(library_text(item))
    if faults:
        raise InputError(" ".join(faults), code="inadmissible", field="text", allowed=faults)
    item.pack_sha256 = current_pack().sha256
    item.is_shipped = False
    item.save()
    forget_shelf()
    return item


@dataclass(frozen=True)
class Swept:
    """Tell what a sweep did: texts tried again, taken out of use; defaults that today's rules refuse; what is left."""

    tried: int
    withdrawn: int
    bad_defaults: int
    left: int


def recheck_shelf(*, today: date | None = None, budget_seconds: float = SWEEP_SECONDS) -> Swept:
    """Try again what was last tried against another rule pack, and take out of use what is unlawful now or expired.

    Cheap when the pack is the same: three queries. Leaves the reason in the row's history, a warning in the log. A
    default cannot be taken out (it is signed, and checked at each use), so it is only reported.
    """
    today = today or timezone.localdate()
    ends_at = time.monotonic() + budget_seconds
    sha256 = current_pack().sha256
    expired = list(LibraryItem.objects.filter(state=LibraryItem.State.PUBLISHED, expires_on__lte=today))
    for item in expired:
        _take_out(item, LibraryItem.State.WITHDRAWN, f"Expired on {item.expires_on}.")
    tried = withdrawn = left = 0
    for row in _outdated(sha256):
        if time.monotonic() > ends_at:
            left += 1
            continue
        tried += 1
        if isinstance(row, Template):
            faults, out = check_template(template_text(row)), str(Template.State.RETIRED)
        else:
            faults, out = check_library_text(library_text(row)), str(LibraryItem.State.WITHDRAWN)
        if faults:
            withdrawn += 1
            _take_out(row, out, faults[0])
        else:
            type(row).objects.filter(pk=row.pk).update(pack_sha256=sha256)
    bad = _bad_defaults() if tried else 0
    if expired or withdrawn:
        forget_shelf()
    return Swept(tried, withdrawn + len(expired), bad, left)


def _outdated(sha256: str) -> list[Template | LibraryItem]:
    items = LibraryItem.objects.filter(state=LibraryItem.State.PUBLISHED).exclude(pack_sha256=sha256)
    templates = Template.objects.filter(state=Template.State.ACTIVE).exclude(pack_sha256=sha256)
    return [*items.order_by("code"), *templates.order_by("code")]


def _take_out(row: Template | LibraryItem, state: str, reason: str) -> None:
    for name, value in {"state": state, "pack_sha256": current_pack().sha256}.items():
        setattr(row, name, value)
    bulk_update_with_history([row], type(row), ["state", "pack_sha256"], default_change_reason=reason[:100])
    logger.warning("shelf text taken out of use", extra={"code": row.code, "language": row.language, "reason": reason})


def _bad_defaults() -> int:
    bad = 0
    for row in DefaultText.objects.exclude(text=""):
        context = context_for(row.channel, row.language, row.registrant_type, row.content_class)
        if finished(row.text, sample_job(context, USUAL)) is None:
            bad += 1
            logger.error(
                "safe default is not lawful today",
                extra={"content_class": row.content_class, "channel": row.channel, "language": row.language},
            )
    return bad


def recently_used(*, advisor_id: UUID, shelf: Shelf, now: datetime | None = None) -> dict[str, datetime]:
    """Return which library texts were this advisor's answers lately, by code, with when. One query.

    Known by their words, which nobody may change: greeting, closing, date and what the law adds are looked past.
    """
    since = (now or timezone.now()) - timedelta(days=USED_DAYS)
    answers = _library_answers().filter(regeneration__item__advisor_id=advisor_id, created_at__gte=since)
    rows = list(answers.order_by("-created_at").values_list("text", "created_at")[:_USED_ROWS])
    if not rows:
        return {}
    cores = {core_of(entry.body): entry.code for found in shelf.library.values() for entry in found}
    used: dict[str, datetime] = {}
    for text, at in rows:
        words = normalise_for_comparison(text)
        for core, code in cores.items():
            if core and core in words:
                used.setdefault(code, at)
    return used


def count_library_use(*, now: datetime | None = None) -> int:
    """Count again how often each library text was an answer within 90 days; return how many rows changed."""
    since = (now or timezone.now()) - timedelta(days=USED_DAYS)
    texts = [
        (normalise_for_comparison(text), at)
        for text, at in _library_answers().filter(created_at__gte=since).values_list("text", "created_at")
    ]
    changed = []
    for item in LibraryItem.objects.all():
        core = core_of(item.text)
        times = [at for text, at in texts if core and core in text]
        last = max(times, default=None)
        if (item.used_count, item.used_at) != (len(times), last):
            item.used_count, item.used_at = len(times), last
            changed.append(item)
    LibraryItem.objects.bulk_update(changed, ["used_count", "used_at"])
    return len(changed)


def _library_answers() -> QuerySet[Candidate]:
    return Candidate.objects.filter(rung="library", regeneration__rung="library", text=F("regeneration__answer__text"))


@lru_cache(maxsize=4_096)
def core_of(body: str) -> str:
    """Return the longest run of a shelf text that no slot interrupts, in the form in which texts are compared."""
    return normalise_for_comparison(max(SLOT.sub("\0", body).split("\0"), key=len))
