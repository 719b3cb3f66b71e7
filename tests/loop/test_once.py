"""The same thing asked twice, or by two at once, happens once."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import redis
from celery import Celery

from jarvish_regen.ids import from_short
from tests.embedded.waiting import wait_until
from tests.fake_openai import FakeOpenAI
from tests.loop.world import Advisor, World, guaranteed, too_formal

pytestmark = pytest.mark.loop


def test_five_calls_at_once_with_one_key_are_one_rejection(world: World, advisor: Advisor) -> None:
    content_id = advisor.send()

    def call(number: int) -> httpx.Response:
        taken: list[httpx.Response] = []

        def is_taken() -> bool:
            # While the first call runs, its twins are told so and come back.
            taken[:] = [advisor.reject(content_id, key="the-same-key")]
            return taken[0].status_code != 409 or taken[0].json()["errors"][0]["code"] != "in_flight"

        wait_until(is_taken, what="the call is taken")
        return taken[0]

    with ThreadPoolExecutor(5) as pool:
        replies = list(pool.map(call, range(5)))

    assert [reply.status_code for reply in replies] == [202] * 5
    assert all(reply.json() == replies[0].json() for reply in replies)
    assert sorted(reply.headers.get("Idempotent-Replayed", "") for reply in replies) == ["", *["true"] * 4]
    assert advisor.read(f"content/{content_id}/rejections")["count"] == 1


def test_a_key_that_was_used_with_another_body_is_refused(world: World, advisor: Advisor) -> None:
    content_id = advisor.send()
    advisor.reject(content_id, key="mine")

    other = advisor.reject(content_id, {**guaranteed(), "severity": "minor"}, key="mine")

    assert (other.status_code, other.json()["errors"][0]["code"]) == (422, "idempotency_key_reused")
    assert advisor.read(f"content/{content_id}/rejections")["count"] == 1


def test_of_rejections_at_once_one_is_taken_and_the_others_are_told_so(world: World, advisor: Advisor) -> None:
    content_id = advisor.send()

    with ThreadPoolExecutor(5) as pool:
        replies = list(pool.map(lambda number: advisor.reject(content_id), range(5)))

    taken = [reply for reply in replies if reply.status_code == 202]
    refused = [reply.json()["errors"][0]["code"] for reply in replies if reply.status_code == 409]
    # One that comes when the answer is there already is a rejection of the next version, whose words are gone.
    late = [reply for reply in replies if reply.status_code == 400]
    assert len(taken) == 1
    assert len(taken) + len(refused) + len(late) == 5
    assert set(refused) <= {"regenerating", "moved_on"}
    assert advisor.read(f"content/{content_id}/rejections")["count"] == 1


def test_a_message_delivered_many_times_gives_one_version(world: World, advisor: Advisor) -> None:
    content_id = advisor.send()
    regeneration_id = advisor.rejected(content_id)
    arguments = {"regeneration_id": str(from_short("regeneration", regeneration_id))}

    before = unacknowledged(world)
    with Celery(broker=broker_of(world), set_as_current=False) as bell:
        for queue in ("critical", "high", "normal", "low", "solo"):
            bell.send_task("escalation.respond", kwargs=arguments, queue=queue, ignore_result=True)
    world.wait_until_settled_unread(regeneration_id)
    wait_until(lambda: is_drained(world, before), what="every message is taken and acknowledged")

    assert [number for number, _origin, _text in world.versions(content_id)] == [1, 2]
    assert world.attempt(regeneration_id)["claims"] <= 1


def test_a_rejection_while_the_text_is_being_rewritten_is_told_by_what(
    world: World, advisor: Advisor, provider: FakeOpenAI
) -> None:
    content_id = advisor.send()
    provider.switch("hang")
    regeneration_id = advisor.rejected(content_id, {**too_formal(), "issues": [{"code": "missing_key_point"}]})

    again = advisor.reject(content_id)

    if world.attempt(regeneration_id)["state"] in ("queued", "running"):
        (error,) = again.json()["errors"]
        assert (again.status_code, error["code"], error["allowed"]) == (409, "regenerating", regeneration_id)
    assert advisor.read(f"content/{content_id}/rejections")["count"] >= 1


def broker_of(world: World) -> str:
    """Return the broker as Celery names it."""
    return f"redis+socket://{world.broker_url.removeprefix('unix://')}?virtual_host=0"


def unacknowledged(world: World) -> int:
    """Return how many messages somebody has taken and not finished; those of killed workers stay a while."""
    with redis.Redis.from_url(world.broker_url) as valkey:
        return int(valkey.hlen("unacked"))


def is_drained(world: World, unacknowledged_before: int) -> bool:
    """Tell whether no message waits and none is being worked on."""
    with redis.Redis.from_url(world.broker_url) as valkey:
        waiting = sum(int(valkey.llen(queue)) for queue in ("critical", "high", "normal", "low", "solo"))
    return waiting == 0 and unacknowledged(world) <= unacknowledged_before
