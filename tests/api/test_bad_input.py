"""Whatever comes in: a clear 4xx in the one shape, nothing stored, never a 500."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from rest_framework.test import APIClient

from feedback.models import Feedback
from jarvish_regen.content.models import ContentItem
from jarvish_regen.ids import new_id, to_short
from jarvish_regen.journal.models import AuditEntry, Event, IdempotencyKey, Outbox
from tests.factories import FAULTY_TEXT, AdvisorProfileFactory, draft_item

pytestmark = pytest.mark.django_db
ClientFor = Callable[..., APIClient]

DRAFT: dict[str, Any] = {"text": FAULTY_TEXT, "channel": "whatsapp", "language": "en"}
SAID: dict[str, Any] = {"category": "compliance_violation"}
SPANNED = {"code": "guaranteed_returns_claim", "start": 0, "end": 5}


def _error(reply: Any) -> dict[str, Any]:
    body = json.loads(reply.content)
    assert set(body) == {"type", "errors"}
    assert all(set(error) == {"code", "detail", "field", "given", "allowed"} for error in body["errors"])
    first: dict[str, Any] = body["errors"][0]
    return first


def _rows() -> list[int]:
    return [model.objects.count() for model in (ContentItem, Feedback, Event, AuditEntry, Outbox, IdempotencyKey)]


RAW_BODIES = {
    "empty": b"",
    "broken": b'{"text": ',
    "not UTF-8": b'{"text": "\xff\xfe"}',
    "NaN": b'{"text": NaN, "channel": "whatsapp", "language": "en"}',
    "infinity": b'{"metadata": {"a": 1e999}, "category": "compliance_violation"}',
    "key twice": b'{"text": "a", "text": "b"}',
    "deep": b'{"metadata":' * 40_000 + b"1" + b"}" * 40_000,
    "deep list": b"[" * 100_000 + b"]" * 100_000,
    "NUL": b'{"text": "a\\u0000b", "channel": "whatsapp", "language": "en", "category": "compliance_violation"}',
    "NUL in a key": b'{"a\\u0000b": 1}',
    "half a surrogate pair": b'{"text": "a\\ud83d", "channel": "whatsapp", "language": "en"}',
    "list": b"[]",
    "number": b"17",
    "null": b"null",
    "string": b'"text"',
    "huge number": b'{"version": ' + b"9" * 5_000 + b"}",
    "items is no list": b'{"items": {"text": "a"}}',
    "no items": b'{"items": []}',
    "beside items": b'{"items": [1], "text": "a"}',
}


@pytest.mark.parametrize("name", RAW_BODIES)
def test_a_body_that_cannot_be_used_is_refused_everywhere(api_for: ClientFor, name: str) -> None:
    item = draft_item()
    client = api_for(item.advisor.user)
    before = _rows()

    for path in ("content", f"content/{item.short_id}/reject", "feedback/bulk"):
        reply = client.post(
            f"/api/v1/{path}", RAW_BODIES[name], content_type="application/json", headers={"Idempotency-Key": "k"}
        )

        assert (path, reply.status_code) == (path, 400)
        assert _error(reply)["detail"]
    assert _rows() == before


def test_ten_megabytes_are_too_large(api_for: ClientFor) -> None:
    client = api_for(AdvisorProfileFactory().user)
    before = _rows()

    reply = client.post("/api/v1/content", b'{"text": "' + b"a" * 10_000_000 + b'"}', content_type="application/json")

    error = _error(reply)
    assert (reply.status_code, error["code"], error["allowed"]) == (413, "too_large", settings.REQUEST_BODY_MAX_BYTES)
    assert _rows() == before


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml"],
)
def test_only_json_is_read(api_for: ClientFor, content_type: str) -> None:
    reply = api_for(AdvisorProfileFactory().user).post("/api/v1/content", b"text=a", content_type=content_type)

    assert (reply.status_code, _error(reply)["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"text": ""}, "text", "blank"),
        ({"text": " \n "}, "text", "blank"),
        ({"text": "अ" * 20_001}, "text", "max_length"),
        ({"text": 5}, "text", None),
        ({"text": None}, "text", "null"),
        ({"text": ["a"]}, "text", "invalid"),
        ({"channel": "fax"}, "channel", "invalid_choice"),
        ({"channel": ["whatsapp"]}, "channel", "invalid_choice"),
        ({"language": "EN"}, "language", "invalid_choice"),
        ({"colour": "red"}, "colour", "unknown_field"),
        ({"external_id": "x" * 101}, "external_id", "max_length"),
        ({"approved_facts": "one"}, "approved_facts", "not_a_list"),
        ({"slot_at": "tomorrow"}, "slot_at", "invalid"),
        ({"advisor_email": "somebody@else.example"}, "advisor_email", "invalid"),
    ],
)
def test_a_draft_names_the_field_that_is_wrong(
    api_for: ClientFor, changes: dict[str, Any], field: str, code: str | None
) -> None:
    client = api_for(AdvisorProfileFactory().user)
    before = _rows()

    reply = client.post("/api/v1/content", {**DRAFT, **changes})

    if code is None:  # a number is read as its text, as forms send it
        assert reply.status_code == 201
        return
    error = _error(reply)
    assert (reply.status_code, error["field"], error["code"]) == (400, field, code)
    assert _rows() == before


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"category": "nonsense"}, "category", "invalid_choice"),
        ({"category": None}, "category", "null"),
        ({"severity": "huge"}, "severity", "invalid_choice"),
        ({"suggested_action": "delete"}, "suggested_action", "invalid_choice"),
        ({"issues": [{"code": "nonsense"}]}, "issues.0.code", "invalid_choice"),
        ({"issues": [{**SPANNED, "end": 20_000}]}, "issues.0.start", "bad_span"),
        ({"issues": [{**SPANNED, "start": 5, "end": 5}]}, "issues.0.start", "bad_span"),
        ({"issues": [{**SPANNED, "start": 9}]}, "issues.0.start", "bad_span"),
        ({"issues": [{**SPANNED, "start": -1}]}, "issues.0.start", "min_value"),
        ({"issues": [{**SPANNED, "end": 10**30}]}, "issues.0.end", "max_value"),
        ({"issues": [{"code": "guaranteed_returns_claim", "start": 3}]}, "issues.0.start", "bad_span"),
        ({"issues": [{**SPANNED, "quote": "words of another text"}]}, "issues.0.quote", "quote_mismatch"),
        (
            {"issues": [{"code": "guaranteed_returns_claim", "quote": "not in the text"}]},
            "issues.0.quote",
            "quote_not_found",
        ),
        ({"issues": [{**SPANNED, "colour": 1}]}, "issues.0.colour", "unknown_field"),
        ({"issues": [SPANNED] * 51}, "issues.non_field_errors", "max_length"),
        ({"note": "x" * 5_001}, "note", "max_length"),
        ({"note": "a", "note_html": "<p>a</p>"}, "note_html", "one_of"),
        ({"version": 7}, "version", "unknown_version"),
        ({"version": 0}, "version", "min_value"),
        ({"version": 10**12}, "version", "max_value"),
        ({"metadata": []}, "metadata", "invalid"),
        ({"metadata": {str(number): 1 for number in range(21)}}, "metadata", "max_length"),
        ({"metadata": {"a": "x" * 5_000}}, "metadata", "max_length"),
        ({"colour": "red"}, "colour", "unknown_field"),
    ],
)
def test_a_rejection_names_the_field_that_is_wrong(
    api_for: ClientFor, changes: dict[str, Any], field: str, code: str
) -> None:
    item = draft_item()
    client = api_for(item.advisor.user)
    before = _rows()

    reply = client.post(f"/api/v1/content/{item.short_id}/reject", {**SAID, **changes})

    error = _error(reply)
    assert (reply.status_code, error["field"], error["code"]) == (400, field, code)
    assert _rows() == before
    assert ContentItem.objects.get(id=item.id).state == "in_review"


def test_a_taxonomy_value_is_answered_with_the_allowed_list(api_for: ClientFor) -> None:
    item = draft_item()

    error = _error(api_for(item.advisor.user).post(f"/api/v1/content/{item.short_id}/reject", {"category": "nonsense"}))

    assert (error["given"], "compliance_violation" in error["allowed"], len(error["allowed"])) == ("nonsense", True, 10)


def test_a_span_that_cuts_an_emoji_is_answered_with_the_whole_one(api_for: ClientFor) -> None:
    item = draft_item(text=f"👨‍👩‍👧 {FAULTY_TEXT}")

    error = _error(
        api_for(item.advisor.user).post(
            f"/api/v1/content/{item.short_id}/reject", {**SAID, "issues": [{**SPANNED, "end": 2}]}
        )
    )

    assert (error["code"], error["given"], error["allowed"]) == ("bad_span", "[0, 2]", [0, 5])


@pytest.mark.parametrize(
    "path", ["content/{id}", "content/{id}/versions/1", "content/{id}/diff", "content/{id}/rejections"]
)
def test_what_is_not_there_and_what_is_not_yours_are_told_alike(api_for: ClientFor, path: str) -> None:
    mine, strange = draft_item(), draft_item()
    client = api_for(mine.advisor.user)

    replies = [
        client.get("/api/v1/" + path.format(id=short)) for short in (strange.short_id, to_short("item", new_id()))
    ]

    assert [reply.status_code for reply in replies] == [404, 404]
    assert {_error(reply)["code"] for reply in replies} == {"not_found"}
    assert client.get("/api/v1/" + path.format(id=mine.short_id)).status_code == 200


@pytest.mark.parametrize("act", ["reject", "approve", "ask-person"])
def test_another_firms_draft_cannot_be_acted_on(api_for: ClientFor, act: str) -> None:
    strange = draft_item()
    client = api_for(AdvisorProfileFactory().user)
    before = _rows()

    reply = client.post(f"/api/v1/content/{strange.short_id}/{act}", SAID if act == "reject" else {})

    assert (reply.status_code, _error(reply)["code"]) == (404, "not_found")
    assert _rows() == before


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/content/cnt_nonsense",
        "/api/v1/content/17/reject",
        "/api/v1/nothing",
        "/api/v1/regenerations/cnt_x",
        "/api/v1/content/",
    ],
)
def test_an_unknown_address_is_json_too(api_for: ClientFor, path: str) -> None:
    reply = api_for(AdvisorProfileFactory().user).get(path)

    assert (reply.status_code, _error(reply)["code"], _error(reply)["given"]) == (404, "not_found", path)


def test_a_method_that_is_not_offered_is_json_too(api_for: ClientFor) -> None:
    reply = api_for(AdvisorProfileFactory().user).put("/api/v1/content", {})

    assert (reply.status_code, _error(reply)["code"]) == (405, "method_not_allowed")
