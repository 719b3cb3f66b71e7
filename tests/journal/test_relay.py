"""What is owed is rung: after a lost ring, once per row, however many relays there are; and old rows go."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.db.models.functions import Now

from jarvish_regen.journal.cleaning import OUTBOX_KEEP_HOURS, clean
from jarvish_regen.journal.models import IdempotencyKey, Outbox
from jarvish_regen.journal.relay import ring_owed
from tests.journal.broker import broker_away, empty, rung

pytestmark = pytest.mark.django_db

QUEUE: Final = "learn"


@pytest.fixture(autouse=True)
def _empty_queue() -> Iterator[None]:
    empty(QUEUE)
    yield
    empty(QUEUE)


def _owe(count: int, *, age_seconds: float = 60.0) -> list[Outbox]:
    return [
        Outbox.objects.create(
            task="probe", kwargs={"number": str(number)}, queue=QUEUE, created_at=Now() - timedelta(seconds=age_seconds)
        )
        for number in range(count)
    ]


def _numbers() -> list[int]:
    return [int(kwargs["number"]) for _task, kwargs in rung(QUEUE)]


def test_what_is_owed_is_rung_in_order_and_once() -> None:
    _owe(3)

    sent = [ring_owed(), ring_owed()]

    assert sent == [3, 0]
    assert _numbers() == [0, 1, 2]
    assert list(Outbox.objects.filter(rung_at__isnull=False).values_list("rings", flat=True)) == [1, 1, 1]


def test_a_fresh_row_is_left_to_the_process_that_stored_it() -> None:
    _owe(1, age_seconds=0)

    assert ring_owed() == 0
    assert _numbers() == []


def test_a_batch_bounds_one_turn() -> None:
    _owe(5)

    assert [ring_owed(batch=2) for _ in range(4)] == [2, 2, 1, 0]
    assert _numbers() == [0, 1, 2, 3, 4]


def test_rings_lost_while_the_broker_was_away_go_out_when_it_is_back() -> None:
    _owe(2)

    with broker_away():
        lost = ring_owed()

    assert (lost, Outbox.objects.filter(rung_at__isnull=True).count()) == (0, 2)
    assert ring_owed() == 2
    assert _numbers() == [0, 1]


@pytest.mark.django_db(transaction=True)
def test_a_relay_skips_the_rows_another_one_holds() -> None:
    rows = _owe(4)
    holds, may_end = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                list(Outbox.objects.select_for_update().filter(id__in=[rows[0].id, rows[1].id]))
                holds.set()
                may_end.wait(timeout=30)
        finally:
            connection.close()

    other = threading.Thread(target=hold)
    other.start()
    assert holds.wait(timeout=30)

    skipped = (ring_owed(), _numbers())
    may_end.set()
    other.join(timeout=30)
    rest = (ring_owed(), _numbers())

    assert skipped == (2, [2, 3])
    assert rest == (2, [2, 3, 0, 1])


@pytest.mark.django_db(transaction=True)
def test_two_relays_at_once_ring_each_row_once() -> None:
    _owe(40)
    start = threading.Barrier(2)
    sent: list[int] = []

    def relay() -> None:
        try:
            start.wait(timeout=30)
            for _ in range(10):
                sent.append(ring_owed(batch=7))
        finally:
            connection.close()

    relays = [threading.Thread(target=relay) for _ in range(2)]
    for one in relays:
        one.start()
    for one in relays:
        one.join(timeout=60)

    assert sum(sent) == 40
    assert sorted(_numbers()) == list(range(40))
    assert set(Outbox.objects.values_list("rings", flat=True)) == {1}


def test_cleaning_takes_out_old_rung_rows_and_old_keys_and_nothing_else() -> None:
    old = timedelta(hours=max(OUTBOX_KEEP_HOURS, settings.IDEMPOTENCY_KEEP_HOURS), minutes=1)
    young = timedelta(hours=min(OUTBOX_KEEP_HOURS, settings.IDEMPOTENCY_KEEP_HOURS), minutes=-1)
    owed, rung_long_ago, rung_lately = _owe(3, age_seconds=90 * 86_400)
    Outbox.objects.filter(id=rung_long_ago.id).update(rung_at=Now() - old)
    Outbox.objects.filter(id=rung_lately.id).update(rung_at=Now() - young)
    for key, age in (("old", old), ("young", young)):
        IdempotencyKey.objects.create(
            caller="c", method="POST", path="/", key=key, body_sha256="", status=200, body={}, created_at=Now() - age
        )

    gone = clean()

    assert gone == 2
    assert set(Outbox.objects.values_list("id", flat=True)) == {owed.id, rung_lately.id}
    assert list(IdempotencyKey.objects.values_list("key", flat=True)) == ["young"]
