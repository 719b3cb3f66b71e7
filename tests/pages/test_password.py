"""A forgotten password: a link by e-mail, a new password, and the way in; strangers learn nothing."""

import re

import pytest
from django.core.mail import EmailMessage
from django.test import Client

from tests.pages.conftest import Place

pytestmark = pytest.mark.django_db
NEW = "another good one 7"


def _ask(email: str) -> Client:
    browser = Client()
    response = browser.post("/accounts/password/reset/", {"email": email})
    assert response.status_code == 302
    return browser


def _link(mail: EmailMessage) -> str:
    found = re.search(r"https?://[^/\s]+(/accounts/password/reset/key/\S+)", str(mail.body))
    assert found is not None
    return found[1]


def test_the_link_of_the_mail_sets_a_new_password(place: Place, mailoutbox: list[EmailMessage]) -> None:
    browser = _ask(place.advisor.email)
    (mail,) = mailoutbox

    form = browser.get(_link(mail), follow=True)
    address = form.redirect_chain[-1][0]
    browser.post(address, {"password1": NEW, "password2": NEW})

    place.advisor.refresh_from_db()
    assert mail.to == [place.advisor.email]
    assert place.advisor.check_password(NEW)
    signed_in = Client().post("/accounts/login/", {"login": place.advisor.email, "password": NEW})
    assert (signed_in.status_code, signed_in.headers["Location"]) == (302, "/")


def test_the_link_works_once(place: Place, mailoutbox: list[EmailMessage]) -> None:
    browser = _ask(place.advisor.email)
    link = _link(mailoutbox[0])
    address = browser.get(link, follow=True).redirect_chain[-1][0]
    browser.post(address, {"password1": NEW, "password2": NEW})

    again = Client()
    again.get(link, follow=True)
    again.post(address, {"password1": "a third good one 8", "password2": "a third good one 8"})

    place.advisor.refresh_from_db()
    assert place.advisor.check_password(NEW)


def test_a_stranger_does_not_learn_who_has_an_account(place: Place, mailoutbox: list[EmailMessage]) -> None:
    known = Client().post("/accounts/password/reset/", {"email": place.advisor.email})
    unknown = Client().post("/accounts/password/reset/", {"email": "nobody@elsewhere.example"})

    assert (known.status_code, known.headers["Location"]) == (unknown.status_code, unknown.headers["Location"])
    assert not any("/reset/key/" in str(mail.body) for mail in mailoutbox if mail.to != [place.advisor.email])
