"""allauth's hooks: accounts come from a firm's sign-up or an invitation, never from an open form."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):
    """Close allauth's own sign-up; ours makes a firm with its first person."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_user_display(self, user: Any) -> str:
        return str(user)
