"""Token authentication for integrators: knox's digests, our scopes, and when each was last used."""

from datetime import timedelta
from hmac import compare_digest
from typing import Any, Final

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from knox.auth import TokenAuthentication
from knox.crypto import hash_token
from knox.settings import CONSTANTS
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from jarvish_regen.access.models import Token
from jarvish_regen.frozen import Frozen
from jarvish_regen.roundtrips import afterwards

_USE_NOTED_EVERY = timedelta(minutes=1)  # a write per call would cost more than the fact is worth

_tokens: Final = Frozen()


def _tokens_of(*, token_key: str) -> "QuerySet[Token]":
    found: QuerySet[Token] = Token.objects.filter(token_key=token_key).select_related("user__membership")
    return found


class ScopedTokenAuthentication(TokenAuthentication):
    """`Authorization: Token jrv_…`."""

    def authenticate(self, request: Request) -> Any:
        found = super().authenticate(request)
        if found:
            token = found[1]
            now = timezone.now()
            if token.last_used_at is None or now - token.last_used_at > _USE_NOTED_EVERY:
                noted = Token.objects.filter(pk=token.pk)
                afterwards(lambda: noted.update(last_used_at=now))
        return found

    def authenticate_credentials(self, token: bytes) -> Any:
        """Return user and token. Raises AuthenticationFailed."""
        if not (token.isascii() and token.decode("ascii").isprintable()):  # PostgreSQL would stumble over a NUL
            raise AuthenticationFailed(_("Invalid token."))
        secret = token.decode("ascii")
        # One query where knox asks for the token and then for all tokens of its owner, to delete those that ran out:
        # one that has run out is refused here, and its owner sees in the list that it has.
        digest = hash_token(secret)
        for known in _tokens.rows("key", _tokens_of, token_key=secret[: CONSTANTS.TOKEN_KEY_LENGTH]):
            if compare_digest(digest, known.digest) and (known.expiry is None or known.expiry > timezone.now()):
                return self.validate_user(known)
        raise AuthenticationFailed(_("Invalid token."))


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
