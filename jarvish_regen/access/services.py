"""Firms, places in them, and tokens."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.core import signing
from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _

from jarvish_regen.access.models import Firm, Invitation, Membership, Role, Scope, Token, User
from jarvish_regen.access.policy import MANAGE_FIRM, Viewer
from jarvish_regen.errors import ForbiddenError, InputError, NotFoundError
from jarvish_regen.ids import new_id
from jarvish_regen.journal import services as journal

INVITATION_DAYS = 7
STAFF_ROLES = frozenset({Role.REVIEWER, Role.SENIOR_REVIEWER})
INVITABLE_ROLES = (Role.ADVISOR, Role.FIRM_ADMIN, Role.REVIEWER)


@dataclass(frozen=True)
class IssuedToken:
    """A token just made: `secret` is shown to its owner once and stored nowhere."""

    token: Token
    secret: str


def sign_up_firm(*, firm_name: str, full_name: str, email: str, password: str) -> User:
    """Make a firm with its first person, its administrator.

    Raises:
        InputError: the e-mail has an account, or the password is too weak.
    """
    with transaction.atomic():
        firm = Firm.objects.create(name=firm_name, slug=_slug_of(firm_name))
        user = _create_person(firm=firm, email=email, full_name=full_name, password=password, role=Role.FIRM_ADMIN)
        journal.audit(firm_id=firm.id, subject_kind="firm", subject_id=firm.id, act="sign_up", actor_id=user.id)
    return user


def _slug_of(name: str) -> str:
    # Two firms of one name may sign up at the same instant; the random end keeps them apart.
    return f"{slugify(name)[:50] or 'firm'}-{new_id().hex[-6:]}"


def _create_person(*, firm: Firm, email: str, full_name: str, password: str, role: str) -> User:
    user = User(email=email.lower(), full_name=full_name)
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise InputError(" ".join(error.messages), field="password") from error
    try:
        with transaction.atomic():
            user = User.objects.create_user(email, password, full_name=full_name, is_staff=role in STAFF_ROLES)
    except IntegrityError as error:
        raise InputError(_("There is an account with this e-mail already."), field="email", given=email) from error
    give_place(firm=firm, user=user, role=role)
    return user


def give_place(*, firm: Firm, user: User, role: str) -> Membership:
    """Give a person a role in a firm, and the permission group that goes with the role."""
    membership, _created = Membership.objects.update_or_create(user=user, defaults={"firm": firm, "role": role})
    user.groups.remove(*Group.objects.filter(name__in=Role.values).exclude(name=role))
    user.groups.add(*Group.objects.filter(name=role))
    if role in STAFF_ROLES and not user.is_staff:
        user.is_staff = True
        user.save(update_fields=["is_staff"])
    return membership


def take_place(*, membership: Membership) -> None:
    """End a person's place in a firm, and the permissions that came with it. Their tokens end too."""
    with transaction.atomic():
        user = membership.user
        user.groups.remove(*Group.objects.filter(name=membership.role))
        Token.objects.filter(user=user).delete()
        membership.delete()


def invite(*, viewer: Viewer, email: str, role: str) -> Invitation:
    """Offer somebody a place in the viewer's firm, by e-mail with a signed link.

    Raises:
        ForbiddenError: the viewer does not manage the firm.
        InputError: the role cannot be offered, or the e-mail has a place somewhere already.
    """
    viewer.require(MANAGE_FIRM)
    if role not in INVITABLE_ROLES:
        raise InputError(
            _("This role cannot be offered."),
            field="role",
            given=role,
            allowed=[str(known) for known in INVITABLE_ROLES],
        )
    if User.objects.filter(email__iexact=email).exists():
        raise InputError(_("There is an account with this e-mail already."), field="email", given=email)
    with transaction.atomic():
        Invitation.objects.filter(firm_id=viewer.firm_id, email__iexact=email, accepted_at__isnull=True).delete()
        invitation = Invitation.objects.create(
            firm_id=viewer.firm_id,
            email=email.lower(),
            role=role,
            invited_by_id=viewer.user_id,
            expires_at=timezone.now() + timedelta(days=INVITATION_DAYS),
        )
        journal.audit(
            firm_id=viewer.firm_id,
            subject_kind="invitation",
            subject_id=invitation.id,
            act="invite",
            actor_id=viewer.user_id,
            details={"role": role},
        )
    link = settings.PUBLIC_URL + reverse("access:accept", args=[invitation_token(invitation)])
    words = {"firm": invitation.firm, "role": Role(role).label, "link": link, "days": INVITATION_DAYS}
    send_mail(
        _("A place at %(firm)s") % {"firm": invitation.firm.name},
        render_to_string("access/email/invitation.txt", words),
        None,
        [invitation.email],
    )
    return invitation


def invitation_token(invitation: Invitation) -> str:
    """Return the signed part of an invitation's link."""
    return signing.dumps(str(invitation.id), salt="invitation")


def open_invitation(token: str) -> Invitation:
    """Return the invitation behind a link.

    Raises:
        NotFoundError: the link is not ours, has expired, or was used.
    """
    try:
        invitation_id = uuid.UUID(signing.loads(token, salt="invitation"))
    except (signing.BadSignature, ValueError) as error:
        raise NotFoundError(_("This invitation is not valid.")) from error
    invitation = (
        Invitation.objects.select_related("firm")
        .filter(id=invitation_id, accepted_at__isnull=True, expires_at__gt=timezone.now())
        .first()
    )
    if invitation is None:
        raise NotFoundError(_("This invitation has expired or was used. Ask for a new one."))
    return invitation


def accept_invitation(*, token: str, full_name: str, password: str) -> User:
    """Make the account that an invitation offers. Raises NotFoundError or InputError."""
    with transaction.atomic():
        invitation = open_invitation(token)
        if not Invitation.objects.filter(id=invitation.id, accepted_at__isnull=True).update(accepted_at=timezone.now()):
            raise NotFoundError(_("This invitation has expired or was used. Ask for a new one."))
        user = _create_person(
            firm=invitation.firm, email=invitation.email, full_name=full_name, password=password, role=invitation.role
        )
        journal.audit(
            firm_id=invitation.firm_id,
            subject_kind="invitation",
            subject_id=invitation.id,
            act="accept",
            actor_id=user.id,
        )
    return user


def issue_token(
    *, viewer: Viewer, name: str, scopes: Collection[str], for_integration: bool = False, days: int | None = 365
) -> IssuedToken:
    """Make a token that acts for the viewer, or, made by the firm's administrator, for an integration of the firm.

    Raises:
        ForbiddenError: a token asks for it (what it may do cannot be widened), or somebody who does not manage the
            firm asks for an integration's.
        InputError: a scope is unknown, or the integration asks to approve (only an advisor's own token may).
    """
    if viewer.scopes is not None:
        raise ForbiddenError(
            _("Tokens are made in person, not by a token."), field="scopes", given=sorted(viewer.scopes)
        )
    unknown = sorted(set(scopes) - set(Scope.values))
    if unknown or not scopes:
        raise InputError(
            _("Choose at least one known scope."), field="scopes", given=unknown, allowed=list(Scope.values)
        )
    with transaction.atomic():
        owner_id = viewer.user_id
        if for_integration:
            viewer.require(MANAGE_FIRM)
            if Scope.APPROVE in scopes:
                raise InputError(
                    _("Only an advisor's own token may approve."), field="scopes", given=Scope.APPROVE.value
                )
            service = User.objects.create_user(f"{new_id().hex}@service.invalid", None, full_name=name, is_service=True)
            Membership.objects.create(firm_id=viewer.firm_id, user=service, role=Role.INTEGRATOR)
            owner_id = service.id
        expiry = None if days is None else timedelta(days=days)
        token, secret = Token.objects.create(
            User.objects.get(id=owner_id), expiry=expiry, prefix=None, name=name, scopes=sorted(scopes)
        )
        journal.audit(
            firm_id=viewer.firm_id,
            subject_kind="user",
            subject_id=owner_id,
            act="issue_token",
            actor_id=viewer.user_id,
            details={"scopes": sorted(scopes), "key": token.token_key},
        )
    return IssuedToken(token, secret)


def revoke_token(*, viewer: Viewer, token_key: str) -> None:
    """Revoke a token of the viewer, or of the viewer's firm if they manage it. Raises NotFoundError."""
    tokens = Token.objects.filter(token_key=token_key, user__membership__firm_id=viewer.firm_id)
    if not viewer.may(MANAGE_FIRM):
        tokens = tokens.filter(user_id=viewer.user_id)
    token = tokens.first()
    if token is None:
        raise NotFoundError(_("There is no such token."))
    with transaction.atomic():
        journal.audit(
            firm_id=viewer.firm_id,
            subject_kind="user",
            subject_id=token.user_id,
            act="revoke_token",
            actor_id=viewer.user_id,
            details={"key": token_key},
        )
        token.delete()


def revoke_as_staff(*, token_key: str, actor_id: uuid.UUID, reason: str) -> None:
    """Revoke a token in its firm's stead. Leaves an audit entry with the reason. Raises NotFoundError."""
    with transaction.atomic():
        token = Token.objects.select_related("user__membership").filter(token_key=token_key).first()
        if token is None:
            raise NotFoundError(_("There is no such token."))
        membership = getattr(token.user, "membership", None)
        journal.audit(
            firm_id=membership.firm_id if membership else journal.NO_FIRM_ID,
            subject_kind="user",
            subject_id=token.user_id,
            act="revoke_token",
            actor_id=actor_id,
            reason=reason,
            details={"key": token_key},
        )
        token.delete()


def tokens_of(*, viewer: Viewer) -> QuerySet[Token]:
    """Return the viewer's tokens, or, for whoever manages the firm, all of the firm's; newest first."""
    held: QuerySet[Token] = (
        Token.objects.filter(user__membership__firm_id=viewer.firm_id).select_related("user").order_by("-created")
    )
    return held if viewer.may(MANAGE_FIRM) else held.filter(user_id=viewer.user_id)
