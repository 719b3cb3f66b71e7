"""Understanding over the API: a note before it is sent, moods, and what was made of stored rejections."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import caches
from rest_framework.test import APIClient

from feedback.analyses import analyse_feedback
from feedback.models import Analysis
from feedback.understanding import understand
from jarvish_regen.access.models import Role
from tests.factories import MembershipFactory, draft_item, rejected

pytestmark = pytest.mark.django_db
ClientFor = Callable[..., APIClient]
DRAFT = "Start a SIP today.\nThis offer ends tonight, hurry!\nMutual fund investments are subject to market risks."
NOTE = "Too pushy, sounds like a salesman in line 2"

# Written by hand: whoever may read rejections may have a note understood.
ROLES = {Role.FIRM_ADMIN: 200, Role.INTEGRATOR: 200, Role.REVIEWER: 200, Role.SENIOR_REVIEWER: 200}


@pytest.fixture(autouse=True)
def _empty_memory() -> None:
    caches["answers"].clear()
    # Loaded before anybody waits for it: how long that takes here decides nothing.
    understand("loaded once")


def _error(reply: Any) -> tuple[int, str, str | None]:
    error = reply.json()["errors"][0]
    return reply.status_code, error["code"], error["field"]


def test_a_note_is_understood_with_its_place_in_the_draft(api_for: ClientFor) -> None:
    item = draft_item(text=DRAFT)
    said = {"text": NOTE, "category": "tone_inappropriate", "content_id": item.short_id}

    reply = api_for(item.advisor.user).post("/api/v1/feedback/analyse", said)

    assert reply.status_code == 200
    assert (reply.data["primary_category"], reply.data["text"], reply.data["content_version"]) == (
        "tone_inappropriate",
        NOTE,
        1,
    )
    issue = reply.data["issues"][0]
    assert issue["code"] == "too_salesy"
    assert NOTE[issue["start"] : issue["end"]] == issue["span"]
    assert issue["points_to"] == {"start": 19, "end": 50, "span": "This offer ends tonight, hurry!"}
    assert all(
        NOTE[words["start"] : words["end"]] == words["span"]
        for one in reply.data["categories"]
        for words in one["evidence"]
    )
    assert Analysis.objects.count() == 0


def test_without_a_draft_nothing_is_pointed_at(api_for: ClientFor) -> None:
    reply = api_for(draft_item().advisor.user).post("/api/v1/feedback/analyse", {"text": NOTE})

    assert [issue["points_to"] for issue in reply.data["issues"]] == [None] * len(reply.data["issues"])
    assert reply.data["content_version"] is None


def test_an_unsure_reading_says_what_to_ask(api_for: ClientFor) -> None:
    reply = api_for(draft_item().advisor.user).post("/api/v1/feedback/analyse", {"text": "I do not like this at all"})

    assert reply.data["confident"] is False
    assert len(set(reply.data["question"])) == 2


def test_personal_data_is_masked_before_it_is_read(api_for: ClientFor) -> None:
    text = "My PAN ABCPE1234F stands in the draft, take it out"

    reply = api_for(draft_item().advisor.user).post("/api/v1/feedback/analyse", {"text": text})

    assert "ABCPE1234F" not in reply.content.decode()
    assert "[PAN-1]" in reply.data["text"]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, (400, "required", "text")),
        ({"text": ""}, (400, "blank", "text")),
        ({"text": "x" * 5001}, (400, "max_length", "text")),
        ({"text": NOTE, "category": "tone"}, (400, "invalid_choice", "category")),
        ({"text": NOTE, "content_id": "cnt_nonsense"}, (400, "invalid_id", "content_id")),
        ({"text": NOTE, "draft": "x"}, (400, "unknown_field", "draft")),
    ],
)
def test_a_wrong_body_is_named(api_for: ClientFor, body: dict[str, Any], error: tuple[int, str, str]) -> None:
    assert _error(api_for(draft_item().advisor.user).post("/api/v1/feedback/analyse", body)) == error


def test_a_strangers_draft_is_not_there(api_for: ClientFor) -> None:
    mine, theirs = draft_item(), draft_item()

    reply = api_for(mine.advisor.user).post("/api/v1/feedback/analyse", {"text": NOTE, "content_id": theirs.short_id})

    assert reply.status_code == 404


def test_moods_of_one_text_and_of_several(api_for: ClientFor) -> None:
    client = api_for(draft_item().advisor.user)

    one = client.post("/api/v1/analytics/sentiment", {"text": "Bilkul bekaar hai, sab galat likha hai"})
    many = client.post("/api/v1/analytics/sentiment", {"texts": ["Very good, clients will love it", "बहुत लंबा है"]})

    assert (one.status_code, many.status_code) == (200, 200)
    assert [(row["sentiment"], row["language"]) for row in one.data["results"]] == [("negative", "hinglish")]
    assert [row["language"] for row in many.data["results"]] == ["en", "hi"]
    assert many.data["results"][0]["score"] > many.data["results"][1]["score"]
    assert set(one.data["results"][0]) == {
        "sentiment",
        "score",
        "emotion",
        "urgency",
        "actionability",
        "language",
        "confident",
    }


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, (400, "one_of", "text")),
        ({"text": "a", "texts": ["b"]}, (400, "one_of", "text")),
        ({"texts": []}, (400, "min_length", "texts")),
        ({"texts": ["a"] * 51}, (400, "max_length", "texts")),
        ({"texts": ["a", ""]}, (400, "blank", "texts.1")),
    ],
)
def test_wrong_moods_are_named(api_for: ClientFor, body: dict[str, Any], error: tuple[int, str, str]) -> None:
    assert _error(api_for(draft_item().advisor.user).post("/api/v1/analytics/sentiment", body)) == error


@pytest.mark.parametrize(("role", "status"), ROLES.items())
@pytest.mark.parametrize("path", ["feedback/analyse", "analytics/sentiment"])
def test_who_may_have_a_text_understood(api_for: ClientFor, path: str, role: str, status: int) -> None:
    client = api_for(MembershipFactory(firm=draft_item().firm, role=role).user)

    assert client.post(f"/api/v1/{path}", {"text": "too long"}).status_code == status


def test_a_rejection_carries_its_analysis_once_it_is_there(api_for: ClientFor) -> None:
    item = draft_item(text=DRAFT)
    feedback = rejected(item, note=NOTE, issues=(), category="tone_inappropriate").feedback
    client = api_for(item.advisor.user)
    address = f"/api/v1/content/{item.short_id}/rejections"

    before = client.get(address).data["rejections"][0]["analysis"]
    analyse_feedback(feedback.id)
    after = client.get(address).data["rejections"][0]["analysis"]

    assert before is None
    assert (after["primary_category"], after["issues"][0]["code"]) == ("tone_inappropriate", "too_salesy")
    assert after["issues"][0]["points_to"] == {"start": 19, "end": 50, "span": "This offer ends tonight, hurry!"}
    assert set(after) == {
        "primary_category",
        "categories",
        "issues",
        "sentiment",
        "sentiment_score",
        "emotion",
        "urgency",
        "actionability",
        "language",
        "confident",
        "question",
    }
