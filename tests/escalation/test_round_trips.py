"""How often an answer waits for PostgreSQL, counted on the wire; and that waiting less gives up no promise."""

from collections.abc import Iterator

import pytest
from django.conf import LazySettings
from django.db import DEFAULT_DB_ALIAS, IntegrityError, connections, transaction
from django.db.backends.postgresql.base import DatabaseWrapper

from escalation import services
from escalation.models import Case, CaseEntry
from jarvish_regen.content import services as content
from jarvish_regen.content.models import ContentItem, ContentVersion
from jarvish_regen.content.states import ItemState
from jarvish_regen.journal.models import AuditEntry, Event
from jarvish_regen.roundtrips import SwapMissedError, insert, pipelined, swap
from regeneration import answering, claims
from regeneration.models import Candidate, Regeneration
from regeneration.services import finish
from regeneration.targets import forget_targets
from tests.factories import draft_item, let_answer_clock_run_out, rejected
from tests.proxy import Proxy, socket_in

pytestmark = pytest.mark.django_db(transaction=True)

# DECISIONS 10. An answer that asks a model looks for similar approved texts meanwhile: one more than these.
ROUND_TRIPS_MAX = 6
ROUND_TRIPS = 5


@pytest.fixture(autouse=True)
def _no_model(settings: LazySettings) -> Iterator[None]:
    settings.MODEL_URL = ""
    forget_targets()
    yield
    forget_targets()


@pytest.fixture
def database() -> Iterator[Proxy]:
    """Put a proxy between this thread and its database."""
    before = connections[DEFAULT_DB_ALIAS]
    given = before.settings_dict
    directory = given["HOST"] or given["OPTIONS"]["host"]
    with Proxy(socket_in(f"postgresql://?host={directory}")) as proxy:
        options = {name: value for name, value in given["OPTIONS"].items() if name not in ("pool", "host")}
        wrapper = DatabaseWrapper({**given, "HOST": "127.0.0.1", "PORT": proxy.port, "OPTIONS": options})
        connections[DEFAULT_DB_ALIAS] = wrapper
        try:
            wrapper.ensure_connection()
            yield proxy
        finally:
            wrapper.close()
            connections[DEFAULT_DB_ALIAS] = before


def open_attempt() -> Regeneration:
    """Return the open attempt of a new rejection, which rules alone can answer."""
    attempt = rejected(draft_item()).regeneration
    assert attempt is not None
    return attempt


def turns_of_an_answer(proxy: Proxy) -> int:
    """Return how often the answer to a new rejection waited for the database."""
    attempt = open_attempt()
    before = proxy.turns

    assert services.take_next_step(regeneration_id=attempt.id)

    turns = proxy.turns - before
    attempt.refresh_from_db()
    assert (attempt.state, attempt.rung) == ("answered", "repair")
    return turns


def test_an_answer_waits_for_the_database_six_times_at_most(database: Proxy) -> None:
    turns_of_an_answer(database)  # what a process reads once is read now

    turns = turns_of_an_answer(database)

    # The claim with all it needs, BEGIN, the hold on the row, everything written, COMMIT.
    assert turns == ROUND_TRIPS < ROUND_TRIPS_MAX


def test_a_reader_who_settles_an_attempt_waits_six_times_at_most(database: Proxy) -> None:
    attempt = open_attempt()
    let_answer_clock_run_out(attempt.id)
    before = database.turns

    assert services.settle_if_due(regeneration_id=attempt.id)

    assert database.turns - before <= ROUND_TRIPS_MAX


def test_everything_is_written_in_the_pipeline_as_without_it() -> None:
    attempt = open_attempt()

    services.take_next_step(regeneration_id=attempt.id)

    item = ContentItem.objects.select_related("current").get(id=attempt.item_id)
    attempt.refresh_from_db()
    assert item.current is not None
    assert (item.state, item.current.number, attempt.answer_id) == (ItemState.IN_REVIEW, 2, item.current.id)
    assert item.current.created_at is not None
    assert Candidate.objects.filter(regeneration=attempt).count() == 1
    assert [entry.act for entry in CaseEntry.objects.filter(case__item=item).order_by("id")] == ["reject", "answer"]
    acts = AuditEntry.objects.filter(subject_id=item.id).order_by("created_at").values_list("act", flat=True)
    assert list(acts) == ["arrive", "reject", "new_version"]
    kinds = set(Event.objects.filter(item_id=item.id).values_list("kind", flat=True))
    assert {"version.ready", "item.moved", "regeneration.finished", "case.moved"} <= kinds


def test_an_answer_that_somebody_overtook_in_the_pipeline_leaves_nothing() -> None:
    attempt = open_attempt()
    taken = claims.claim(attempt.id)
    assert taken is not None
    outcome = answering.regenerate(taken).outcome
    # A person took the draft meanwhile.
    item = ContentItem.objects.select_related("current").get(id=attempt.item_id)
    with transaction.atomic():
        content.move(item, ItemState.WITH_PEOPLE, act="escalate", actor_id=None)

    with pytest.raises(SwapMissedError), transaction.atomic(), pipelined():
        finish(taken, outcome)

    attempt.refresh_from_db()
    assert (attempt.state, attempt.answer_id) == ("running", None)
    assert ContentVersion.objects.filter(item_id=attempt.item_id).count() == 1
    assert not Event.objects.filter(item_id=attempt.item_id, kind="regeneration.finished").exists()


def test_the_first_error_of_a_pipeline_is_raised_at_its_end_and_undoes_it() -> None:
    attempt = open_attempt()
    before = Candidate.objects.filter(regeneration=attempt).get()
    twin = Candidate(
        regeneration=attempt, number=0, rung="repair", text="x", is_admissible=True, is_valid=True, score=1.0
    )

    def write() -> None:
        swap(Case.objects.filter(item_id=attempt.item_id), why="never seen")
        insert([twin])

    with pytest.raises(IntegrityError), transaction.atomic(), pipelined():
        write()

    assert Candidate.objects.filter(regeneration=attempt).get() == before
    assert not Case.objects.filter(why="never seen").exists()


def test_a_pipeline_needs_a_transaction() -> None:
    with pytest.raises(RuntimeError, match="outside a transaction"), pipelined():
        pass
