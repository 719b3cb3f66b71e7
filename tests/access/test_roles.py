"""The fixture of roles holds what is written here, and people get their groups with their places."""

from typing import Final

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command

from jarvish_regen.access.models import Role
from jarvish_regen.access.services import give_place, take_place
from tests.factories import FirmFactory, UserFactory, token_for

pytestmark = pytest.mark.django_db

_DRAFTS: Final = {
    "content.view_contentitem",
    "content.view_contentversion",
    "feedback.view_feedback",
    "feedback.view_feedbackissue",
    "regeneration.view_regeneration",
    "regeneration.view_candidate",
    "escalation.view_case",
    "escalation.view_caseentry",
}
_SHELF: Final = {
    "regeneration.view_template",
    "regeneration.add_template",
    "regeneration.change_template",
    "regeneration.view_libraryitem",
    "regeneration.add_libraryitem",
    "regeneration.change_libraryitem",
    "regeneration.view_defaulttext",
    "regeneration.view_fallbackorder",
    "regeneration.add_fallbackorder",
    "regeneration.change_fallbackorder",
    "regeneration.view_rungrecord",
}
_MACHINE_ROOM: Final = {
    *_SHELF,
    "regeneration.change_regeneration",
    "journal.view_event",
    "journal.view_outbox",
    "journal.view_deadletter",
    "journal.change_deadletter",
    "journal.view_delivery",
    "journal.view_idempotencykey",
    "llm.view_modeltarget",
    "llm.add_modeltarget",
    "llm.change_modeltarget",
    "llm.view_targetalarm",
    "llm.view_targetstate",
    "access.view_firm",
    "learning.view_snapshot",
    "content.view_modelversion",
    "learning.view_trainingrun",
}
_LABELS: Final = {"learning.view_labeltask", "learning.change_labeltask", "learning.view_trainingrow"}
PERMISSIONS: Final[dict[str, set[str]]] = {
    "advisor": set(),
    "firm_admin": set(),
    "integrator": set(),
    "reviewer": _DRAFTS | _LABELS | {"content.view_advisorprofile"},
    "senior_reviewer": _DRAFTS
    | _LABELS
    | {
        "content.view_advisorprofile",
        "journal.view_auditentry",
        "journal.view_event",
        "learning.change_trainingrow",
    },
    "operations": _DRAFTS | _MACHINE_ROOM,
    "analyst": {"learning.view_snapshot"},
    "administrator": _DRAFTS
    | _MACHINE_ROOM
    | _LABELS
    | {
        "content.change_modelversion",
        "learning.change_trainingrow",
        "access.add_firm",
        "access.change_firm",
        "access.view_user",
        "access.add_user",
        "access.change_user",
        "access.view_membership",
        "access.add_membership",
        "access.change_membership",
        "access.delete_membership",
        "access.view_invitation",
        "access.view_token",
        "access.delete_token",
        "auth.view_group",
        "content.view_advisorprofile",
        "content.add_advisorprofile",
        "content.change_advisorprofile",
        "journal.view_auditentry",
        "journal.view_webhookendpoint",
        "journal.change_webhookendpoint",
        "llm.delete_modeltarget",
    },
}


def _laid_out() -> dict[str, set[str]]:
    return {
        group.name: {
            f"{row.content_type.app_label}.{row.codename}" for row in group.permissions.select_related("content_type")
        }
        for group in Group.objects.all()
    }


def test_migrating_lays_out_the_groups_as_written_here() -> None:
    assert _laid_out() == PERMISSIONS


def test_laying_out_again_takes_back_what_was_changed_by_hand() -> None:
    reviewer = Group.objects.get(name="reviewer")
    reviewer.permissions.set(Group.objects.get(name="administrator").permissions.all())

    call_command("loaddata", "roles", verbosity=0)

    assert _laid_out() == PERMISSIONS


def test_every_role_of_a_firm_has_its_group() -> None:
    assert set(Role.values) <= set(PERMISSIONS)


def test_a_new_role_takes_the_old_roles_group_away_and_keeps_a_staff_group() -> None:
    firm, user = FirmFactory(), UserFactory()
    user.groups.add(Group.objects.get(name="operations"))

    give_place(firm=firm, user=user, role=Role.REVIEWER)
    give_place(firm=firm, user=user, role=Role.ADVISOR)

    assert set(user.groups.values_list("name", flat=True)) == {"advisor", "operations"}


def test_losing_a_place_takes_group_and_tokens_away() -> None:
    firm, user = FirmFactory(), UserFactory()
    membership = give_place(firm=firm, user=user, role=Role.REVIEWER)
    token_for(user)

    take_place(membership=membership)

    assert (user.groups.count(), user.auth_token_set.count()) == (0, 0)
