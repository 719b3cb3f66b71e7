"""The main job over API, WebSocket and webhook, with everything running."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from standardwebhooks import Webhook

from tests.embedded.waiting import wait_until
from tests.fake_openai import FakeOpenAI
from tests.loop.world import (
    GUARANTEE,
    PLAIN,
    STIFF,
    Advisor,
    World,
    guaranteed,
    guaranteed_text,
    stiff_text,
    too_formal,
)

pytestmark = pytest.mark.loop


class Receiver:
    """A firm's own server: keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[dict[str, str], bytes]] = []
        told = self.told

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # the standard library's name
                body = self.rfile.read(int(self.headers["Content-Length"]))
                told.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=10)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Return a local webhook receiver."""
    made = Receiver()
    yield made
    made.close()


def test_from_a_draft_that_breaks_a_rule_to_an_approved_text_told_by_webhook(
    world: World, advisor: Advisor, receiver: Receiver
) -> None:
    hook = world.inside("make_webhook", firm_id=advisor.firm_id, url=receiver.url, kinds=["version.approved"])

    content_id = advisor.send(guaranteed_text(), external_id="crm-1")
    arrived = advisor.read(f"content/{content_id}")
    with advisor.following(content_id, since=0) as follower:
        receipt = advisor.reject(content_id)
        follower.hear_until("version.ready")
    answer = advisor.answer(receipt.json()["regeneration_id"])

    # marked before anybody opened it
    assert (arrived["current"]["has_critical"], arrived["current"]["is_admissible"]) == (True, False)
    assert receipt.status_code == 202
    assert receipt.json()["queue"] == "critical"
    # a stage that is over at once is not announced
    assert follower.stages() in (["ready"], ["repairing", "ready"])
    # the sentence is gone and no other byte is
    before, _gone, after = guaranteed_text().partition(GUARANTEE)
    new = answer["version"]["text"]
    assert (answer["version"]["number"], answer["version"]["is_admissible"], answer["is_valid"]) == (2, True, True)
    assert new in (before.rstrip(" ") + after, before + after.lstrip(" "))
    assert "".join(piece["text"] for piece in answer["diff"] if piece["kind"] != "ins") == guaranteed_text()
    assert "".join(piece["text"] for piece in answer["diff"] if piece["kind"] != "del") == new
    assert [(one["code"], one["status"]) for one in answer["resolutions"]] == [("guaranteed_returns_claim", "checked")]

    approved = advisor.http.post(f"/api/v1/content/{content_id}/approve", json={"version": 2})
    wait_until(lambda: bool(receiver.told), what="the webhook is delivered")

    assert (approved.status_code, approved.json()["state"], approved.json()["text"]) == (200, "approved", new)
    headers, body = receiver.told[0]
    verified = Webhook(hook["secret"]).verify(body, headers)
    assert verified["type"] == "version.approved"
    assert verified["data"]["content_id"] == content_id
    events = sealed_events(world, advisor)
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    kinds = [event["kind"] for event in events]
    assert [kinds.count(kind) for kind in ("content.arrived", "feedback.captured", "regeneration.finished")] == [1] * 3
    assert [kinds.count(kind) for kind in ("version.ready", "version.approved")] == [1, 1]
    assert kinds[0] == "content.arrived"


def test_only_the_marked_words_are_rewritten_by_a_model_and_every_stage_is_kept(
    world: World, advisor: Advisor, provider: FakeOpenAI
) -> None:
    content_id = advisor.send(stiff_text())

    with advisor.following(content_id) as follower:
        regeneration_id = advisor.rejected(content_id, too_formal())
        follower.hear_until("version.ready")
    answer = advisor.answer(regeneration_id)

    stages = [stage["name"] for stage in answer["ledger"]["stages"]]
    assert stages == ["repairing", "drafting", "checking", "ready"]
    # those that last are announced as they begin, in this order
    assert follower.stages() == [stage for stage in stages if stage in follower.stages()]
    assert follower.stages()[-1] == "ready"
    assert answer["rung"] == "model"
    assert answer["version"]["text"] == stiff_text().replace(STIFF, PLAIN)
    assert answer["ledger"]["calls"]


def test_a_text_may_be_rejected_again_and_each_round_gives_one_version(world: World, advisor: Advisor) -> None:
    content_id = advisor.send(guaranteed_text(f" {STIFF}"))

    first = advisor.answer(advisor.rejected(content_id))
    second = advisor.answer(advisor.rejected(content_id, too_formal()))

    assert [first["version"]["number"], second["version"]["number"]] == [2, 3]
    assert second["version"]["text"] == first["version"]["text"].replace(STIFF, PLAIN)
    timeline = advisor.read(f"content/{content_id}/rejections?includeRegenerations=true")
    assert [one["version"] for one in timeline["rejections"]] == [2, 1]


def test_who_comes_back_is_told_what_was_missed_and_who_polls_reads_the_same(world: World, advisor: Advisor) -> None:
    content_id = advisor.send()
    with advisor.following(content_id, since=0) as early:
        early.hear_until("content.arrived")
    seen = max(hint["seq"] for hint in early.hints if hint["seq"])
    answer = advisor.answer(advisor.rejected(content_id))
    polled = [event for event in sealed_events(world, advisor) if event["seq"] > seen]

    with advisor.following(content_id, since=seen) as late:
        replayed = late.hear_until(polled[-1]["kind"])

    assert [(hint["seq"], hint["kind"]) for hint in replayed if hint["seq"]][: len(polled)] == [
        (event["seq"], event["kind"]) for event in polled
    ]
    assert advisor.read(f"content/{content_id}")["current"]["text"] == answer["version"]["text"]


def test_asking_for_a_person_opens_no_attempt(world: World, advisor: Advisor) -> None:
    content_id = advisor.send()

    response = advisor.reject(content_id, {**guaranteed(), "suggested_action": "escalate"}, wait=2)

    assert (response.status_code, response.json()["regeneration_id"]) == (202, None)
    assert advisor.read(f"content/{content_id}")["state"] == "with_people"


def test_the_demo_command_plays_it_on_the_running_system(world: World) -> None:
    played = world.run_launcher("demo", "--json", "--timeout", "20")

    found: dict[str, Any] = json.loads(played.stdout)
    assert found["is_answered"], played.stderr
    assert found["version"] == 2
    assert [stage["stage"] for stage in found["stages"]][-1] == "ready"
    assert played.returncode == (0 if found["is_in_time"] else 1)
    tokens = world.rows("SELECT count(*) FROM access_token WHERE name = 'demo'")
    assert tokens == [(0,)]


def sealed_events(world: World, advisor: Advisor) -> list[dict[str, Any]]:
    """Return the firm's events once all that happened has its number."""
    wait_until(
        lambda: (
            world.rows("SELECT count(*) FROM journal_event WHERE seq IS NULL AND firm_id = %s", advisor.firm_id)
            == [(0,)]
        ),
        what="events are numbered",
    )
    events: list[dict[str, Any]] = advisor.read("events?since=0&limit=1000")["events"]
    return events
