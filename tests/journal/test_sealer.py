"""Numbers without gaps, links without breaks: whatever commits late, whoever seals at the same time."""

import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, connections, transaction

from escalation.history import verify
from jarvish_regen.content.models import ContentItem
from jarvish_regen.journal import services as journal
from jarvish_regen.journal.models import AuditEntry, Chain, Event
from jarvish_regen.journal.sealer import seal
from tests.factories import draft_item, rejected

FIRM = uuid.UUID(int=7)


def _write(act: str, firm_id: uuid.UUID = FIRM) -> None:
    journal.audit(firm_id=firm_id, subject_kind="test", subject_id=firm_id, act=act, actor_id=None)
    Event.objects.create(kind=f"test.{act}", firm_id=firm_id)


def _numbers(firm_id: uuid.UUID = FIRM) -> tuple[list[int | None], list[int | None]]:
    rows = [
        model.objects.filter(firm_id=firm_id).order_by("seq").values_list("seq", flat=True)
        for model in (Event, AuditEntry)
    ]
    return list(rows[0]), list(rows[1])


@contextmanager
def _without_triggers() -> Iterator[None]:
    """Let a test tamper as somebody could who owns the database."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        yield
        cursor.execute("SET LOCAL session_replication_role = origin")


@pytest.mark.django_db
@pytest.mark.parametrize("is_sealed", [False, True])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal_event SET kind = 'other'",
        "UPDATE journal_event SET created_at = now() - interval '1 day'",
        "DELETE FROM journal_event",
        "UPDATE journal_auditentry SET act = 'other'",
        "UPDATE journal_auditentry SET created_at = now() - interval '1 day'",
        "DELETE FROM journal_auditentry",
    ],
)
def test_the_database_refuses_to_change_or_delete_what_happened(statement: str, is_sealed: bool) -> None:
    _write("first")
    if is_sealed:
        seal()

    with pytest.raises(DatabaseError, match="Cannot"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.django_db
def test_a_number_once_given_is_never_given_anew() -> None:
    _write("first")
    seal()

    with pytest.raises(DatabaseError, match="Cannot"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE journal_auditentry SET seq = 99")

    assert _numbers() == ([1], [1])


@pytest.mark.django_db
def test_each_firm_has_numbers_and_a_chain_of_its_own() -> None:
    other = uuid.UUID(int=8)
    for act in ("one", "two"):
        _write(act)
        _write(act, other)

    seal()

    assert (_numbers(), _numbers(other)) == (([1, 2], [1, 2]), ([1, 2], [1, 2]))
    first, second = AuditEntry.objects.filter(firm_id=FIRM).order_by("seq")
    assert (first.prev_hash, second.prev_hash) == ("0" * 64, first.hash)
    assert Chain.objects.get(firm_id=FIRM).last_hash == second.hash
    assert verify().violations == ()


@pytest.mark.django_db(transaction=True)
def test_what_commits_late_follows_in_the_numbers_and_leaves_no_gap() -> None:
    written, sealed = threading.Event(), threading.Event()

    def late() -> None:
        try:
            with transaction.atomic():
                _write("late")  # its time is earlier than that of what is sealed before it commits
                written.set()
                sealed.wait(timeout=30)
        finally:
            connections.close_all()

    thread = threading.Thread(target=late)
    thread.start()
    assert written.wait(timeout=30)
    _write("early")
    seal()
    before = _numbers()
    sealed.set()
    thread.join(timeout=30)
    seal()

    assert before == ([1], [1])
    assert _numbers() == ([1, 2], [1, 2])
    assert list(AuditEntry.objects.order_by("seq").values_list("act", flat=True)) == ["early", "late"]
    assert verify().violations == ()


@pytest.mark.django_db(transaction=True)
def test_many_writers_and_two_sealers_at_once_leave_one_gapless_chain() -> None:
    writers_done = threading.Event()
    rows_a_writer = 25

    def write() -> None:
        try:
            for number in range(rows_a_writer):
                with transaction.atomic():
                    _write(f"act {number}")
        finally:
            connections.close_all()

    def keep_sealing() -> None:
        try:
            while not writers_done.is_set():
                seal()
        finally:
            connections.close_all()

    writers = [threading.Thread(target=write) for _ in range(3)]
    sealers = [threading.Thread(target=keep_sealing) for _ in range(2)]
    for thread in (*writers, *sealers):
        thread.start()
    for thread in writers:
        thread.join(timeout=120)
    writers_done.set()
    for thread in sealers:
        thread.join(timeout=120)
    seal()

    expected = list(range(1, 3 * rows_a_writer + 1))
    assert _numbers() == (expected, expected)
    assert verify().violations == ()


@pytest.mark.django_db(transaction=True)
def test_a_second_sealer_does_nothing_while_the_first_works() -> None:
    _write("only")
    holding, release = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                seal()
                holding.set()
                release.wait(timeout=30)
        finally:
            connections.close_all()

    thread = threading.Thread(target=hold)
    thread.start()
    assert holding.wait(timeout=30)
    second = seal()
    release.set()
    thread.join(timeout=30)

    assert second == 0
    assert _numbers() == ([1], [1])


TAMPERING = {
    "changed": "UPDATE journal_auditentry SET reason = 'other' WHERE seq = 2",
    "removed": "DELETE FROM journal_auditentry WHERE seq = 2",
    "cut off at the end": "DELETE FROM journal_auditentry WHERE seq = 3",
    "rewired": "UPDATE journal_auditentry SET prev_hash = repeat('a', 64) WHERE seq = 2",
    "moved in time": "UPDATE journal_auditentry SET created_at = created_at - interval '1 day' WHERE seq = 2",
}


@pytest.mark.django_db
@pytest.mark.parametrize("statement", TAMPERING.values(), ids=TAMPERING.keys())
def test_tampering_past_the_triggers_is_found(statement: str) -> None:
    for act in ("one", "two", "three"):
        _write(act)
    seal()
    assert verify().violations == ()

    with _without_triggers(), connection.cursor() as cursor:
        cursor.execute(statement)

    assert {violation.promise for violation in verify().violations} == {"audit chain"}


@pytest.mark.django_db
def test_a_removed_event_is_found() -> None:
    for act in ("one", "two", "three"):
        _write(act)
    seal()

    with _without_triggers(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM journal_event WHERE seq = 2")

    assert {violation.promise for violation in verify().violations} == {"event numbers"}


@pytest.mark.django_db
def test_a_state_that_no_audit_entry_explains_is_found() -> None:
    item = draft_item()

    ContentItem.objects.filter(id=item.id).update(state="with_people")

    found = [violation for violation in verify().violations if violation.subject == item.short_id]
    assert [violation.promise for violation in found] == ["audit explains states"]


@pytest.mark.django_db
def test_a_rejection_and_its_answer_leave_a_record_that_holds() -> None:
    item = draft_item()
    receipt = rejected(item)
    assert receipt.regeneration is not None
    seal()
    assert verify(is_quiet=False).violations == ()


@pytest.mark.django_db
def test_an_attempt_that_nobody_settles_is_found_once_the_system_rests() -> None:
    receipt = rejected(draft_item())
    assert receipt.regeneration is not None
    with connection.cursor() as cursor:
        cursor.execute("UPDATE regeneration_regeneration SET stored_at = stored_at - interval '1 hour'")

    assert [violation.promise for violation in verify().violations] == ["attempts settle"]
    assert verify(is_quiet=False).violations == ()


@pytest.mark.django_db
def test_the_command_prints_json_and_ends_with_what_it_found() -> None:
    item = draft_item()
    out = StringIO()

    call_command("verify_history", "--json", stdout=out)

    assert json.loads(out.getvalue())["holds"] is True
    ContentItem.objects.filter(id=item.id).update(state="with_people")
    with pytest.raises(SystemExit) as caught:
        call_command("verify_history", "--json", stdout=StringIO())
    assert caught.value.code == 1
