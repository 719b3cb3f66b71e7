"""The whole path: a rejection by HTTP to its stored answer, through the processes that `./jarvish up` starts.

Run by ./jarvish bench path [--rate R] [--seconds S] [--at-once N] [--json]. With --rate 0 so many requests as
--at-once says are kept under way, which shows the most the machine takes. The provider answers at once, in a process
of its own. The generator and the provider have their share of the same cores; the background worker is left out.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import time
import uuid
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import psycopg
import redis

from benchmarks.arrivals import Progress, as_fast_as_possible, open_loop, poisson
from benchmarks.provider import Provider
from benchmarks.report import circumstances, quantiles, show
from jarvish_regen.embedded.paths import StateDir
from jarvish_regen.embedded.programs import child_environment
from jarvish_regen.embedded.system import RunningSystem, running_system, throwaway_state_dir

# It starts a system of its own.
NEEDS_NO_SERVERS = True

DEADLINE_MS = 1_400
WARM_UP = 24
COUNTED = 20  # rejections whose statements are counted, after the measurement: writing them down costs time
_SETTLE_SECONDS = 180.0
# All that `./jarvish up` starts but the worker for background work: it would prepare answers to the waiting drafts, and
# learn from each answer, on the same cores at its own pace.
_PROCESSES = ("web", "answers", "relay", "reserve-critical", "reserve-low", "solo", "beat")
_LIMITS = {f"JARVISH_RATE_LIMIT_{kind}": "1000000/minute" for kind in ("READ", "WRITE", "BULK")}
_STATEMENT = re.compile(rb"LOG:  (?:statement|execute [^:]*): ")


@dataclass(frozen=True)
class Waiting:
    """A draft that waits for its rejection, as benchmarks.waiting_drafts prints it."""

    token: str
    content_id: str
    said: dict[str, Any]


@dataclass(frozen=True)
class Accepted:
    """What one request came to: its status and how long the caller waited for it."""

    status: int
    ms: float


class Rig:
    """A running system, seen from outside: its address, its rows, its processes."""

    def __init__(self, system: RunningSystem) -> None:
        self.system = system
        self.state = StateDir(system.state_dir)
        self.urls = system.run().environment
        self.database = psycopg.connect(self.urls["DATABASE_URL"], autocommit=True)
        self.broker = redis.Redis.from_url(self.urls["REDIS_URL"])

    def drafts(self, count: int) -> list[Waiting]:
        """Have so many drafts made and wait until what follows their arrival is done."""
        environment = child_environment(self.state, servers={**self.urls, "JARVISH_EMBEDDED": "1", **_LIMITS})
        argv = [sys.executable, "-m", "benchmarks.waiting_drafts", str(count)]
        made = subprocess.run(argv, env=environment, stdout=subprocess.PIPE, check=True, text=True)
        self.wait_until_quiet()
        return [Waiting(**json.loads(line)) for line in made.stdout.splitlines()]

    def wait_until_quiet(self) -> None:
        """Wait until every attempt is settled and no answer is queued. Raises TimeoutError."""
        until = time.monotonic() + _SETTLE_SECONDS
        quiet = 0
        while quiet < 3:
            if time.monotonic() > until:
                raise TimeoutError("the system did not come to rest")
            quiet = quiet + 1 if self._is_quiet() else 0
            time.sleep(0.2)

    def _is_quiet(self) -> bool:
        queued = sum(self.broker.llen(queue) for queue in ("critical", "high", "normal", "low", "solo"))
        (owed,) = self.row(
            "SELECT (SELECT count(*) FROM regeneration_regeneration WHERE state IN ('queued', 'running'))"
            " + (SELECT count(*) FROM journal_outbox WHERE rung_at IS NULL)"
            " + (SELECT count(*) FROM journal_event WHERE seq IS NULL)"
        )
        return not queued and not owed

    def row(self, sql: str, *arguments: Any) -> tuple[Any, ...]:
        """Return the one row of a query."""
        found = self.database.execute(sql, arguments).fetchone()
        assert found is not None
        return found

    def processor_seconds(self) -> dict[str, float]:
        """Return the processor time each process has taken so far, PostgreSQL's sessions together."""
        run = self.system.run()
        spent = {name: _processor_seconds(pid) for name, pid in {**run.processes, **run.servers}.items()}
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal() and _parent(entry) == run.servers.get("postgres"):
                spent["postgres"] += _processor_seconds(int(entry.name), with_ended=False)
        return spent

    def statements(self) -> int:
        """Return how many statements PostgreSQL has written down so far."""
        return len(_STATEMENT.findall((self.state.logs / "postgres.log").read_bytes()))

    def write_statements(self, *, on: bool) -> None:
        """Let PostgreSQL write every statement down, or stop it."""
        self.database.execute(f"ALTER SYSTEM SET log_statement = '{'all' if on else 'none'}'".encode())
        self.database.execute("SELECT pg_reload_conf()")
        time.sleep(0.5)  # every session hears of it between two statements


def _processor_seconds(pid: int, *, with_ended: bool = True) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    ticks = sum(int(value) for value in fields[11 : 15 if with_ended else 13])
    return ticks / os.sysconf("SC_CLK_TCK")


def _parent(entry: Path) -> int:
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


async def _reject(client: httpx.AsyncClient, draft: Waiting) -> Accepted:
    headers = {"Authorization": f"Token {draft.token}", "Idempotency-Key": str(uuid.uuid4())}
    began = time.perf_counter()
    response = await client.post(f"/api/v1/content/{draft.content_id}/reject", json=draft.said, headers=headers)
    return Accepted(response.status_code, (time.perf_counter() - began) * 1000)


async def _drive(
    address: str, drafts: list[Waiting], *, rate: float, seconds: float, at_once: int, seed: int, is_quiet: bool = True
) -> tuple[list[Accepted], float]:
    """Reject the drafts and return what each came to, and how many seconds it took to hand all in."""
    limits = httpx.Limits(max_connections=at_once, max_keepalive_connections=at_once)
    accepted: list[Accepted] = []
    async with httpx.AsyncClient(base_url=address, timeout=60, limits=limits, trust_env=False) as client:

        async def ask(number: int, _lag: float = 0.0) -> None:
            accepted.append(await _reject(client, drafts[number]))

        began = time.perf_counter()
        with Progress("rejections", len(drafts), is_quiet=is_quiet) as tell:
            if rate:
                instants = poisson(rate=rate, seconds=seconds, seed=seed)
                await open_loop(instants[: len(drafts)], ask, on_done=tell)
            else:
                await as_fast_as_possible(len(drafts), at_once, ask, on_done=tell)
        return accepted, time.perf_counter() - began


def measure(
    rig: Rig, *, rate: float, seconds: float, at_once: int, seed: int, count: int, is_quiet: bool
) -> dict[str, object]:
    """Make the drafts, reject them and return the figures."""
    wanted = len(poisson(rate=rate, seconds=seconds, seed=seed)) if rate else count
    drafts = iter(rig.drafts(WARM_UP + wanted + COUNTED))
    address = rig.system.address
    asyncio.run(_drive(address, list(islice(drafts, WARM_UP)), rate=0, seconds=0, at_once=2, seed=seed))
    rig.wait_until_quiet()

    (began_at,) = rig.row("SELECT clock_timestamp()")
    before = rig.processor_seconds()
    accepted, handing_in_seconds = asyncio.run(
        _drive(
            address,
            list(islice(drafts, wanted)),
            rate=rate,
            seconds=seconds,
            at_once=at_once,
            seed=seed,
            is_quiet=is_quiet,
        )
    )
    (left_at_end,) = rig.row("SELECT count(*) FROM regeneration_regeneration WHERE state IN ('queued', 'running')")
    rig.wait_until_quiet()
    after = rig.processor_seconds()

    rows = rig.database.execute(
        "SELECT state, rung, cache_kind, answer_ms, is_valid FROM regeneration_regeneration"
        " WHERE stored_at >= %s AND attempt = 1",
        (began_at,),
    ).fetchall()
    further, span = rig.row(
        "SELECT count(*) FILTER (WHERE attempt > 1),"
        " extract(epoch FROM max(finished_at) FILTER (WHERE attempt = 1) - min(stored_at))"
        " FROM regeneration_regeneration WHERE stored_at >= %s",
        began_at,
    )
    answered_ms = [float(row[3]) for row in rows if row[0] == "answered"]
    statements = _statements_per_answer(rig, list(drafts), at_once=1)
    spent = {name: round((after[name] - before.get(name, 0.0)) * 1000 / wanted, 1) for name in after}
    return {
        "offered_per_s": rate or None,
        "at_once": at_once,
        "rejections": wanted,
        "statuses": dict(Counter(str(one.status) for one in accepted)),
        "accepted_per_s": round(len(accepted) / handing_in_seconds, 1),
        "stored_answers_per_s": round(len(answered_ms) / float(span or 1.0), 1),
        "unanswered_when_last_was_handed_in": left_at_end,
        "accept_ms": quantiles([one.ms for one in accepted]),
        "answer_ms": quantiles(answered_ms or [0.0]),
        "answered_in_1400_ms_share": round(sum(ms <= DEADLINE_MS for ms in answered_ms) / wanted, 4),
        "valid_share": round(sum(bool(row[4]) for row in rows) / wanted, 4),
        "by_rung": dict(Counter(row[1] or "no answer" for row in rows)),
        "by_cache": dict(Counter(row[2] for row in rows if row[2])),
        "further_attempts": further,
        "statements_per_answer": statements,
        "processor_ms_per_rejection": {name: ms for name, ms in spent.items() if ms >= 0.1},
    }


def _statements_per_answer(rig: Rig, drafts: list[Waiting], *, at_once: int) -> float:
    """Return the statements one rejection costs from the request to what follows its answer, BEGIN and COMMIT too.

    What the system says to its database at rest in the same time is taken off.
    """
    rig.write_statements(on=True)
    try:
        began, counted = time.monotonic(), rig.statements()
        asyncio.run(_drive(rig.system.address, drafts, rate=0, seconds=0, at_once=at_once, seed=0))
        time.sleep(2.5)  # what follows an answer, and its numbers, are written within a second or two
        seconds, busy = time.monotonic() - began, rig.statements() - counted
        counted = rig.statements()
        time.sleep(seconds)
        at_rest = rig.statements() - counted
    finally:
        rig.write_statements(on=False)
    return round((busy - at_rest) / len(drafts), 1)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=17.0, help="rejections a second on average; 0: at full speed")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--count", type=int, default=300, help="how many with --rate 0")
    parser.add_argument("--at-once", type=int, default=64, help="requests under way at most")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-model", action="store_true", help="connect no provider: rules, caches and shelf alone")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with (
        throwaway_state_dir("path") as state_dir,
        Provider(profile="instant", targets=1, seed=options.seed) as provider,
    ):
        url = "" if options.no_model else provider.urls[0]
        environment = {"JARVISH_MODEL_URL": url, "JARVISH_MODEL_KEY": "bench" if url else "", **_LIMITS}
        with running_system(state_dir, processes=_PROCESSES, environment=environment) as system:
            figures = measure(
                Rig(system),
                rate=options.rate,
                seconds=options.seconds,
                at_once=options.at_once,
                seed=options.seed,
                count=options.count,
                is_quiet=options.json,
            )
    show({**figures, **circumstances(options.seed)}, as_json=options.json)


if __name__ == "__main__":
    main()
