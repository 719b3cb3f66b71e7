"""Token authentication for integrators: knox's digests, our scopes, and when each was last used."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from knox.auth import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

_USE_NOTED_EVERY = timedelta(minutes=1)  # a write per call would cost more than the fact is worth


class ScopedTokenAuthentication(TokenAuthentication):
    """`Authorization: Token jrv_…`."""

    def authenticate(self, request: Request) -> Any:
        found = super().authenticate(request)
        if found:
            token = found[1]
            now = timezone.now()
            if token.last_used_at is None or now - token.last_used_at > _USE_NOTED_EVERY:
                type(token).objects.filter(pk=token.pk).update(last_used_at=now)
        return found

    def authenticate_credentials(self, token: bytes) -> Any:
        """Return user and token. Raises AuthenticationFailed."""
        if not (token.isascii() and token.decode("ascii").isprintable()):  # PostgreSQL would stumble over a NUL
            raise AuthenticationFailed(_("Invalid token."))
        return super().authenticate_credentials(token)

    def _cleanup_token(self, auth_token: Any) -> bool:
        """Say whether the token has run out. knox reads all tokens of its owner here, at each call, to delete old ones;
        an old one is refused when it is used, and its owner sees in the list that it has run out.
        """
        return auth_token.expiry is not None and auth_token.expiry < timezone.now()


class ScopedTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "jarvish_regen.access.authentication.ScopedTokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Token jrv_…`, made by a firm's administrator.",
        }
