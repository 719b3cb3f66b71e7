"""What the socket asks the database: who this is now, and what of a topic is theirs. Short reads only."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Final

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from rest_framework.exceptions import AuthenticationFailed

from escalation.services import settle_open_attempt
from jarvish_regen.access.authentication import ScopedTokenAuthentication
from jarvish_regen.access.models import Token, User
from jarvish_regen.access.policy import READ_ITEM, Viewer, viewer_of
from jarvish_regen.content.models import ContentItem
from jarvish_regen.content.queries import get_missed
from jarvish_regen.ids import from_short, to_short
from jarvish_regen.journal.live import firm_group, item_group

FIRM_TOPIC: Final = "firm"
INBOX_TOPIC: Final = "inbox"
_ITEM_TOPIC: Final = "item."
_NO_REPLAY: Final = 2**62


@dataclass(frozen=True)
class Pass:
    """By what somebody came in: a session, or a token."""

    session_key: str | None = None
    token_digest: str | None = None


@dataclass(frozen=True)
class Topic:
    """A topic that is the viewer's: the group to join, and the hints to replay first."""

    name: str
    group: str
    latest_seq: int
    missed: Sequence[dict[str, object]]
    is_too_much: bool
    is_own_items_only: bool


def pass_of_token(header: str) -> Pass | None:
    """Return the pass behind an Authorization header, or None when it is no token of ours."""
    kind, _space, secret = header.partition(" ")
    if kind.lower() != "token" or not secret or " " in secret:
        return None
    try:
        _user, token = ScopedTokenAuthentication().authenticate_credentials(secret.encode())
    except AuthenticationFailed:
        return None
    return Pass(token_digest=token.digest)


def viewer_behind(held: Pass) -> Viewer | None:
    """Return who holds a pass now; None once the session has ended, the token is gone, or the place in the firm is."""
    if held.token_digest is not None:
        token = Token.objects.select_related("user").filter(digest=held.token_digest).first()
        if token is None or (token.expiry is not None and token.expiry < timezone.now()):
            return None
        return viewer_of(token.user, token)
    user = user_of_session(held.session_key)
    return viewer_of(user) if user else None


def user_of_session(session_key: str | None) -> User | None:
    """Return who is signed in with a session now; None once it has ended or the password was changed."""
    if session_key is None:
        return None
    session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    try:
        user = User.objects.filter(pk=session[SESSION_KEY]).first()
    except (KeyError, ValidationError):
        return None
    is_current = user is not None and constant_time_compare(
        session.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash()
    )
    return user if is_current else None


def group_of(*, viewer: Viewer, name: str) -> str | None:
    """Return the channel group behind a topic's name; None for a name that is no topic for this viewer. Pure."""
    if not viewer.may(READ_ITEM):
        return None
    if name in (FIRM_TOPIC, INBOX_TOPIC):
        return firm_group(viewer.firm_id) if (name == INBOX_TOPIC) == viewer.sees_own_items_only else None
    item_id = _item_of(name)
    return item_group(item_id) if item_id else None


def _item_of(name: str) -> uuid.UUID | None:
    try:
        return from_short("item", name.removeprefix(_ITEM_TOPIC)) if name.startswith(_ITEM_TOPIC) else None
    except ValueError:
        return None


def open_topic(*, viewer: Viewer, name: str, group: str, since: int | None) -> Topic | None:
    """Return a topic with what was missed since; None when its draft is not there or not the viewer's."""
    item_id = _item_of(name)
    if item_id is not None:
        if not ContentItem.objects.visible_to(viewer).filter(id=item_id).exists():
            return None
        settle_open_attempt(item_id=item_id)
    # Without `since` nothing is replayed: asking from the end on reads the latest number alone.
    missed = get_missed(viewer=viewer, since=_NO_REPLAY if since is None else since, item_id=item_id)
    hints: list[dict[str, object]] = [
        {"seq": event.seq, "kind": event.kind, "id": to_short("item", event.item_id)}
        for event in missed.events
        if event.item_id
    ]
    return Topic(name, group, missed.latest_seq, hints, missed.is_too_much, name == INBOX_TOPIC)


def is_visible(*, viewer: Viewer, item: str) -> bool:
    """Say whether an item, named by its short id, exists for the viewer."""
    try:
        return ContentItem.objects.visible_to(viewer).filter(id=from_short("item", item)).exists()
    except ValueError:
        return False
