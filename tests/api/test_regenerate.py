"""Further attempts, other versions and the firm's own figures over the API."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from escalation.services import approve, take_next_step
from jarvish_regen.content.models import ContentItem
from jarvish_regen.ids import from_short, to_short
from regeneration.models import Candidate, Preference, Regeneration
from tests.factories import (
    AdvisorProfileFactory,
    MembershipFactory,
    draft_item,
    let_answer_clock_run_out,
    rejected,
    viewer_for,
)

pytestmark = pytest.mark.django_db
ClientFor = Callable[..., APIClient]
PATH = "/api/v1/regenerate"


@pytest.fixture
def answered() -> Regeneration:
    """Return an attempt whose answer, by the rules, is in review."""
    return _answered()


def _answered(item: ContentItem | None = None) -> Regeneration:
    receipt = rejected(item or draft_item())
    assert receipt.regeneration is not None
    assert take_next_step(regeneration_id=receipt.regeneration.id)
    return Regeneration.objects.select_related("item__advisor__user", "feedback", "answer").get(
        id=receipt.regeneration.id
    )


def _with_variant(attempt: Regeneration) -> Candidate:
    """Return another version, stored as the engine stores one."""
    zero = attempt.candidates.get(number=0)
    Regeneration.objects.filter(id=attempt.id).update(
        ledger={**attempt.ledger, "variants": {"asked_at": timezone.now().isoformat(), "made_ms": 900}}
    )
    return Candidate.objects.create(
        regeneration=attempt,
        number=5,
        rung="model",
        text=zero.text.replace("Ask me", "Write to me"),
        is_admissible=True,
        is_valid=True,
        score=0.9,
        quality=90,
        is_variant=True,
    )


def _ask(client: APIClient, attempt: Regeneration, headers: dict[str, str] | None = None, **said: Any) -> Any:
    return client.post(PATH, {"rejection_id": attempt.feedback.short_id, **said}, headers=headers or {})


class TestAsking:
    def test_a_further_attempt_says_where_to_follow_it(self, api_for: ClientFor, answered: Regeneration) -> None:
        reply = _ask(api_for(answered.item.advisor.user), answered, urgency="low", maxProcessingTime=800)

        further = Regeneration.objects.get(attempt=2)
        assert reply.status_code == 202
        assert (reply.data["regeneration_id"], reply.data["queue"], reply.data["state"]) == (
            further.short_id,
            "low",
            "regenerating",
        )
        assert reply.data["channel"] == f"item.{answered.item.short_id}"
        assert reply.data["links"]["status"] == f"{PATH}/{further.short_id}/status"
        assert reply.data["answer_due_at"] == (further.stored_at + timedelta(milliseconds=800)).isoformat()

    def test_what_is_demanded_is_stored(self, api_for: ClientFor, answered: Regeneration) -> None:
        _ask(
            api_for(answered.item.advisor.user),
            answered,
            strategy="whole_text",
            constraints={"maxLength": 300, "tone": "warm", "includeElements": ["SIP"], "excludeTerms": ["month"]},
            fallbackOptions={"rungs": ["template", "template", "repair"]},
        )

        further = Regeneration.objects.get(attempt=2)
        assert (further.tactic, further.constraints) == (
            "whole_text",
            {
                "max_length": 300,
                "tone": "warm",
                "include_elements": ["SIP"],
                "exclude_terms": ["month"],
                "fallback_rungs": ["template", "repair"],
            },
        )

    @pytest.mark.parametrize(
        ("said", "field", "allowed"),
        [
            ({"strategy": "magic"}, "strategy", ["auto", "edits", "rewrite_marked_sentences", "whole_text"]),
            ({"urgency": "now"}, "urgency", ["critical", "high", "normal", "low"]),
            ({"maxProcessingTime": 100}, "maxProcessingTime", [200, 1400]),
            ({"maxProcessingTime": 1500}, "maxProcessingTime", [200, 1400]),
            ({"constraints": {"maxLength": 1}}, "constraints.maxLength", [40, 20000]),
            ({"constraints": {"length": 1}}, "constraints.length", None),
            ({"fallbackOptions": {"rungs": ["model"]}}, "fallbackOptions.rungs.0", None),
            ({"rejection_id": "cnt_01kaq4pf2yf889tbvb3j74yyg1"}, "rejection_id", "rej_…"),
        ],
    )
    def test_a_bad_value_is_named_with_what_is_allowed(
        self, api_for: ClientFor, answered: Regeneration, said: dict[str, Any], field: str, allowed: Any
    ) -> None:
        reply = _ask(api_for(answered.item.advisor.user), answered, **said)

        error = reply.data["errors"][0]
        assert (reply.status_code, error["field"]) == (400, field)
        if allowed is not None:
            assert error["allowed"] == allowed
        assert Regeneration.objects.count() == 1

    def test_the_same_key_opens_one_attempt(self, api_for: ClientFor, answered: Regeneration) -> None:
        client = api_for(answered.item.advisor.user)

        first = _ask(client, answered, {"Idempotency-Key": "k1"})
        again = _ask(client, answered, {"Idempotency-Key": "k1"})

        assert (again.data, again.headers["Idempotent-Replayed"]) == (first.data, "true")
        assert Regeneration.objects.count() == 2

    def test_a_draft_that_is_approved_is_409_with_its_state(self, api_for: ClientFor, answered: Regeneration) -> None:
        approve(viewer=viewer_for(answered.item.advisor.user), item_id=answered.item_id)

        reply = _ask(api_for(answered.item.advisor.user), answered)

        error = reply.data["errors"][0]
        assert (reply.status_code, error["given"], error["allowed"]) == (409, "approved", "in_review")

    def test_waited_for_and_nothing_better_found_the_state_says_that_it_stays(
        self, api_for: ClientFor, answered: Regeneration
    ) -> None:
        client = api_for(answered.item.advisor.user)
        first = _ask(client, answered, {"Idempotency-Key": "k1"})
        let_answer_clock_run_out(from_short("regeneration", first.data["regeneration_id"]))

        reply = _ask(client, answered, {"Idempotency-Key": "k1", "Prefer": "wait=2"})

        assert (reply.status_code, reply.data["state"]) == (202, "in_review")
        assert ContentItem.objects.get(id=answered.item_id).current_id == answered.answer_id

    def test_another_firms_rejection_is_not_there(self, api_for: ClientFor, answered: Regeneration) -> None:
        stranger = api_for(AdvisorProfileFactory().user)

        reply = _ask(stranger, answered)

        assert (reply.status_code, reply.data["errors"][0]["field"]) == (404, "rejection_id")
        assert Regeneration.objects.count() == 1

    def test_a_reviewer_and_a_reading_token_may_not(self, api_for: ClientFor, answered: Regeneration) -> None:
        reviewer = MembershipFactory(firm=answered.item.firm, role="reviewer").user

        assert _ask(api_for(reviewer), answered).status_code == 403
        assert _ask(api_for(answered.item.advisor.user, ["content:read"]), answered).status_code == 403


class TestBatch:
    def test_a_bad_one_never_undoes_a_good_one(self, api_for: ClientFor, answered: Regeneration) -> None:
        strangers = _answered(draft_item(AdvisorProfileFactory()))
        items = [
            {"rejection_id": strangers.feedback.short_id},
            {"rejection_id": answered.feedback.short_id},
            {"rejection_id": answered.feedback.short_id, "strategy": "magic"},
        ]

        reply = api_for(answered.item.advisor.user).post(f"{PATH}/batch", {"items": items})

        found = reply.data["items"]
        assert reply.status_code == 207
        assert [one["status"] for one in found] == ["refused", "accepted", "refused"]
        assert [one["errors"][0]["code"] if one["errors"] else None for one in found] == [
            "not_found",
            None,
            "invalid_choice",
        ]
        assert Regeneration.objects.filter(attempt=2).count() == 1

    def test_more_than_fifty_are_too_many(self, api_for: ClientFor, answered: Regeneration) -> None:
        items = [{"rejection_id": answered.feedback.short_id}] * 51

        reply = api_for(answered.item.advisor.user).post(f"{PATH}/batch", {"items": items})

        assert (reply.status_code, reply.data["errors"][0]["allowed"]) == (413, 50)


class TestStatus:
    def test_it_tells_how_far_it_is_and_then_the_answer(self, api_for: ClientFor) -> None:
        attempt = rejected(draft_item()).regeneration
        assert attempt is not None
        client = api_for(attempt.item.advisor.user)
        early = client.get(f"{PATH}/{attempt.short_id}/status").data
        let_answer_clock_run_out(attempt.id)

        late = client.get(f"{PATH}/{attempt.short_id}/status").data

        assert (early["state"], early["queue_position"], early["answer"]) == ("queued", 0, None)
        assert (late["state"], late["answer"]["version"]["number"], late["answer"]["rung"]) == (
            "answered",
            2,
            "repair",
        )
        assert late["answer"]["quality"]["band"] in ("good", "fair", "poor")
        assert {goal["code"] for goal in late["answer"]["quality"]["goals"]} >= {"compliance", "issues"}

    def test_another_firms_attempt_is_not_there(self, api_for: ClientFor, answered: Regeneration) -> None:
        stranger = api_for(AdvisorProfileFactory().user)

        assert stranger.get(f"{PATH}/{answered.short_id}/status").status_code == 404


class TestVariants:
    def test_asking_is_202_and_reading_says_they_are_being_made(
        self, api_for: ClientFor, answered: Regeneration
    ) -> None:
        client = api_for(answered.item.advisor.user)
        path = f"/api/v1/regenerations/{answered.short_id}/variants"

        asked, read = client.post(path), client.get(path)

        assert (asked.status_code, asked.data["state"], read.data) == (202, "making", asked.data)
        assert asked.data["channel"] == f"item.{answered.item.short_id}"

    def test_the_chosen_one_is_the_current_version(self, api_for: ClientFor, answered: Regeneration) -> None:
        variant = _with_variant(answered)
        client = api_for(answered.item.advisor.user)
        listed = client.get(f"/api/v1/regenerations/{answered.short_id}/variants").data["variants"]

        reply = client.post(f"/api/v1/regenerations/{answered.short_id}/choice", {"candidate_id": listed[0]["id"]})

        assert (listed[0]["id"], listed[0]["quality"]["band"]) == (to_short("candidate", variant.id), "good")
        assert (reply.status_code, reply.data["version"]["number"]) == (200, 3)
        assert Preference.objects.get().chosen_id == variant.id

    def test_another_firm_neither_asks_nor_reads_nor_chooses(self, api_for: ClientFor, answered: Regeneration) -> None:
        variant = _with_variant(answered)
        stranger = api_for(AdvisorProfileFactory().user)
        path = f"/api/v1/regenerations/{answered.short_id}"

        statuses = [
            stranger.post(f"{path}/variants").status_code,
            stranger.get(f"{path}/variants").status_code,
            stranger.post(f"{path}/choice", {"candidate_id": to_short("candidate", variant.id)}).status_code,
        ]

        assert statuses == [404, 404, 404]
        assert Preference.objects.count() == 0


class TestMetrics:
    def test_a_firm_reads_its_own_figures_and_no_other(self, api_for: ClientFor, answered: Regeneration) -> None:
        _answered(draft_item(AdvisorProfileFactory()))
        Regeneration.objects.filter(id=answered.id).update(
            answer_ms=400, rung="model", cache_kind="", calls_count=3, hedges_count=2, cost_inr="0.5000"
        )
        second = _answered(draft_item(answered.item.advisor))
        Regeneration.objects.filter(id=second.id).update(
            answer_ms=600, rung="cache", cache_kind="exact", cost_inr="0.25"
        )
        approve(viewer=viewer_for(answered.item.advisor.user), item_id=answered.item_id)

        found = api_for(answered.item.advisor.user).get(f"{PATH}/metrics").data

        assert {name: found[name] for name in ("attempts", "answered", "open", "no_answer", "calls", "hedges")} == {
            "attempts": 2,
            "answered": 2,
            "open": 0,
            "no_answer": 0,
            "calls": 3,
            "hedges": 2,
        }
        assert (found["p50_ms"], found["from_model_share"]) == (500.0, 0.5)
        assert (found["by_rung"], found["by_cache"]) == ({"cache": 1, "model": 1}, {"exact": 1})
        assert (found["cost_inr"], found["approved"], found["cost_per_approved_inr"]) == (0.75, 1, 0.75)

    def test_since_leaves_out_what_was_before(self, api_for: ClientFor, answered: Regeneration) -> None:
        client = api_for(answered.item.advisor.user)

        found = client.get(f"{PATH}/metrics", {"since": (timezone.now() + timedelta(hours=1)).isoformat()}).data

        assert (found["attempts"], found["p50_ms"], found["cost_per_approved_inr"]) == (0, None, None)

    def test_a_bad_time_is_refused(self, api_for: ClientFor, answered: Regeneration) -> None:
        reply = api_for(answered.item.advisor.user).get(f"{PATH}/metrics", {"since": "yesterday"})

        assert (reply.status_code, reply.data["errors"][0]["field"]) == (400, "since")

    def test_an_advisor_does_not_see_a_colleagues(self, api_for: ClientFor, answered: Regeneration) -> None:
        colleague = AdvisorProfileFactory(firm=answered.item.firm)

        assert api_for(colleague.user).get(f"{PATH}/metrics").data["attempts"] == 0


# Who may do what, written by hand: y may, - is refused with 403.
OPERATIONS = ("regenerate", "batch", "status", "metrics", "variants", "read variants", "choice")
MATRIX = {
    "advisor": "yyyyyyy",
    "firm_admin": "yyyyyyy",
    "integrator": "yyyyyyy",
    "reviewer": "--yy---",
    "senior_reviewer": "--yy---",
}


def _call(client: APIClient, operation: str, attempt: Regeneration, variant: Candidate) -> int:
    asked = {"rejection_id": attempt.feedback.short_id}
    path = f"/api/v1/regenerations/{attempt.short_id}"
    calls: dict[str, Callable[[], Any]] = {
        "regenerate": lambda: client.post(PATH, asked),
        "batch": lambda: client.post(f"{PATH}/batch", {"items": [asked]}),
        "status": lambda: client.get(f"{PATH}/{attempt.short_id}/status"),
        "metrics": lambda: client.get(f"{PATH}/metrics"),
        "variants": lambda: client.post(f"{path}/variants"),
        "read variants": lambda: client.get(f"{path}/variants"),
        "choice": lambda: client.post(f"{path}/choice", {"candidate_id": to_short("candidate", variant.id)}),
    }
    return int(calls[operation]().status_code)


@pytest.mark.parametrize("role", MATRIX)
@pytest.mark.parametrize(("at", "operation"), list(enumerate(OPERATIONS)))
def test_a_role_may_what_is_written_here(
    api_for: ClientFor, answered: Regeneration, role: str, at: int, operation: str
) -> None:
    firm = answered.item.firm
    user = answered.item.advisor.user if role == "advisor" else MembershipFactory(firm=firm, role=role).user

    status = _call(api_for(user), operation, answered, _with_variant(answered))

    assert status == 403 if MATRIX[role][at] == "-" else 200 <= status < 300
