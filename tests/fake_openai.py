"""Be the other side of the network: an OpenAI-compatible server that behaves well, badly or slowly on demand.

In a test: ``with FakeOpenAI(profile="heavy", respond=...) as fake: ... fake.url ... fake.switch("hang")``.
From a shell: ``python -m tests.fake_openai --port 0 --profile heavy --faults wrong=0.05,forbidden=0.02`` prints one
JSON line ``{"url": ..., "control_url": ..., "pid": ...}`` and serves until it is told to stop. A POST of
``{"profile": ..., "faults": {...}, "seed": ...}`` to ``control_url`` changes it while it runs; a GET shows it, and a
GET of ``control_url/log`` what was asked.

It knows nothing of the product but its reply format: ``{"edits": [{"find", "replace", "fixes"}], "full_text": null}``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import json
import os
import random
import signal
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # also runnable as a file: tests/fake_openai.py
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from aiohttp import web

from tests.fake_profiles import PROFILES, Misbehaviour, Profile, spoil
from tests.fake_replies import Reply, rejected_text

__all__ = ["EMPTY_REPLY", "PROFILES", "Asked", "FakeOpenAI", "Server", "default_responder", "rejected_text"]

Respond = Callable[[Sequence[Mapping[str, Any]]], str]

EMPTY_REPLY = '{"edits": [], "full_text": null}'
_LOG_ENTRIES = 10_000


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as the server saw it; ``ending`` is what it did, or ``closed`` when the asker went away first."""

    at: float
    model: str
    messages: tuple[Mapping[str, Any], ...]
    is_stream: bool
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    number: int
    ending: str = "open"


class Server:
    """Answer chat completions on one loop; ``FakeOpenAI`` puts it into a thread."""

    def __init__(
        self,
        *,
        profile: str,
        respond: Respond | None,
        faults: Mapping[str, float] | None,
        seed: int,
        retry_after_seconds: float,
    ) -> None:
        self.profile = PROFILES[profile]
        self.faults: dict[str, float] = dict(faults or {})
        self.retry_after_seconds = retry_after_seconds
        self.log: deque[Asked] = deque(maxlen=_LOG_ENTRIES)
        self.asked = 0
        self._peers: set[str] = set()
        self.endings: dict[int, str] = {}
        self._respond = respond or default_responder()
        self._random = random.Random(seed)  # repeatable behaviour, not secrets
        self._stopping = asyncio.Event()
        self._runner: web.AppRunner | None = None
        self._control: web.AppRunner | None = None
        self._host, self._port = "127.0.0.1", 0
        self._placeholder: socket.socket | None = None
        self.control_port = 0

    @property
    def url(self) -> str:
        """Return the base URL, as a client wants it."""
        return f"http://{self._host}:{self._port}/v1"

    @property
    def connections_opened(self) -> int:
        """Return on how many connections it was asked."""
        return len(self._peers)

    @property
    def control_url(self) -> str:
        """Return where its behaviour is changed; open whatever the profile does."""
        return f"http://{self._host}:{self.control_port}/_control"

    async def start(self, port: int) -> None:
        """Listen on loopback, at a free port if ``port`` is 0."""
        control = web.Application()
        self._add_control(control)
        self._control = web.AppRunner(control, access_log=None, shutdown_timeout=0.1)
        await self._control.setup()
        site = web.TCPSite(self._control, self._host, 0)
        await site.start()
        self.control_port = _port_of(self._control)
        self._port = port
        await self._open()
        if self.profile.does == Misbehaviour.REFUSE:
            await self._shut()

    async def stop(self) -> None:
        """End every open answer and stop listening."""
        self._stopping.set()
        await self._shut()
        if self._placeholder is not None:
            self._placeholder.close()
        if self._control is not None:
            await self._control.cleanup()

    async def switch(
        self, profile: str | None = None, *, faults: Mapping[str, float] | None = None, seed: int | None = None
    ) -> None:
        """Behave in another way from the next request on."""
        if seed is not None:
            self._random.seed(seed)
        if faults is not None:
            self.faults = dict(faults)
        if profile is None:
            return
        self.profile = PROFILES[profile]
        if self.profile.does == Misbehaviour.REFUSE:
            await self._shut()
        elif self._runner is None:
            await self._open()

    def set_respond(self, respond: Respond) -> None:
        """Reply with another function from the next request on."""
        self._respond = respond

    async def _open(self) -> None:
        if self._placeholder is not None:
            self._placeholder.close()
            self._placeholder = None
        application = web.Application(client_max_size=32 * 1024 * 1024)
        application.router.add_post("/v1/chat/completions", self._complete)
        application.router.add_get("/v1/models", self._models)
        self._add_control(application)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port, backlog=1024, reuse_address=True).start()
        self._port = _port_of(self._runner)

    async def _shut(self) -> None:
        if self._runner is None:
            return
        for connection in tuple(self._runner.server.connections if self._runner.server else ()):
            if connection.transport is not None:
                connection.transport.abort()
        await self._runner.cleanup()
        self._runner = None
        # Bound but not listening: the kernel refuses connections, and nobody else is given the port meanwhile.
        self._placeholder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._placeholder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            self._placeholder.bind((self._host, self._port))

    def _add_control(self, application: web.Application) -> None:
        application.router.add_get("/_control", self._show)
        application.router.add_post("/_control", self._change)
        application.router.add_get("/_control/log", self._show_log)

    async def _show(self, request: web.Request) -> web.Response:
        state = {"profile": self.profile.name, "faults": self.faults, "asked": self.asked, "profiles": sorted(PROFILES)}
        return web.json_response(state)

    async def _change(self, request: web.Request) -> web.Response:
        wanted = await request.json()
        profile = wanted.get("profile")
        if profile is not None and profile not in PROFILES:
            return web.json_response({"error": f"no profile {profile!r}", "profiles": sorted(PROFILES)}, status=400)
        # Changing to "refuse" closes the very listener this came through, so the answer goes out first.
        later = asyncio.get_running_loop().create_task(
            self.switch(profile, faults=wanted.get("faults"), seed=wanted.get("seed"))
        )
        if request.transport and request.transport.get_extra_info("sockname")[1] == self.control_port:
            await later
        return web.json_response({"profile": profile or self.profile.name})

    async def _show_log(self, request: web.Request) -> web.Response:
        return web.json_response([_log_line(asked, self.endings) for asked in self.log])

    async def _models(self, request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "fake-strong", "object": "model", "created": 0}]})

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if request.transport is not None:
            self._peers.add(str(request.transport.get_extra_info("peername")))
        self.asked += 1
        number = self.asked
        self.log.append(
            Asked(
                at=time.monotonic(),
                model=str(body.get("model")),
                messages=tuple(body.get("messages", ())),
                is_stream=bool(body.get("stream")),
                headers=dict(request.headers),
                body=body,
                number=number,
            )
        )
        profile, chance = self._draw()
        reply = Reply(
            request,
            body,
            profile=profile,
            words=lambda: spoil(self._respond(body.get("messages", ())), self.faults, chance),
            until_stopped=self._stopping.wait,
            retry_after_seconds=self.retry_after_seconds,
        )
        try:
            response = await reply.send()
        except (ConnectionError, asyncio.CancelledError):
            self.endings[number] = "closed"
            raise
        self.endings[number] = reply.ending
        return response

    def _draw(self) -> tuple[Profile, random.Random]:
        """Return how the next request is treated, with a source of chance that is its own."""
        chance = random.Random(self._random.getrandbits(64))
        return self.profile.one_of(chance), chance


class FakeOpenAI:
    """Run the server in a thread of its own; a context manager. ``url`` is the base URL.

    ``respond`` gets the messages and returns the reply's words; ``faults`` are rates of spoilt replies
    (``wrong``, ``partial``, ``forbidden``, ``unanchored``); the same ``seed`` gives the same behaviour.
    """

    def __init__(
        self,
        profile: str = "instant",
        *,
        respond: Respond | None = None,
        faults: Mapping[str, float] | None = None,
        seed: int = 1,
        port: int = 0,
        retry_after_seconds: float = 2.0,
    ) -> None:
        self._make: Callable[[], Server] = lambda: Server(
            profile=profile, respond=respond, faults=faults, seed=seed, retry_after_seconds=retry_after_seconds
        )
        self._wanted_port = port
        self._loop = asyncio.new_event_loop()
        self._server: Server | None = None
        self._thread = threading.Thread(target=self._serve, name="fake openai", daemon=True)

    def __enter__(self) -> FakeOpenAI:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start and return when it listens."""
        self._thread.start()
        self._ask(self._open())

    def stop(self) -> None:
        """Stop and return when its thread has ended."""
        self._ask(self.server.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()

    @property
    def server(self) -> Server:
        """Return the server inside."""
        if self._server is None:
            raise RuntimeError("the fake provider has not been started")
        return self._server

    @property
    def url(self) -> str:
        """Return the base URL."""
        return self.server.url

    @property
    def control_url(self) -> str:
        """Return the address its behaviour is changed at."""
        return self.server.control_url

    @property
    def log(self) -> tuple[Asked, ...]:
        """Return what was asked so far, oldest first."""
        return tuple(self.server.log)

    @property
    def connections_opened(self) -> int:
        """Return on how many connections it was asked."""
        return self.server.connections_opened

    @property
    def endings(self) -> tuple[str, ...]:
        """Return how each finished request ended, in the order they were asked."""
        return tuple(self.server.endings[number] for number in sorted(self.server.endings))

    def switch(
        self, profile: str | None = None, *, faults: Mapping[str, float] | None = None, seed: int | None = None
    ) -> None:
        """Behave in another way from now on."""
        self._ask(self.server.switch(profile, faults=faults, seed=seed))

    def respond_with(self, respond: Respond) -> None:
        """Reply with another function from now on."""
        self._loop.call_soon_threadsafe(self.server.set_respond, respond)

    async def _open(self) -> None:
        self._server = self._make()
        await self._server.start(self._wanted_port)

    def _ask(self, coroutine: Any) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout=15)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()


def default_responder() -> Respond:
    """Return ``benchmarks.responder.respond`` where there is one, else a reply without edits."""
    with contextlib.suppress(ImportError):
        respond: Respond = importlib.import_module("benchmarks.responder").respond
        return respond
    return lambda messages: EMPTY_REPLY


def _port_of(runner: web.AppRunner) -> int:
    return int(runner.addresses[0][1])


def _log_line(asked: Asked, endings: Mapping[int, str]) -> dict[str, Any]:
    return {
        "number": asked.number,
        "at": asked.at,
        "model": asked.model,
        "is_stream": asked.is_stream,
        "messages": list(asked.messages),
        "ending": endings.get(asked.number, "open"),
    }


def _rates(words: str) -> dict[str, float]:
    pairs = (pair.split("=", 1) for pair in words.split(",") if pair.strip())
    return {name.strip(): float(rate) for name, rate in pairs}


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--profile", choices=sorted(PROFILES), default="fast")
    parser.add_argument(
        "--faults", type=_rates, default={}, help="wrong=0.05,partial=0.05,forbidden=0.02,unanchored=0.05"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--retry-after", type=float, default=2.0, help="seconds, sent with 429")
    chosen = parser.parse_args()
    fake = FakeOpenAI(
        chosen.profile,
        faults=chosen.faults,
        seed=chosen.seed,
        port=chosen.port,
        retry_after_seconds=chosen.retry_after,
    )
    told_to_stop = threading.Event()

    def stop(number: int, frame: object) -> None:
        told_to_stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    with fake:
        print(json.dumps({"url": fake.url, "control_url": fake.control_url, "pid": os.getpid()}), flush=True)
        told_to_stop.wait()


if __name__ == "__main__":
    main()
