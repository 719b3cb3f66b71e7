"""A provider that answers badly or not at all: an honest answer from the ladder, never a 500."""

import json

import pytest

from tests.fake_openai import FakeOpenAI
from tests.loop.world import STIFF, Advisor, World, rewriting, stiff_text, too_formal

pytestmark = pytest.mark.loop


@pytest.mark.parametrize(
    "profile", ["dead", "hang", "401", "500", "429", "bad_json", "wrong_schema", "html", "refusal", "echo", "cut"]
)
def test_a_provider_that_fails_leaves_the_repair_by_rules(
    world: World, advisor: Advisor, provider: FakeOpenAI, profile: str
) -> None:
    content_id = advisor.send(stiff_text())
    provider.switch(profile)

    response = advisor.reject(content_id, too_formal(), wait=8)

    found = response.json()
    assert response.status_code == 200, response.text
    assert (found["rung"], found["version"]["is_admissible"]) == ("repair", True)
    assert STIFF not in found["version"]["text"]
    assert found["reason"]


@pytest.mark.parametrize(
    "reply",
    [
        rewriting(replace="This gives guaranteed returns of 18% a year."),
        rewriting(find="words that stand nowhere in this text"),
        rewriting(replace=STIFF),
        json.dumps({"edits": [], "full_text": "Buy now. 100% safe, zero risk."}),
        json.dumps({"edits": [{"find": "Write yours on paper today.", "replace": "Call me.", "fixes": []}]}),
    ],
    ids=["forbidden", "unanchored", "unchanged", "rewritten unasked", "other words"],
)
def test_a_reply_that_does_not_pass_the_checks_is_never_the_answer(
    world: World, advisor: Advisor, provider: FakeOpenAI, reply: str
) -> None:
    content_id = advisor.send(stiff_text())
    provider.respond_with(lambda messages: reply)

    response = advisor.reject(content_id, too_formal(), wait=8)

    found = response.json()
    assert response.status_code == 200, response.text
    assert (found["rung"], found["version"]["is_admissible"]) == ("repair", True)
    assert "18%" not in found["version"]["text"]
    assert "Write yours on paper today." in found["version"]["text"]


def test_what_neither_rules_nor_a_model_can_mend_is_answered_with_an_approved_text_and_says_so(
    world: World, advisor: Advisor, provider: FakeOpenAI
) -> None:
    content_id = advisor.send(stiff_text())
    provider.switch("bad_json")
    missing = {"category": "relevance_low", "issues": [{"code": "missing_key_point"}], "note": "Say when to start."}

    advisor.rejected(content_id, missing)
    world.check_record()

    rejection = advisor.read(f"content/{content_id}/rejections?includeRegenerations=true")["rejections"][0]
    (attempt,) = rejection["regenerations"]
    assert (attempt["state"], attempt["is_valid"]) == ("answered", False)
    assert attempt["rung"] in {"template", "library", "default"}
    assert "approved beforehand" in attempt["reason"]
    item = advisor.read(f"content/{content_id}")
    assert (item["state"], item["current"]["number"], item["current"]["origin"]) == ("in_review", 2, "shelf")
