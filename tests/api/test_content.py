"""Drafts over the API: in, listed, read, compared."""

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from escalation.services import settle_if_due
from jarvish_regen.content.models import ContentItem, ContentVersion
from tests.factories import (
    FAULTY_TEXT,
    FLAWLESS_TEXT,
    AdvisorProfileFactory,
    draft_item,
    integration_of,
    let_answer_clock_run_out,
    rejected,
)

pytestmark = pytest.mark.django_db
ClientFor = Callable[..., APIClient]


def _draft(**fields: object) -> dict[str, object]:
    return {"text": FAULTY_TEXT, "channel": "whatsapp", "language": "en", **fields}


def test_one_draft_is_stored_and_marked_before_anyone_opens_it(api_for: ClientFor) -> None:
    profile = AdvisorProfileFactory()
    client = api_for(integration_of(profile.firm))

    reply = client.post("/api/v1/content", _draft(external_id="crm-1", advisor_email=profile.user.email))

    assert reply.status_code == 201
    assert (
        reply.data["status"],
        reply.data["external_id"],
        reply.data["has_critical"],
        reply.data["is_admissible"],
    ) == ("created", "crm-1", True, False)
    assert "guaranteed" in " ".join(finding["span"] or "" for finding in reply.data["findings"])
    assert ContentItem.objects.get().short_id == reply.data["id"]


def test_the_same_external_id_is_known_and_stored_once(api_for: ClientFor) -> None:
    client = api_for(AdvisorProfileFactory().user)
    first = client.post("/api/v1/content", _draft(external_id="crm-1"))

    second = client.post("/api/v1/content", _draft(external_id="crm-1"))

    assert (second.status_code, second.data["status"], second.data["id"]) == (200, "known", first.data["id"])
    assert ContentItem.objects.count() == 1


def test_the_same_external_id_with_another_text_is_refused(api_for: ClientFor) -> None:
    client = api_for(AdvisorProfileFactory().user)
    client.post("/api/v1/content", _draft(external_id="crm-1"))

    reply = client.post("/api/v1/content", _draft(external_id="crm-1", text=FLAWLESS_TEXT))

    assert (reply.status_code, reply.data["errors"][0]["code"]) == (409, "external_id_taken")
    assert ContentVersion.objects.count() == 1


def test_a_bad_draft_among_many_never_undoes_a_good_one(api_for: ClientFor) -> None:
    client = api_for(AdvisorProfileFactory().user)
    items = [
        _draft(),
        _draft(channel="fax"),
        {"text": "x"},
        "no object",
        _draft(text=" "),
        _draft(text=FLAWLESS_TEXT, external_id="good"),
    ]

    reply = client.post("/api/v1/content", {"items": items})

    assert reply.status_code == 207
    assert [result["status"] for result in reply.data["items"]] == [
        "created",
        "refused",
        "refused",
        "refused",
        "refused",
        "created",
    ]
    error = reply.data["items"][1]["errors"][0]
    assert (error["field"], error["given"], "whatsapp" in error["allowed"]) == ("channel", "fax", True)
    assert ContentItem.objects.count() == 2


def test_many_drafts_sent_again_under_one_key_are_stored_once(api_for: ClientFor) -> None:
    client = api_for(AdvisorProfileFactory().user)
    body = {"items": [_draft(), _draft(text=FLAWLESS_TEXT)]}
    first = client.post("/api/v1/content", body, headers={"Idempotency-Key": "batch-1"})

    again = client.post("/api/v1/content", body, headers={"Idempotency-Key": "batch-1"})

    assert again.headers["Idempotent-Replayed"] == "true"
    assert [item["id"] for item in again.data["items"]] == [item["id"] for item in first.data["items"]]
    assert ContentItem.objects.count() == 2


def test_501_drafts_are_more_than_are_taken(api_for: ClientFor) -> None:
    reply = api_for(AdvisorProfileFactory().user).post("/api/v1/content", {"items": [_draft()] * 501})

    assert (reply.status_code, reply.data["errors"][0]["given"], reply.data["errors"][0]["allowed"]) == (413, 501, 500)
    assert ContentItem.objects.count() == 0


def test_list_pages_through_every_draft_once(api_for: ClientFor) -> None:
    profile = AdvisorProfileFactory()
    ids = [draft_item(profile, text=f"{FLAWLESS_TEXT} {number}").short_id for number in range(5)]
    client = api_for(profile.user)

    seen, cursor = [], None
    for _page in range(3):
        page = client.get("/api/v1/content", {"limit": 2, **({"cursor": cursor} if cursor else {})}).data
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]

    assert (seen, cursor) == (ids[::-1], None)


def test_list_keeps_to_its_filters_and_to_a_number_of_queries(
    api_for: ClientFor, django_assert_max_num_queries: Callable[..., object]
) -> None:
    profile = AdvisorProfileFactory()
    draft_item(profile)
    sms = draft_item(profile, text=FLAWLESS_TEXT, channel="sms")
    client = api_for(profile.user)
    client.get("/api/v1/content")

    with django_assert_max_num_queries(4):  # type: ignore[attr-defined]
        reply = client.get("/api/v1/content", {"channel": "sms", "state": "in_review"})

    assert [item["id"] for item in reply.data["items"]] == [sms.short_id]


@pytest.mark.parametrize(
    "query", [{"state": "lost"}, {"limit": 0}, {"limit": 101}, {"cursor": "%%%"}, {"cursor": "MjAyNg"}, {"page": 1}]
)
def test_list_refuses_a_query_it_does_not_know(api_for: ClientFor, query: dict[str, object]) -> None:
    reply = api_for(AdvisorProfileFactory().user).get("/api/v1/content", query)

    assert (reply.status_code, reply.data["errors"][0]["field"]) == (400, next(iter(query)))


def test_a_draft_is_read_with_text_findings_and_versions(api_for: ClientFor) -> None:
    item = draft_item()

    reply = api_for(item.advisor.user).get(f"/api/v1/content/{item.short_id}")

    assert reply.status_code == 200
    assert (reply.data["current"]["text"], reply.data["state"], len(reply.data["versions"])) == (
        FAULTY_TEXT,
        "in_review",
        1,
    )
    finding = next(found for found in reply.data["current"]["findings"] if found["severity"] == "critical")
    assert FAULTY_TEXT[finding["start"] : finding["end"]] == finding["span"]


def test_reading_a_draft_settles_an_attempt_whose_time_is_over(api_for: ClientFor) -> None:
    item = draft_item()
    attempt = rejected(item).regeneration
    assert attempt is not None
    let_answer_clock_run_out(attempt.id)

    reply = api_for(item.advisor.user).get(f"/api/v1/content/{item.short_id}")

    assert (reply.data["state"], reply.data["current"]["number"]) == ("in_review", 2)


def test_versions_and_their_difference_are_read(api_for: ClientFor) -> None:
    item = draft_item()
    attempt = rejected(item).regeneration
    assert attempt is not None
    let_answer_clock_run_out(attempt.id)
    assert settle_if_due(regeneration_id=attempt.id)
    client = api_for(item.advisor.user)

    old = client.get(f"/api/v1/content/{item.short_id}/versions/1").data
    new = client.get(f"/api/v1/content/{item.short_id}/versions/2").data
    diff = client.get(f"/api/v1/content/{item.short_id}/diff").data

    assert (old["text"], new["is_admissible"], diff["from"], diff["to"]) == (FAULTY_TEXT, True, 1, 2)
    assert "".join(piece["text"] for piece in diff["diff"] if piece["kind"] != "ins") == old["text"]
    assert "".join(piece["text"] for piece in diff["diff"] if piece["kind"] != "del") == new["text"]
    assert client.get(f"/api/v1/content/{item.short_id}/versions/3").status_code == 404
    assert client.get(f"/api/v1/content/{item.short_id}/diff", {"from": 7, "to": 9}).status_code == 404
