"""The list of drafts, and one draft."""

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from jarvish_regen.content.taxonomy import CHANNELS
from tests.pages.conftest import FAULTY_TEXT, SOUND_TEXT, Place, bring

pytestmark = pytest.mark.django_db


def test_without_drafts_the_list_says_what_to_do_next(place: Place) -> None:
    page = place.browser.get("/").content.decode()

    assert "No drafts yet" in page
    assert "/settings/profile/" in page


def test_a_draft_that_breaks_a_critical_rule_is_marked_in_the_list(place: Place) -> None:
    bring(place, FAULTY_TEXT, topic="Guaranteed")
    bring(place, SOUND_TEXT, topic="Sound")

    page = place.browser.get("/").content.decode()

    assert page.count("card--stopped") == 1
    assert "Must not go out" in page


def test_the_list_costs_the_same_queries_however_long_it_is(
    place: Place, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(15):
        bring(place, SOUND_TEXT, topic=f"Draft {number}")

    with django_assert_max_num_queries(7):
        page = place.browser.get("/").content.decode()

    assert page.count('class="card') >= 12
    assert "Page 1 of 2" in page


def test_a_filter_that_does_not_exist_is_not_found(place: Place) -> None:
    assert place.browser.get("/?show=everything").status_code == 404


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_draft_is_shown_as_its_channel_shows_it(
    place: Place, channel: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    item = bring(place, FAULTY_TEXT, channel=channel)

    with django_assert_max_num_queries(8):
        page = place.browser.get(f"/items/{item.short_id}/").content.decode()

    assert f"draft--{channel}" in page
    assert 'class="finding finding--' in page
    assert "AMFI" in page  # the source of a finding, in words


def test_another_firms_draft_is_not_there(place: Place, stranger: Place) -> None:
    item = bring(stranger)

    for path in ("", "compare/", "reject/", "answer/", "ask/", "person/"):
        assert place.browser.get(f"/items/{item.short_id}/{path}").status_code == 404
    for path in ("send/", "approve/", "ask/", "reject/", "reject/draft/"):
        assert place.browser.post(f"/items/{item.short_id}/{path}").status_code == 404


def test_whoever_is_not_signed_in_is_sent_to_sign_in_and_back(place: Place) -> None:
    item = bring(place)

    response = Client().get(f"/items/{item.short_id}/")

    assert response["Location"] == f"/accounts/login/?next=/items/{item.short_id}/"


def test_approving_offers_the_text_to_copy_and_to_share(place: Place) -> None:
    item = bring(place)

    place.browser.post(f"/items/{item.short_id}/approve/", {"version": "1"})
    page = place.browser.get(f"/items/{item.short_id}/").content.decode()

    assert "Approved: ready to use" in page
    assert "https://wa.me/?text=A%20SIP%20spreads" in page


def test_a_text_that_breaks_a_rule_has_no_approve_button_and_cannot_be_approved(place: Place) -> None:
    item = bring(place, FAULTY_TEXT)

    page = place.browser.get(f"/items/{item.short_id}/").content.decode()
    place.browser.post(f"/items/{item.short_id}/approve/", {"version": "1"})
    item.refresh_from_db()

    assert f"/items/{item.short_id}/approve/" not in page
    assert item.state == "in_review"


def test_an_administrator_sees_the_draft_but_does_not_approve_it(place: Place) -> None:
    item = bring(place)

    page = place.desk.get(f"/items/{item.short_id}/").content.decode()

    assert f"/items/{item.short_id}/approve/" not in page
    assert place.desk.post(f"/items/{item.short_id}/approve/", {"version": "1"}).status_code == 403


@pytest.mark.parametrize("version", ["0", "2", "x", "99999999999", "١"])
def test_a_version_that_does_not_exist_is_not_found(place: Place, version: str) -> None:
    item = bring(place)

    assert place.browser.get(f"/items/{item.short_id}/", {"version": version}).status_code == 404
