"""Who may keep a page: nobody, but for the few that are public and the same for everyone.

Every answer says `private, no-store` unless its view is marked `public_page` and the answer really is nobody's: status
200, no cookie set, nobody logged in.
"""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, Final, ParamSpec

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

P = ParamSpec("P")

PERSONAL: Final = "private, no-store"
_MARK: Final = "_public_page_seconds"

View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def public_page(*, seconds: int, tag: str) -> Callable[[View[P]], View[P]]:
    """Let browsers and the CDN keep a view's page for so long; ``tag`` is what the CDN forgets it by."""

    def marked(view: View[P]) -> View[P]:
        @wraps(view)
        def inner(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            response = view(request, *args, **kwargs)
            setattr(response, _MARK, (seconds, tag))
            return response

        return inner

    return marked


class CacheControlMiddleware:
    """Say of each answer who may keep it; files with a hash in their name are WhiteNoise's and do not come here."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        public = getattr(response, _MARK, None)
        if public is not None and _is_nobodys(request, response):
            seconds, tag = public
            response.headers["Cache-Control"] = f"public, max-age={seconds}"
            response.headers["Cache-Tag"] = tag
            patch_vary_headers(response, ["Accept-Language"])
        else:
            response.headers["Cache-Control"] = PERSONAL
        return response


def _is_nobodys(request: HttpRequest, response: HttpResponseBase) -> bool:
    user = getattr(request, "user", None)
    is_known = user is not None and user.is_authenticated
    return response.status_code == 200 and not response.cookies and not is_known and request.method in ("GET", "HEAD")
