"""What the desk shows to whom: one's own firm only, texts only to who may read them, secrets to nobody."""

from typing import Final

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from tests.admin.world import FirmWorld, client_of, firm_world, house_keys, list_address, person

pytestmark = pytest.mark.django_db

SCOPED_TO_A_FIRM: Final = {
    "reviewer": [
        "content.advisorprofile",
        "content.contentitem",
        "content.contentversion",
        "feedback.feedback",
        "learning.labeltask",
        "learning.trainingrow",
        "regeneration.regeneration",
        "regeneration.candidate",
        "escalation.case",
    ],
    "senior_reviewer": [
        "content.advisorprofile",
        "content.contentitem",
        "content.contentversion",
        "feedback.feedback",
        "regeneration.regeneration",
        "regeneration.candidate",
        "escalation.case",
        "journal.event",
        "journal.auditentry",
    ],
}


@pytest.fixture
def own() -> FirmWorld:
    return firm_world("Own")


@pytest.fixture
def other() -> FirmWorld:
    return firm_world("Other")


def _pages(client: Client, keys: dict[str, str]) -> dict[str, str]:
    """Return every list, page and history that opens, by address."""
    addresses = [reverse("admin:index")]
    for label, key in keys.items():
        base = label.replace(".", "_")
        addresses += [
            list_address(label),
            reverse(f"admin:{base}_change", args=[key]),
            reverse(f"admin:{base}_history", args=[key]),
        ]
    answers = {address: client.get(address) for address in addresses}
    return {address: answer.content.decode() for address, answer in answers.items() if answer.status_code == 200}


@pytest.mark.parametrize("role", sorted(SCOPED_TO_A_FIRM))
def test_another_firms_rows_are_not_there(role: str, own: FirmWorld, other: FirmWorld) -> None:
    client = client_of(person(role, own.firm))
    found = []

    for label in SCOPED_TO_A_FIRM[role]:
        base = label.replace(".", "_")
        for view in ("change", "history", "delete"):
            theirs = client.get(reverse(f"admin:{base}_{view}", args=[other.keys[label]]))
            nobodys = client.get(reverse(f"admin:{base}_{view}", args=[own.keys["access.firm"]]))
            if theirs.status_code == 200 or theirs.status_code != nobodys.status_code:
                found.append((label, view, theirs.status_code, nobodys.status_code))
        listed = client.get(f"{list_address(label)}&q={other.keys[label]}")
        if other.keys[label] in listed.context["cl"].result_list.values_list("pk", flat=True):
            found.append((label, "search", listed.status_code, 0))

    assert found == []


@pytest.mark.parametrize("role", sorted(SCOPED_TO_A_FIRM))
def test_no_page_of_a_reviewer_holds_a_word_of_another_firm(role: str, own: FirmWorld, other: FirmWorld) -> None:
    pages = _pages(client_of(person(role, own.firm)), own.keys | house_keys())

    assert [address for address, page in pages.items() if other.canary in page] == []
    assert any(own.canary in page for page in pages.values())


def test_a_former_state_of_another_firms_profile_is_not_there(own: FirmWorld, other: FirmWorld) -> None:
    client = client_of(person("reviewer", own.firm))
    profile = other.item.advisor
    address = reverse("admin:content_advisorprofile_simple_history", args=[profile.pk, profile.history.first().pk])

    assert client.get(address).status_code == 404


@pytest.mark.parametrize("role", ["reviewer", "administrator", "superuser"])
def test_nobody_writes_through_a_former_state(role: str, own: FirmWorld) -> None:
    client = client_of(person(role, own.firm))
    profile = own.item.advisor
    address = reverse("admin:content_advisorprofile_simple_history", args=[profile.pk, profile.history.first().pk])

    response = client.post(address, {"registered_name": "Somebody Else"})

    profile.refresh_from_db()
    assert (response.status_code, profile.registered_name) == (403, "Advisor Own")


def test_operations_see_every_firm_and_no_clients_word(own: FirmWorld, other: FirmWorld) -> None:
    pages = _pages(client_of(person("operations", own.firm)), own.keys | house_keys())

    cases = pages[list_address("escalation.case")]
    assert own.case.short_id in cases
    assert other.case.short_id in cases
    assert [address for address, page in pages.items() if own.canary in page or other.canary in page] == []


def test_an_administrator_reads_the_texts_of_every_firm(own: FirmWorld, other: FirmWorld) -> None:
    client = client_of(person("administrator", own.firm))

    for world in (own, other):
        page = client.get(reverse("admin:escalation_case_change", args=[world.case.pk]))
        assert world.canary in page.content.decode()


def test_a_case_page_holds_what_has_to_be_read_before_deciding(own: FirmWorld) -> None:
    client = client_of(person("reviewer", own.firm))

    page = client.get(reverse("admin:escalation_case_change", args=[own.case.pk])).content.decode()

    for words in (own.canary, "guaranteed returns", "Please look", "desk-severity-critical", own.case.why):
        assert words in page


@pytest.mark.parametrize("role", ["operations", "administrator", "superuser"])
def test_no_page_shows_a_secret(role: str, own: FirmWorld, other: FirmWorld) -> None:
    pages = _pages(client_of(person(role, own.firm)), own.keys | house_keys())
    secrets = {
        "token": own.token_secret,
        "digest": own.token.digest,
        "signing secret": own.endpoint.secret,
        "password": own.advisor.password,
    }

    shown = [(name, address) for address, page in pages.items() for name, secret in secrets.items() if secret in page]

    assert shown == []


@pytest.mark.parametrize(
    ("model", "lookup"),
    [
        ("journal_webhookendpoint", "secret__startswith=whsec_"),
        ("access_user", "password__startswith=argon"),
        ("access_token", "digest__startswith=a"),
        ("content_contentversion", "text__contains=canary"),
        ("content_contentitem", "versions__text__contains=canary"),
        ("content_contentitem", "topic__startswith=Topic"),
        ("feedback_feedback", "author__password__startswith=a"),
    ],
)
def test_hidden_columns_cannot_be_guessed_by_filtering(model: str, lookup: str, own: FirmWorld) -> None:
    client = client_of(person("superuser", own.firm))

    assert client.get(f"{reverse(f'admin:{model}_changelist')}?{lookup}").status_code == 400


def test_searching_finds_ids_and_never_texts(own: FirmWorld) -> None:
    client = client_of(person("operations", own.firm))

    def found(model: str, words: str) -> int:
        return len(client.get(f"{list_address(model)}&q={words}").context["cl"].result_list)

    assert found("content.contentitem", own.item.short_id) == 1
    assert found("content.contentitem", str(own.item.pk)) == 1
    assert found("escalation.case", own.case.short_id) == 1
    assert found("content.contentversion", own.canary) == 0
    assert found("content.contentitem", own.canary) == 0
    assert found("feedback.feedback", own.canary) == 0


def test_the_desk_opens_with_what_waits_for_a_person(own: FirmWorld) -> None:
    client = client_of(person("reviewer", own.firm))

    listed = list(client.get(reverse("admin:escalation_case_changelist")).context["cl"].result_list)

    assert [case.pk for case in listed] == [own.case.pk]


def test_somebody_with_a_role_and_no_place_sees_no_rows(own: FirmWorld) -> None:
    user = person("reviewer", own.firm)
    user.membership.delete()

    listed = client_of(user).get(list_address("escalation.case"))

    assert (listed.status_code, len(listed.context["cl"].result_list)) == (200, 0)


def test_facts_cannot_be_added_changed_or_deleted_even_by_superusers(own: FirmWorld) -> None:
    client = client_of(person("superuser", own.firm))
    facts = [
        "content.contentitem",
        "content.contentversion",
        "feedback.feedback",
        "regeneration.regeneration",
        "regeneration.candidate",
        "escalation.case",
        "journal.event",
        "journal.auditentry",
        "journal.deadletter",
        "journal.delivery",
        "journal.webhookendpoint",
    ]

    statuses = {
        (
            client.get(reverse(f"admin:{base}_add")).status_code,
            client.post(reverse(f"admin:{base}_change", args=[own.keys[label]]), {"state": "approved"}).status_code,
            client.post(reverse(f"admin:{base}_delete", args=[own.keys[label]]), {"post": "yes"}).status_code,
        )
        for label in facts
        for base in [label.replace(".", "_")]
    }

    assert statuses == {(403, 403, 403)}


def test_the_side_bar_names_only_what_somebody_may_open(own: FirmWorld) -> None:
    page = client_of(person("reviewer", own.firm)).get(reverse("admin:index")).content.decode()

    assert reverse("admin:escalation_case_changelist") in page
    assert reverse("admin:journal_deadletter_changelist") not in page
    assert reverse("admin:access_user_changelist") not in page


def test_every_list_of_the_desk_is_in_the_side_bar(own: FirmWorld) -> None:
    page = client_of(person("superuser", own.firm)).get(reverse("admin:index")).content.decode()

    lists = [model._meta.label_lower.replace(".", "_") for model in admin.site._registry]
    assert [name for name in lists if reverse(f"admin:{name}_changelist") not in page] == []
