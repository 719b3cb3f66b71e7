"""Stand between a client and a server, and make the way between them slow, cut or silent.

It counts the turns of a connection: how often the client said something after the server had last spoken. With a
protocol of questions and answers that is the number of times somebody waited.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

_PIECE_BYTES = 65_536


@dataclass(frozen=True)
class Upstream:
    """Name a server by its unix socket."""

    path: Path


class Proxy:
    """Listen on a loopback port of its own and pass on what is said; a context manager with a thread of its own.

    ``slow_down`` delays each turn, ``cut`` drops what is connected and refuses the rest, ``swallow`` takes everything
    and answers nothing, ``heal`` is as at the beginning.
    """

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._delay_seconds = 0.0
        self._passes = asyncio.Event()
        self._passes.set()
        self.port = 0
        self.turns = 0
        self.connections = 0

    def __enter__(self) -> Proxy:
        self._thread.start()
        self._do(self._listen())
        return self

    def __exit__(self, *exception: object) -> None:
        self._do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()

    def slow_down(self, seconds: float) -> None:
        """Let every turn take so much longer from now on."""
        self._delay_seconds = seconds

    def cut(self) -> None:
        """Drop every connection and refuse new ones."""
        self._do(self._cut())

    def swallow(self) -> None:
        """Accept connections and what is said on them, and pass nothing on."""
        self._do(self._swallow())

    def heal(self) -> None:
        """Pass everything on again, without delay; what was swallowed meanwhile comes late."""
        self._delay_seconds = 0.0
        self._do(self._heal())

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=15)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _cut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._writers:
            writer.transport.abort()

    async def _swallow(self) -> None:
        self._passes.clear()

    async def _heal(self) -> None:
        self._passes.set()
        if self._server is None:
            await self._listen()

    async def _stop(self) -> None:
        await self._cut()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            await self._passes.wait()
            upstream = await asyncio.open_unix_connection(self._upstream.path)
            self._writers.add(upstream[1])
            talk = _Talk()
            try:
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._pass_on(reader, upstream[1], talk, is_asking=True))
                    both.create_task(self._pass_on(upstream[0], writer, talk, is_asking=False))
            finally:
                self._writers.discard(upstream[1])
                upstream[1].transport.abort()
        except* (OSError, _EndedError):
            pass
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, talk: _Talk, *, is_asking: bool
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while piece := await reader.read(_PIECE_BYTES):
                await self._passes.wait()
                if is_asking and not talk.is_asking:
                    self.turns += 1
                    if self._delay_seconds:
                        await asyncio.sleep(self._delay_seconds)
                talk.is_asking = is_asking
                writer.write(piece)
                await writer.drain()
        raise _EndedError  # one side has gone: so does the other


@dataclass
class _Talk:
    """Remember who spoke last on one connection."""

    is_asking: bool = False


class _EndedError(Exception):
    """End both directions of a connection."""


def socket_in(url: str) -> Upstream:
    """Return the unix socket that the URL of an embedded PostgreSQL or Valkey names."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return Upstream(Path(parts.path))
    return Upstream(Path(parse_qs(parts.query)["host"][0]) / ".s.PGSQL.5432")
