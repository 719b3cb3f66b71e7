"""Serve HTTP/1.1 for the fake provider: one small protocol, so that the provider is never what a benchmark measures."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

import httptools

Handler = Callable[["Exchange"], Awaitable[None]]

_REASONS = {status.value: status.phrase for status in HTTPStatus}
_STREAM_HEAD = b"\r\n".join(
    (b"HTTP/1.1 200 OK", b"Content-Type: text/event-stream", b"Transfer-Encoding: chunked", b"", b"")
)


class Exchange:
    """Hold one request and write its answer: ``reply`` at once, or ``begin``, ``write`` and ``end``."""

    __slots__ = ("_connection", "body", "headers", "is_keep_alive", "method", "path")

    def __init__(
        self, connection: Connection, method: str, path: str, headers: Mapping[str, str], body: bytes, keep: bool
    ) -> None:
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body
        self.is_keep_alive = keep
        self._connection = connection

    @property
    def port(self) -> int:
        """Return the port it came in at."""
        return int(self._connection.transport.get_extra_info("sockname")[1])

    def reply(
        self,
        status: int,
        body: bytes,
        *,
        media_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Send a whole answer."""
        lines = [
            f"HTTP/1.1 {status} {_REASONS.get(status, 'Status')}",
            f"Content-Type: {media_type}",
            f"Content-Length: {len(body)}",
            *(f"{name}: {value}" for name, value in (headers or {}).items()),
        ]
        head = "\r\n".join(lines).encode() + b"\r\n\r\n"
        self._connection.transport.write(head if self.method == "HEAD" else head + body)

    def reply_json(self, value: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """Send a value as JSON."""
        self.reply(status, json.dumps(value, ensure_ascii=False).encode(), headers=headers)

    def begin(self) -> None:
        """Begin a stream of events."""
        self._connection.transport.write(_STREAM_HEAD)

    def write(self, *pieces: bytes) -> None:
        """Send pieces of the stream in one packet."""
        data = b"".join(pieces)
        self._connection.transport.write(b"%x\r\n%b\r\n" % (len(data), data))

    def end(self, *pieces: bytes) -> None:
        """Send the last pieces and end the stream."""
        data = b"".join(pieces)
        self._connection.transport.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data) if data else b"0\r\n\r\n")

    def close(self) -> None:
        """Close the connection once what was written is out, whatever was promised."""
        self._connection.transport.close()

    def abort(self) -> None:
        """Break the connection off."""
        self._connection.transport.abort()


class Connection(asyncio.Protocol):
    """Read requests one after another and have each handled in a task, cancelled when the asker goes away."""

    transport: asyncio.Transport

    def __init__(self, handle: Handler, opened: set[Connection]) -> None:
        self._handle = handle
        self._opened = opened
        self._parser = httptools.HttpRequestParser(self)
        self._task: asyncio.Task[None] | None = None
        self._path = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # a stream's is a Transport; uvloop's does not say so
        self._opened.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._opened.discard(self)
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.transport.abort()

    def on_message_begin(self) -> None:
        self._path, self._headers, self._body = b"", {}, []

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").title()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        method = self._parser.get_method().decode()
        path, _, _query = self._path.decode("latin-1").partition("?")
        keep = self._parser.should_keep_alive()
        exchange = Exchange(self, method, path, self._headers, b"".join(self._body), keep)
        self._task = asyncio.get_running_loop().create_task(self._answer(exchange))

    async def _answer(self, exchange: Exchange) -> None:
        await self._handle(exchange)
        if not exchange.is_keep_alive:
            exchange.close()
