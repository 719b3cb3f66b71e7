"""The browser's end of a WebSocket, without a network: channels' own needs a server that we do not use."""

from typing import Any

from asgiref.testing import ApplicationCommunicator


class WebsocketCommunicator(ApplicationCommunicator):
    """Speak to an ASGI application as one connection."""

    def __init__(self, application: Any, path: str, headers: list[tuple[bytes, bytes]] | None = None) -> None:
        scope = {"type": "websocket", "path": path, "query_string": b"", "headers": headers or [], "subprotocols": []}
        super().__init__(application, scope)

    async def connect(self, timeout: float = 10) -> tuple[bool, int | None]:
        """Return whether the handshake was accepted, and the close code if it was not."""
        await self.send_input({"type": "websocket.connect"})
        answer = await self.receive_output(timeout)
        return answer["type"] == "websocket.accept", answer.get("code")

    async def send_to(self, *, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Send one frame."""
        await self.send_input(
            {"type": "websocket.receive", "text": text_data}
            if bytes_data is None
            else {"type": "websocket.receive", "bytes": bytes_data}
        )

    async def receive_from(self, timeout: float = 10) -> str:
        """Return the next text frame."""
        answer = await self.receive_output(timeout)
        assert answer["type"] == "websocket.send", answer
        return str(answer["text"])

    async def disconnect(self, timeout: float = 10) -> None:
        """Go away, and wait until the application has noticed."""
        await self.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wait(timeout)
