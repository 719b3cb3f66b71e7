"""One place that says who may do what: pages, API, admin and sockets all ask here.

An object that is not the viewer's is not there (404); an act that is not the role's is refused (403).
"""

import uuid
from dataclasses import dataclass
from typing import Final

from django.contrib.auth.models import AnonymousUser
from django.utils.translation import gettext as _

from jarvish_regen.access.models import Membership, Role, Scope, Token, User
from jarvish_regen.errors import ForbiddenError

READ_ITEM: Final = "read_item"
SEND_DRAFTS: Final = "send_drafts"
REJECT: Final = "reject"
APPROVE: Final = "approve"
EDIT: Final = "edit"
ASK_PERSON: Final = "ask_person"
READ_REJECTIONS: Final = "read_rejections"
MANAGE_FIRM: Final = "manage_firm"

_BY_ROLE: Final[dict[str, frozenset[str]]] = {
    Role.ADVISOR: frozenset({READ_ITEM, SEND_DRAFTS, REJECT, APPROVE, EDIT, ASK_PERSON, READ_REJECTIONS}),
    Role.FIRM_ADMIN: frozenset({READ_ITEM, SEND_DRAFTS, REJECT, ASK_PERSON, READ_REJECTIONS, MANAGE_FIRM}),
    Role.INTEGRATOR: frozenset({READ_ITEM, SEND_DRAFTS, REJECT, ASK_PERSON, READ_REJECTIONS}),
    Role.REVIEWER: frozenset({READ_ITEM, READ_REJECTIONS}),
    Role.SENIOR_REVIEWER: frozenset({READ_ITEM, READ_REJECTIONS}),
}
_SCOPE_NEEDED: Final[dict[str, str]] = {
    READ_ITEM: Scope.CONTENT_READ,
    SEND_DRAFTS: Scope.CONTENT_WRITE,
    REJECT: Scope.FEEDBACK_WRITE,
    ASK_PERSON: Scope.FEEDBACK_WRITE,
    READ_REJECTIONS: Scope.FEEDBACK_READ,
    APPROVE: Scope.APPROVE,
    EDIT: Scope.CONTENT_WRITE,
}


@dataclass(frozen=True)
class Viewer:
    """Somebody who asks: a member of one firm in one role, in person or through a token with scopes."""

    user_id: uuid.UUID
    firm_id: uuid.UUID
    role: str
    scopes: frozenset[str] | None = None  # None: in person, so the role alone decides

    def may(self, act: str) -> bool:
        """Say whether the role, and the token if there is one, allow the act at all."""
        if act not in _BY_ROLE[self.role]:
            return False
        return self.scopes is None or _SCOPE_NEEDED.get(act) in self.scopes

    def require(self, act: str) -> None:
        """Raise ForbiddenError unless the act is allowed."""
        if not self.may(act):
            allowed = sorted(_BY_ROLE[self.role]) if self.scopes is None else sorted(self.scopes)
            raise ForbiddenError(
                _("Your role or token does not allow this."),
                field="role" if self.scopes is None else "scopes",
                given=act,
                allowed=allowed,
            )

    @property
    def sees_own_items_only(self) -> bool:
        """True for advisors: another advisor's texts do not exist for them."""
        return self.role == Role.ADVISOR


def viewer_of(user: User | AnonymousUser, token: Token | None = None) -> Viewer | None:
    """Return who this is, or None for somebody without a place in a firm (anonymous, or staff of the operator)."""
    if not isinstance(user, User) or not user.is_active:
        return None
    try:
        membership = user.membership  # there already where the person was loaded with it
    except Membership.DoesNotExist:
        return None
    return Viewer(user.id, membership.firm_id, membership.role, None if token is None else frozenset(token.scopes))


def required_viewer(user: User | AnonymousUser, token: Token | None = None) -> Viewer:
    """Return who this is.

    Raises:
        ForbiddenError: the person has no place in any firm.
    """
    viewer = viewer_of(user, token)
    if viewer is None:
        raise ForbiddenError(_("Your account belongs to no firm. Ask your firm's administrator for an invitation."))
    return viewer
