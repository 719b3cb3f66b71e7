"""Who may watch, and the group that watchers are hinted by."""

from typing import Any, Final

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings

from jarvish_regen.journal.live import hint

GROUP: Final = "dashboard"
PERMISSION: Final = "learning.view_snapshot"


def may_watch(user: Any) -> bool:
    """Say whether somebody is staff with the right to watch, by the second factor too where that is required."""
    if not (user.is_authenticated and user.is_active and user.is_staff and user.has_perm(PERMISSION)):
        return False
    return not settings.STAFF_MFA_REQUIRED or bool(is_mfa_enabled(user))


def tell_watchers() -> None:
    """Hint every open dashboard that figures have changed. Waits for nothing."""
    hint(GROUP, seq=None, kind="figures", id="")
