"""Two firms with the same data: nothing of one shows in any answer to the other."""

import json

import pytest

from tests.loop.world import Advisor, World, guaranteed, guaranteed_text

pytestmark = pytest.mark.loop

CANARY = "Kingfisher lane, third house on the left."


@pytest.fixture
def neighbour(world: World) -> Advisor:
    """Return an advisor of another firm that holds the very same drafts."""
    return world.advisor()


def test_another_firms_drafts_do_not_exist(world: World, advisor: Advisor, neighbour: Advisor) -> None:
    mine = advisor.send(guaranteed_text(f" {CANARY}"), external_id="crm-7", topic=CANARY)
    theirs = neighbour.send(guaranteed_text(), external_id="crm-7")
    regeneration_id = advisor.rejected(mine, {**guaranteed(), "note": CANARY})
    advisor.answer(regeneration_id)
    neighbour.answer(neighbour.rejected(theirs))

    asked = [
        neighbour.http.get(f"/api/v1/content/{mine}"),
        neighbour.http.get(f"/api/v1/content/{mine}/rejections?includeRegenerations=true"),
        neighbour.http.get(f"/api/v1/content/{mine}/versions/1"),
        neighbour.http.get(f"/api/v1/content/{mine}/diff"),
        neighbour.http.get(f"/api/v1/regenerations/{regeneration_id}"),
        neighbour.reject(mine),
        neighbour.http.post(f"/api/v1/content/{mine}/approve", json={}),
        neighbour.http.post(f"/api/v1/content/{mine}/ask-person", json={}),
    ]
    bulk = neighbour.http.post("/api/v1/feedback/bulk", json={"items": [{**guaranteed(), "content_id": mine}]})
    open_to_them = [
        neighbour.http.get("/api/v1/content"),
        neighbour.http.get("/api/v1/events?since=0"),
        neighbour.http.get(f"/api/v1/content/{theirs}/rejections?includeRegenerations=true"),
        neighbour.http.get(f"/api/v1/content/{theirs}"),
    ]

    assert [reply.status_code for reply in asked] == [404] * len(asked)
    assert (bulk.status_code, bulk.json()["items"][0]["status"]) == (207, "refused")
    assert bulk.json()["items"][0]["errors"][0]["code"] == "not_found"
    assert [reply.status_code for reply in open_to_them] == [200] * len(open_to_them)
    said = "".join(reply.text for reply in (*asked, bulk, *open_to_them))
    assert CANARY not in json.loads(f'"{json.dumps(said)[1:-1]}"')
    assert mine not in "".join(reply.text for reply in open_to_them)
    assert advisor.read(f"content/{mine}")["current"]["number"] == 2


def test_another_firms_draft_cannot_be_followed(world: World, advisor: Advisor, neighbour: Advisor) -> None:
    mine = advisor.send(guaranteed_text(f" {CANARY}"))
    theirs = neighbour.send()

    with neighbour.following(mine, since=0) as follower:
        assert follower.first["error"]["code"] == "not_found"
        follower.subscribe(f"item.{theirs}", since=0)
        advisor.answer(advisor.rejected(mine))
        neighbour.answer(neighbour.rejected(theirs))
        follower.hear_until("version.ready")

    topics = {hint["topic"] for hint in follower.hints}
    assert topics == {f"item.{theirs}"}
    assert mine not in json.dumps(follower.hints)
