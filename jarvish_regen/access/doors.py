"""What every page of a firm shares: a person who is signed in and has a place in it; refusals shown in words."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from jarvish_regen.access.models import User
from jarvish_regen.access.policy import Viewer, required_viewer
from jarvish_regen.errors import ForbiddenError, JarvishError, NotFoundError

P = ParamSpec("P")


def person(request: HttpRequest) -> User:
    """Return who is signed in. Only for views behind `for_viewer`."""
    assert isinstance(request.user, User)  # noqa: S101  # login_required came first
    return request.user


def for_viewer(
    view: Callable[Concatenate[HttpRequest, Viewer, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Open a page to members of a firm; hand the view its viewer, and show what it refuses as a page.

    Pages of a firm are never kept by a shared or back-forward cache.
    """

    @wraps(view)
    def door(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            response = view(request, required_viewer(person(request)), *args, **kwargs)
        except NotFoundError as error:
            raise Http404(error.detail) from error
        except ForbiddenError as error:
            raise PermissionDenied(error.detail) from error
        except JarvishError as error:
            return render(
                request, "refused.html", {"detail": error.detail, "status": error.http_status}, status=error.http_status
            )
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response

    return login_required(door)  # type: ignore[return-value]
