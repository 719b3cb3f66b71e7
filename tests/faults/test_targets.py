"""Model endpoints that fail in every way, through the whole system: two vendors, real processes, real servers."""

import json

import pytest

from tests.embedded.waiting import wait_until
from tests.faults.conftest import RETRY_AFTER_SECONDS, Faults
from tests.loop.world import STIFF

pytestmark = pytest.mark.loop

BOTH = {"first", "second"}


def state_of(faults: Faults, target: str) -> str:
    """Return the state of a target's breaker as the process that asks it stored it last."""
    found = faults.world.rows(
        "SELECT state FROM llm_targetstate WHERE target = %s AND calls > 0 ORDER BY updated_at DESC LIMIT 1", target
    )
    return str(found[0][0])


@pytest.mark.parametrize("profile", ["500", "hang"])
def test_with_one_target_out_the_other_answers(faults: Faults, profile: str) -> None:
    faults.provider.switch(profile, target=1)
    before = faults.calls_to(1)

    answers = [faults.answered() for _ in range(6)]
    faults.wait_until_a_model_answers()

    assert {row["state"] for row in answers} == {"answered"}
    assert {row["rung"] for row in answers} <= {"model", "repair"}
    assert "second" not in faults.open_alarms()
    assert state_of(faults, "second") == "closed"
    # Passed over because it is slow or silent, or left alone by its breaker: ten calls find that out.
    assert faults.calls_to(1) - before <= 10


def test_with_all_targets_out_the_ladder_answers_and_soon_nobody_is_asked(faults: Faults) -> None:
    faults.provider.switch("500")

    def is_found_out() -> bool:
        row = faults.answered()
        assert (row["state"], row["rung"]) == ("answered", "repair")
        return faults.open_alarms() == BOTH

    wait_until(is_found_out, what="both targets are left alone")
    answers = [faults.answered() for _ in range(3)]

    assert {(row["state"], row["rung"]) for row in answers} == {("answered", "repair")}
    assert all(row["reason"] for row in answers)
    calls = faults.world.rows(
        "SELECT calls_count FROM regeneration_regeneration WHERE state = 'answered' ORDER BY stored_at DESC LIMIT 3"
    )
    # A probe of a half-open breaker at most, where three calls were allowed before.
    assert sum(count for (count,) in calls) <= len(calls)


def test_a_throttled_target_is_not_asked_before_the_time_it_named(faults: Faults) -> None:
    faults.provider.switch("429")
    before = {target: faults.calls_to(target) for target in (1, 2)}

    def are_throttled() -> bool:
        faults.answered()
        return all(faults.calls_to(target) > count for target, count in before.items())

    wait_until(are_throttled, what="both targets are asked")
    answers = [faults.answered() for _ in range(3)]

    for target, count in before.items():
        first, *later = faults.asked_at(target)[count:]
        assert [at for at in later if at < first + RETRY_AFTER_SECONDS] == []
    assert {(row["state"], row["rung"]) for row in answers} == {("answered", "repair")}


@pytest.mark.parametrize(
    "profile",
    [
        "dead",
        "hang",
        "drip",
        "cut",
        "bad_json",
        *(
            pytest.param(slow, marks=pytest.mark.slow)
            for slow in ("stall", "503", "malformed", "bad_utf8", "html", "huge")
        ),
    ],
)
def test_whatever_both_targets_do_an_admissible_answer_is_shown(faults: Faults, profile: str) -> None:
    faults.provider.switch(profile)

    answers = [faults.answered() for _ in range(2)]

    assert {(row["state"], row["rung"]) for row in answers} == {("answered", "repair")}
    for _advisor, content_id in faults.rejected:
        (_first, answer) = faults.world.versions(content_id)
        assert STIFF not in answer[2]


def test_a_target_that_comes_back_answers_again_and_its_alarm_is_closed(faults: Faults) -> None:
    faults.provider.switch("500")
    wait_until(lambda: bool(faults.answered()) and faults.open_alarms() == BOTH, what="both are left alone")

    faults.provider.switch("instant", target=2)

    wait_until(lambda: faults.open_alarms() == {"first"}, what="the second is asked again")
    faults.wait_until_a_model_answers()


def test_replies_that_break_the_rules_are_never_the_answer(faults: Faults) -> None:
    bad = {"edits": [{"find": STIFF, "replace": "This gives guaranteed returns of 18% a year.", "fixes": []}]}
    faults.provider.respond_with(lambda messages: json.dumps(bad))

    row = faults.answered()

    assert (row["state"], row["rung"]) == ("answered", "repair")
    assert "18%" not in faults.world.versions(faults.rejected[-1][1])[-1][2]
