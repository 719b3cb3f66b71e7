"""Be the other side of the network: an OpenAI-compatible server that behaves well, badly or slowly on demand.

In a test: ``with FakeOpenAI(profile="heavy", respond=...) as fake: ... fake.url ... fake.switch("hang")``.
From a shell: ``python -m tests.fake_openai --port 0 --targets 2 --profile heavy --faults wrong=0.05,forbidden=0.02``
prints one JSON line ``{"url": ..., "urls": [...], "control_url": ..., "pid": ...}`` and serves until it is told to
stop. A POST to ``control_url`` changes it while it runs: ``{"target": 2, "profile": ..., "faults": {...}, "seed": ...,
"respond": "module:function", "outage": {"profile": "hang", "from_seconds": 5, "to_seconds": 15}}``, all of them
optional, all targets without ``target``. A GET shows it, and a GET of ``control_url/log`` what was asked.

It knows nothing of the product but its reply format: ``{"edits": [{"find", "replace"}]}`` or ``{"full_text": …}``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # also runnable as a file: tests/fake_openai.py
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import uvloop

from tests.fake_profiles import PROFILES, profile_from
from tests.fake_replies import rejected_text
from tests.fake_server import EMPTY_REPLY, Asked, Respond, Server, default_responder, responder_named

__all__ = ["EMPTY_REPLY", "PROFILES", "Asked", "FakeOpenAI", "Server", "default_responder", "rejected_text"]

ProfileLike = str | Mapping[str, Any]


class FakeOpenAI:
    """Run the server in a thread of its own; a context manager. ``url`` is the base URL of its first target.

    ``respond`` gets the messages and returns the reply's words; ``faults`` are rates of spoilt replies
    (``wrong``, ``partial``, ``forbidden``, ``unanchored``); the same ``seed`` gives the same behaviour. With several
    ``targets``, ``urls`` has one each, and ``profile`` may be a list with one each.
    """

    def __init__(
        self,
        profile: ProfileLike | Sequence[ProfileLike] = "instant",
        *,
        respond: Respond | None = None,
        faults: Mapping[str, float] | None = None,
        seed: int = 1,
        port: int = 0,
        retry_after_seconds: float = 2.0,
        targets: int = 1,
    ) -> None:
        given = [profile] if isinstance(profile, str | Mapping) else list(profile)
        profiles = [profile_from(given[min(index, len(given) - 1)]) for index in range(max(targets, len(given)))]
        self._make: Callable[[], Server] = lambda: Server(
            profiles=profiles, respond=respond, faults=faults, seed=seed, retry_after_seconds=retry_after_seconds
        )
        self._wanted_port = port
        self._loop = uvloop.new_event_loop()
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
        self._ask(self._close())
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
        """Return the base URL of the first target."""
        return self.server.url

    @property
    def urls(self) -> tuple[str, ...]:
        """Return the base URL of each target."""
        return self.server.urls

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
        """Return how many connections were opened to its targets."""
        return self.server.connections_opened

    @property
    def endings(self) -> tuple[str, ...]:
        """Return how each finished request ended, in the order they were asked; ``closed``: the asker went away."""
        return tuple(self.server.endings[number] for number in sorted(self.server.endings))

    def switch(
        self,
        profile: ProfileLike | None = None,
        *,
        faults: Mapping[str, float] | None = None,
        seed: int | None = None,
        target: int | None = None,
    ) -> None:
        """Behave in another way from now on, one target (counted from 1) or all."""
        self._ask(self.server.change({"profile": profile, "faults": faults, "seed": seed, "target": target}))

    def out(
        self, profile: ProfileLike, *, target: int, from_seconds: float = 0.0, to_seconds: float | None = None
    ) -> None:
        """Let one target behave as ``profile`` between two instants, in seconds from now."""
        outage = {"profile": profile, "from_seconds": from_seconds, "to_seconds": to_seconds}
        self._ask(self.server.change({"target": target, "outage": outage}))

    def respond_with(self, respond: Respond) -> None:
        """Reply with another function from now on."""
        self._loop.call_soon_threadsafe(self.server.set_respond, respond)

    async def _open(self) -> None:
        self._server = self._make()
        await self._server.start(self._wanted_port)

    async def _close(self) -> None:
        await self.server.stop()
        loop = asyncio.get_running_loop()
        others = [task for task in asyncio.all_tasks(loop) if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _ask(self, coroutine: Any) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout=15)

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()


def _rates(words: str) -> dict[str, float]:
    pairs = (pair.split("=", 1) for pair in words.split(",") if pair.strip())
    return {name.strip(): float(rate) for name, rate in pairs}


def _profiles(words: str) -> list[str]:
    names = [name.strip() for name in words.split(",")]
    for name in names:
        profile_from(name)
    return names


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--targets", type=int, default=1, help="how many to serve, at /t1/v1, /t2/v1 and so on")
    parser.add_argument(
        "--profile",
        type=_profiles,
        default=["fast"],
        help="one for all, or one a target: " + ",".join(sorted(PROFILES)),
    )
    parser.add_argument(
        "--faults", type=_rates, default={}, help="wrong=0.05,partial=0.05,forbidden=0.02,unanchored=0.05"
    )
    parser.add_argument("--respond", default="", help="MODULE:FUNCTION from messages to the reply's words")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--retry-after", type=float, default=2.0, help="seconds, sent with 429")
    chosen = parser.parse_args()
    fake = FakeOpenAI(
        chosen.profile,
        respond=responder_named(chosen.respond) if chosen.respond else None,
        faults=chosen.faults,
        seed=chosen.seed,
        port=chosen.port,
        retry_after_seconds=chosen.retry_after,
        targets=chosen.targets,
    )
    told_to_stop = threading.Event()

    def stop(number: int, frame: object) -> None:
        told_to_stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    with fake:
        where = {"url": fake.url, "urls": fake.urls, "control_url": fake.control_url, "pid": os.getpid()}
        print(json.dumps(where), flush=True)
        told_to_stop.wait()


if __name__ == "__main__":
    main()
