"""Firms, places and tokens: who gets in, how, and what a token is worth."""

import threading
from datetime import timedelta
from typing import Any, Final

import pytest
from django.core import mail, signing
from django.db import connection
from django.test import Client
from django.utils import timezone
from rest_framework.exceptions import AuthenticationFailed

from jarvish_regen.access import services
from jarvish_regen.access.authentication import ScopedTokenAuthentication
from jarvish_regen.access.models import Firm, Invitation, Membership, Token, User
from jarvish_regen.access.policy import Viewer
from jarvish_regen.errors import ForbiddenError, InputError, NotFoundError
from jarvish_regen.journal.models import AuditEntry
from tests.factories import PASSWORD, FirmFactory, MembershipFactory, UserFactory, viewer_for

pytestmark = pytest.mark.django_db

SCOPES: Final = ("content:read", "content:write")


def _sign_up(**changes: str) -> User:
    given = {"firm_name": "Asha Wealth", "full_name": "Asha Rao", "email": "Asha@Firm.example", "password": PASSWORD}
    return services.sign_up_firm(**{**given, **changes})


@pytest.fixture
def admin() -> Viewer:
    return viewer_for(MembershipFactory().user)


# --- Signing up -------------------------------------------------------------------------------------------------


def test_a_firm_signs_up_with_its_administrator() -> None:
    user = _sign_up()

    membership = Membership.objects.select_related("firm").get(user=user)
    entry = AuditEntry.objects.get(subject_kind="firm")
    assert (membership.firm.name, membership.role) == ("Asha Wealth", "firm_admin")
    assert membership.firm.slug.startswith("asha-wealth-")
    assert (user.email, user.full_name, user.is_staff, user.is_superuser) == (
        "asha@firm.example",
        "Asha Rao",
        False,
        False,
    )
    assert user.check_password(PASSWORD)
    assert set(user.groups.values_list("name", flat=True)) <= {"firm_admin"}
    assert (entry.firm_id, entry.act, entry.actor_id) == (membership.firm_id, "sign_up", user.id)


def test_two_firms_of_one_name_get_two_addresses() -> None:
    _sign_up()
    _sign_up(email="other@firm.example")

    slugs = list(Firm.objects.order_by("created_at", "id").values_list("slug", flat=True))
    assert len(set(slugs)) == 2
    assert all(slug.startswith("asha-wealth") for slug in slugs)


def test_a_name_in_devanagari_gets_an_address_too() -> None:
    user = _sign_up(firm_name="आशा वेल्थ")

    firm = Membership.objects.select_related("firm").get(user=user).firm
    assert firm.name == "आशा वेल्थ"
    assert firm.slug.startswith("firm-")


@pytest.mark.parametrize("password", ["short", "password123", "12345678901", "asha@firm.example"])
def test_a_weak_password_is_refused_and_leaves_no_firm(password: str) -> None:
    with pytest.raises(InputError) as caught:
        _sign_up(password=password)

    assert (caught.value.field, caught.value.given) == ("password", None)
    assert (Firm.objects.count(), User.objects.count(), AuditEntry.objects.count()) == (0, 0, 0)


@pytest.mark.parametrize("email", ["asha@firm.example", "ASHA@FIRM.EXAMPLE", "Asha@firm.Example"])
def test_an_email_with_an_account_is_refused_in_any_case(email: str) -> None:
    UserFactory(email="asha@firm.example")

    with pytest.raises(InputError) as caught:
        _sign_up(email=email)

    assert (caught.value.field, caught.value.given) == ("email", email)
    assert (Firm.objects.count(), User.objects.count()) == (0, 1)


# --- Invitations ------------------------------------------------------------------------------------------------


def _accept(invitation: Invitation, **changes: str) -> User:
    given = {"token": services.invitation_token(invitation), "full_name": "Ravi Iyer", "password": PASSWORD}
    return services.accept_invitation(**{**given, **changes})


def test_an_invitation_goes_out_by_email_with_a_link_that_opens_it(admin: Viewer) -> None:
    invitation = services.invite(viewer=admin, email="Ravi@People.example", role="advisor")

    (sent,) = mail.outbox
    link = next(word for word in sent.body.split() if word.startswith("http"))
    assert (sent.to, invitation.email) == (["ravi@people.example"], "ravi@people.example")
    assert Firm.objects.get(id=admin.firm_id).name in sent.subject
    assert Client().get("/" + link.split("/", 3)[3]).status_code == 200


def test_accepting_makes_the_account_in_the_offered_role(admin: Viewer) -> None:
    invitation = services.invite(viewer=admin, email="ravi@people.example", role="advisor")

    user = _accept(invitation)

    membership = Membership.objects.get(user=user)
    assert (user.email, user.full_name, user.is_staff) == ("ravi@people.example", "Ravi Iyer", False)
    assert (membership.firm_id, membership.role) == (admin.firm_id, "advisor")
    acts = AuditEntry.objects.filter(subject_id=invitation.id).order_by("id").values_list("act", "actor_id")
    assert list(acts) == [("invite", admin.user_id), ("accept", user.id)]


def test_an_invitation_works_once(admin: Viewer) -> None:
    invitation = services.invite(viewer=admin, email="ravi@people.example", role="advisor")
    _accept(invitation)

    with pytest.raises(NotFoundError):
        _accept(invitation)
    with pytest.raises(NotFoundError):
        services.open_invitation(services.invitation_token(invitation))


def test_a_weak_password_does_not_use_an_invitation_up(admin: Viewer) -> None:
    invitation = services.invite(viewer=admin, email="ravi@people.example", role="advisor")

    with pytest.raises(InputError) as caught:
        _accept(invitation, password="short")

    assert caught.value.field == "password"
    assert _accept(invitation).email == "ravi@people.example"


def test_an_expired_invitation_is_not_there(admin: Viewer) -> None:
    invitation = services.invite(viewer=admin, email="ravi@people.example", role="advisor")
    Invitation.objects.filter(id=invitation.id).update(expires_at=timezone.now() - timedelta(seconds=1))

    with pytest.raises(NotFoundError):
        _accept(invitation)

    assert not User.objects.filter(email="ravi@people.example").exists()


def test_a_link_that_was_tampered_with_is_not_there(admin: Viewer) -> None:
    token = services.invitation_token(services.invite(viewer=admin, email="ravi@people.example", role="advisor"))
    flipped = ("A" if token[0] != "A" else "B") + token[1:]

    for wrong in ("", "x", flipped, token[:-1], signing.dumps("no-uuid", salt="invitation"), signing.dumps("x")):
        with pytest.raises(NotFoundError):
            services.open_invitation(wrong)


@pytest.mark.django_db(transaction=True)
def test_an_invitation_used_twice_at_once_makes_one_account() -> None:
    invitation = services.invite(
        viewer=viewer_for(MembershipFactory().user), email="ravi@people.example", role="advisor"
    )
    start = threading.Barrier(2)
    outcomes: list[str] = []

    def use() -> None:
        try:
            start.wait(timeout=30)
            outcomes.append(_accept(invitation).email)
        except NotFoundError:
            outcomes.append("not there")
        finally:
            connection.close()

    threads = [threading.Thread(target=use) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert sorted(outcomes) == ["not there", "ravi@people.example"]
    assert User.objects.filter(email="ravi@people.example").count() == 1


@pytest.mark.parametrize("role", ["integrator", "senior_reviewer", "owner", ""])
def test_a_role_that_is_not_offered_is_refused_with_those_that_are(admin: Viewer, role: str) -> None:
    with pytest.raises(InputError) as caught:
        services.invite(viewer=admin, email="ravi@people.example", role=role)

    assert (caught.value.field, caught.value.given) == ("role", role)
    assert caught.value.allowed == ["advisor", "firm_admin", "reviewer"]
    assert (Invitation.objects.count(), len(mail.outbox)) == (0, 0)


def test_who_has_an_account_is_not_invited(admin: Viewer) -> None:
    UserFactory(email="ravi@people.example")

    with pytest.raises(InputError) as caught:
        services.invite(viewer=admin, email="RAVI@people.example", role="advisor")

    assert (caught.value.field, len(mail.outbox)) == ("email", 0)


def test_a_second_invitation_replaces_the_first(admin: Viewer) -> None:
    first = services.invite(viewer=admin, email="ravi@people.example", role="advisor")
    second = services.invite(viewer=admin, email="RAVI@people.example", role="reviewer")

    with pytest.raises(NotFoundError):
        _accept(first)
    assert Membership.objects.get(user=_accept(second)).role == "reviewer"


@pytest.mark.parametrize("role", ["advisor", "integrator", "reviewer", "senior_reviewer"])
def test_only_who_manages_the_firm_invites(role: str) -> None:
    viewer = viewer_for(MembershipFactory(role=role).user)

    with pytest.raises(ForbiddenError):
        services.invite(viewer=viewer, email="ravi@people.example", role="advisor")


def test_a_reviewer_becomes_staff_and_an_advisor_does_not(admin: Viewer) -> None:
    people = [
        _accept(services.invite(viewer=admin, email=f"{role}@people.example", role=role))
        for role in ("reviewer", "advisor")
    ]

    assert [person.is_staff for person in people] == [True, False]
    assert [person.is_superuser for person in people] == [False, False]


def test_whose_place_is_taken_has_neither_place_nor_tokens() -> None:
    membership = MembershipFactory(role="advisor")
    issued = services.issue_token(viewer=viewer_for(membership.user), name="mine", scopes=SCOPES)

    services.take_place(membership=membership)

    assert not Membership.objects.filter(user=membership.user).exists()
    assert not Token.objects.filter(pk=issued.token.pk).exists()


# --- Tokens -----------------------------------------------------------------------------------------------------


def _authenticated(secret: str) -> tuple[User, Token]:
    user, token = ScopedTokenAuthentication().authenticate_credentials(secret.encode())
    return user, token


def _issue(viewer: Viewer, **given: Any) -> services.IssuedToken:
    return services.issue_token(viewer=viewer, **{"name": "CRM", "scopes": SCOPES, **given})


def test_a_secret_is_stored_nowhere_and_opens_the_account_it_was_made_for(admin: Viewer) -> None:
    issued = _issue(admin)

    row = Token.objects.filter(pk=issued.token.pk).values().get()
    user, token = _authenticated(issued.secret)
    assert issued.secret.startswith("jrv_")
    assert [name for name, value in row.items() if issued.secret in str(value)] == []
    assert row["digest"] != issued.secret
    assert issued.secret.startswith(row["token_key"])
    assert len(issued.secret) - len(row["token_key"]) >= 32
    assert (user.id, token) == (admin.user_id, issued.token)
    details = AuditEntry.objects.get(act="issue_token").details
    assert details == {"scopes": sorted(SCOPES), "key": issued.token.token_key}


def test_a_token_carries_its_scopes_to_the_policy(admin: Viewer) -> None:
    viewer = viewer_for(*_authenticated(_issue(admin, scopes=["content:read"]).secret))

    assert (viewer.may("read_item"), viewer.may("send_drafts"), viewer.may("manage_firm")) == (True, False, False)


@pytest.mark.parametrize("scopes", [[], ["content:read", "everything"]])
def test_unknown_or_no_scopes_are_refused_with_those_there_are(admin: Viewer, scopes: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        _issue(admin, scopes=scopes)

    assert (caught.value.field, caught.value.given) == ("scopes", scopes[1:])
    assert caught.value.allowed == ["content:read", "content:write", "feedback:read", "feedback:write", "approve"]


def test_a_token_opens_nothing_once_it_is_revoked(admin: Viewer) -> None:
    issued = _issue(admin)

    services.revoke_token(viewer=admin, token_key=issued.token.token_key)

    with pytest.raises(AuthenticationFailed):
        _authenticated(issued.secret)
    entry = AuditEntry.objects.get(act="revoke_token")
    assert (entry.actor_id, entry.details) == (admin.user_id, {"key": issued.token.token_key})


def test_a_token_opens_nothing_once_it_has_expired(admin: Viewer) -> None:
    issued = _issue(admin, days=1)
    assert issued.token.expiry is not None
    Token.objects.filter(pk=issued.token.pk).update(expiry=timezone.now() - timedelta(seconds=1))

    with pytest.raises(AuthenticationFailed):
        _authenticated(issued.secret)


def test_a_token_without_days_has_no_end(admin: Viewer) -> None:
    assert _issue(admin, days=None).token.expiry is None


@pytest.mark.parametrize("change", ["other end", "other start", "empty"])
def test_a_secret_that_is_nearly_right_opens_nothing(admin: Viewer, change: str) -> None:
    secret = _issue(admin).secret
    wrong = {"other end": secret[:-1] + "!", "other start": "!" + secret[1:], "empty": ""}[change]

    with pytest.raises(AuthenticationFailed):
        _authenticated(wrong)


def test_the_token_of_somebody_who_was_shut_out_opens_nothing(admin: Viewer) -> None:
    issued = _issue(admin)
    User.objects.filter(id=admin.user_id).update(is_active=False)

    with pytest.raises(AuthenticationFailed):
        _authenticated(issued.secret)


def test_an_integration_gets_an_account_without_password_in_the_firm(admin: Viewer) -> None:
    issued = _issue(admin, for_integration=True, name="CRM of Asha")

    user = User.objects.get(id=issued.token.user_id)
    viewer = viewer_for(user, issued.token)
    assert (user.is_service, user.has_usable_password(), user.full_name) == (True, False, "CRM of Asha")
    assert (viewer.firm_id, viewer.role) == (admin.firm_id, "integrator")


def test_an_integration_never_approves(admin: Viewer) -> None:
    with pytest.raises(InputError) as caught:
        _issue(admin, for_integration=True, scopes=["content:read", "approve"])

    assert (caught.value.field, caught.value.given) == ("scopes", "approve")
    assert not Membership.objects.filter(role="integrator").exists()


def test_an_advisors_own_token_may_approve_and_an_administrators_may_not(admin: Viewer) -> None:
    advisor = viewer_for(MembershipFactory(role="advisor").user)

    may = [
        viewer_for(*_authenticated(_issue(viewer, scopes=["approve"]).secret)).may("approve")
        for viewer in (advisor, admin)
    ]

    assert may == [True, False]


@pytest.mark.parametrize("role", ["advisor", "integrator", "reviewer"])
def test_only_who_manages_the_firm_makes_tokens_for_integrations(role: str) -> None:
    viewer = viewer_for(MembershipFactory(role=role).user)

    with pytest.raises(ForbiddenError):
        _issue(viewer, for_integration=True)

    assert not Token.objects.exists()


def test_a_token_never_makes_another(admin: Viewer) -> None:
    by_token = viewer_for(*_authenticated(_issue(admin, scopes=["content:read"]).secret))

    with pytest.raises(ForbiddenError):
        _issue(by_token, scopes=["content:write"])
    with pytest.raises(ForbiddenError):
        _issue(by_token, for_integration=True)

    assert Token.objects.count() == 1


def test_a_token_of_another_firm_or_colleague_cannot_be_revoked(admin: Viewer) -> None:
    firm = Firm.objects.get(id=admin.firm_id)
    issued = _issue(admin)
    stranger = viewer_for(MembershipFactory(firm=FirmFactory()).user)
    colleague = viewer_for(MembershipFactory(firm=firm, role="advisor").user)

    for other in (stranger, colleague):
        with pytest.raises(NotFoundError):
            services.revoke_token(viewer=other, token_key=issued.token.token_key)

    assert _authenticated(issued.secret)[1] == issued.token


def test_the_administrator_sees_and_revokes_every_token_of_the_firm_and_no_other(admin: Viewer) -> None:
    firm = Firm.objects.get(id=admin.firm_id)
    advisor = viewer_for(MembershipFactory(firm=firm, role="advisor").user)
    theirs = _issue(advisor).token
    own = _issue(admin).token
    foreign = _issue(viewer_for(MembershipFactory().user)).token

    assert set(services.tokens_of(viewer=admin)) == {theirs, own}
    assert set(services.tokens_of(viewer=advisor)) == {theirs}
    services.revoke_token(viewer=admin, token_key=theirs.token_key)
    assert set(Token.objects.all()) == {own, foreign}
