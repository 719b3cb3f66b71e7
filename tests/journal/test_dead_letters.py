"""Work that was given up on: replayed so that it can be claimed again, or discarded with a reason, once."""

import uuid
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from escalation import services as escalation
from escalation.models import Case
from escalation.services import discard_dead_letter, replay_dead_letter
from feedback.models import Feedback
from jarvish_regen.access.models import User
from jarvish_regen.content.models import ContentItem
from jarvish_regen.content.states import ItemState
from jarvish_regen.errors import ConflictError, InputError, NotFoundError
from jarvish_regen.journal.models import AuditEntry, DeadLetter, Outbox
from regeneration.claims import claim
from regeneration.models import Candidate, Regeneration
from tests.factories import UserFactory, draft_item, let_answer_clock_run_out, rejected

pytestmark = pytest.mark.django_db


@pytest.fixture
def actor_id() -> uuid.UUID:
    """Return who decides: somebody of the operator's staff."""
    user: User = UserFactory(is_staff=True)
    return user.id


def _buried(*, has_answer: bool) -> tuple[DeadLetter, Regeneration]:
    """Reject a draft, let three workers die on it and let the sweeper give it up."""
    attempt = rejected(draft_item()).regeneration
    assert attempt is not None
    if not has_answer:
        # A text that the rules cannot repair: its candidate 0 is the rejected text itself, which is never an answer.
        Candidate.objects.filter(regeneration=attempt).update(text=attempt.version.text, is_admissible=False)
    let_answer_clock_run_out(attempt.id)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE regeneration_regeneration SET state = 'running', claims = %s, fence = %s, "
            "lease_until = now() - interval '1 second' WHERE id = %s",
            [settings.REGENERATION_CLAIMS_MAX, settings.REGENERATION_CLAIMS_MAX, attempt.id],
        )
    escalation.sweep()
    attempt.refresh_from_db()
    return DeadLetter.objects.get(subject_id=attempt.id, state=DeadLetter.State.WAITING), attempt


def _state(item_id: Any) -> tuple[str, str]:
    return ContentItem.objects.get(id=item_id).state, Case.objects.get(item_id=item_id).state


def test_replay_makes_the_attempt_claimable_alone_and_owes_its_ring(actor_id: uuid.UUID) -> None:
    letter, attempt = _buried(has_answer=False)
    assert (attempt.state, _state(attempt.item_id)) == ("no_answer", ("with_people", "people"))
    rings_before = Outbox.objects.count()

    replay_dead_letter(dead_letter_id=letter.id, actor_id=actor_id)

    attempt.refresh_from_db()
    letter.refresh_from_db()
    ring = Outbox.objects.latest("id")
    entry = AuditEntry.objects.get(subject_kind="dead_letter")
    assert (letter.state, letter.settled_by) == ("replayed", actor_id)
    assert (attempt.state, attempt.finished_at, attempt.lease_until) == ("queued", None, None)
    assert _state(attempt.item_id) == ("regenerating", "machine")
    assert (Outbox.objects.count(), ring.queue) == (rings_before + 1, "solo")
    assert ring.kwargs == {"regeneration_id": str(attempt.id)}
    assert (entry.act, entry.from_state, entry.to_state, entry.actor_id) == ("replay", "waiting", "replayed", actor_id)
    assert claim(attempt.id) is not None


def test_a_replayed_attempt_that_fails_again_is_given_up_on_again(actor_id: uuid.UUID) -> None:
    letter, attempt = _buried(has_answer=False)
    replay_dead_letter(dead_letter_id=letter.id, actor_id=actor_id)
    assert claim(attempt.id) is not None
    with connection.cursor() as cursor:
        cursor.execute("UPDATE regeneration_regeneration SET lease_until = now() - interval '1 second'")
    let_answer_clock_run_out(attempt.id)

    escalation.sweep()

    assert DeadLetter.objects.filter(subject_id=attempt.id, state="waiting").count() == 1
    assert _state(attempt.item_id) == ("with_people", "people")


def test_replay_of_a_draft_that_has_its_answer_says_so_and_changes_nothing(actor_id: uuid.UUID) -> None:
    letter, attempt = _buried(has_answer=True)
    assert (attempt.state, _state(attempt.item_id)) == ("answered", ("in_review", "answered"))

    with pytest.raises(ConflictError) as caught:
        replay_dead_letter(dead_letter_id=letter.id, actor_id=actor_id)

    letter.refresh_from_db()
    assert (caught.value.code, caught.value.allowed) == ("settled_otherwise", ItemState.IN_REVIEW)
    assert letter.state == "waiting"
    assert AuditEntry.objects.filter(subject_kind="dead_letter").count() == 0
    assert _state(attempt.item_id) == ("in_review", "answered")


def test_replay_of_an_attempt_that_is_open_rings_it_and_leaves_its_draft(actor_id: uuid.UUID) -> None:
    attempt = rejected(draft_item()).regeneration
    assert attempt is not None
    letter = DeadLetter.objects.create(
        firm_id=attempt.item.firm_id,
        subject_kind="regeneration",
        subject_id=attempt.id,
        task="escalation.respond",
        kwargs={"regeneration_id": str(attempt.id)},
        queue="solo",
        reason="test",
        claims=0,
    )

    replay_dead_letter(dead_letter_id=letter.id, actor_id=actor_id)

    letter.refresh_from_db()
    attempt.refresh_from_db()
    assert (letter.state, attempt.state, attempt.claims) == ("replayed", "queued", 0)


def test_discarding_keeps_the_reason_and_leaves_the_draft_where_it_is(actor_id: uuid.UUID) -> None:
    letter, attempt = _buried(has_answer=False)

    discard_dead_letter(dead_letter_id=letter.id, actor_id=actor_id, reason="  A reviewer wrote it anew. ")

    letter.refresh_from_db()
    entry = AuditEntry.objects.get(subject_kind="dead_letter")
    assert (letter.state, letter.settled_by, letter.settled_reason) == (
        "discarded",
        actor_id,
        "A reviewer wrote it anew.",
    )
    assert (entry.act, entry.reason) == ("discard", "A reviewer wrote it anew.")
    assert _state(attempt.item_id) == ("with_people", "people")


@pytest.mark.parametrize("reason", ["", "   "])
def test_discarding_without_a_reason_is_refused(reason: str, actor_id: uuid.UUID) -> None:
    letter, _attempt = _buried(has_answer=False)

    with pytest.raises(InputError):
        discard_dead_letter(dead_letter_id=letter.id, actor_id=actor_id, reason=reason)

    letter.refresh_from_db()
    assert letter.state == "waiting"


def test_a_letter_is_decided_once(actor_id: uuid.UUID) -> None:
    letter, _attempt = _buried(has_answer=False)
    discard_dead_letter(dead_letter_id=letter.id, actor_id=actor_id, reason="first")

    with pytest.raises(ConflictError) as caught:
        replay_dead_letter(dead_letter_id=letter.id, actor_id=actor_id)

    assert (caught.value.code, caught.value.allowed) == ("moved_on", "discarded")
    assert AuditEntry.objects.filter(subject_kind="dead_letter").count() == 1


def test_an_unknown_letter_is_not_there(actor_id: uuid.UUID) -> None:
    with pytest.raises(NotFoundError):
        replay_dead_letter(dead_letter_id=uuid.uuid4(), actor_id=actor_id)


def test_what_was_said_stays_through_burial_and_replay(actor_id: uuid.UUID) -> None:
    letter, attempt = _buried(has_answer=False)
    said = Feedback.objects.values().get(id=attempt.feedback_id)

    replay_dead_letter(dead_letter_id=letter.id, actor_id=actor_id)

    assert Feedback.objects.values().get(id=attempt.feedback_id) == said
