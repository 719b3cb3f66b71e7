"""The answer page: how good it is, where it comes from, where the time went, other versions; without JavaScript."""

import re
from decimal import Decimal

import pytest
from django.utils import timezone

from escalation.services import take_next_step
from jarvish_regen.content import services as content
from jarvish_regen.content.compliance.gate import ReadyText, release
from jarvish_regen.content.models import ContentItem, text_context
from jarvish_regen.ids import to_short
from regeneration.fallbacks import forget_shelf
from regeneration.models import Candidate, Preference, Regeneration, RungRecord
from regeneration.rendering import RUNG_WORDS, grouped, rupees
from tests.factories import rejected
from tests.pages.conftest import Place, bring

WARNING = "Mutual Fund investments are subject to market risks, read all scheme related documents carefully."
TEXT = (
    "Start an SIP this month. It gives guaranteed returns every year. Ask me how it works.\n\n"
    f"Sahyadri Mutual Fund Services, AMFI-registered Mutual Fund Distributor, ARN-990101\n\n{WARNING}"
)


def _answered(place: Place) -> Regeneration:
    item = ContentItem.objects.select_related("advisor__user").get(id=bring(place, TEXT).id)
    attempt = rejected(item).regeneration
    assert attempt is not None
    take_next_step(regeneration_id=attempt.id)
    return Regeneration.objects.select_related("item", "answer", "version").get(id=attempt.id)


def _page(place: Place, attempt: Regeneration) -> str:
    page = place.browser.get(f"/items/{attempt.item.short_id}/answer/").content.decode()
    return re.sub(r"\s+", " ", page)


def _variant(attempt: Regeneration) -> Candidate:
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
        quality=71,
        is_variant=True,
    )


def test_the_grade_is_said_in_figures_words_and_goals(place: Place) -> None:
    attempt = _answered(place)

    page = _page(place, attempt)

    assert attempt.quality is not None
    assert f'<span class="quality__score figures">{attempt.quality}<' in page
    assert "Answers what you said" in page
    assert "Keeps the rules" in page


def test_where_the_time_went_is_told_with_a_table_and_its_cost(place: Place) -> None:
    attempt = _answered(place)
    call = {
        "target": "fast-one",
        "outcome": "cancelled",
        "is_hedge": True,
        "started_ms": 100,
        "ended_ms": 350,
        "prompt_tokens": 1000,
        "completion_tokens": 200,
        "cost_usd": 0.01,
    }
    Regeneration.objects.filter(id=attempt.id).update(
        cost_inr=Decimal("123456.78"), ledger={**attempt.ledger, "calls": [call], "prompt_tokens": 1000}
    )

    page = _page(place, attempt)

    assert "Where the time went" in page
    assert 'class="ledger__bar"' in page
    assert "fast-one" in page
    assert "asked too, to be quicker" in page
    assert "no longer needed" in page
    assert "₹1,23,456.78" in page
    assert "₹0.88" in page


def test_a_text_from_the_shelf_is_said_to_be_another_one(place: Place) -> None:
    attempt = _answered(place)
    Regeneration.objects.filter(id=attempt.id).update(rung="library")

    page = _page(place, attempt)

    assert "Your text could not be mended; here is an approved one instead" in page
    assert f'class="button button--main" href="/items/{attempt.item.short_id}/ask/"' in page
    assert "The new version is ready" not in page


@pytest.mark.parametrize("rung", sorted(RUNG_WORDS))
def test_no_reader_has_to_know_the_name_of_a_rung(place: Place, rung: str) -> None:
    attempt = _answered(place)
    Regeneration.objects.filter(id=attempt.id).update(rung=rung)

    assert f"<dd>{RUNG_WORDS[rung]}</dd>" in _page(place, attempt)


def test_what_history_says_of_such_answers_is_shown_once_it_says_something(place: Place) -> None:
    attempt = _answered(place)
    before = _page(place, attempt)
    RungRecord.objects.create(
        rung="repair",
        category="compliance_violation",
        shown_count=40,
        approved_count=30,
        confidence=0.74,
        low=0.6,
        high=0.8,
    )
    forget_shelf()

    after = _page(place, attempt)

    assert "taken as they stood" not in before
    assert "taken as they stood 74 times in 100 (of 40)" in after


def test_a_better_version_that_came_later_is_the_one_shown_and_the_earlier_one_is_reachable(place: Place) -> None:
    attempt = _answered(place)
    item = content.get_item(viewer=place.viewer, item_id=attempt.item_id)
    assert attempt.answer is not None
    released = release(attempt.answer.text.replace("Ask me", "Write to me"), text_context(item))
    assert isinstance(released, ReadyText)
    version = content.replace_current(
        item=item, text=released, origin="model", origin_key="late", act="improve", actor_id=None
    )
    Regeneration.objects.filter(id=attempt.id).update(upgrade=version, answer_ms=1400, upgrade_ms=3700)

    page = _page(place, attempt)

    assert "A better version came in 2.3 s later" in page
    assert f"/items/{item.short_id}/?version=2" in page
    assert "Write to me" in page
    assert 'name="version" value="3"' in page


def test_a_further_attempt_that_found_nothing_leaves_the_answer_on_the_screen(place: Place) -> None:
    attempt = _answered(place)
    place.browser.post(
        "/api/v1/regenerate", {"rejection_id": attempt.feedback.short_id}, content_type="application/json"
    )
    further = Regeneration.objects.get(attempt=2)
    take_next_step(regeneration_id=further.id)

    page = _page(place, attempt)

    assert "Nothing better was found" in page
    assert "The new version is ready" in page


def test_other_versions_are_asked_for_and_said_to_be_on_their_way(place: Place) -> None:
    attempt = _answered(place)
    address = f"/items/{attempt.item.short_id}"
    before = _page(place, attempt)
    reply = place.browser.post(f"{address}/versions/")

    after = _page(place, attempt)

    assert "Show me other versions" in before
    assert reply.headers["Location"] == f"{address}/answer/"
    assert "Other versions are being written" in after
    assert '<noscript><meta http-equiv="refresh" content="2"></noscript>' in after


def test_a_version_is_taken_and_is_the_current_one_then(place: Place) -> None:
    attempt = _answered(place)
    variant = _variant(attempt)
    page = _page(place, attempt)

    place.browser.post(f"/items/{attempt.item.short_id}/choose/", {"candidate": to_short("candidate", variant.id)})

    after = _page(place, attempt)
    assert "Take this one" in page
    assert '<span class="quality__words">Fair' in page
    assert Preference.objects.get().chosen == variant
    assert "This version is the current one now." in after
    assert "Write to me" in after
    assert "Other versions" not in after
    assert 'name="version" value="3"' in after


def test_that_there_is_no_other_version_is_said(place: Place) -> None:
    attempt = _answered(place)
    _variant(attempt).delete()

    assert "No other version passes every check." in _page(place, attempt)


def test_an_administrator_sees_the_answer_of_their_firm_and_a_stranger_nothing(place: Place, stranger: Place) -> None:
    attempt = _answered(place)
    address = f"/items/{attempt.item.short_id}"

    assert stranger.browser.post(f"{address}/versions/").status_code == 404
    assert stranger.browser.post(f"{address}/choose/", {"candidate": "x"}).status_code == 404
    assert place.desk.get(f"{address}/answer/").status_code == 200


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (Decimal(0), "₹0"),
        (Decimal("0.0042"), "under ₹0.01"),
        (Decimal("0.425"), "₹0.43"),
        (Decimal("123456.7"), "₹1,23,456.70"),
        (Decimal("12345678"), "₹1,23,45,678.00"),
    ],
)
def test_rupees_are_written_as_people_read_them(amount: Decimal, words: str) -> None:
    assert rupees(amount) == words


def test_whole_numbers_are_grouped_as_in_india() -> None:
    assert [grouped(number) for number in (0, 999, 1000, 100000, 12345678)] == [
        "0",
        "999",
        "1,000",
        "1,00,000",
        "1,23,45,678",
    ]
