"""What a note sounds like, proposed while it is typed: confirmed with one tap, dropped, or left alone."""

import re
from typing import Any

import pytest
from django.core.cache import caches

from feedback.models import Feedback
from feedback.understanding import understand
from jarvish_regen.content.models import ContentItem
from regeneration.models import Regeneration
from tests.pages.conftest import FAULTY_TEXT, Place, bring

pytestmark = pytest.mark.django_db
NOTE = "guaranteed returns likha hai, hatao"
UNSURE = "I do not like this at all"


@pytest.fixture(autouse=True)
def _empty_memory() -> None:
    caches["answers"].clear()


def _asked(place: Place, item: ContentItem, note: str, *, category: str = "", **fields: Any) -> tuple[int, str]:
    # Known before: how long reading takes on a busy machine decides nothing here.
    understand(note, category=category or None, draft=item.current.text if item.current else "")
    reply = place.browser.post(
        f"/items/{item.short_id}/reject/understand/", {"note": note, "category": category, **fields}
    )
    return reply.status_code, reply.content.decode()


def _codes(page: str) -> list[str]:
    return re.findall(r'data-proposal-confirm data-category="[a-z_]*" data-code="([a-z_]*)"', page)


def test_a_note_becomes_a_proposal(place: Place) -> None:
    status, page = _asked(place, bring(place, FAULTY_TEXT), NOTE)

    assert status == 200
    assert _codes(page) == ["guaranteed_returns_claim"]
    assert 'data-category="compliance_violation"' in page
    assert "Sounds like" in page
    assert 'data-proposal-drop="guaranteed_returns_claim"' in page


def test_a_place_in_the_draft_is_shown_with_its_words(place: Place) -> None:
    item = bring(place, FAULTY_TEXT)
    assert item.current is not None

    _status, page = _asked(place, item, "guaranteed 15% returns every year likha hai, hatao")

    found = re.search(r'data-span="(\d+)-(\d+)"', page)
    assert found
    words = item.current.text[int(found[1]) : int(found[2])]
    assert words[:10] in page.split("<q", 1)[1]


def test_what_is_said_or_dropped_already_is_not_proposed(place: Place) -> None:
    item = bring(place, FAULTY_TEXT)
    chosen = {"category": "compliance_violation"}

    assert _codes(_asked(place, item, NOTE, **chosen)[1]) == ["guaranteed_returns_claim"]
    assert _asked(place, item, NOTE, issue="guaranteed_returns_claim", **chosen)[0] == 204
    assert _asked(place, item, NOTE, dropped="guaranteed_returns_claim", **chosen)[0] == 204


def test_the_chosen_category_is_not_talked_over(place: Place) -> None:
    status, page = _asked(place, bring(place, FAULTY_TEXT), NOTE, category="length_issue")

    assert (status, _codes(page)) == (204, [])


def test_an_unsure_reading_asks_one_question_with_two_answers(place: Place) -> None:
    item = bring(place, FAULTY_TEXT)

    status, page = _asked(place, item, UNSURE)

    assert status == 200
    assert page.count("data-proposal-confirm") == 2
    assert _codes(page) == ["", ""]
    assert page.count("?") == 1
    assert _asked(place, item, UNSURE, category="brand_violation")[0] == 204


@pytest.mark.parametrize("note", ["", "too long", "  \n "])
def test_of_too_few_words_nothing_is_said(place: Place, note: str) -> None:
    item = bring(place, FAULTY_TEXT)

    assert place.browser.post(f"/items/{item.short_id}/reject/understand/", {"note": note}).status_code == 204


def test_strangers_and_the_desk_are_not_let_in(place: Place, stranger: Place) -> None:
    address = f"/items/{bring(place, FAULTY_TEXT).short_id}/reject/understand/"

    assert stranger.browser.post(address, {"note": NOTE}).status_code == 404
    assert place.browser.get(address).status_code == 405


def test_what_became_of_proposals_is_kept_with_the_rejection(place: Place) -> None:
    item = bring(place, FAULTY_TEXT)
    form = {
        "category": "compliance_violation",
        "issue": ["guaranteed_returns_claim"],
        "note": NOTE,
        "confirmed": ["guaranteed_returns_claim", "nonsense"],
        "dropped": ["missing_risk_disclaimer"],
    }

    place.browser.post(f"/items/{item.short_id}/send/", form)

    assert Feedback.objects.get().metadata == {
        "confirmed_proposals": ["guaranteed_returns_claim"],
        "dropped_proposals": ["missing_risk_disclaimer"],
    }


def test_without_proposals_nothing_is_kept_about_them(place: Place) -> None:
    place.browser.post(
        f"/items/{bring(place, FAULTY_TEXT).short_id}/send/", {"category": "compliance_violation", "note": NOTE}
    )

    assert Feedback.objects.get().metadata == {}


def test_a_form_that_comes_back_remembers_what_was_dropped(place: Place) -> None:
    item = bring(place, FAULTY_TEXT)
    form = {"category": "compliance_violation", "note": NOTE, "dropped": ["guaranteed_returns_claim"]}

    place.browser.post(f"/items/{item.short_id}/reject/draft/", form)
    page = place.browser.get(f"/items/{item.short_id}/reject/").content.decode()

    assert '<input type="hidden" name="dropped" value="guaranteed_returns_claim">' in page


def test_what_was_understood_while_typing_is_found_at_the_rejection(place: Place) -> None:
    item = bring(place, FAULTY_TEXT)
    note = "Urgent!!  Client meeting in ten minutes,\n\nthis is wrong and useless, fix it right now"
    _asked(place, item, note, category="factual_error")

    place.browser.post(
        f"/items/{item.short_id}/send/", {"category": "factual_error", "severity": "minor", "note": note}
    )

    assert Regeneration.objects.get(item=item).urgency == "high"
