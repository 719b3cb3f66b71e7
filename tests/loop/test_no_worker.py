"""No worker at all: the candidate stored with the rejection is the answer."""

import pytest

from tests.loop.world import GUARANTEE, Advisor, World

pytestmark = pytest.mark.loop

ANSWER_CLOCK_MS = 1_400


@pytest.fixture
def advisor(idle_world: World) -> Advisor:
    """Return an advisor of a new firm in the system without workers."""
    return idle_world.advisor()


def test_who_waits_gets_the_stored_candidate_when_the_answer_clock_has_run_out(
    idle_world: World, advisor: Advisor
) -> None:
    content_id = advisor.send()

    response = advisor.reject(content_id, wait=10)

    found = response.json()
    assert response.status_code == 200, response.text
    assert (found["rung"], found["version"]["number"], found["version"]["is_admissible"]) == ("repair", 2, True)
    assert found["answer_ms"] >= ANSWER_CLOCK_MS
    assert GUARANTEE not in found["version"]["text"]
    assert idle_world.attempt(found["regeneration_id"])["claims"] == 0


def test_who_polls_gets_it_too_and_nobody_before_the_clock(idle_world: World, advisor: Advisor) -> None:
    content_id = advisor.send()

    answer = advisor.answer(advisor.rejected(content_id))

    assert (answer["state"], answer["rung"], answer["version"]["number"]) == ("answered", "repair", 2)
    assert answer["answer_ms"] >= ANSWER_CLOCK_MS
    assert advisor.read(f"content/{content_id}")["state"] == "in_review"


def test_who_follows_hears_of_the_answer_that_the_relay_stored(idle_world: World, advisor: Advisor) -> None:
    content_id = advisor.send()
    regeneration_id = advisor.rejected(content_id)
    with advisor.following(content_id, since=0) as follower:
        idle_world.wait_until_settled_unread(regeneration_id)
        hints = follower.hear_until("version.ready")

    assert [hint["kind"] for hint in hints].count("version.ready") == 1
    assert len(idle_world.versions(content_id)) == 2


def test_read_by_nobody_the_relay_settles_it(idle_world: World, advisor: Advisor) -> None:
    content_id = advisor.send()

    settled = idle_world.wait_until_settled_unread(advisor.rejected(content_id))

    assert (settled["state"], settled["rung"], settled["claims"]) == ("answered", "repair", 0)
    assert [number for number, _origin, _text in idle_world.versions(content_id)] == [1, 2]
