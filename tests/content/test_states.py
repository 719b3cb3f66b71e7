"""The life of a draft: each ordered pair of states, in the service and at the database."""

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from typing import Final

import pytest
from django.db import InternalError, connection, connections, transaction
from django.db.utils import DatabaseError

from jarvish_regen.content.models import ContentItem, ContentVersion
from jarvish_regen.content.services import move
from jarvish_regen.content.states import ItemState, may_move
from jarvish_regen.errors import ConflictError
from jarvish_regen.journal.models import AuditEntry, Event
from tests.factories import draft_item

pytestmark = pytest.mark.django_db

# Written by hand: the moves a draft may make. Everything else is illegal.
LEGAL: Final = {
    ("in_review", "regenerating"),
    ("in_review", "approved"),
    ("in_review", "with_people"),
    ("in_review", "withdrawn"),
    ("regenerating", "in_review"),
    ("regenerating", "with_people"),
    ("with_people", "in_review"),
    ("with_people", "regenerating"),
    ("with_people", "withdrawn"),
}
PAIRS: Final = sorted(product([str(state) for state in ItemState], repeat=2))
# How a draft gets to each state by legal moves.
WAYS: Final = {
    "in_review": (),
    "regenerating": ("regenerating",),
    "with_people": ("with_people",),
    "approved": ("approved",),
    "withdrawn": ("withdrawn",),
}


def _item_in(state: str) -> ContentItem:
    item = draft_item()
    for step in WAYS[state]:
        move(item, ItemState(step), act="prepare", actor_id=None)
    return item


@contextmanager
def _refused_by_the_database() -> Iterator[None]:
    with pytest.raises((InternalError, DatabaseError), match="Cannot"), transaction.atomic():
        yield


def test_the_table_of_moves_is_the_one_written_here() -> None:
    assert {pair for pair in PAIRS if may_move(*pair)} == LEGAL


@pytest.mark.parametrize(("from_state", "to_state"), sorted(LEGAL))
def test_a_legal_move_leaves_the_state_an_audit_entry_and_an_event(from_state: str, to_state: str) -> None:
    item = _item_in(from_state)
    actor_id = uuid.uuid4()

    move(item, ItemState(to_state), act="test", actor_id=actor_id, reason="because")

    entry = AuditEntry.objects.get(subject_id=item.id, act="test")
    event = Event.objects.filter(item_id=item.id, kind="item.moved").latest("id")
    stored = ContentItem.objects.get(id=item.id)
    assert (stored.state, item.state) == (to_state, to_state)
    assert (entry.from_state, entry.to_state, entry.actor_id, entry.reason) == (
        from_state,
        to_state,
        actor_id,
        "because",
    )
    assert event.payload == {"from_state": from_state, "to_state": to_state}


@pytest.mark.parametrize(("from_state", "to_state"), [pair for pair in PAIRS if pair not in LEGAL])
def test_an_illegal_move_is_refused_and_leaves_nothing(from_state: str, to_state: str) -> None:
    item = _item_in(from_state)
    before = (AuditEntry.objects.count(), Event.objects.count())

    with pytest.raises(ConflictError) as caught:
        move(item, ItemState(to_state), act="test", actor_id=None)

    assert (caught.value.code, caught.value.given) == ("illegal_move", to_state)
    assert caught.value.allowed == sorted(to for start, to in LEGAL if start == from_state)
    assert ContentItem.objects.get(id=item.id).state == from_state
    assert (AuditEntry.objects.count(), Event.objects.count()) == before


@pytest.mark.parametrize(
    ("from_state", "to_state"), [pair for pair in PAIRS if pair not in LEGAL and pair[0] != pair[1]]
)
def test_the_database_itself_refuses_an_illegal_move(from_state: str, to_state: str) -> None:
    item = _item_in(from_state)

    with _refused_by_the_database(), connection.cursor() as cursor:
        cursor.execute("UPDATE content_contentitem SET state = %s WHERE id = %s", [to_state, item.id])

    assert ContentItem.objects.get(id=item.id).state == from_state


@pytest.mark.parametrize(("from_state", "to_state"), sorted(LEGAL))
def test_the_database_lets_a_legal_move_pass(from_state: str, to_state: str) -> None:
    item = _item_in(from_state)

    with connection.cursor() as cursor:
        cursor.execute("UPDATE content_contentitem SET state = %s WHERE id = %s", [to_state, item.id])

    assert ContentItem.objects.get(id=item.id).state == to_state


def test_a_move_from_a_state_the_draft_has_left_is_refused_with_where_it_is_now() -> None:
    item = draft_item()
    stale = ContentItem.objects.select_related("current").get(id=item.id)
    move(item, ItemState.WITH_PEOPLE, act="first", actor_id=None)

    with pytest.raises(ConflictError) as caught:
        move(stale, ItemState.REGENERATING, act="second", actor_id=None)

    assert (caught.value.code, caught.value.allowed) == ("moved_on", "with_people")


@pytest.mark.parametrize(
    "statement", ["UPDATE content_contentversion SET text = 'x'", "DELETE FROM content_contentversion"]
)
def test_a_version_is_written_once(statement: str) -> None:
    item = draft_item()
    before = ContentVersion.objects.get(item=item).text

    with _refused_by_the_database(), connection.cursor() as cursor:
        cursor.execute(f"{statement} WHERE item_id = %s", [item.id])

    assert ContentVersion.objects.get(item=item).text == before


@pytest.mark.django_db(transaction=True)
def test_of_movers_at_the_same_time_exactly_one_wins() -> None:
    item = draft_item()
    targets = [ItemState.REGENERATING, ItemState.WITH_PEOPLE, ItemState.APPROVED, ItemState.WITHDRAWN] * 2
    start = threading.Barrier(len(targets))
    outcomes: list[str] = []

    def race(to_state: ItemState) -> None:
        try:
            own = ContentItem.objects.select_related("current").get(id=item.id)
            start.wait(timeout=30)
            with transaction.atomic():
                move(own, to_state, act="race", actor_id=None)
            outcomes.append(str(to_state))
        except ConflictError as error:
            outcomes.append(error.code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=race, args=(target,)) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    winners = [outcome for outcome in outcomes if outcome != "moved_on"]
    assert len(outcomes) == len(targets)
    assert len(winners) == 1
    assert ContentItem.objects.get(id=item.id).state == winners[0]
    assert AuditEntry.objects.filter(subject_id=item.id, act="race").count() == 1
