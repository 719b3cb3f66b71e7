"""Rejecting a draft and reading the answer, without JavaScript."""

import re
from datetime import timedelta

import pytest
from django.db.models import F

from feedback.models import Feedback
from jarvish_regen.content.models import ContentItem
from regeneration.models import Regeneration
from tests.pages.conftest import FAULTY_TEXT, Place, bring

pytestmark = pytest.mark.django_db


def _form(place: Place, item: ContentItem) -> str:
    return place.browser.get(f"/items/{item.short_id}/reject/").content.decode()


def _let_the_clock_run_out() -> None:
    Regeneration.objects.update(stored_at=F("stored_at") - timedelta(seconds=10))


def _sentence_with(words: str, page: str) -> str:
    found = re.search(rf'name="tag" value="(\d+-\d+)"[^>]*>[^<]*{words}', page)
    assert found
    return found[1]


def test_a_chip_and_the_button_are_enough(place: Place) -> None:
    item = bring(place, FAULTY_TEXT)

    response = place.browser.post(f"/items/{item.short_id}/send/", {"category": "compliance_violation"})

    assert response["Location"] == f"/items/{item.short_id}/answer/"
    assert Feedback.objects.get().category == "compliance_violation"


def test_pressing_a_sentence_marks_it_and_keeps_what_was_typed(place: Place) -> None:
    item = bring(place, FAULTY_TEXT)
    span = _sentence_with("guaranteed", _form(place, item))

    typed = {"category": "compliance_violation", "note": "**Hata** do", "client_key": "k1", "tag": span}
    page = place.browser.post(f"/items/{item.short_id}/reject/", typed).content.decode()

    assert f'<input type="hidden" name="span" value="{span}">' in page
    assert re.search(rf'value="{span}"[^>]*aria-pressed="true"', page)
    assert "**Hata** do" in page
    assert 'name="client_key" value="k1"' in page
    assert re.search(r'value="compliance_violation"[^>]*checked', page)


def test_marked_words_are_stored_in_code_points_with_their_quote(place: Place) -> None:
    item = bring(place, FAULTY_TEXT)
    span = _sentence_with("guaranteed", _form(place, item))

    place.browser.post(
        f"/items/{item.short_id}/send/",
        {"category": "compliance_violation", "span": span, f"code_{span}": "guaranteed_returns_claim"},
    )

    issue = Feedback.objects.get().issues.filter(source="person").get()
    assert issue.quote == "🎉 This fund gives guaranteed 15% returns every year."
    assert FAULTY_TEXT[issue.start : issue.end] == issue.quote


def test_without_a_category_the_form_comes_back_with_everything_typed(place: Place) -> None:
    item = bring(place, FAULTY_TEXT)

    response = place.browser.post(f"/items/{item.short_id}/send/", {"note": "नीट करा", "span": "0-3"})

    assert response.status_code == 400
    assert "नीट करा" in response.content.decode()
    assert 'data-tag="0-3"' in response.content.decode()
    assert not Feedback.objects.exists()


def test_the_same_form_sent_twice_is_one_rejection(place: Place) -> None:
    item = bring(place, FAULTY_TEXT)
    typed = {"category": "tone_inappropriate", "client_key": "one-filling-in"}

    first = place.browser.post(f"/items/{item.short_id}/send/", typed)
    second = place.browser.post(f"/items/{item.short_id}/send/", typed)

    assert first["Location"] == second["Location"]
    assert Feedback.objects.count() == 1


def test_what_was_autosaved_is_there_after_a_new_login_and_gone_after_sending(place: Place) -> None:
    item = bring(place, FAULTY_TEXT)
    typed = {"category": "length_issue", "note": "too long for WhatsApp"}

    assert place.browser.post(f"/items/{item.short_id}/reject/draft/", typed).status_code == 204
    place.browser.logout()
    place.browser.force_login(place.advisor)
    restored = _form(place, item)
    place.browser.post(f"/items/{item.short_id}/send/", typed)

    assert "too long for WhatsApp" in restored
    assert "Restored what you had typed" in restored
    assert place.browser.get(f"/items/{item.short_id}/reject/").status_code == 302


def test_the_sheet_gets_the_form_alone(place: Place) -> None:
    item = bring(place, FAULTY_TEXT)

    fragment = place.browser.get(f"/items/{item.short_id}/reject/", headers={"HX-Request": "true"}).content.decode()

    assert fragment.lstrip().startswith("<form")
    assert "<html" not in fragment


def test_while_it_is_being_rewritten_the_page_shows_the_stage_and_refreshes_by_itself(place: Place) -> None:
    item = bring(place, FAULTY_TEXT)
    place.browser.post(f"/items/{item.short_id}/send/", {"category": "compliance_violation"})
    # The web process may be slow on a busy machine; the clock of the attempt is what decides.
    Regeneration.objects.update(stored_at=F("stored_at") + timedelta(minutes=1))

    response = place.browser.get(f"/items/{item.short_id}/answer/")

    page = response.content.decode()
    assert '<noscript><meta http-equiv="refresh" content="2"></noscript>' in page
    assert 'class="step step--now" data-stage="queued"' in page
    assert 'data-running="yes"' in page
    assert response["X-State"].startswith("regenerating:1:")


def test_past_the_deadline_any_reader_gets_the_repaired_version_with_its_diff(place: Place) -> None:
    item = bring(place, FAULTY_TEXT)
    span = _sentence_with("guaranteed", _form(place, item))
    typed = {"category": "compliance_violation", "span": span, f"code_{span}": "guaranteed_returns_claim"}
    place.browser.post(f"/items/{item.short_id}/send/", typed)
    _let_the_clock_run_out()

    page = place.browser.get(f"/items/{item.short_id}/answer/").content.decode()

    assert 'data-running="no"' in page
    assert "<del>" in page
    assert "Promises, assures or implies certain returns or no risk" in page
    assert "Repaired by rules, without a model" in page
    assert "/approve/" in page


def test_a_draft_handed_over_says_who_has_it_and_what_comes_next(place: Place) -> None:
    item = bring(place, FAULTY_TEXT)

    place.browser.post(f"/items/{item.short_id}/ask/", {"reason": "Please read the wording"})
    page = place.browser.get(f"/items/{item.short_id}/person/").content.decode()

    assert "A person has this draft" in page
    assert "The advisor asked for a person." in page
    assert "To review" in page
