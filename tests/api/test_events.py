"""What happened since, over the API."""

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from jarvish_regen.journal.models import Chain, Event
from jarvish_regen.journal.sealer import seal
from tests.factories import AdvisorProfileFactory, MembershipFactory, draft_item

pytestmark = pytest.mark.django_db
ClientFor = Callable[..., APIClient]


def test_events_come_in_order_without_gaps_and_go_on_from_seq(api_for: ClientFor) -> None:
    item = draft_item()
    draft_item(item.advisor)
    seal()
    client = api_for(item.advisor.user)

    every = client.get("/api/v1/events").data
    later = client.get("/api/v1/events", {"since": 1}).data

    assert [(event["seq"], event["kind"]) for event in every["events"]] == [
        (1, "content.arrived"),
        (2, "content.arrived"),
    ]
    assert (every["latest_seq"], every["refresh"], [event["seq"] for event in later["events"]]) == (2, False, [2])
    assert every["events"][0]["item_id"] == item.short_id
    assert every["events"][0]["details"] == {"version_id": item.current.short_id if item.current else None}


def test_an_advisor_sees_events_of_their_own_drafts_only(api_for: ClientFor) -> None:
    mine = draft_item()
    colleague = AdvisorProfileFactory(firm=mine.firm)
    draft_item(colleague)
    draft_item()
    seal()

    assert [event["item_id"] for event in api_for(mine.advisor.user).get("/api/v1/events").data["events"]] == [
        mine.short_id
    ]
    assert len(api_for(MembershipFactory(firm=mine.firm).user).get("/api/v1/events").data["events"]) == 2


def test_who_is_too_far_behind_is_told_to_read_anew(api_for: ClientFor) -> None:
    item = draft_item()
    seal()
    Event.objects.bulk_create(
        Event(kind="content.arrived", firm_id=item.firm_id, item_id=item.id, seq=number) for number in range(2, 1103)
    )
    Chain.objects.update(last_event_seq=1102)
    client = api_for(item.advisor.user)

    assert client.get("/api/v1/events", {"since": 101}).data == {"events": [], "latest_seq": 1102, "refresh": True}
    assert len(client.get("/api/v1/events", {"since": 102, "limit": 1000}).data["events"]) == 1000


@pytest.mark.parametrize(
    "query", [{"since": -1}, {"since": "x"}, {"since": 2**70}, {"limit": 0}, {"limit": 1001}, {"from": 1}]
)
def test_a_query_that_makes_no_sense_is_refused(api_for: ClientFor, query: dict[str, object]) -> None:
    reply = api_for(AdvisorProfileFactory().user).get("/api/v1/events", query)

    assert (reply.status_code, reply.data["errors"][0]["field"]) == (400, next(iter(query)))
