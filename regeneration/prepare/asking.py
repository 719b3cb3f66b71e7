"""Take down what somebody is choosing and typing, as a preparation to be made; nothing here waits for one."""

from __future__ import annotations

import uuid
from typing import Final

from django.conf import settings
from django.db import transaction

from feedback.services import Rejection, check_rejection
from jarvish_regen.access.policy import REJECT, Viewer
from jarvish_regen.content.models import ContentItem
from jarvish_regen.content.states import ItemState
from jarvish_regen.ids import new_id
from regeneration.cache import fingerprint
from regeneration.job import Constraints, FeedbackBrief
from regeneration.models import PreparedAnswer
from regeneration.prepare.briefs import as_plain, brief_of, differs_beyond_words, from_plain
from regeneration.prepare.budget import spent_on_form

SEQUENCE_MAX: Final = 2_147_483_647
UNFINISHED: Final = (PreparedAnswer.State.QUEUED, PreparedAnswer.State.RUNNING)
ALIVE: Final = (*UNFINISHED, PreparedAnswer.State.READY)
# Marks that end a sentence, in the languages that are written here; quotes and brackets may follow.
_SENTENCE_ENDS: Final = (".", "!", "?", "।", "॥", "…", "\n")
_CLOSERS: Final = " \"'”’»)]*_"


def ask(
    *, viewer: Viewer, item: ContentItem, said: Rejection, sequence: int, is_settled: bool
) -> PreparedAnswer | None:
    """Store that an answer to what is being said should be made; None when there is nothing to make.

    ``sequence`` grows with each call for one person and draft. ``is_settled``: the person has paused, or is on the way
    to the button. A remark is worth a call when it is settled, or when one of its sentences has ended; in the middle of
    a sentence nothing is made. What the form no longer says is stopped in any case. Leaves a queued row.

    Raises:
        InputError: a value or a span cannot be used.
        StaleVersionError: another version is current, and the marked words are not in it.
    """
    viewer.require(REJECT)
    version = item.current
    if item.state != ItemState.IN_REVIEW or version is None or said.suggested_action == "escalate":
        return None
    brief = brief_of(check_rejection(item=item, version=version, said=said))
    wanted = fingerprint(brief, Constraints())
    mine = PreparedAnswer.objects.filter(version=version, user_id=viewer.user_id)
    if mine.filter(sequence__gte=sequence).exists():
        return None  # an older post that came late
    outdated = [
        row.id
        for row in mine.filter(state__in=UNFINISHED)
        if differs_beyond_words(from_plain(row.brief), brief) and row.fingerprint != wanted
    ]
    if outdated:
        PreparedAnswer.objects.filter(id__in=outdated, state__in=UNFINISHED).update(
            state=PreparedAnswer.State.CANCELLED
        )
    has_words = bool(brief.note.strip() or brief.suggestions.strip())
    if has_words and not is_settled and not _is_worth_a_call_unsettled(brief, version.id, viewer.user_id):
        return None
    occasion = PreparedAnswer.Occasion.NOTE if has_words else PreparedAnswer.Occasion.CATEGORY
    row = PreparedAnswer(
        id=new_id(),
        firm_id=item.firm_id,
        item=item,
        version=version,
        user_id=viewer.user_id,
        occasion=occasion,
        sequence=sequence,
        fingerprint=wanted,
        brief=as_plain(brief),
    )
    return row if store_once(row) else None


def store_once(row: PreparedAnswer) -> bool:
    """Store a queued row; False when the same is queued, being made or ready for this version already."""
    with transaction.atomic():
        PreparedAnswer.objects.bulk_create([row], ignore_conflicts=True)
        return PreparedAnswer.objects.filter(id=row.id).exists()


def _is_worth_a_call_unsettled(brief: FeedbackBrief, version_id: uuid.UUID, user_id: uuid.UUID) -> bool:
    said = brief.note.rstrip(_CLOSERS)
    # The last call of a form waits until the remark is settled.
    return said.endswith(_SENTENCE_ENDS) and (
        settings.PREPARE_CALLS_A_FORM_MAX - spent_on_form(version_id, user_id) >= 2
    )
