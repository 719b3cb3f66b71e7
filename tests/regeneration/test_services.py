"""The attempt as a row: claimed once at a time, finished once, under its fence; the answer through the gate."""

import threading
import uuid
from dataclasses import replace
from typing import Any, Final

import pytest
from django.db import connection, transaction
from django.db.models import F

from jarvish_regen.content import services as content
from jarvish_regen.content.compliance.gate import ReadyText
from jarvish_regen.content.models import ContentItem
from jarvish_regen.content.states import ItemState
from jarvish_regen.errors import ConflictError
from jarvish_regen.journal.models import Event, Outbox
from regeneration import answering, services
from regeneration.claims import Claim, claim, take_over
from regeneration.job import Outcome
from regeneration.models import Candidate, Regeneration
from regeneration.queries import owed_attempts, queue_position
from tests.factories import FAULTY_QUOTE, FAULTY_TEXT, AdvisorProfileFactory, draft_item, rejected

pytestmark = pytest.mark.django_db

LEASE_SECONDS: Final = 3


def _attempt(**said: Any) -> Regeneration:
    """Return an attempt as a rejection opens it."""
    opened = rejected(draft_item(), **said).regeneration
    assert opened is not None
    return opened


def _shift(
    attempt: Regeneration, *, stored: float | None = None, lease: float | None = None, claims: int | None = None
) -> None:
    """Move an attempt's clocks by seconds relative to now, as if time had passed."""
    with connection.cursor() as cursor:
        for column, seconds in (("stored_at", stored), ("lease_until", lease)):
            if seconds is not None:
                moved = f"SET {column} = clock_timestamp() + make_interval(secs => %s)"
                cursor.execute(f"UPDATE regeneration_regeneration {moved} WHERE id = %s", [seconds, attempt.id])
    if claims is not None:
        Regeneration.objects.filter(id=attempt.id).update(claims=claims)


def _claimed(attempt: Regeneration) -> Claim:
    taken = claim(attempt.id)
    assert taken is not None
    return taken


def _stored_outcome(taken: Claim) -> Outcome:
    return answering.outcome_from_store(taken, reason="by the rules")


def _row(attempt: Regeneration) -> Regeneration:
    return Regeneration.objects.get(id=attempt.id)


# --- Opening ----------------------------------------------------------------------------------------------------


def test_candidate_0_is_stored_with_the_rejection_and_is_admissible() -> None:
    attempt = _attempt()

    candidate = Candidate.objects.get(regeneration=attempt)
    assert (candidate.number, candidate.rung, candidate.is_admissible) == (0, "repair", True)
    assert FAULTY_QUOTE not in candidate.text
    assert candidate.text != FAULTY_TEXT
    assert candidate.resolutions[0]["code"] == "guaranteed_returns_claim"


def test_an_open_attempt_owes_a_ring_on_its_queue_in_the_same_transaction() -> None:
    attempt = _attempt(severity="critical")

    row = _row(attempt)
    owed = Outbox.objects.get(task="escalation.respond")
    event = Event.objects.get(kind="regeneration.opened")
    assert (row.state, row.stage, row.attempt, row.urgency, row.fence, row.claims) == (
        "queued",
        "queued",
        1,
        "critical",
        0,
        0,
    )
    assert (owed.kwargs, owed.queue, owed.rung_at) == ({"regeneration_id": str(attempt.id)}, "critical", None)
    assert event.payload == {"regeneration_id": str(attempt.id), "attempt": 1, "queue": "critical"}


def test_the_next_attempt_has_the_next_tactic_and_its_own_candidate_0() -> None:
    attempt = _attempt()
    taken = _claimed(attempt)
    Regeneration.objects.filter(id=attempt.id).update(state="no_answer")

    following = services.open_next_attempt(regeneration=taken.regeneration)

    assert (following.attempt, following.tactic, following.urgency) == (2, "rewrite_marked_sentences", attempt.urgency)
    assert list(following.candidates.values_list("number", "rung")) == [(0, "repair")]
    assert attempt.feedback.regenerations.count() == 2


def test_an_item_that_is_being_rewritten_says_which_attempt_does_it() -> None:
    attempt = _attempt()
    item = ContentItem.objects.get(id=attempt.item_id)

    with pytest.raises(ConflictError) as caught:
        services.require_open_to_rejection(item)

    assert (caught.value.code, caught.value.given, caught.value.allowed) == (
        "regenerating",
        "regenerating",
        attempt.short_id,
    )


# --- Claiming ---------------------------------------------------------------------------------------------------


def test_a_claim_is_counted_before_the_work_and_has_a_lease_and_a_fence() -> None:
    attempt = _attempt()

    taken = _claimed(attempt)

    row = _row(attempt)
    assert (row.state, row.stage, row.claims, row.fence, taken.fence) == ("running", "repairing", 1, 1, 1)
    assert row.claimed_at is not None
    assert row.lease_until is not None
    assert (row.lease_until - row.claimed_at).total_seconds() == pytest.approx(LEASE_SECONDS, abs=0.1)
    assert taken.waited_seconds >= 0


def test_a_claimed_attempt_cannot_be_claimed_again_while_its_lease_lasts() -> None:
    attempt = _attempt()
    _claimed(attempt)

    assert claim(attempt.id) is None
    assert (_row(attempt).claims, _row(attempt).fence) == (1, 1)


def test_a_lease_that_ran_out_lets_another_worker_claim_with_a_higher_fence() -> None:
    attempt = _attempt()
    first = _claimed(attempt)
    _shift(attempt, lease=-0.5)

    second = _claimed(attempt)

    assert (first.fence, second.fence, _row(attempt).claims) == (1, 2, 2)


def test_after_as_many_claims_as_allowed_there_is_none_left() -> None:
    attempt = _attempt()
    fences = []
    for _ in range(3):
        fences.append(_claimed(attempt).fence)
        _shift(attempt, lease=-0.5)

    assert fences == [1, 2, 3]
    assert claim(attempt.id) is None
    assert claim(attempt.id, claims_max=4) is not None


def test_a_settled_or_unknown_attempt_cannot_be_claimed() -> None:
    attempt = _attempt()
    taken = _claimed(attempt)
    services.finish(taken, _stored_outcome(taken))

    assert claim(attempt.id) is None
    assert claim(uuid.uuid4()) is None


def test_a_claim_says_how_long_the_attempt_has_waited_on_the_databases_clock() -> None:
    attempt = _attempt()
    _shift(attempt, stored=-100)

    assert _claimed(attempt).waited_seconds == pytest.approx(100, abs=20)


@pytest.mark.django_db(transaction=True)
def test_of_workers_that_claim_at_once_one_has_it() -> None:
    attempt = _attempt()
    workers = 6
    start = threading.Barrier(workers)
    taken: list[Claim | None] = []

    def work() -> None:
        try:
            start.wait(timeout=30)
            taken.append(claim(attempt.id))
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert len(taken) == workers
    assert [claim.fence for claim in taken if claim] == [1]
    assert (_row(attempt).claims, _row(attempt).fence) == (1, 1)


# --- Finishing --------------------------------------------------------------------------------------------------


def test_the_answer_is_the_items_next_version_word_for_word_as_the_candidate() -> None:
    attempt = _attempt()
    taken = _claimed(attempt)

    finished = services.finish(taken, _stored_outcome(taken))

    assert finished is not None
    assert finished.version is not None
    item = ContentItem.objects.select_related("advisor", "firm", "current").get(id=attempt.item_id)
    row = _row(attempt)
    released = content.ready_text(item)
    assert isinstance(released, ReadyText)
    assert released.text == finished.version.text == attempt.candidates.get(number=0).text
    assert (item.state, item.current, finished.version.number) == ("in_review", finished.version, 2)
    assert (finished.version.origin, finished.version.origin_key) == ("repair", f"{attempt.id}:1")
    assert (row.state, row.stage, row.rung, row.answer, row.reason) == (
        "answered",
        "ready",
        "repair",
        finished.version,
        "by the rules",
    )
    assert (row.lease_until, row.finished_at is not None, row.is_open) == (None, True, False)


def test_the_ledger_and_the_event_say_what_it_took() -> None:
    attempt = _attempt()
    _shift(attempt, stored=-1)
    taken = _claimed(attempt)

    services.finish(taken, _stored_outcome(taken))

    row = _row(attempt)
    event = Event.objects.get(kind="regeneration.finished")
    assert set(row.ledger) == {"waited_ms", "stages", "calls", "prompt_tokens", "completion_tokens", "cost_usd"}
    assert row.ledger["waited_ms"] == round(taken.waited_seconds * 1000) >= 1000
    assert (row.ledger["calls"], row.ledger["prompt_tokens"], row.ledger["cost_usd"]) == ([], 0, 0)
    assert row.answer_ms is not None
    assert row.answer_ms >= row.ledger["waited_ms"]
    assert event.payload == {
        "regeneration_id": str(attempt.id),
        "state": "answered",
        "rung": "repair",
        "answer_ms": row.answer_ms,
    }


def test_what_became_of_each_named_issue_is_kept_with_the_answer() -> None:
    attempt = _attempt()
    taken = _claimed(attempt)

    services.finish(taken, _stored_outcome(taken))

    (resolution,) = _row(attempt).resolutions
    assert (resolution["code"], resolution["quote"]) == ("guaranteed_returns_claim", FAULTY_QUOTE)
    assert resolution["status"] in ("checked", "estimated", "changed")


def test_a_worker_whose_fence_is_old_changes_nothing() -> None:
    attempt = _attempt()
    late = _claimed(attempt)
    outcome = _stored_outcome(late)
    _shift(attempt, lease=-0.5)
    _claimed(attempt)
    before = (_row(attempt), attempt.candidates.count(), Event.objects.count())

    assert services.finish(late, outcome) is None

    after = _row(attempt)
    assert (after.state, after.fence, after.answer) == ("running", 2, None)
    assert (before[1], before[2]) == (attempt.candidates.count(), Event.objects.count())
    item = ContentItem.objects.get(id=attempt.item_id)
    assert (item.state, item.versions.count()) == ("regenerating", 1)


def test_an_attempt_is_finished_once() -> None:
    attempt = _attempt()
    taken = _claimed(attempt)
    outcome = _stored_outcome(taken)
    services.finish(taken, outcome)

    assert services.finish(taken, outcome) is None
    assert ContentItem.objects.get(id=attempt.item_id).versions.count() == 2


@pytest.mark.parametrize(
    "text",
    [FAULTY_TEXT, FAULTY_TEXT + " It doubles your money, guaranteed.", " "],
    ids=["the rejected one", "worse", "blank"],
)
def test_a_winner_that_the_gate_holds_back_is_no_answer_whatever_its_verdict_says(text: str) -> None:
    attempt = _attempt()
    taken = _claimed(attempt)
    outcome = _stored_outcome(taken)
    assert outcome.winner is not None

    finished = services.finish(taken, replace(outcome, winner=replace(outcome.winner, text=text)))

    assert finished is not None
    assert finished.version is None
    row = _row(attempt)
    assert (row.state, row.answer, row.rung, row.is_valid) == ("no_answer", None, "", None)
    item = ContentItem.objects.get(id=attempt.item_id)
    assert (item.state, item.versions.count()) == ("regenerating", 1)


def test_an_outcome_without_a_winner_is_no_answer_with_its_reason() -> None:
    attempt = _attempt()
    taken = _claimed(attempt)
    outcome = replace(_stored_outcome(taken), state="no_answer", winner=None, verdict=None, reason="nothing passed")

    finished = services.finish(taken, outcome)

    assert finished is not None
    assert (finished.version, _row(attempt).state, _row(attempt).reason) == (None, "no_answer", "nothing passed")


def test_every_candidate_but_the_stored_one_is_kept_with_why_it_lost() -> None:
    attempt = _attempt()
    taken = _claimed(attempt)
    outcome = _stored_outcome(taken)
    judged = outcome.candidates[0]
    lost = replace(judged, candidate=replace(judged.candidate, rung="model", text="worse"), why_lost="lower score")

    services.finish(taken, replace(outcome, candidates=(judged, lost)))

    kept = list(attempt.candidates.order_by("number").values_list("number", "rung", "text", "why_lost"))
    assert kept[0][:2] == (0, "repair")
    assert kept[1:] == [(1, "model", "worse", "lower score")]


def test_what_fails_while_finishing_leaves_the_attempt_as_it_was() -> None:
    attempt = _attempt()
    taken = _claimed(attempt)
    outcome = _stored_outcome(taken)
    item = ContentItem.objects.select_related("current").get(id=attempt.item_id)
    content.move(item, ItemState.WITH_PEOPLE, act="escalate", actor_id=None)  # a person took it meanwhile

    with pytest.raises(ConflictError), transaction.atomic():
        services.finish(taken, outcome)

    assert (_row(attempt).state, _row(attempt).answer) == ("running", None)
    assert item.versions.count() == 1


def test_without_a_model_the_repair_by_rules_is_the_answer_and_no_call_is_made() -> None:
    attempt = _attempt()

    outcome = answering.regenerate(_claimed(attempt)).outcome

    assert outcome.state == "answered"
    assert outcome.winner is not None
    assert (outcome.winner.rung, outcome.calls) == ("repair", ())
    assert outcome.winner.text == attempt.candidates.get(number=0).text


# --- Taking over ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stored", "lease", "is_taken"),
    [
        (-0.1, None, False),
        (-2.0, None, True),
        (-2.0, 10, True),
        (-1.5, -10, True),
    ],
    ids=["time left", "unclaimed and late", "worker too late", "worker gone"],
)
def test_an_attempt_is_taken_over_only_after_the_answer_clock(
    stored: float, lease: float | None, is_taken: bool
) -> None:
    attempt = _attempt()
    if lease is not None:
        _claimed(attempt)
    _shift(attempt, stored=stored, lease=lease)
    fence = _row(attempt).fence

    taken = take_over(attempt.id)

    assert (taken is not None) is is_taken
    assert _row(attempt).fence == fence + is_taken


def test_a_living_worker_has_a_quarter_of_a_second_to_write_its_answer() -> None:
    attempt = _attempt()
    _claimed(attempt)
    for _ in range(50):
        _shift(attempt, stored=-1.45, lease=10)
        taken = take_over(attempt.id)
        with connection.cursor() as cursor:
            cursor.execute("SELECT extract(epoch FROM clock_timestamp()) ")
            waited = float(cursor.fetchone()[0]) - _row(attempt).stored_at.timestamp()
        if waited < 1.64:  # else this machine was too slow to look at the moment in question
            break

    assert waited < 1.64
    assert taken is None


def test_the_worker_that_was_taken_over_can_no_longer_finish() -> None:
    attempt = _attempt()
    late = _claimed(attempt)
    outcome = _stored_outcome(late)
    _shift(attempt, stored=-5)

    taken = take_over(attempt.id)

    assert taken is not None
    assert (taken.fence, _row(attempt).claims) == (late.fence + 1, 1)
    assert services.finish(late, outcome) is None
    assert services.finish(taken, _stored_outcome(taken)) is not None
    assert take_over(attempt.id) is None


# --- What is owed -----------------------------------------------------------------------------------------------


def test_open_attempts_without_a_worker_are_sorted_by_what_they_need() -> None:
    profile = AdvisorProfileFactory()
    fresh, forgotten, working, dropped, dropped_twice, poison, settled = (
        rejected(draft_item(profile)).regeneration for _ in range(7)
    )
    for attempt in (forgotten, working, dropped, dropped_twice, poison, settled):
        _shift(attempt, stored=-10)
    _shift(working, lease=10, claims=1)
    _shift(dropped, lease=-1, claims=1)
    _shift(dropped_twice, lease=-1, claims=2)
    _shift(poison, lease=-1, claims=3)
    _shift(settled, lease=-1, claims=1)
    Regeneration.objects.filter(id=settled.id).update(state="answered")

    owed = owed_attempts()

    assert [row.id for row in owed.to_settle] == [forgotten.id]
    assert {row.id for row in owed.to_ring} == {dropped.id, dropped_twice.id}
    assert [row.id for row in owed.to_bury] == [poison.id]
    assert fresh.id not in {row.id for rows in (owed.to_settle, owed.to_ring, owed.to_bury) for row in rows}


def test_the_place_in_the_queue_counts_more_urgent_ones_and_older_ones_as_urgent() -> None:
    profile = AdvisorProfileFactory()
    opened = {}
    for age, (name, severity, source) in enumerate(
        [
            ("low", "minor", "bulk"),
            ("normal", "minor", "api"),
            ("high", "major", "api"),
            ("critical 1", "critical", "api"),
            ("critical 2", "critical", "api"),
            ("critical 3", "critical", "api"),
        ]
    ):
        opened[name] = rejected(draft_item(profile), severity=severity, source=source).regeneration
        _shift(opened[name], stored=-100 + age)

    def places() -> dict[str, int]:
        return {name: queue_position(_row(attempt)) for name, attempt in opened.items()}

    assert places() == {"critical 1": 0, "critical 2": 1, "critical 3": 2, "high": 3, "normal": 4, "low": 5}
    _claimed(opened["critical 1"])
    assert places() == {"critical 1": 0, "critical 2": 0, "critical 3": 1, "high": 2, "normal": 3, "low": 4}


def test_an_attempt_that_found_nothing_is_claimable_once_more_when_it_is_reopened() -> None:
    attempt = _attempt()
    taken = _claimed(attempt)
    services.finish(taken, replace(_stored_outcome(taken), state="no_answer", winner=None, verdict=None))

    assert services.reopen(taken.regeneration) is True

    row = _row(attempt)
    assert (row.state, row.fence, row.claims, row.finished_at) == ("queued", taken.fence + 1, 2, None)
    assert services.finish(taken, _stored_outcome(taken)) is None
    assert claim(attempt.id) is not None
    Regeneration.objects.filter(id=attempt.id).update(lease_until=F("stored_at"))
    assert claim(attempt.id) is None


def test_an_attempt_that_has_its_answer_is_not_reopened() -> None:
    attempt = _attempt()
    taken = _claimed(attempt)
    services.finish(taken, _stored_outcome(taken))

    assert services.reopen(taken.regeneration) is False
    assert _row(attempt).state == "answered"
