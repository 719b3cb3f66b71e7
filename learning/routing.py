"""The way to the sockets: the dashboard's for staff in a browser; every other address is the conductor's to know."""

from typing import Any

from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.urls import path

from escalation import routing
from learning.dashboard.consumers import DashboardConsumer

DASHBOARD_PATH = "/ws/dashboard/"
# A browser sends cookies from any page: only pages of our own may use them. Tokens do not open the dashboard.
_for_staff = AllowedHostsOriginValidator(
    AuthMiddlewareStack(URLRouter([path(DASHBOARD_PATH[1:], DashboardConsumer.as_asgi())]))
)


async def websocket_application(scope: dict[str, Any], receive: routing.Receive, send: routing.Send) -> None:
    """Let a connection in where it belongs."""
    if scope["path"] == DASHBOARD_PATH:
        await _for_staff(scope, receive, send)
    else:
        await routing.websocket_application(scope, receive, send)
