"""Buttons of the desk call a service and say what came of it."""

import pytest
from django.contrib.auth.models import Group
from django.contrib.messages import get_messages
from django.http import HttpResponse
from django.urls import reverse

from jarvish_regen.access.models import Membership, Token, User
from jarvish_regen.journal.models import AuditEntry
from tests.admin.world import FirmWorld, client_of, firm_world, person
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

SURE = {"_form_submitted": "on"}


@pytest.fixture
def own() -> FirmWorld:
    return firm_world("Own")


def _said(response: HttpResponse) -> list[tuple[str, str]]:
    return [(message.level_tag, str(message)) for message in get_messages(response.wsgi_request)]


def test_discarding_asks_for_a_reason_before_it_does_anything(own: FirmWorld) -> None:
    client = client_of(person("operations", own.firm))
    address = reverse("admin:journal_deadletter_discard", args=[own.letter.pk])

    response = client.post(address, SURE)

    own.letter.refresh_from_db()
    assert (response.status_code, own.letter.state) == (200, "waiting")


def test_opening_a_dialog_does_nothing(own: FirmWorld) -> None:
    client = client_of(person("operations", own.firm))

    for name in ("replay", "discard"):
        client.get(reverse(f"admin:journal_deadletter_{name}", args=[own.letter.pk]))

    own.letter.refresh_from_db()
    assert own.letter.state == "waiting"


def test_discarding_keeps_the_reason_and_who_it_was(own: FirmWorld) -> None:
    user = person("operations", own.firm)
    address = reverse("admin:journal_deadletter_discard", args=[own.letter.pk])

    response = client_of(user).post(address, {**SURE, "reason": "Rewritten by hand."}, headers={"HX-Request": "true"})

    own.letter.refresh_from_db()
    assert response.headers["HX-Redirect"] == reverse("admin:journal_deadletter_change", args=[own.letter.pk])
    assert (own.letter.state, own.letter.settled_by, own.letter.settled_reason) == (
        "discarded",
        user.pk,
        "Rewritten by hand.",
    )


def test_a_refusal_of_the_service_is_said_in_its_words(own: FirmWorld) -> None:
    client = client_of(person("operations", own.firm))

    response = client.post(reverse("admin:journal_deadletter_replay", args=[own.letter.pk]), SURE)

    own.letter.refresh_from_db()
    assert own.letter.state == "waiting"
    assert [level for level, _words in _said(response)] == ["error"]


def test_replaying_selected_letters_names_the_ones_that_cannot_be(own: FirmWorld) -> None:
    client = client_of(person("operations", own.firm))

    response = client.post(
        reverse("admin:journal_deadletter_changelist"),
        {"action": "replay_selected", "_selected_action": [str(own.letter.pk)], "index": "0"},
    )

    assert response.status_code == 302
    assert [(level, words.split(":")[0][:4]) for level, words in _said(response)] == [("error", "dlt_")]


def test_an_attempt_that_has_its_outcome_is_not_rung(own: FirmWorld) -> None:
    client = client_of(person("operations", own.firm))

    response = client.post(reverse("admin:regeneration_regeneration_ring", args=[own.attempt.pk]), SURE)

    assert [level for level, _words in _said(response)] == ["error"]


def test_revoking_ends_a_token_and_writes_why(own: FirmWorld) -> None:
    user = person("administrator", own.firm)

    client_of(user).post(
        reverse("admin:access_token_revoke", args=[own.keys["access.token"]]), {**SURE, "reason": "It leaked."}
    )

    entry = AuditEntry.objects.get(act="revoke_token")
    assert not Token.objects.filter(token_key=own.token.token_key).exists()
    assert (entry.firm_id, entry.actor_id, entry.reason) == (own.firm.id, user.pk, "It leaked.")


def test_stopping_a_webhook_writes_why(own: FirmWorld) -> None:
    user = person("administrator", own.firm)
    address = reverse("admin:journal_webhookendpoint_disable", args=[own.endpoint.pk])

    client_of(user).post(address, {**SURE, "reason": "It answers 500."})

    own.endpoint.refresh_from_db()
    assert own.endpoint.is_active is False
    assert AuditEntry.objects.get(subject_kind="endpoint").reason == "It answers 500."


def test_a_button_of_another_firms_row_is_not_there(own: FirmWorld) -> None:
    user = person("reviewer", own.firm)
    user.user_permissions.add(*Group.objects.get(name="operations").permissions.all())
    other = firm_world("Other")

    response = client_of(user).post(
        reverse("admin:journal_deadletter_discard", args=[other.letter.pk]), {**SURE, "reason": "mine now"}
    )

    other.letter.refresh_from_db()
    assert (response.status_code, other.letter.state) == (404, "waiting")


def test_a_place_given_at_the_desk_brings_its_group(own: FirmWorld) -> None:
    somebody = UserFactory()

    client_of(person("administrator", own.firm)).post(
        reverse("admin:access_membership_add"),
        {"user": str(somebody.pk), "firm": str(own.firm.pk), "role": "reviewer"},
    )

    assert Membership.objects.get(user=somebody).role == "reviewer"
    assert list(somebody.groups.values_list("name", flat=True)) == ["reviewer"]


def test_an_account_made_at_the_desk_has_no_password_yet(own: FirmWorld) -> None:
    client_of(person("administrator", own.firm)).post(
        reverse("admin:access_user_add"),
        {
            "email": "New.Operator@Example.com",
            "full_name": "New Operator",
            "is_staff": "on",
            "groups": [str(Group.objects.get(name="operations").pk)],
        },
    )

    made = User.objects.get(email="new.operator@example.com")
    assert (made.has_usable_password(), made.is_staff, made.is_superuser) == (False, True, False)
    assert list(made.groups.values_list("name", flat=True)) == ["operations"]


def test_an_administrator_cannot_change_a_superusers_account(own: FirmWorld) -> None:
    above = person("superuser", own.firm)
    client = client_of(person("administrator", own.firm))

    response = client.post(reverse("admin:access_user_change", args=[above.pk]), {"email": "mine@example.com"})

    assert response.status_code == 403
    assert User.objects.get(pk=above.pk).email == above.email


def test_an_administrator_cannot_make_themselves_superuser(own: FirmWorld) -> None:
    user = person("administrator", own.firm)

    client_of(user).post(
        reverse("admin:access_user_change", args=[user.pk]),
        {
            "email": user.email,
            "full_name": "Me",
            "is_active": "on",
            "is_staff": "on",
            "is_superuser": "on",
            "groups": [str(Group.objects.get(name="administrator").pk)],
        },
    )

    user.refresh_from_db()
    assert (user.full_name, user.is_superuser) == ("Me", False)


def test_a_model_target_at_a_private_address_is_refused(own: FirmWorld) -> None:
    response = client_of(person("operations", own.firm)).post(
        reverse("admin:llm_modeltarget_add"),
        {
            "name": "Inside",
            "base_url": "http://169.254.169.254/latest",
            "model": "m",
            "key_variable": "JARVISH_INSIDE_KEY",
            "tier": "fast",
            "max_concurrency": "4",
            "price_in_usd_per_mtok": "0",
            "price_out_usd_per_mtok": "0",
        },
    )

    assert response.status_code == 200
    assert "base_url" in response.context["adminform"].form.errors
