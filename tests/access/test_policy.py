"""Who may do what, written by hand: the product's own table is never read here."""

import uuid
from typing import Final

import pytest
from django.contrib.auth.models import AnonymousUser

from jarvish_regen.access.models import Role, Scope
from jarvish_regen.access.policy import Viewer, required_viewer, viewer_of
from jarvish_regen.errors import ForbiddenError
from tests.factories import MembershipFactory, UserFactory

ACTS: Final = ("read_item", "send_drafts", "reject", "approve", "ask_person", "read_rejections", "manage_firm")

# Columns as in ACTS; y: may, -: may not.
ROLES: Final = {
    "advisor": "yyyyyy-",
    "firm_admin": "yyy-yyy",
    "integrator": "yyy-yy-",
    "reviewer": "y----y-",
    "senior_reviewer": "y----y-",
}
# What one scope alone lets the widest role for the act do by token: never to manage the firm.
SCOPES: Final = {
    "content:read": "y------",
    "content:write": "-y-----",
    "feedback:read": "-----y-",
    "feedback:write": "--y-y--",
    "approve": "---y---",
}


def _viewer(role: str, scopes: frozenset[str] | None = None) -> Viewer:
    return Viewer(uuid.uuid4(), uuid.uuid4(), role, scopes)


@pytest.mark.parametrize("role", ROLES)
def test_a_person_may_what_the_role_may(role: str) -> None:
    viewer = _viewer(role)

    assert "".join("y" if viewer.may(act) else "-" for act in ACTS) == ROLES[role]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("scope", SCOPES)
def test_a_token_may_what_both_its_role_and_its_scope_may(role: str, scope: str) -> None:
    viewer = _viewer(role, frozenset({scope}))
    both = "".join("y" if "-" not in pair else "-" for pair in zip(ROLES[role], SCOPES[scope], strict=True))

    assert "".join("y" if viewer.may(act) else "-" for act in ACTS) == both


@pytest.mark.parametrize("role", ROLES)
def test_a_token_with_every_scope_never_manages_the_firm(role: str) -> None:
    viewer = _viewer(role, frozenset(SCOPES))

    assert "".join("y" if viewer.may(act) else "-" for act in ACTS) == ROLES[role][:-1] + "-"


@pytest.mark.parametrize("role", ROLES)
def test_a_token_without_scopes_may_nothing(role: str) -> None:
    assert [act for act in ACTS if _viewer(role, frozenset()).may(act)] == []


@pytest.mark.parametrize("role", ROLES)
def test_an_act_nobody_knows_is_nobodys(role: str) -> None:
    assert _viewer(role).may("delete_everything") is False


def test_the_tables_name_every_role_and_scope_there_is() -> None:
    assert set(ROLES) == set(Role.values)
    assert set(SCOPES) == set(Scope.values)


def test_a_refused_person_is_told_what_the_role_may() -> None:
    with pytest.raises(ForbiddenError) as caught:
        _viewer("reviewer").require("reject")

    assert (caught.value.http_status, caught.value.field, caught.value.given) == (403, "role", "reject")
    assert caught.value.allowed == ["read_item", "read_rejections"]


def test_a_refused_token_is_told_its_scopes() -> None:
    with pytest.raises(ForbiddenError) as caught:
        _viewer("advisor", frozenset({"content:read"})).require("approve")

    assert (caught.value.field, caught.value.given, caught.value.allowed) == ("scopes", "approve", ["content:read"])


def test_what_is_allowed_passes_in_silence() -> None:
    _viewer("advisor", frozenset({"approve"})).require("approve")


@pytest.mark.parametrize("role", ROLES)
def test_only_advisors_see_their_own_items_only(role: str) -> None:
    assert _viewer(role).sees_own_items_only is (role == "advisor")


@pytest.mark.django_db
def test_a_member_is_seen_with_firm_and_role() -> None:
    membership = MembershipFactory(role="reviewer")

    assert required_viewer(membership.user) == Viewer(membership.user_id, membership.firm_id, "reviewer", None)


@pytest.mark.django_db
@pytest.mark.parametrize("who", ["anonymous", "without a place", "inactive"])
def test_nobody_without_a_place_is_a_viewer(who: str) -> None:
    user = AnonymousUser() if who == "anonymous" else UserFactory()
    if who == "inactive":
        user = MembershipFactory(user__is_active=False).user

    assert viewer_of(user) is None
    with pytest.raises(ForbiddenError, match="belongs to no firm"):
        required_viewer(user)
