"""Who may do what at the desk: role × model × view, written by hand. Product code never reads this table."""

from typing import Final

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from tests.admin.world import ROLES, FirmWorld, client_of, firm_world, house_keys, person

pytestmark = pytest.mark.django_db

# l list, v view page, h history, a add, c change, d delete. What is not written is refused with 403.
COLUMNS: Final = ("reviewer", "senior_reviewer", "operations", "administrator", "superuser")
# fmt: off
MATRIX: Final[dict[str, tuple[str, str, str, str, str]]] = {
    # model                      reviewer senior operat.  admin.    superuser
    "access.firm":               ("",    "",    "lvh",   "lvhac",  "lvhac"),
    "access.user":               ("",    "",    "",      "lvhac",  "lvhac"),
    "access.membership":         ("",    "",    "",      "lvhacd", "lvhacd"),
    "access.token":              ("",    "",    "",      "lvh",    "lvh"),
    "access.invitation":         ("",    "",    "",      "lvh",    "lvh"),
    "auth.group":                ("",    "",    "",      "lvh",    "lvh"),
    "content.advisorprofile":    ("lvh", "lvh", "",      "lvhac",  "lvhac"),
    "content.contentitem":       ("lvh", "lvh", "lvh",   "lvh",    "lvh"),
    "content.contentversion":    ("lvh", "lvh", "lvh",   "lvh",    "lvh"),
    "content.modelversion":      ("",    "",    "lvh",   "lvh",    "lvh"),
    "learning.trainingrun":      ("",    "",    "lvh",   "lvh",    "lvh"),
    "learning.labeltask":        ("lvh", "lvh", "",      "lvh",    "lvh"),
    "learning.trainingrow":      ("lvh", "lvh", "",      "lvh",    "lvh"),
    "feedback.feedback":         ("lvh", "lvh", "lvh",   "lvh",    "lvh"),
    "regeneration.regeneration": ("lvh", "lvh", "lvh",   "lvh",    "lvh"),
    "regeneration.candidate":    ("lvh", "lvh", "lvh",   "lvh",    "lvh"),
    "regeneration.template":      ("",    "",    "lvhac", "lvhac",  "lvhac"),
    "regeneration.libraryitem":   ("",    "",    "lvhac", "lvhac",  "lvhac"),
    "regeneration.defaulttext":   ("",    "",    "lvh",   "lvh",    "lvh"),
    "regeneration.fallbackorder": ("",    "",    "lvha",  "lvha",   "lvha"),
    "regeneration.rungrecord":    ("",    "",    "lvh",   "lvh",    "lvh"),
    "escalation.case":           ("lvh", "lvh", "lvh",   "lvh",    "lvh"),
    "journal.event":             ("",    "lvh", "lvh",   "lvh",    "lvh"),
    "journal.auditentry":        ("",    "lvh", "",      "lvh",    "lvh"),
    "journal.deadletter":        ("",    "",    "lvh",   "lvh",    "lvh"),
    "journal.outbox":            ("",    "",    "lvh",   "lvh",    "lvh"),
    "journal.delivery":          ("",    "",    "lvh",   "lvh",    "lvh"),
    "journal.idempotencykey":    ("",    "",    "lvh",   "lvh",    "lvh"),
    "journal.webhookendpoint":   ("",    "",    "",      "lvh",    "lvh"),
    "llm.modeltarget":           ("",    "",    "lvhac", "lvhacd", "lvhacd"),
    "llm.targetalarm":           ("",    "",    "lvh",   "lvh",    "lvh"),
    "llm.targetstate":           ("",    "",    "lvh",   "lvh",    "lvh"),
}
# Buttons of a page, and actions on selected rows of a list, with who may press them.
BUTTONS: Final[dict[tuple[str, str], set[str]]] = {
    ("access.token", "revoke"):                 {"administrator", "superuser"},
    ("journal.webhookendpoint", "disable"):     {"administrator", "superuser"},
    ("journal.deadletter", "replay"):           {"operations", "administrator", "superuser"},
    ("journal.deadletter", "discard"):          {"operations", "administrator", "superuser"},
    ("content.modelversion", "promote"):        {"administrator", "superuser"},
    ("content.modelversion", "roll_back"):      {"administrator", "superuser"},
    ("learning.labeltask", "label"):            {"reviewer", "senior_reviewer", "administrator", "superuser"},
    ("learning.labeltask", "take"):             {"reviewer", "senior_reviewer", "administrator", "superuser"},
    ("learning.trainingrow", "relabel"):        {"senior_reviewer", "administrator", "superuser"},
    ("regeneration.regeneration", "ring"):      {"operations", "administrator", "superuser"},
    ("regeneration.fallbackorder", "simulate"): {"operations", "administrator", "superuser"},
    ("regeneration.fallbackorder", "make_live"): {"operations", "administrator", "superuser"},
}
LIST_ACTIONS: Final[dict[tuple[str, str], set[str]]] = {
    ("journal.deadletter", "replay_selected"):  {"operations", "administrator", "superuser"},
    ("access.membership", "delete_selected"):   {"administrator", "superuser"},
    ("llm.modeltarget", "delete_selected"):     {"administrator", "superuser"},
}
# fmt: on
OUTSIDE_THE_DESK: Final = {"advisor", "firm_admin", "integrator"}


@pytest.fixture
def world() -> FirmWorld:
    return firm_world("Own")


@pytest.fixture
def keys(world: FirmWorld) -> dict[str, str]:
    return {**world.keys, **house_keys()}


def test_every_registered_model_and_button_has_a_row() -> None:
    registered = {model._meta.label_lower: model_admin for model, model_admin in admin.site._registry.items()}

    buttons = {
        (label, name)
        for label, model_admin in registered.items()
        for kind in ("actions_detail", "actions_list", "actions_row", "actions_submit_line")
        for name in getattr(model_admin, kind)
    }
    own_actions = {(label, name) for label, one in registered.items() for name in (one.actions or ())}

    assert set(registered) == set(MATRIX)
    assert buttons == set(BUTTONS)
    assert own_actions == {key for key in LIST_ACTIONS if key[1] != "delete_selected"}
    assert set(admin.site._actions) == {"delete_selected"}


def _status(client: Client, name: str, *arguments: str, post: bool = False) -> int:
    address = reverse(f"admin:{name}", args=arguments)
    return (client.post(address, {}) if post else client.get(address)).status_code


@pytest.mark.parametrize("role", ROLES)
def test_views_are_open_to_the_roles_of_the_table(role: str, world: FirmWorld, keys: dict[str, str]) -> None:
    client = client_of(person(role, world.firm))
    refused = 302 if role in OUTSIDE_THE_DESK else 403
    wrong = []

    for label, by_role in MATRIX.items():
        base, key = label.replace(".", "_"), keys[label]
        allowed = dict(zip(COLUMNS, by_role, strict=True)).get(role, "")
        answers = {
            "l": _status(client, f"{base}_changelist"),
            "v": _status(client, f"{base}_change", key),
            "h": _status(client, f"{base}_history", key),
            "a": _status(client, f"{base}_add"),
            # An empty form is refused by whoever may not save, and comes back with its errors to who may.
            "c": _status(client, f"{base}_change", key, post=True),
            "d": _status(client, f"{base}_delete", key),
        }
        wrong += [
            (label, view, answers[view]) for view in answers if answers[view] != (200 if view in allowed else refused)
        ]

    assert wrong == []


@pytest.mark.parametrize("role", ROLES)
def test_buttons_and_list_actions_are_open_to_the_roles_of_the_table(
    role: str, world: FirmWorld, keys: dict[str, str]
) -> None:
    client = client_of(person(role, world.firm))
    refused = 302 if role in OUTSIDE_THE_DESK else 403
    wrong = []

    for (label, name), allowed in BUTTONS.items():
        status = _status(client, f"{label.replace('.', '_')}_{name}", keys[label])
        if status != (200 if role in allowed else refused):
            wrong.append((label, name, status))
    for (label, name), allowed in LIST_ACTIONS.items():
        response = client.get(reverse(f"admin:{label.replace('.', '_')}_changelist"))
        form = response.context.get("action_form") if response.status_code == 200 else None
        offered = {choice[0] for choice in form.fields["action"].choices} if form else set()
        if (name in offered) != (role in allowed):
            wrong.append((label, name, response.status_code))

    assert wrong == []


def test_a_stranger_is_sent_to_the_login(keys: dict[str, str]) -> None:
    client = Client()

    statuses = {
        label: (
            _status(client, f"{label.replace('.', '_')}_changelist"),
            _status(client, f"{label.replace('.', '_')}_change", keys[label]),
        )
        for label in MATRIX
    }

    assert set(statuses.values()) == {(302, 302)}


def test_pressing_a_button_without_the_right_changes_nothing(world: FirmWorld) -> None:
    client = client_of(person("reviewer", world.firm))
    address = reverse("admin:journal_deadletter_discard", args=[world.letter.pk])

    response = client.post(address, {"_form_submitted": "on", "reason": "because"})

    world.letter.refresh_from_db()
    assert (response.status_code, world.letter.state) == (403, "waiting")
