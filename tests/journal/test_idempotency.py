"""The same call twice does its work once."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction

from jarvish_regen.access.models import Firm
from jarvish_regen.errors import ConflictError, InFlightError, InputError, KeyReusedError
from jarvish_regen.journal.idempotency import Reply, once
from jarvish_regen.journal.models import IdempotencyKey
from jarvish_regen.roundtrips import SwapMissedError
from tests.factories import FirmFactory

pytestmark = pytest.mark.django_db


def _work() -> Reply:
    return Reply(202, {"made": str(FirmFactory().id)})


def _once(work: Callable[[], Reply] = _work, **changes: Any) -> Reply:
    call = {
        "caller": "token-1",
        "method": "POST",
        "path": "/api/v1/content",
        "key": "k-1",
        "body": {"text": "नमस्ते", "n": 1},
    }
    return once(**{**call, **changes}, work=work)


def test_a_repeated_call_gets_the_first_reply_and_does_nothing() -> None:
    first = _once()

    again = _once()

    assert (first.status, first.is_replay) == (202, False)
    assert again == Reply(202, first.body, is_replay=True)
    assert Firm.objects.count() == 1


def test_the_same_body_in_another_order_is_the_same_body() -> None:
    first = _once()

    again = _once(body={"n": 1, "text": "नमस्ते"})

    assert (again.is_replay, again.body) == (True, first.body)


@pytest.mark.parametrize("body", [{"text": "नमस्ते", "n": 2}, {"text": "नमस्ते", "n": "1"}, {"text": "नमस्ते"}, None, []])
def test_the_same_key_with_another_body_is_refused(body: Any) -> None:
    _once()

    with pytest.raises(KeyReusedError) as caught:
        _once(body=body)

    assert (caught.value.http_status, caught.value.field, caught.value.given) == (422, "Idempotency-Key", "k-1")
    assert Firm.objects.count() == 1


@pytest.mark.parametrize(
    "change", [{"caller": "token-2"}, {"method": "PUT"}, {"path": "/api/v1/other"}, {"key": "k-2"}]
)
def test_keys_of_another_caller_or_call_never_meet(change: dict[str, str]) -> None:
    first = _once()

    other = _once(**change)

    assert other.is_replay is False
    assert other.body != first.body
    assert (Firm.objects.count(), IdempotencyKey.objects.count()) == (2, 2)


def test_without_a_key_each_call_does_its_work() -> None:
    replies = [_once(key=None), _once(key=None)]

    assert [reply.is_replay for reply in replies] == [False, False]
    assert (Firm.objects.count(), IdempotencyKey.objects.count()) == (2, 0)


@pytest.mark.parametrize("key", ["", "a" * 256, "क", "tab\there", "nul\x00", "line\n"])
def test_a_key_that_is_none_is_refused_before_any_work(key: str) -> None:
    with pytest.raises(InputError) as caught:
        _once(key=key)

    assert (caught.value.field, caught.value.given) == ("Idempotency-Key", key[:60])
    assert not Firm.objects.exists()


@pytest.mark.parametrize("key", ["a", "a" * 255, "with space ~ and sign!"])
def test_any_printable_key_up_to_the_limit_is_taken(key: str) -> None:
    assert [_once(key=key).is_replay, _once(key=key).is_replay] == [False, True]


@pytest.mark.parametrize("key", ["k-1", None])
def test_work_that_fails_leaves_neither_its_rows_nor_its_key(key: str | None) -> None:
    def fail() -> Reply:
        FirmFactory()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        _once(fail, key=key)

    assert (Firm.objects.count(), IdempotencyKey.objects.count()) == (0, 0)
    assert _once(key=key).is_replay is False


@pytest.mark.parametrize("key", ["k-1", None])
def test_work_that_somebody_overtook_is_undone_and_begins_anew(key: str | None) -> None:
    turns = iter([SwapMissedError("first"), SwapMissedError("second"), None])

    def overtaken() -> Reply:
        reply = _work()
        if error := next(turns):
            raise error
        return reply

    reply = _once(overtaken, key=key)

    assert [str(firm.id) for firm in Firm.objects.all()] == [reply.body["made"]]


def test_work_that_is_overtaken_again_and_again_is_a_conflict() -> None:
    def overtaken() -> Reply:
        FirmFactory()
        raise SwapMissedError("always")

    with pytest.raises(ConflictError) as caught:
        _once(overtaken)

    assert (caught.value.code, Firm.objects.count(), IdempotencyKey.objects.count()) == ("moved_on", 0, 0)


def test_of_work_that_was_refused_half_way_nothing_is_kept() -> None:
    def refused() -> Reply:
        try:
            with transaction.atomic(savepoint=False):
                FirmFactory()
                raise InputError("no")
        except InputError:
            return Reply(400, {"refused": True})

    reply = _once(refused)

    assert (reply.status, Firm.objects.count(), IdempotencyKey.objects.count()) == (400, 0, 0)


@pytest.mark.django_db(transaction=True)
def test_a_call_whose_first_is_still_running_is_told_so_and_replayed_afterwards() -> None:
    is_running, may_end = threading.Event(), threading.Event()
    replies: list[Reply] = []

    def slow() -> Reply:
        is_running.set()
        may_end.wait(timeout=30)
        return _work()

    def first() -> None:
        try:
            replies.append(_once(slow))
        finally:
            connection.close()

    thread = threading.Thread(target=first)
    thread.start()
    assert is_running.wait(timeout=30)

    with pytest.raises(InFlightError) as caught:
        _once()
    other = _once(caller="token-2")
    may_end.set()
    thread.join(timeout=30)
    again = _once()

    assert (caught.value.http_status, caught.value.code) == (409, "in_flight")
    assert other.is_replay is False
    assert again == Reply(202, replies[0].body, is_replay=True)
    assert Firm.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_of_many_equal_calls_at_once_one_does_the_work() -> None:
    callers = 5
    start = threading.Barrier(callers)
    outcomes: list[str] = []

    def call() -> None:
        try:
            start.wait(timeout=30)
            outcomes.append("replay" if _once().is_replay else "done")
        except InFlightError:
            outcomes.append("in flight")
        finally:
            connection.close()

    threads = [threading.Thread(target=call) for _ in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert len(outcomes) == callers
    assert outcomes.count("done") == 1
    assert (Firm.objects.count(), IdempotencyKey.objects.count()) == (1, 1)
