"""Answers that Django would give in HTML or not at all: API errors as JSON, large bodies, old form tokens."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from jarvish_regen.errors import error_body


class ApiErrorMiddleware:
    """Give JSON to callers of /api/ where Django would answer in HTML; refuse bodies past the limit early."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        length = request.META.get("CONTENT_LENGTH") or "0"
        allowed = _body_max_bytes(request.path)
        if length.isdigit() and int(length) > allowed:
            detail = f"The body has {length} bytes; at most {allowed} are taken."
            if request.path.startswith("/api/"):
                return JsonResponse(
                    error_body(
                        code="too_large",
                        detail=detail,
                        kind="client_error",
                        given=int(length),
                        allowed=allowed,
                    ),
                    status=413,
                )
            return HttpResponse(detail, status=413, content_type="text/plain; charset=utf-8")
        response = self.get_response(request)
        is_html = response.headers.get("Content-Type", "").startswith("text/html")
        if request.path.startswith("/api/v1/") and response.status_code >= 400 and is_html:
            status = response.status_code
            words = {
                400: "The request cannot be read.",
                403: "Not allowed.",
                404: "There is nothing here.",
                405: "This method is not offered here.",
            }
            kind = "server_error" if status >= 500 else "client_error"
            codes = {403: "permission_denied", 404: "not_found", 405: "method_not_allowed"}
            body = error_body(
                code=codes.get(status, "error"),
                detail=words.get(status, "Something failed on our side."),
                kind=kind,
                field="path" if status == 404 else None,
                given=request.path if status == 404 else None,
            )
            return JsonResponse(body, status=status)
        return response


def _body_max_bytes(path: str) -> int:
    for suffix, allowed in settings.REQUEST_BODY_MAX_BYTES_OF_SUFFIX.items():
        if path.endswith(suffix):
            return int(allowed)
    return int(settings.REQUEST_BODY_MAX_BYTES)


class PolicyOfPrefixMiddleware:
    """Loosen the content security policy where third-party pages need it, under their prefix and no further."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        for prefix, directives in settings.CONTENT_SECURITY_POLICY_OF_PREFIX.items():
            if request.path_info.startswith(prefix):
                response._csp_replace = directives  # type: ignore[attr-defined]  # what django-csp's own decorator sets
        return response


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Show the page for a form whose token is missing or old; what was typed is kept in the saved draft."""
    return render(request, "403_csrf.html", {"reason": reason}, status=403)
