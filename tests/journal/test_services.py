"""Facts: stored with what they make true, rung for, and told of after commit."""

import logging
import uuid
from collections.abc import Iterator
from typing import Final

import pytest
from django.db import transaction
from pytest_django import DjangoCaptureOnCommitCallbacks

from jarvish_regen.access.models import Firm
from jarvish_regen.content.events import ContentArrived
from jarvish_regen.journal.models import AuditEntry, Event, Outbox
from jarvish_regen.journal.services import NO_FIRM_ID, Ring, audit, listeners, public_details, publish, ring_again
from tests.factories import FirmFactory
from tests.journal.broker import broker_away, empty, rung
from tests.journal.events import Probed, listening, probed

pytestmark = pytest.mark.django_db

QUEUE: Final = "learn"
TASK: Final = "probe"


@pytest.fixture(autouse=True)
def _empty_queue() -> Iterator[None]:
    empty(QUEUE)
    yield
    empty(QUEUE)


def _bell(event: Probed) -> Ring:
    return Ring(TASK, {"item_id": str(event.item_id)}, QUEUE)


@pytest.mark.django_db(transaction=True)
def test_a_fact_outside_a_transaction_is_refused_and_not_stored() -> None:
    with pytest.raises(RuntimeError, match="outside a transaction"):
        publish(probed())

    assert not Event.objects.exists()


def test_a_fact_is_stored_with_its_own_fields_as_payload() -> None:
    event = probed()

    publish(event)

    row = Event.objects.get()
    assert (row.kind, row.firm_id, row.item_id, row.actor_id) == ("item.moved", event.firm_id, event.item_id, None)
    assert row.payload == {"from_state": "in_review", "to_state": "approved"}
    assert row.seq is None  # the sealer's to give


def test_ids_in_a_payload_go_out_in_their_short_form() -> None:
    version_id = uuid.UUID("01890a5d-ac96-774b-bcce-b302099a8057")
    publish(ContentArrived(firm_id=uuid.uuid4(), item_id=uuid.uuid4(), version_id=version_id))

    row = Event.objects.get()

    assert row.payload == {"version_id": str(version_id)}
    assert public_details(row) == {"version_id": "ver_01h455vb4pex5vsknk084sn02q"}


@pytest.mark.django_db(transaction=True)
def test_fact_ring_and_business_rows_commit_together_and_are_told_after_commit() -> None:
    heard: list[tuple[Probed, bool]] = []
    event = probed()

    def hear(told: Probed) -> None:
        heard.append((told, transaction.get_connection().in_atomic_block))

    with listening(hear, bell=_bell), transaction.atomic():
        FirmFactory()
        publish(event)
        assert (heard, rung(QUEUE)) == ([], [])

    assert heard == [(event, False)]
    assert (Firm.objects.count(), Event.objects.count()) == (1, 1)
    row = Outbox.objects.get()
    assert (row.task, row.kwargs, row.queue, row.rings) == (TASK, {"item_id": str(event.item_id)}, QUEUE, 1)
    assert row.rung_at is not None
    assert rung(QUEUE) == [(TASK, {"item_id": str(event.item_id)})]


@pytest.mark.django_db(transaction=True)
def test_after_a_rollback_nothing_is_stored_told_or_rung() -> None:
    heard: list[Probed] = []

    def fail() -> None:
        with transaction.atomic():
            FirmFactory()
            publish(probed())
            raise ZeroDivisionError

    with listening(heard.append, bell=_bell), pytest.raises(ZeroDivisionError):
        fail()

    assert (heard, rung(QUEUE)) == ([], [])
    assert (Firm.objects.count(), Event.objects.count(), Outbox.objects.count()) == (0, 0, 0)


def test_a_listener_that_fails_does_not_silence_the_next(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[Probed] = []
    first, second = probed(), probed()

    def fail(event: Probed) -> None:
        raise ZeroDivisionError

    with (
        listening(fail, heard.append),
        caplog.at_level(logging.ERROR, "jarvish_regen.journal.services"),
        django_capture_on_commit_callbacks(execute=True),
    ):
        publish(first, second)

    assert heard == [first, second]
    assert [record.getMessage() for record in caplog.records] == ["listener failed", "listener failed"]
    assert Event.objects.count() == 2


def test_a_bell_may_have_nothing_to_ring(django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks) -> None:
    with listening(bell=lambda event: None), django_capture_on_commit_callbacks(execute=True):
        publish(probed())

    assert not Outbox.objects.exists()


def test_a_ring_that_is_lost_leaves_the_row_owed_and_the_listeners_told(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    heard: list[Probed] = []

    with listening(heard.append, bell=_bell), broker_away(), django_capture_on_commit_callbacks(execute=True):
        publish(probed())

    row = Outbox.objects.get()
    assert (row.rung_at, row.rings) == (None, 0)
    assert rung(QUEUE) == []
    assert len(heard) == 1


def test_ringing_again_says_whether_the_broker_took_it() -> None:
    ring = Ring(TASK, {"item_id": "x"}, QUEUE)

    with broker_away():
        was_taken = ring_again(ring)

    assert was_taken is False
    assert ring_again(ring) is True
    assert rung(QUEUE) == [(TASK, {"item_id": "x"})]


def test_everybody_who_listens_is_named() -> None:
    with listening(_hear, bell=_bell):
        named = listeners()[Probed]

    assert named == ["tests.journal.test_services._hear", "tests.journal.test_services._bell"]


def _hear(event: Probed) -> None:
    return None


def test_an_audit_entry_says_who_did_what_and_why() -> None:
    firm_id, subject_id, actor_id = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()

    audit(
        firm_id=firm_id,
        subject_kind="item",
        subject_id=subject_id,
        act="approve",
        actor_id=actor_id,
        from_state="in_review",
        to_state="approved",
        reason="क" * 600,
        details={"number": 2},
    )

    entry = AuditEntry.objects.get()
    assert (entry.firm_id, entry.subject_kind, entry.subject_id) == (firm_id, "item", subject_id)
    assert (entry.act, entry.actor_id, entry.from_state, entry.to_state) == (
        "approve",
        actor_id,
        "in_review",
        "approved",
    )
    assert (entry.reason, entry.details) == ("क" * 500, {"number": 2})


def test_what_concerns_no_firm_has_a_chain_of_its_own() -> None:
    assert uuid.UUID(int=0) == NO_FIRM_ID
