"""The dashboard as a page: whole, and the part of it that changes."""

from collections.abc import Callable
from functools import wraps

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from learning.dashboard.access import may_watch
from learning.dashboard.queries import get_dashboard
from learning.dashboard.ranges import RANGES, range_of
from learning.dashboard.shown import shown


def _for_watcher(view: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    @wraps(view)
    def door(request: HttpRequest) -> HttpResponse:
        if not may_watch(request.user):
            raise PermissionDenied(_("The dashboard is for operators and analysts."))
        response = view(request)
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response

    return require_GET(login_required(door))


@_for_watcher
def dashboard(request: HttpRequest) -> HttpResponse:
    """Show the dashboard of a range: `?range=` 15m, 1h, 24h, 7d or 30d."""
    return render(request, "learning/dashboard.html", {**_context(request), "ranges": RANGES, "section": "dashboard"})


@_for_watcher
def figures(request: HttpRequest) -> HttpResponse:
    """Show the part that changes, for the open page."""
    return render(request, "learning/_figures.html", _context(request))


def _context(request: HttpRequest) -> dict[str, object]:
    asked = range_of(request.GET.get("range"))
    can_open = request.user.has_perm("regeneration.view_regeneration")
    return {"asked": asked, "shown": shown(get_dashboard(asked)), "can_open_ledgers": can_open}
