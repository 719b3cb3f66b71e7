"""Staff without a second factor get no further than the page that sets one up, where that is required."""

from collections.abc import Callable
from typing import Final

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

STAFF_PREFIXES: Final = ("/admin/", "/dashboard/")


class StaffMfaMiddleware:
    """Send signed-in staff to the authenticator page until they have one.

    Off in the demo, on once a database is given.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if (
            settings.STAFF_MFA_REQUIRED
            and request.path.startswith(STAFF_PREFIXES)
            and request.user.is_authenticated
            and request.user.is_staff
            and not is_mfa_enabled(request.user)
        ):
            return redirect("mfa_activate_totp")
        return self.get_response(request)
