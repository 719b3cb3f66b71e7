"""A rejection over the API, and the answer to it."""

from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from escalation.api.views import wait_seconds
from escalation.models import Case
from feedback.models import Feedback
from jarvish_regen.content.models import ContentItem
from jarvish_regen.ids import from_short
from jarvish_regen.journal.models import Event, IdempotencyKey
from regeneration.models import Regeneration
from tests.factories import (
    FAULTY_QUOTE,
    FAULTY_TEXT,
    AdvisorProfileFactory,
    draft_item,
    let_answer_clock_run_out,
    rejected,
)

pytestmark = pytest.mark.django_db
ClientFor = Callable[..., APIClient]
START = FAULTY_TEXT.index(FAULTY_QUOTE)
SAID: dict[str, Any] = {
    "category": "compliance_violation",
    "severity": "critical",
    "issues": [
        {"code": "guaranteed_returns_claim", "start": START, "end": START + len(FAULTY_QUOTE), "quote": FAULTY_QUOTE}
    ],
    "note": "We may not promise returns. Call me on 98765 43210.",
    "version": 1,
    "metadata": {"screen": "inbox"},
}


def _reject(client: APIClient, item: ContentItem, said: Any = SAID, **headers: str) -> Any:
    return client.post(
        f"/api/v1/content/{item.short_id}/reject",
        said,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


def test_a_rejection_is_taken_in_and_says_where_to_follow_it(api_for: ClientFor) -> None:
    item = draft_item()

    reply = _reject(api_for(item.advisor.user), item)

    assert reply.status_code == 202
    attempt = Regeneration.objects.get()
    assert reply.data == {
        "rejection_id": Feedback.objects.get().short_id,
        "case_id": Case.objects.get().short_id,
        "regeneration_id": attempt.short_id,
        "state": "regenerating",
        "queue": "critical",
        "queue_position": 0,
        "channel": f"item.{item.short_id}",
        "websocket": "/ws/live/",
        "answer_due_at": reply.data["answer_due_at"],
        "links": {
            "content": f"/api/v1/content/{item.short_id}",
            "regeneration": f"/api/v1/regenerations/{attempt.short_id}",
            "events": "/api/v1/events",
        },
    }
    assert "98765" not in Feedback.objects.get().note_text
    assert reply.headers["RateLimit-Policy"].startswith('"write"')


def test_category_alone_is_enough(api_for: ClientFor) -> None:
    item = draft_item()

    reply = _reject(api_for(item.advisor.user), item, {"category": "compliance_violation"})

    assert (reply.status_code, reply.data["queue"]) == (202, "high")


def test_once_the_clock_has_run_out_the_stored_repair_is_the_answer(api_for: ClientFor) -> None:
    item = draft_item()
    client = api_for(item.advisor.user)
    first = _reject(client, item, Idempotency_Key="k1")
    let_answer_clock_run_out(from_short("regeneration", first.data["regeneration_id"]))

    reply = _reject(client, item, Idempotency_Key="k1", Prefer="wait=2")

    assert reply.status_code == 200
    assert (reply.headers["Preference-Applied"], reply.headers["Idempotent-Replayed"]) == ("wait=2", "true")
    assert (
        reply.data["state"],
        reply.data["version"]["number"],
        reply.data["version"]["is_admissible"],
        reply.data["rung"],
    ) == ("in_review", 2, True, "repair")
    assert FAULTY_QUOTE not in reply.data["version"]["text"]
    assert [resolution["code"] for resolution in reply.data["resolutions"]] == ["guaranteed_returns_claim"]
    assert "".join(piece["text"] for piece in reply.data["diff"] if piece["kind"] != "ins") == FAULTY_TEXT


def test_the_key_keeps_the_202_whatever_was_waited_for(api_for: ClientFor) -> None:
    item = draft_item()
    client = api_for(item.advisor.user)
    first = _reject(client, item, Idempotency_Key="k1")
    let_answer_clock_run_out(from_short("regeneration", first.data["regeneration_id"]))
    _reject(client, item, Idempotency_Key="k1", Prefer="wait=2")

    again = _reject(client, item, Idempotency_Key="k1")

    assert (again.status_code, again.data) == (202, first.data)
    assert (Feedback.objects.count(), Regeneration.objects.count()) == (1, 1)


def test_the_same_key_with_another_body_is_refused(api_for: ClientFor) -> None:
    item = draft_item()
    client = api_for(item.advisor.user)
    _reject(client, item, Idempotency_Key="k1")

    reply = _reject(client, item, {**SAID, "severity": "minor"}, Idempotency_Key="k1")

    assert (reply.status_code, reply.data["errors"][0]["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize("key", ["", "é", "x" * 256])
def test_an_unusable_key_is_refused_and_nothing_stored(api_for: ClientFor, key: str) -> None:
    item = draft_item()

    reply = _reject(api_for(item.advisor.user), item, Idempotency_Key=key)

    assert (reply.status_code, Feedback.objects.count(), IdempotencyKey.objects.count()) == (400, 0, 0)


def test_a_second_rejection_while_it_is_rewritten_names_the_running_attempt(api_for: ClientFor) -> None:
    item = draft_item()
    client = api_for(item.advisor.user)
    running = _reject(client, item).data["regeneration_id"]

    reply = _reject(client, item)

    error = reply.data["errors"][0]
    assert (reply.status_code, error["code"], error["given"], error["allowed"]) == (
        409,
        "regenerating",
        "regenerating",
        running,
    )
    assert Feedback.objects.count() == 1


def test_an_old_version_is_stale(api_for: ClientFor) -> None:
    item = draft_item()
    attempt = rejected(item).regeneration
    assert attempt is not None
    client = api_for(item.advisor.user)
    let_answer_clock_run_out(attempt.id)
    client.get(f"/api/v1/content/{item.short_id}")

    reply = _reject(client, item)

    error = reply.data["errors"][0]
    assert (reply.status_code, error["code"], error["allowed"]) == (409, "stale_version", 2)
    assert Feedback.objects.count() == 1


def test_escalate_goes_to_a_person_and_has_no_attempt(api_for: ClientFor) -> None:
    item = draft_item()

    reply = _reject(api_for(item.advisor.user), item, {**SAID, "suggested_action": "escalate"}, Prefer="wait=5")

    assert (reply.status_code, reply.data["state"], reply.data["regeneration_id"], reply.data["queue"]) == (
        202,
        "with_people",
        None,
        None,
    )
    assert Case.objects.get().level == 3
    assert Regeneration.objects.count() == 0


def test_asking_for_a_person_hands_the_draft_over(api_for: ClientFor) -> None:
    item = draft_item()

    reply = api_for(item.advisor.user).post(
        f"/api/v1/content/{item.short_id}/ask-person", {"reason": "Is this scheme ours?"}
    )

    assert (reply.status_code, reply.data["state"], reply.data["case_state"], reply.data["level"]) == (
        202,
        "with_people",
        "people",
        3,
    )


def test_an_attempt_is_read_with_its_answer_once_its_clock_has_run_out(api_for: ClientFor) -> None:
    item = draft_item()
    attempt = rejected(item).regeneration
    assert attempt is not None
    client = api_for(item.advisor.user)
    early = client.get(f"/api/v1/regenerations/{attempt.short_id}").data
    let_answer_clock_run_out(attempt.id)

    late = client.get(f"/api/v1/regenerations/{attempt.short_id}").data

    assert (early["state"], early["version"], late["state"], late["stage"]) == ("queued", None, "answered", "ready")
    assert late["version"]["number"] == 2
    assert late["ledger"]["waited_ms"] >= 2000


def test_the_timeline_lists_rejections_and_attempts_when_asked(api_for: ClientFor) -> None:
    item = draft_item()
    attempt = rejected(item, note="first").regeneration
    assert attempt is not None
    client = api_for(item.advisor.user)
    let_answer_clock_run_out(attempt.id)
    client.get(f"/api/v1/content/{item.short_id}")
    client.post(
        f"/api/v1/content/{item.short_id}/reject",
        {"category": "compliance_violation", "note": "second", "suggested_action": "escalate"},
    )

    plain = client.get(f"/api/v1/content/{item.short_id}/rejections").data
    full = client.get(
        f"/api/v1/content/{item.short_id}/rejections", {"limit": 1, "offset": 1, "includeRegenerations": "true"}
    ).data

    assert ([one["note"] for one in plain["rejections"]], plain["count"]) == (["second", "first"], 2)
    assert [one["regenerations"] for one in plain["rejections"]] == [None, None]
    assert (full["rejections"][0]["note"], full["rejections"][0]["regenerations"][0]["version"]["number"]) == (
        "first",
        2,
    )
    assert full["rejections"][0]["issues"][0] == {
        "code": "guaranteed_returns_claim",
        "start": START,
        "end": START + len(FAULTY_QUOTE),
        "quote": FAULTY_QUOTE,
        "note": "",
    }


def test_approving_hands_out_the_released_text_and_closes_the_case(api_for: ClientFor) -> None:
    item = draft_item()
    attempt = rejected(item).regeneration
    assert attempt is not None
    let_answer_clock_run_out(attempt.id)
    client = api_for(item.advisor.user)

    reply = client.post(f"/api/v1/content/{item.short_id}/approve", {"version": 2}, headers={"Idempotency-Key": "a1"})
    again = client.post(f"/api/v1/content/{item.short_id}/approve", {"version": 2}, headers={"Idempotency-Key": "a1"})

    assert (reply.status_code, reply.data["state"], reply.data["version"]["number"]) == (200, "approved", 2)
    assert (reply.data["text"], again.data) == (reply.data["version"]["text"], reply.data)
    assert reply.data["whatsapp_link"].startswith("https://wa.me/?text=Start%20an%20SIP")
    assert Case.objects.get().state == "closed"
    assert Event.objects.filter(kind="version.approved").count() == 1


def test_a_text_that_breaks_a_rule_is_not_approved(api_for: ClientFor) -> None:
    item = draft_item()

    reply = api_for(item.advisor.user).post(f"/api/v1/content/{item.short_id}/approve", {})

    assert (reply.status_code, reply.data["errors"][0]["code"]) == (409, "not_admissible")
    assert ContentItem.objects.get(id=item.id).state == "in_review"


def test_a_bad_rejection_among_many_never_undoes_a_good_one(api_for: ClientFor) -> None:
    profile = AdvisorProfileFactory()
    good, other, strange = draft_item(profile), draft_item(profile), draft_item()
    items = [
        {"content_id": good.short_id, **SAID},
        {"content_id": strange.short_id, **SAID},
        {"content_id": "cnt_nonsense", **SAID},
        {"content_id": good.short_id, **SAID},
        {"content_id": other.short_id, "category": "nonsense"},
        {"content_id": other.short_id, **SAID},
    ]

    reply = api_for(profile.user).post("/api/v1/feedback/bulk", {"items": items})

    assert reply.status_code == 207
    assert [result["status"] for result in reply.data["items"]] == [
        "accepted",
        "refused",
        "refused",
        "refused",
        "refused",
        "accepted",
    ]
    assert [result["errors"][0]["code"] for result in reply.data["items"] if result["errors"]] == [
        "not_found",
        "invalid_id",
        "regenerating",
        "invalid_choice",
    ]
    assert list(Regeneration.objects.values_list("urgency", flat=True)) == ["low", "low"]
    assert set(Feedback.objects.values_list("source", flat=True)) == {"bulk"}


def test_many_rejections_under_one_key_are_stored_once(api_for: ClientFor) -> None:
    item = draft_item()
    client = api_for(item.advisor.user)
    body = {"items": [{"content_id": item.short_id, **SAID}, {"content_id": "cnt_nonsense", **SAID}]}
    first = client.post("/api/v1/feedback/bulk", body, headers={"Idempotency-Key": "b"})

    again = client.post("/api/v1/feedback/bulk", body, headers={"Idempotency-Key": "b"})
    other = client.post("/api/v1/feedback/bulk", {"items": body["items"][:1]}, headers={"Idempotency-Key": "b"})

    assert (again.data, again.headers["Idempotent-Replayed"], other.status_code) == (first.data, "true", 422)
    assert Feedback.objects.count() == 1


def test_501_rejections_are_more_than_are_taken(api_for: ClientFor) -> None:
    item = draft_item()

    reply = api_for(item.advisor.user).post(
        "/api/v1/feedback/bulk", {"items": [{"content_id": item.short_id, **SAID}] * 501}
    )

    assert (reply.status_code, reply.data["errors"][0]["allowed"], Feedback.objects.count()) == (413, 500, 0)


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        ("wait=2", 2),
        ("respond-async, wait=3", 3),
        ('Wait="4"; x=1', 4),
        ("wait=99", 10),
        ("wait=0.5", 0.5),
        ("wait=-1", 0),
        ("wait=soon", 0),
        ("await=3", 0),
        ("", 0),
        (None, 0),
    ],
)
def test_a_preference_to_wait_is_read_leniently(prefer: str | None, seconds: float) -> None:
    assert wait_seconds(prefer) == seconds
