"""Let requests arrive as people do: at random instants (Poisson), whether or not earlier ones are answered."""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

Answer = TypeVar("Answer")


def poisson(*, rate: float, seconds: float, seed: int) -> list[float]:
    """Return the instants of arrival in seconds from the start, ``rate`` a second on average; the same for a seed."""
    chance = random.Random(seed)
    instants: list[float] = []
    at = chance.expovariate(rate)
    while at < seconds:
        instants.append(at)
        at += chance.expovariate(rate)
    return instants


async def open_loop(
    instants: list[float], ask: Callable[[int, float], Awaitable[Answer]], *, on_done: Callable[[], object]
) -> list[Answer]:
    """Call ``ask(number, lag in seconds)`` at each instant without waiting for others; return the answers in order.

    The lag is how late the generator itself was.
    """
    loop = asyncio.get_running_loop()
    began_at = loop.time()
    tasks = []
    for number, at in enumerate(instants):
        if (wait := began_at + at - loop.time()) > 0:
            await asyncio.sleep(wait)
        task = asyncio.ensure_future(ask(number, loop.time() - began_at - at))
        task.add_done_callback(lambda _task: on_done())
        tasks.append(task)
    return list(await asyncio.gather(*tasks))


async def as_fast_as_possible(
    count: int, at_once: int, ask: Callable[[int], Awaitable[object]], *, on_done: Callable[[], object]
) -> float:
    """Keep ``at_once`` requests under way until ``count`` are answered; return requests a second."""
    numbers = iter(range(count))

    async def worker() -> None:
        for number in numbers:
            await ask(number)
            on_done()

    began = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(at_once)))
    return count / (time.perf_counter() - began)


class Progress:
    """Show on a terminal's standard error how far a run is; silent elsewhere and with ``--json``."""

    def __init__(self, what: str, total: int, *, is_quiet: bool) -> None:
        self._advance: Callable[[], object] = lambda: None
        self._shown: AbstractContextManager[Any] = nullcontext()
        if not is_quiet and sys.stderr.isatty():
            from rich.console import Console  # not needed where nobody watches
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bar

            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            bar = Bar(*columns, console=Console(stderr=True))
            task = bar.add_task(what, total=total)
            self._shown, self._advance = bar, lambda: bar.advance(task)

    def __enter__(self) -> Callable[[], object]:
        self._shown.__enter__()
        return self._advance

    def __exit__(self, *exception: Any) -> None:
        self._shown.__exit__(*exception)
