"""What our own code costs: the engine and the model client at a provider that answers at once, and a worker's start.

Run by ./jarvish bench overhead [--count N] [--rate R] [--seconds S] [--seed N] [--json]. Needs no database and no
Valkey. The provider runs in a process of its own; all that is measured runs in one process.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import uvloop

from benchmarks.arrivals import Progress, as_fast_as_possible, open_loop, poisson
from benchmarks.engine import Engine
from benchmarks.provider import Provider
from benchmarks.report import commit, machine, quantiles, show

if TYPE_CHECKING:
    from regeneration.jobs import Zero

NEEDS_NO_SERVERS = True

_AT_ONCE = 32
_STARTS = 3
# What a worker does before it takes its first task; the settings' addresses lead nowhere, nothing connects.
_START = """
import time, resource
import django
from jarvish_regen.celery import app
app.loader.import_default_modules()
django.setup()
from jarvish_regen.warm import warm_up
warm_up()
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_utime + used.ru_stime)
"""


async def client_figures(url: str, options: argparse.Namespace) -> dict[str, Any]:
    """Return what one call of the model client costs."""
    from jarvish_regen.llm.base import Request
    from jarvish_regen.llm.deadline import Deadline
    from jarvish_regen.llm.openai_target import OpenAITarget
    from jarvish_regen.llm.targets import build_target

    target = build_target(
        name="client", url=url, key="bench", model="fake-strong", max_concurrency=_AT_ONCE, allow_loopback=True
    )
    client = OpenAITarget(target)
    # About as long as our prompts are (docs/engine.md).
    request = Request(
        messages=({"role": "system", "content": "rule " * 300}, {"role": "user", "content": "assured 12% " * 100})
    )
    took: list[float] = []

    async def ask(number: int, lag: float = 0.0) -> None:
        began = time.perf_counter()
        await client.stream(request, Deadline.after(30.0))
        took.append((time.perf_counter() - began) * 1000)

    await client.warm(_AT_ONCE)
    await as_fast_as_possible(200, _AT_ONCE, ask, on_done=lambda: None)
    cpu = time.process_time()
    with Progress("client, as fast as it can", options.count, is_quiet=options.json) as advance:
        a_second = await as_fast_as_possible(options.count, _AT_ONCE, ask, on_done=advance)
    cpu_ms = (time.process_time() - cpu) * 1000 / options.count
    took.clear()
    instants = poisson(rate=options.rate, seconds=options.seconds, seed=options.seed)
    with Progress(f"client at {options.rate:.0f}/s", len(instants), is_quiet=options.json) as advance:
        await open_loop(instants, ask, on_done=advance)
    await client.close()
    return {
        "client_requests_per_s": round(a_second),
        "client_cpu_ms_per_request": round(cpu_ms, 3),
        "client_ms_at_rate": quantiles(took),
    }


async def engine_figures(zeros: "Sequence[Zero]", engine: Engine, options: argparse.Namespace) -> dict[str, Any]:
    """Return what one answer of the engine costs, model client included."""
    took: list[float] = []
    chance = Random(options.seed)

    rounds: list[Zero] = []

    async def ask(number: int, lag: float = 0.0) -> None:
        if not rounds:  # each draft once a round: a draft that comes again makes the engine forget all it has read
            rounds.extend(chance.sample(zeros, len(zeros)))
        took.append((await engine.ask(rounds.pop(), lag)).ms)

    for zero in zeros:
        await engine.ask(zero)
    count = max(1, options.count // 10)
    cpu = time.process_time()
    with Progress("engine, as fast as it can", count, is_quiet=options.json) as advance:
        # Few at once: more would only wait for one another until their deadline cuts them off.
        a_second = await as_fast_as_possible(count, 4, ask, on_done=advance)
    cpu_ms = (time.process_time() - cpu) * 1000 / count
    took.clear()
    instants = poisson(rate=options.rate, seconds=options.seconds, seed=options.seed)
    with Progress(f"engine at {options.rate:.0f}/s", len(instants), is_quiet=options.json) as advance:
        await open_loop(instants, ask, on_done=advance)
    return {
        "engine_requests_per_s": round(a_second, 1),
        "engine_cpu_ms_per_request": round(cpu_ms, 2),
        "engine_ms_at_rate": quantiles(took),
    }


def start_figures() -> dict[str, Any]:
    """Return what a worker's start costs: imports, applications, rules and word lists, of the best of a few."""
    wall, cpu = [], []
    for _ in range(_STARTS):
        began = time.perf_counter()
        ended = subprocess.run(
            [sys.executable, "-c", _START],
            cwd=Path(__file__).parent.parent,
            env=dict(os.environ),
            capture_output=True,
            text=True,
            check=True,
        )
        wall.append(time.perf_counter() - began)
        cpu.append(float(ended.stdout.split()[-1]))
    return {"worker_start_s": round(min(wall), 2), "worker_start_cpu_s": round(min(cpu), 2)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="./jarvish bench overhead", description=__doc__)
    parser.add_argument("--count", type=int, default=5000, help="calls of the client; a tenth of it of the engine")
    parser.add_argument("--rate", type=float, default=17.0, help="requests a second")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    result = start_figures()
    with Provider(profile="instant", targets=1, seed=options.seed, respond="benchmarks.provider:fixed_reply") as fixed:
        result |= uvloop.run(client_figures(fixed.urls[0], options))

    import django  # the client is measured without it

    django.setup()
    from benchmarks.jobs import bench_jobs

    jobs = bench_jobs()
    with (
        Provider(profile="instant", targets=2, seed=options.seed) as provider,
        Engine(provider.urls, key="bench", model="fake-strong", seed=options.seed) as engine,
    ):
        result |= asyncio.run(engine_figures(jobs.zeros, engine, options))
    result |= {"rate": options.rate, "commit": commit(), "seed": options.seed, "machine": machine()}
    show(result, as_json=options.json)


if __name__ == "__main__":
    main()
