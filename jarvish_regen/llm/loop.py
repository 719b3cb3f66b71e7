"""Keep one event loop for all model calls of a process, in a thread of its own.

Workers are threads; connections belong to a loop. A thread hands its coroutine over, may do its own work meanwhile, and
has the result or an error when the deadline passes, even if the loop is blocked.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import contextlib
import logging
import os
import threading
import weakref
from collections.abc import Coroutine
from typing import Any, TypeVar

import uvloop

from jarvish_regen.llm.base import DeadlinePassedError, Target
from jarvish_regen.llm.deadline import Deadline
from jarvish_regen.llm.openai_target import OpenAITarget

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

# Past the deadline the loop gets this long to end the coroutine itself, which keeps its records; then the thread goes.
# Half of what an answer may be over (25 ms): a thread on a busy machine takes some milliseconds to wake.
_HANDOVER_SECONDS = 0.012
_CLOSE_SECONDS = 2.0


class EngineLoop:
    """Run coroutines from any thread on one loop, started by the first of them.

    After a fork the child starts its own loop and clients; the parent's are left alone.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._clients: dict[str, OpenAITarget] = {}
        self._is_closed = False
        _engines.add(self)

    def run(self, coroutine: Coroutine[Any, Any, Result], deadline: Deadline) -> Result:
        """Return what the coroutine returns; it is cancelled when ``deadline`` passes.

        Raises what it raises, ``DeadlinePassedError`` when it is not done in time, ``RuntimeError`` after ``close``.
        Must not be called from the loop itself.
        """
        return self.result(self.submit(coroutine, deadline), deadline)

    def submit(self, coroutine: Coroutine[Any, Any, Result], deadline: Deadline) -> concurrent.futures.Future[Result]:
        """Start the coroutine and return at once; take its result with ``result``."""
        try:
            loop = self._running_loop()
        except RuntimeError:
            coroutine.close()
            raise
        return asyncio.run_coroutine_threadsafe(_within(coroutine, deadline), loop)

    def result(
        self, future: concurrent.futures.Future[Result], deadline: Deadline, *, leaves_it: bool = False
    ) -> Result:
        """Wait for what ``submit`` started, no longer than ``deadline``; raises as ``run`` does.

        ``leaves_it`` does not cancel what is late: it has its own deadline and may run on.
        """
        if threading.current_thread() is self._thread:
            future.cancel()
            raise RuntimeError("The engine's loop cannot wait for itself.")
        try:
            return future.result(timeout=deadline.left() + _HANDOVER_SECONDS)
        except concurrent.futures.TimeoutError as error:
            if not leaves_it:
                future.cancel()
            raise DeadlinePassedError("The engine had no result in time.") from error
        except concurrent.futures.CancelledError as error:
            raise DeadlinePassedError("The engine was closed.") from error

    def client(self, target: Target) -> OpenAITarget:
        """Return the one client of a target, made at its first use.

        A target of the same name with other settings replaces it; calls under way on the old one go on.
        """
        with self._lock:
            client = self._clients.get(target.name)
            if client is not None and client.target == target:
                return client
            replacement = OpenAITarget(target)
            self._clients[target.name] = replacement
            if client is not None and self._loop is not None:
                asyncio.run_coroutine_threadsafe(_close_when_idle(client), self._loop)
            return replacement

    def close(self) -> None:
        """Cancel what runs, close the clients and end the thread; the engine cannot be used after that."""
        with self._lock:
            self._is_closed = True
            loop, thread, clients = self._loop, self._thread, tuple(self._clients.values())
            self._loop, self._thread = None, None
            self._clients.clear()
        if loop is None or thread is None:
            return
        closing = asyncio.run_coroutine_threadsafe(_close_all(clients), loop)
        try:
            closing.result(timeout=_CLOSE_SECONDS)
        except concurrent.futures.TimeoutError:
            logger.warning("model calls did not end in time", extra={"waited_seconds": _CLOSE_SECONDS})
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=_CLOSE_SECONDS)
        if not thread.is_alive():
            loop.close()

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._is_closed:
                raise RuntimeError("The engine is closed.")
            if self._loop is None:
                self._loop = uvloop.new_event_loop()
                self._thread = threading.Thread(target=_serve, args=(self._loop,), name="llm engine", daemon=True)
                self._thread.start()
            return self._loop

    def _after_fork(self) -> None:
        # Threads do not survive a fork, and the sockets are the parent's: closing them here would end its calls, so
        # they stay referenced and untouched.
        _inherited.append((self._loop, self._clients))
        # The lock may have been held by a thread that does not exist here.
        self._lock = threading.Lock()
        self._loop, self._thread, self._clients = None, None, {}


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()


async def _within(coroutine: Coroutine[Any, Any, Result], deadline: Deadline) -> Result:
    # Coroutines keep the deadline themselves and end with their best by then; this is for one that does not.
    limit = asyncio.timeout(deadline.left() + _HANDOVER_SECONDS / 2)
    try:
        async with limit:
            return await coroutine
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise DeadlinePassedError("The engine had no result in time.") from error


async def _close_when_idle(client: OpenAITarget) -> None:
    while client.in_flight:
        await asyncio.sleep(0.05)
    await client.close()


async def _close_all(clients: tuple[OpenAITarget, ...]) -> None:
    loop = asyncio.get_running_loop()
    others = [task for task in asyncio.all_tasks(loop) if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    if others:
        await asyncio.wait(others, timeout=_CLOSE_SECONDS / 2)
    for client in clients:
        await client.close()
    # aiohttp ends its sockets one turn after it is told to.
    await asyncio.sleep(0)
    await loop.shutdown_asyncgens()


_engines: weakref.WeakSet[EngineLoop] = weakref.WeakSet()
_inherited: list[object] = []


def _renew_after_fork() -> None:
    for engine in tuple(_engines):
        engine._after_fork()


def _close_at_exit() -> None:
    for engine in tuple(_engines):
        with contextlib.suppress(RuntimeError):
            engine.close()


os.register_at_fork(after_in_child=_renew_after_fork)
atexit.register(_close_at_exit)
