"""Answer chat completions for one or several targets on one event loop; what ``FakeOpenAI`` puts into a thread."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import random
import socket
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests import fake_audio
from tests.fake_http import Connection, Exchange
from tests.fake_profiles import PROFILES, Misbehaviour, Profile, profile_from, spoil
from tests.fake_replies import Reply

Respond = Callable[[Sequence[Mapping[str, Any]]], str]

EMPTY_REPLY = '{"edits": [], "full_text": null}'
_LOG_ENTRIES = 10_000
_HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as the server saw it; ``target`` counts from 1."""

    at: float
    model: str
    messages: tuple[Mapping[str, Any], ...]
    is_stream: bool
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    number: int
    target: int


@dataclass(frozen=True, slots=True)
class Outage:
    """Behave as ``profile`` between two instants of the loop's clock."""

    profile: Profile
    from_at: float
    to_at: float


class FakeTarget:
    """Hold how one target behaves; its chance is its own, so that targets do not disturb each other."""

    def __init__(
        self, number: int, *, profile: Profile, respond: Respond, faults: Mapping[str, float], seed: int, wait: float
    ) -> None:
        self.number = number
        self.profile = profile
        self.respond = respond
        self.faults = dict(faults)
        self.retry_after_seconds = wait
        self.outage: Outage | None = None
        self.asked = 0
        self.random = random.Random(seed * 1009 + number)  # repeatable behaviour, not secrets

    def profile_at(self, now: float) -> Profile:
        """Return how it behaves at an instant."""
        outage = self.outage
        return outage.profile if outage and outage.from_at <= now < outage.to_at else self.profile

    def draw(self, now: float) -> tuple[Profile, random.Random]:
        """Return how the next request is treated, with a source of chance that is its own."""
        chance = random.Random(self.random.getrandbits(64))
        return self.profile_at(now).one_of(chance), chance

    def state(self, now: float) -> dict[str, Any]:
        """Return what the control shows."""
        return {
            "target": self.number,
            "profile": self.profile_at(now).name,
            "faults": self.faults,
            "asked": self.asked,
            "retry_after_seconds": self.retry_after_seconds,
        }


class Server:
    """Serve the targets at ``/t1/v1``, ``/t2/v1`` …; the first also at ``/v1``."""

    def __init__(
        self,
        *,
        profiles: Sequence[Profile],
        respond: Respond | None,
        faults: Mapping[str, float] | None,
        seed: int,
        retry_after_seconds: float,
    ) -> None:
        shared = respond or default_responder()
        self.targets = [
            FakeTarget(
                number, profile=profile, respond=shared, faults=faults or {}, seed=seed, wait=retry_after_seconds
            )
            for number, profile in enumerate(profiles, start=1)
        ]
        self.log: deque[Asked] = deque(maxlen=_LOG_ENTRIES)
        self.endings: dict[int, str] = {}
        self.recordings: deque[fake_audio.Recording] = deque(maxlen=_LOG_ENTRIES)
        self.hear: fake_audio.Hear = fake_audio.default_hearing
        self.connections_opened = 0
        self._asked = 0
        self._open: set[Connection] = set()
        self._open_to_control: set[Connection] = set()
        self._stopping = asyncio.Event()
        self._listener: asyncio.Server | None = None
        self._control: asyncio.Server | None = None
        self._port = 0
        self._placeholder: socket.socket | None = None
        self.control_port = 0

    @property
    def url(self) -> str:
        """Return the base URL of the first target, as a client wants it."""
        return f"http://{_HOST}:{self._port}/v1"

    @property
    def urls(self) -> tuple[str, ...]:
        """Return the base URL of each target."""
        return tuple(f"http://{_HOST}:{self._port}/t{target.number}/v1" for target in self.targets)

    @property
    def control_url(self) -> str:
        """Return where its behaviour is changed; open whatever the profile does."""
        return f"http://{_HOST}:{self.control_port}/_control"

    async def start(self, port: int) -> None:
        """Listen on loopback, at a free port if ``port`` is 0."""
        loop = asyncio.get_running_loop()
        self._control = await loop.create_server(lambda: Connection(self._handle, self._open_to_control), _HOST, 0)
        self.control_port = _port_of(self._control)
        self._port = port
        await self._listen()
        await self._follow()

    async def stop(self) -> None:
        """End every open answer and stop listening."""
        self._stopping.set()
        await self._shut()
        if self._placeholder is not None:
            self._placeholder.close()
        if self._control is not None:
            self._control.close()
        for connection in tuple(self._open_to_control):
            connection.transport.abort()
        while self._open or self._open_to_control:
            await asyncio.sleep(0)

    async def change(self, wanted: Mapping[str, Any]) -> None:
        """Change one target, or all without ``target``; raises ``ValueError`` for what it does not know.

        ``profile``, ``faults``, ``seed``, ``retry_after_seconds``, ``respond`` (``module:function``) and ``outage``
        (``{"profile", "from_seconds", "to_seconds"}`` from now, or None to end it).
        """
        unknown = set(wanted) - {"target", "profile", "faults", "seed", "retry_after_seconds", "respond", "outage"}
        if unknown:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
        number = wanted.get("target")
        if number is not None and not 1 <= int(number) <= len(self.targets):
            raise ValueError(f"no target {number}; there are {len(self.targets)}")
        profile = None if wanted.get("profile") is None else profile_from(wanted["profile"])
        respond = None if wanted.get("respond") is None else responder_named(wanted["respond"])
        outage = _outage(wanted.get("outage"))
        for target in self.targets:
            if number is not None and target.number != int(number):
                continue
            target.profile = profile or target.profile
            target.respond = respond or target.respond
            if wanted.get("seed") is not None:
                target.random.seed(int(wanted["seed"]) * 1009 + target.number)
            if wanted.get("faults") is not None:
                target.faults = dict(wanted["faults"])
            if wanted.get("retry_after_seconds") is not None:
                target.retry_after_seconds = float(wanted["retry_after_seconds"])
            if "outage" in wanted:
                target.outage = outage
        await self._follow()

    def set_respond(self, respond: Respond) -> None:
        """Reply with another function from the next request on."""
        for target in self.targets:
            target.respond = respond

    async def _follow(self) -> None:
        """Listen or not, as the profiles want it: one refusing target among others breaks off what it is asked."""
        is_refusing = all(target.profile.does == Misbehaviour.REFUSE for target in self.targets)
        if is_refusing:
            await self._shut()
        elif self._listener is None:
            await self._listen()

    async def _listen(self) -> None:
        if self._placeholder is not None:
            self._placeholder.close()
            self._placeholder = None
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(
            self._connect, _HOST, self._port, backlog=1024, reuse_address=True, start_serving=True
        )
        self._port = _port_of(self._listener)

    def _connect(self) -> Connection:
        self.connections_opened += 1
        return Connection(self._handle, self._open)

    async def _shut(self) -> None:
        if self._listener is None:
            return
        self._listener.close()
        for connection in tuple(self._open):
            connection.transport.abort()
        await self._listener.wait_closed()
        self._listener = None
        # Bound but not listening: the kernel refuses connections, and nobody else is given the port meanwhile.
        self._placeholder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._placeholder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            self._placeholder.bind((_HOST, self._port))

    async def _handle(self, exchange: Exchange) -> None:
        path = exchange.path
        if path.startswith("/_control"):
            await self._administer(exchange)
            return
        target = self._target_at(path)
        if target is None:
            exchange.reply_json({"error": {"message": "no such path", "type": "fake"}}, status=404)
        elif path.endswith("/models") and exchange.method in ("GET", "HEAD"):
            models = [{"id": "fake-strong", "object": "model", "created": 0, "owned_by": f"vendor-{target.number}"}]
            exchange.reply_json({"object": "list", "data": models})
        elif path.endswith("/chat/completions") and exchange.method == "POST":
            await self._complete(exchange, target)
        elif path.endswith("/audio/transcriptions") and exchange.method == "POST":
            await self._listen_to(exchange, target)
        else:
            exchange.reply_json({"error": {"message": "no such path", "type": "fake"}}, status=404)

    def _target_at(self, path: str) -> FakeTarget | None:
        if path.startswith("/v1/"):
            return self.targets[0]
        first, _, rest = path[1:].partition("/")
        if first[:1] != "t" or not first[1:].isdecimal() or not rest.startswith("v1/"):
            return None
        number = int(first[1:])
        return self.targets[number - 1] if 1 <= number <= len(self.targets) else None

    async def _complete(self, exchange: Exchange, target: FakeTarget) -> None:
        try:
            body = json.loads(exchange.body)
            messages = tuple(body.get("messages", ()))
        except (ValueError, AttributeError):
            exchange.reply_json({"error": {"message": "the body is no JSON object", "type": "fake"}}, status=400)
            return
        self._asked += 1
        target.asked += 1
        number = self._asked
        self.log.append(
            Asked(
                at=time.monotonic(),
                model=str(body.get("model")),
                messages=messages,
                is_stream=bool(body.get("stream")),
                headers=exchange.headers,
                body=body,
                number=number,
                target=target.number,
            )
        )
        profile, chance = target.draw(asyncio.get_running_loop().time())
        reply = Reply(
            exchange,
            body,
            profile=profile,
            words=lambda: spoil(target.respond(messages), target.faults, chance),
            until_stopped=self._stopping.wait,
            retry_after_seconds=target.retry_after_seconds,
        )
        try:
            await reply.send()
        except asyncio.CancelledError:
            self.endings[number] = "closed"
            raise
        self.endings[number] = reply.ending

    async def _listen_to(self, exchange: Exchange, target: FakeTarget) -> None:
        recording = fake_audio.recording_of(exchange)
        if recording is None:
            exchange.reply_json({"error": {"message": "no form with file and model", "type": "fake"}}, status=400)
            return
        self.recordings.append(recording)
        profile, _chance = target.draw(asyncio.get_running_loop().time())
        await fake_audio.answer(
            exchange,
            recording,
            profile=profile,
            hear=self.hear,
            until_stopped=self._stopping.wait,
            retry_after_seconds=target.retry_after_seconds,
        )

    async def _administer(self, exchange: Exchange) -> None:
        now = asyncio.get_running_loop().time()
        if exchange.path == "/_control/log":
            exchange.reply_json([self._log_line(asked) for asked in self.log])
        elif exchange.method != "POST":
            states = [target.state(now) for target in self.targets]
            exchange.reply_json({**states[0], "asked": self._asked, "targets": states, "profiles": sorted(PROFILES)})
        else:
            try:
                wanted = json.loads(exchange.body)
                # Changing to "dead" closes the very listener this may have come through, so the answer goes out first.
                if exchange.port != self.control_port:
                    exchange.reply_json({"profile": wanted.get("profile")})
                await self.change(wanted)
            except (ValueError, TypeError, KeyError, AttributeError, ImportError) as error:
                exchange.reply_json({"error": str(error), "profiles": sorted(PROFILES)}, status=400)
                return
            if exchange.port == self.control_port:
                exchange.reply_json({"profile": wanted.get("profile") or self.targets[0].profile.name})

    def _log_line(self, asked: Asked) -> dict[str, Any]:
        return {
            "number": asked.number,
            "target": asked.target,
            "at": asked.at,
            "model": asked.model,
            "is_stream": asked.is_stream,
            "messages": list(asked.messages),
            "ending": self.endings.get(asked.number, "open"),
        }


def default_responder() -> Respond:
    """Return ``benchmarks.responder.respond`` where there is one, else a reply without edits."""
    with contextlib.suppress(ImportError):
        return responder_named("benchmarks.responder:respond")
    return lambda messages: EMPTY_REPLY


def responder_named(name: str) -> Respond:
    """Return the reply function at ``module:function``; raises ``ValueError`` or ``ImportError`` if there is none."""
    module, _, function = name.partition(":")
    respond = getattr(importlib.import_module(module), function or "respond", None)
    if not callable(respond):
        raise ValueError(f"no reply function at {name!r}")
    made: Respond = respond
    return made


def _outage(wanted: Mapping[str, Any] | None) -> Outage | None:
    if wanted is None:
        return None
    now = asyncio.get_running_loop().time()
    from_at = now + float(wanted.get("from_seconds", 0.0))
    to_at = now + float(wanted["to_seconds"]) if wanted.get("to_seconds") is not None else float("inf")
    return Outage(replace(profile_from(wanted["profile"])), from_at, to_at)


def _port_of(server: asyncio.Server) -> int:
    return int(server.sockets[0].getsockname()[1])
