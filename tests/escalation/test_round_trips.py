"""How often an answer waits for PostgreSQL, counted on the wire; and that waiting less gives up no promise."""

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings, settings
from django.core.signals import request_finished, request_started
from django.db import DEFAULT_DB_ALIAS, IntegrityError, connections, transaction
from django.db.backends.postgresql.base import DatabaseWrapper
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from escalation import services
from escalation.models import Case, CaseEntry
from feedback.models import Feedback
from feedback.services import Rejection
from jarvish_regen.access.policy import Viewer
from jarvish_regen.content import services as content
from jarvish_regen.content.models import AdvisorProfile, ContentItem, ContentVersion
from jarvish_regen.content.states import ItemState
from jarvish_regen.errors import ConflictError
from jarvish_regen.journal.models import AuditEntry, Event, Outbox
from jarvish_regen.roundtrips import SwapMissedError, afterwards, insert, pipelined, swap
from regeneration import answering, claims
from regeneration.models import Candidate, Regeneration
from regeneration.services import finish
from regeneration.targets import forget_targets
from tests.api.test_reject import SAID
from tests.factories import AdvisorProfileFactory, draft_item, let_answer_clock_run_out, rejected, token_for, viewer_for
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


# Who asks, BEGIN, the key, the draft with its case and the queues, everything written, the reply kept with COMMIT. Once
# the answer is on its way, one more: that its ring was sent.
ACCEPT_ROUND_TRIPS = 6
ACCEPT_STATEMENTS_MAX = 19
AFTER_THE_ANSWER = 1


def _client_of(advisor: AdvisorProfile) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {token_for(advisor.user)}")
    return client


def _reject(client: APIClient, item: ContentItem, key: str) -> dict[str, Any]:
    replied = client.post(f"/api/v1/content/{item.short_id}/reject", SAID, headers={"Idempotency-Key": key})
    assert replied.status_code == 202, replied.data
    body: dict[str, Any] = replied.json()
    return body


def test_a_rejection_by_the_api_waits_six_times_before_its_answer(database: Proxy) -> None:
    advisor = AdvisorProfileFactory()
    client = _client_of(advisor)
    _reject(client, draft_item(advisor), "first")  # what a process reads once is read now
    second, third = draft_item(advisor), draft_item(advisor)
    before = database.turns

    _reject(client, second, "second")

    assert database.turns - before == ACCEPT_ROUND_TRIPS + AFTER_THE_ANSWER
    with CaptureQueriesContext(connections[DEFAULT_DB_ALIAS]) as statements:
        _reject(client, third, "third")
    assert len(statements) <= ACCEPT_STATEMENTS_MAX + AFTER_THE_ANSWER


def test_a_second_round_waits_no_oftener_and_continues_its_case(database: Proxy) -> None:
    advisor = AdvisorProfileFactory()
    client = _client_of(advisor)
    item = draft_item(advisor)
    first = _reject(client, item, "first")
    attempt = Regeneration.objects.get()
    let_answer_clock_run_out(attempt.id)
    services.settle_if_due(regeneration_id=attempt.id)
    before = database.turns

    replied = client.post(
        f"/api/v1/content/{item.short_id}/reject", {"category": "tone_inappropriate"}, headers={"Idempotency-Key": "b"}
    )

    assert database.turns - before <= ACCEPT_ROUND_TRIPS + AFTER_THE_ANSWER
    assert (replied.status_code, replied.data["case_id"]) == (202, first["case_id"])
    assert Case.objects.get().round == 2


def test_the_receipt_of_a_pipeline_says_when_the_answer_is_due() -> None:
    advisor = AdvisorProfileFactory()

    receipt = _reject(_client_of(advisor), draft_item(advisor), "one")

    stored_at = Regeneration.objects.get().stored_at
    due_at = stored_at + timedelta(seconds=settings.REGENERATION_DEADLINE_SECONDS)
    assert datetime.fromisoformat(receipt["answer_due_at"]) == due_at
    assert Outbox.objects.filter(rung_at__isnull=True).count() == 0


def test_a_note_waits_for_the_end_of_its_request_and_for_nothing_without_one() -> None:
    noted: list[str] = []

    request_started.send(sender=None)
    afterwards(lambda: noted.append("in a request"))
    during = list(noted)
    request_finished.send(sender=None)
    afterwards(lambda: noted.append("outside"))

    assert (during, noted) == ([], ["in a request", "outside"])


def test_a_row_is_given_what_the_database_filled_in() -> None:
    fields = {"task": "probe", "kwargs": {}, "queue": "learn", "rung_at": timezone.now()}
    alone, together = Outbox(**fields), Outbox(**fields)

    insert([alone])
    with transaction.atomic(), pipelined():
        insert([together], reads_back=["id"])

    assert (alone.id, together.id) == tuple(Outbox.objects.order_by("id").values_list("id", flat=True))
    assert alone.created_at == Outbox.objects.get(id=alone.id).created_at


def test_of_four_rejections_at_once_one_is_stored_and_three_are_told_that_the_draft_moved_on() -> None:
    for _round in range(4):
        item = draft_item()
        viewer = viewer_for(item.advisor.user)
        barrier = threading.Barrier(4)

        def reject(viewer: Viewer, item_id: uuid.UUID, barrier: threading.Barrier) -> str:
            said = Rejection(category="tone_inappropriate", note="Too pushy for my clients.")
            try:
                barrier.wait()
                services.receive_rejection(viewer=viewer, item_id=item_id, said=said)
            except ConflictError as error:
                return str(error.code)
            finally:
                connections.close_all()
            return "stored"

        with ThreadPoolExecutor(4) as threads:
            told = list(threads.map(lambda _number: reject(viewer, item.id, barrier), range(4)))  # noqa: B023

        assert told.count("stored") == 1
        # Who looks after the first has committed is refused before the swap, with another word for the same.
        assert set(told) <= {"stored", "moved_on", "regenerating"}
        assert Feedback.objects.filter(item=item).count() == Case.objects.filter(item=item).count() == 1
        assert Regeneration.objects.filter(item=item).count() == 1
