"""Sign-up, invitation, settings, tokens, webhooks, theme, errors."""

import re

import pytest
from django.core import mail
from django.test import Client

from jarvish_regen.access.models import Membership, Token, User
from jarvish_regen.journal.models import WebhookEndpoint
from tests.pages.conftest import Place

pytestmark = pytest.mark.django_db


def test_a_firm_signs_up_and_is_signed_in() -> None:
    browser = Client()
    typed = {"firm_name": "Godavari Wealth", "full_name": "Ira", "email": "ira@g.example", "password": "kaveri-2026-x"}

    response = browser.post("/sign-up/", typed)

    assert response["Location"] == "/settings/"
    assert Membership.objects.get(user__email="ira@g.example").role == "firm_admin"
    assert "Invite somebody" in browser.get("/settings/").content.decode()


def test_a_weak_password_is_refused_beside_its_field() -> None:
    typed = {"firm_name": "G", "full_name": "Ira", "email": "ira@g.example", "password": "12345678"}

    response = Client().post("/sign-up/", typed)

    assert response.status_code == 400
    assert 'id="id_password_error"' in response.content.decode()
    assert not User.objects.exists()


def test_an_invitation_arrives_by_mail_and_opens_a_place_once(place: Place) -> None:
    place.desk.post("/settings/invite/", {"email": "new@sahyadri.example", "role": "advisor"})
    link = re.search(r"/invitation/\S+/", str(mail.outbox[0].body))
    assert link
    guest = Client()

    assert "new@sahyadri.example" in guest.get(link[0]).content.decode()
    guest.post(link[0], {"full_name": "New", "password": "kaveri-2026-x"})

    assert Membership.objects.get(user__email="new@sahyadri.example").role == "advisor"
    assert Client().get(link[0]).status_code == 404


def test_only_the_administrator_invites(place: Place) -> None:
    assert place.browser.post("/settings/invite/", {"email": "x@y.example", "role": "advisor"}).status_code == 403


def test_a_token_is_shown_once_and_can_be_revoked(place: Place) -> None:
    page = place.desk.post("/settings/tokens/", {"name": "CRM", "scopes": ["content:read"], "days": "30"})
    secret = re.search(r'<code class="once">([^<]+)</code>', page.content.decode())
    assert secret

    assert secret[1] not in place.desk.get("/settings/tokens/").content.decode()
    place.desk.post(f"/settings/tokens/{Token.objects.get().token_key}/revoke/")
    assert not Token.objects.exists()


def test_an_integration_is_not_offered_to_approve(place: Place) -> None:
    assert 'value="approve"' not in place.desk.get("/settings/tokens/").content.decode()
    assert 'value="approve"' in place.browser.get("/settings/tokens/").content.decode()


def test_a_webhook_is_added_and_stopped_by_the_administrator_alone(place: Place, stranger: Place) -> None:
    typed = {"url": "https://crm.example.com/hook", "kinds": ["version.approved"]}

    assert place.browser.post("/settings/webhooks/", typed).status_code == 403
    assert "whsec_" in place.desk.post("/settings/webhooks/", typed).content.decode()
    endpoint = WebhookEndpoint.objects.get()
    assert stranger.desk.post(f"/settings/webhooks/{endpoint.id}/stop/").status_code == 404
    place.desk.post(f"/settings/webhooks/{endpoint.id}/stop/")

    endpoint.refresh_from_db()
    assert not endpoint.is_active


@pytest.mark.parametrize("url", ["http://crm.example.com", "javascript:alert(1)", "ftp://x.example"])
def test_a_webhook_needs_https(place: Place, url: str) -> None:
    assert place.desk.post("/settings/webhooks/", {"url": url, "kinds": ["version.approved"]}).status_code == 400


def test_the_profile_wants_the_number_that_the_law_wants(place: Place) -> None:
    typed = {"registrant_type": "RIA", "registered_name": "Asha", "languages": ["en"], "sebi_number": ""}

    response = place.browser.post("/settings/profile/", typed)

    assert response.status_code == 400
    assert "The law wants this number" in response.content.decode()


def test_the_theme_is_kept_in_a_cookie_and_never_leads_away(place: Place) -> None:
    response = place.browser.post("/theme/", headers={"referer": "https://evil.example/"})

    assert response["Location"] == "/"
    assert '<html lang="en" data-theme="dark">' in place.browser.get("/").content.decode()


def test_a_form_without_its_token_gets_our_own_page(place: Place) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(place.advisor)

    response = browser.post("/settings/", {"full_name": "x"})

    assert response.status_code == 403
    assert "This page was open for too long" in response.content.decode()
