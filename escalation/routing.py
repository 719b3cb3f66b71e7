"""The way to the socket: a token in the handshake for integrators, else the session of a browser on our own pages."""

from collections.abc import Awaitable, Callable
from typing import Any

from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.urls import path

from escalation.consumers import LiveConsumer

_router = URLRouter([path("ws/live/", LiveConsumer.as_asgi())])
# A browser sends cookies from any page: only pages of our own may use them. Nobody's browser sends a token by itself.
_for_browsers = AllowedHostsOriginValidator(AuthMiddlewareStack(_router))

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def websocket_application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Let a connection in by token or by session. Unknown addresses are refused in the handshake."""
    if scope["path"] != "/ws/live/":
        await receive()
        await send({"type": "websocket.close", "code": 4404})
        return
    carries_token = any(name == b"authorization" for name, _value in scope["headers"])
    await (_router if carries_token else _for_browsers)(scope, receive, send)
