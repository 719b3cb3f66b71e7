"""Who is answered first: four levels, first come first served within each, and nobody left out.

Pages and workers run without the relay: it would answer by itself what waits here on purpose.
"""

import contextlib
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import redis
from django.conf import LazySettings
from rest_framework.test import APIClient

from escalation.services import take_next_step
from jarvish_regen.embedded.paths import ROOT, StateDir
from jarvish_regen.embedded.programs import all_programs, child_environment
from jarvish_regen.embedded.system import running_system, throwaway_state_dir
from jarvish_regen.ids import from_short
from regeneration.models import Urgency
from tests.embedded.waiting import wait_until
from tests.factories import FAULTY_TEXT, AdvisorProfileFactory, draft_item, token_for
from tests.loop.world import Advisor, World, draft, guaranteed

pytestmark = pytest.mark.loop

LEVELS: Final = tuple(Urgency.values)
WORKERS: Final = ("answers", "reserve-critical", "reserve-low")
SEVERITY_OF: Final = {"critical": "critical", "high": "major", "normal": "minor"}
_ENVIRONMENT: Final = {
    "JARVISH_TEST": "1",
    "JARVISH_MODEL_URL": "",
    **{f"JARVISH_RATE_LIMIT_{kind}": "100000/minute" for kind in ("READ", "WRITE", "BULK")},
}


@pytest.fixture(scope="module")
def answering() -> Iterator[World]:
    """Run the pages and every worker that answers."""
    with (
        throwaway_state_dir("queues") as state_dir,
        running_system(state_dir, processes=("web", *WORKERS), with_demo=False, environment=_ENVIRONMENT) as system,
    ):
        world = World(system, state_dir)
        yield world
        world.close()


@contextlib.contextmanager
def paused(world: World, *names: str) -> Iterator[None]:
    """Hold workers with all their slots for the duration."""
    for name in names:
        world.kill(name, signal.SIGSTOP)
    try:
        yield
    finally:
        for name in names:
            world.kill(name, signal.SIGCONT)


def is_nobody_asking(world: World) -> bool:
    """Tell whether no worker waits at the broker for the next ring."""
    with redis.Redis.from_url(world.broker_url) as client:
        return int(client.info("clients")["blocked_clients"]) == 0


@contextlib.contextmanager
def one_slot(world: World, log_file: Path) -> Iterator[None]:
    """Run the product's own answering worker with one slot instead of many."""
    state = StateDir(world.system.state_dir)
    answers = next(one for one in all_programs(state, port=0) if one.name == "answers")
    argv = list(answers.argv)
    argv[argv.index("-c") + 1] = "1"
    servers = {**world.system.run().environment, "JARVISH_EMBEDDED": "1"}
    with log_file.open("wb") as log:
        worker = subprocess.Popen(
            [sys.executable, *argv],
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**child_environment(state, servers=servers), **_ENVIRONMENT},
            cwd=ROOT,
        )
    try:
        yield
    finally:
        worker.terminate()
        worker.wait(timeout=60)


def drafts_of(advisor: Advisor, count: int) -> list[str]:
    """Send so many drafts in and return their ids."""
    reply = advisor.http.post("/api/v1/content", json={"items": [draft() for _ in range(count)]})
    assert reply.status_code == 207, reply.text
    return [str(one["id"]) for one in reply.json()["items"]]


def ring(advisor: Advisor, content_id: str, level: str) -> dict[str, Any]:
    """Reject a draft so that its attempt waits at this level; returns the receipt."""
    if level == "low":
        items = [{**guaranteed(), "content_id": content_id}]
        bulk = advisor.http.post("/api/v1/feedback/bulk", json={"items": items})
        receipt: dict[str, Any] = bulk.json()["items"][0]
        assert receipt["status"] == "accepted", receipt
        return receipt
    reply = advisor.reject(content_id, {**guaranteed(), "severity": SEVERITY_OF[level]})
    assert reply.status_code == 202, reply.text
    receipt = reply.json()
    assert receipt["queue"] == level
    return receipt


def rows_of(world: World, advisor: Advisor) -> list[tuple[Any, ...]]:
    """Return id, level, state, claims, stored_at and claimed_at of this firm's attempts, unread by any door."""
    return world.rows(
        "SELECT r.id, r.urgency, r.state, r.claims, r.stored_at, r.claimed_at FROM regeneration_regeneration r"
        " JOIN content_contentitem i ON i.id = r.item_id WHERE i.firm_id = %s",
        advisor.firm_id,
    )


def has_begun(world: World, advisor: Advisor) -> bool:
    """Tell whether an attempt of the firm was claimed."""
    return any(row[5] is not None for row in rows_of(world, advisor))


def is_all_answered(world: World, advisor: Advisor) -> bool:
    """Tell whether every attempt of the firm has its answer."""
    return all(state == "answered" for _id, _level, state, *_more in rows_of(world, advisor))


def test_a_single_slot_answers_by_level_and_first_come_first_served_within_one(
    answering: World, tmp_path: Path
) -> None:
    advisor = answering.advisor()
    levels = [level for level in LEVELS for _ in range(10)]
    random.Random(20).shuffle(levels)
    waiting: Counter[str] = Counter()

    with paused(answering, *WORKERS):
        # A worker that is asking when it is held would still be handed the next ring.
        wait_until(lambda: is_nobody_asking(answering), what="the broker has given up on the held workers")
        for content_id, level in zip(drafts_of(advisor, len(levels)), levels, strict=True):
            receipt = ring(advisor, content_id, level)
            ahead = sum(waiting[other] for other in LEVELS[: LEVELS.index(level) + 1])
            assert receipt.get("queue_position", ahead) == ahead
            waiting[level] += 1
        assert {state for _id, _level, state, *_more in rows_of(answering, advisor)} == {"queued"}
        with one_slot(answering, tmp_path / "one_slot.log"):
            # It imports the product first, which takes long on a busy machine.
            wait_until(lambda: has_begun(answering, advisor), what="the single slot takes work")
            wait_until(lambda: is_all_answered(answering, advisor), what="all forty are answered")

    rows = rows_of(answering, advisor)
    claimed = sorted(rows, key=lambda row: row[5])
    assert [row[1] for row in claimed] == sorted(levels, key=LEVELS.index)
    for level in LEVELS:
        of_level = [row for row in claimed if row[1] == level]
        assert of_level == sorted(of_level, key=lambda row: row[4])
    assert {row[3] for row in rows} == {1}


def test_a_flood_of_high_leaves_a_slot_for_critical_and_one_for_low(answering: World) -> None:
    advisor = answering.advisor()
    content_ids = drafts_of(advisor, 26)

    def claimed(level: str) -> int:
        return sum(row[1] == level and row[5] is not None for row in rows_of(answering, advisor))

    with paused(answering, "answers"):
        for content_id in content_ids[:24]:
            ring(advisor, content_id, "high")
        ring(advisor, content_ids[24], "critical")
        ring(advisor, content_ids[25], "low")
        wait_until(lambda: claimed("critical") == claimed("low") == 1, what="critical and low are claimed")
        of_the_flood = claimed("high")
    wait_until(lambda: is_all_answered(answering, advisor), what="the flood is answered as well")

    assert of_the_flood == 0
    assert {row[3] for row in rows_of(answering, advisor)} == {1}


@pytest.mark.django_db(transaction=True)
def test_the_place_in_the_queue_comes_down_as_others_are_taken(settings: LazySettings) -> None:
    settings.REGENERATION_DEADLINE_SECONDS = 3_600.0  # a look past the answer clock would settle what waits
    profile = AdvisorProfileFactory()
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {token_for(profile.user)}")
    levels = ["normal", "high", "critical", "high", "normal", "critical"]
    waiting = []
    for level in levels:
        said = {"category": "compliance_violation", "severity": SEVERITY_OF[level]}
        reply = client.post(f"/api/v1/content/{draft_item(profile, text=FAULTY_TEXT).short_id}/reject", said)
        waiting.append(reply.json()["regeneration_id"])
    # By level, and in the order they came: the sort is stable.
    order = [waiting[number] for number in sorted(range(len(levels)), key=lambda number: LEVELS.index(levels[number]))]

    def places() -> list[int | None]:
        return [client.get(f"/api/v1/regenerations/{one}").json()["queue_position"] for one in order]

    seen = [places()]
    for one in order:
        take_next_step(regeneration_id=from_short("regeneration", one))
        seen.append(places())

    assert seen == [[None] * taken + list(range(len(order) - taken)) for taken in range(len(order) + 1)]
