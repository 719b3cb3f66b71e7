"""Processes that die at the worst moment: nothing is lost, nothing happens twice, everything settles."""

import signal

import httpx
import pytest

from jarvish_regen.ids import from_short
from tests.embedded.waiting import wait_until
from tests.fake_openai import FakeOpenAI
from tests.loop.world import STIFF, Advisor, World, stiff_text, too_formal

pytestmark = pytest.mark.loop


def numbers(world: World, content_id: str) -> list[int]:
    """Return the numbers of a draft's versions."""
    return [number for number, _origin, _text in world.versions(content_id)]


def asked_in_mid_flight(world: World, advisor: Advisor, provider: FakeOpenAI) -> tuple[str, str]:
    """Reject a draft whose answer now hangs at the provider; return content and attempt."""
    content_id = advisor.send(stiff_text())
    provider.switch("hang")
    asked = len(provider.log)
    regeneration_id = advisor.rejected(content_id, too_formal())
    wait_until(lambda: len(provider.log) > asked, what="the model is asked")
    return content_id, regeneration_id


def test_workers_killed_in_mid_answer_cost_the_reader_nothing(
    world: World, advisor: Advisor, provider: FakeOpenAI
) -> None:
    content_id, regeneration_id = asked_in_mid_flight(world, advisor, provider)
    ready_before = world.log_of("answers").count(" ready.")

    pid = world.kill("answers", signal.SIGKILL)
    answer = advisor.answer(regeneration_id)
    provider.switch("instant")
    world.wait_until_replaced("answers", pid)
    world.wait_until_worker_ready("answers", times=ready_before + 1)

    assert (answer["state"], answer["rung"]) == ("answered", "repair")
    assert STIFF not in answer["version"]["text"]
    assert numbers(world, content_id) == [1, 2]
    assert advisor.read(f"content/{content_id}")["state"] == "in_review"


def test_a_worker_that_sleeps_through_its_lease_writes_nothing(
    world: World, advisor: Advisor, provider: FakeOpenAI
) -> None:
    content_id, regeneration_id = asked_in_mid_flight(world, advisor, provider)

    world.kill("answers", signal.SIGSTOP)
    try:
        answer = advisor.answer(regeneration_id)
    finally:
        world.kill("answers", signal.SIGCONT)
    wait_until(lambda: "late answer thrown away" in world.log_of("answers"), what="the sleeper's answer is thrown away")

    assert (answer["rung"], world.attempt(regeneration_id)["fence"]) == ("repair", 2)
    assert numbers(world, content_id) == [1, 2]


def test_pages_killed_between_commit_and_ring_lose_nothing(world: World, advisor: Advisor) -> None:
    content_id = advisor.send()
    world.arm("after-commit-before-ring")
    pid = world.pid("web")

    with pytest.raises(httpx.TransportError):
        advisor.reject(content_id, key="once")
    world.wait_until_replaced("web", pid)
    wait_until(world.is_live, what="the pages answer again")

    assert not world.is_armed("after-commit-before-ring")
    again = advisor.reject(content_id, key="once")
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (202, "true")
    regeneration_id = again.json()["regeneration_id"]
    assert world.wait_until_settled_unread(regeneration_id)["state"] == "answered"
    rings = world.rows(
        "SELECT rings FROM journal_outbox WHERE kwargs->>'regeneration_id' = %s AND rung_at IS NOT NULL",
        str(from_short("regeneration", regeneration_id)),
    )
    assert rings == [(1,)]
    assert numbers(world, content_id) == [1, 2]


def test_without_a_broker_rejections_are_taken_and_when_it_is_back_they_are_answered(
    world: World, advisor: Advisor
) -> None:
    drafts = [advisor.send() for _ in range(3)]
    pid = world.kill("valkey", signal.SIGKILL)

    replies = [advisor.reject(content_id) for content_id in drafts]
    page = httpx.get(f"{world.address}/accounts/login/", trust_env=False, timeout=30)
    item = advisor.http.get(f"/api/v1/content/{drafts[0]}")

    assert [reply.status_code for reply in replies] == [202] * 3
    assert (page.status_code, item.status_code) == (200, 200)
    world.wait_until_replaced("valkey", pid)
    wait_until(world.is_valkey_ready, what="the broker answers again")
    for reply in replies:
        assert world.wait_until_settled_unread(reply.json()["regeneration_id"])["state"] == "answered"
    assert [numbers(world, content_id) for content_id in drafts] == [[1, 2]] * 3
    wait_until(lambda: is_worked_on(world, advisor), what="workers take work again")


def is_worked_on(world: World, advisor: Advisor) -> bool:
    """Tell whether a new rejection is answered by a worker, not by the relay in its stead."""
    settled = world.wait_until_settled_unread(advisor.rejected(advisor.send()))
    return bool(settled["claims"])


def test_work_that_kills_every_worker_is_set_aside_and_its_draft_is_settled(world: World, advisor: Advisor) -> None:
    content_id = advisor.send()
    pids = {name: world.pid(name) for name in ("answers", "solo")}
    world.arm("after-claim", deaths=3)

    regeneration_id = advisor.rejected(content_id)
    settled = world.wait_until_settled_unread(regeneration_id)

    assert not world.is_armed("after-claim")
    assert (settled["state"], settled["rung"], settled["claims"]) == ("answered", "repair", 3)
    assert numbers(world, content_id) == [1, 2]
    # The first two died among their neighbours, the last one alone.
    assert all(world.pid(name) != pid for name, pid in pids.items())
    letters = world.rows(
        "SELECT id::text, state, claims FROM journal_deadletter WHERE subject_id = %s",
        from_short("regeneration", regeneration_id),
    )
    assert [(state, claims) for _id, state, claims in letters] == [("waiting", 3)]
    gone = world.inside("discard", dead_letter_id=letters[0][0], reason="The draft has its answer.")
    assert gone["state"] == "discarded"
    wait_until(lambda: is_worked_on(world, advisor), what="workers take work again")
