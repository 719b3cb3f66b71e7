"""How often, how soon and at what cost the engine answers from a model before its deadline.

Run by ./jarvish bench engine [--targets URL[,URL…]] [--rate R] [--seconds S] [--seed N]
[--stress hang|429|5xx|cut|slow] [--json]. Needs no database and no Valkey. Requests arrive at random instants; each is
a demo draft that rules alone cannot settle. Without --targets two fake targets of two vendors answer, slow and faulty
as their profile says; a stress lets the second of them fail for the middle part of the run.
"""

import argparse
import asyncio
import contextlib
import json
import os
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING, Any

from benchmarks.arrivals import Progress, open_loop, poisson
from benchmarks.provider import Provider
from benchmarks.report import commit, machine, quantile, show
from tests.fake_profiles import answer_tokens

if TYPE_CHECKING:
    from jarvish_regen.llm.pool import Pool
    from regeneration.job import Outcome
    from regeneration.jobs import Zero

NEEDS_NO_SERVERS = True

ANSWER_SECONDS = 1.4
# PERFORMANCE.md: what the answer may be over the clock.
GRACE_SECONDS = 0.025
STRESSES = {"hang": "hang", "429": "429", "5xx": "500", "cut": "cut", "slow": "slow"}
# The outage of a stress begins and ends at these shares of the run.
OUTAGE = (0.25, 0.6)
_WATCH_SECONDS = 0.01
# At 1,000 a minute about 24 answers are under way when each takes the whole clock.
_THREADS = 64


@dataclass(frozen=True)
class Answered:
    """One request as it was answered; ``ms`` from the start of the engine to its outcome."""

    ms: float
    lag_ms: float
    is_answered: bool
    is_from_model: bool
    rung: str
    calls: tuple[Any, ...]
    output_tokens: int
    full_reply_tokens: int


@dataclass(frozen=True)
class Turn:
    """A breaker that changed; ``at`` in seconds from the start of the run."""

    target: str
    state: str
    at: float
    calls: int


class Engine:
    """Answer jobs as a worker does: a thread a request, all models on one loop; a context manager.

    Each address is a target of a vendor of its own.
    """

    def __init__(self, urls: Sequence[str], *, key: str, model: str, seed: int) -> None:
        from jarvish_regen.llm.deadline import Deadline
        from jarvish_regen.llm.loop import EngineLoop
        from jarvish_regen.llm.pool import Pool
        from jarvish_regen.llm.targets import build_target

        self._loop = EngineLoop()
        self._read: set[str] = set()
        self._threads = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="answers")
        clients = []
        for number, url in enumerate(urls, start=1):
            target = build_target(
                name=f"target {number}",
                url=url,
                key=key,
                model=model,
                tier="fast",
                max_concurrency=256,
                allow_loopback=True,
            )
            clients.append(self._loop.client(replace(target, vendor=f"vendor {number}")))
        self.pool = Pool(clients, random=Random(seed))
        for client in clients:
            self._loop.run(client.warm(8), Deadline.after(5.0))

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *exception: object) -> None:
        self._threads.shutdown()
        self._loop.close()

    def answer(self, zero: "Zero") -> "Outcome":
        """Answer one job as ``regeneration.answering`` does: nothing is known of it, candidate 0 is judged first."""
        from jarvish_regen.llm.base import DeadlinePassedError
        from jarvish_regen.llm.deadline import Deadline
        from regeneration import pipeline
        from regeneration.board import Board

        deadline = Deadline.after(ANSWER_SECONDS)
        job = replace(zero.job)
        board = Board(job, deadline)
        board.begin("repairing")
        board.offer(zero.candidate)
        asked = self._loop.submit(pipeline.answer(job, board=board, pool=self.pool, deadline=deadline), deadline)
        # Past the deadline the thread goes with the best there is, as regeneration.answering does.
        with contextlib.suppress(DeadlinePassedError):
            self._loop.result(asked, deadline)
        return board.outcome()

    async def ask(self, zero: "Zero", lag: float = 0.0) -> Answered:
        """Answer one job in a thread of its own and tell how it went."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._answered, zero, lag)

    def _answered(self, zero: "Zero", lag: float) -> Answered:
        self._forget(zero.job.rejected_text)
        began = time.perf_counter()
        outcome = self.answer(zero)
        ms = (time.perf_counter() - began) * 1000
        winner, verdict = outcome.winner, outcome.verdict
        in_time = ms <= (ANSWER_SECONDS + GRACE_SECONDS) * 1000
        return Answered(
            ms=ms,
            lag_ms=lag * 1000,
            is_answered=in_time and verdict is not None and verdict.is_admissible,
            is_from_model=in_time
            and winner is not None
            and winner.rung in ("model", "simple")
            and verdict is not None
            and verdict.is_valid,
            rung=winner.rung if winner else "none",
            calls=outcome.calls,
            output_tokens=sum(call.completion_tokens for call in outcome.calls),
            full_reply_tokens=len(answer_tokens(_full_reply(winner.text if winner else zero.job.rejected_text))),
        )

    def _forget(self, text: str) -> None:
        """Forget what was read before a text comes again; at another time it would only cost who is being answered."""
        from benchmarks.jobs import forget_texts

        if text in self._read:
            self._read.clear()
            forget_texts()
        self._read.add(text)


def _full_reply(text: str) -> str:
    return json.dumps({"full_text": text}, ensure_ascii=False)


def figures(answers: Sequence[Answered]) -> dict[str, Any]:
    """Return what a run of answers comes to."""
    count = len(answers)
    ordered = sorted(one.ms for one in answers)
    over = [one.ms - ANSWER_SECONDS * 1000 for one in answers]
    return {
        "requests": count,
        "answered_in_time_share": round(sum(one.is_answered for one in answers) / count, 5),
        "from_model_share": round(sum(one.is_from_model for one in answers) / count, 5),
        "p50_ms": round(quantile(ordered, 0.50), 1),
        "p95_ms": round(quantile(ordered, 0.95), 1),
        "p99_ms": round(quantile(ordered, 0.99), 1),
        "p999_ms": round(quantile(ordered, 0.999), 1),
        "calls_per_request": round(sum(len(one.calls) for one in answers) / count, 3),
        "output_replies_per_request": round(
            sum(one.output_tokens for one in answers) / sum(one.full_reply_tokens for one in answers), 3
        ),
        "overruns": sum(one > GRACE_SECONDS * 1000 for one in over),
        "overrun_max_ms": round(max(0.0, *over), 1),
        "answered_by": dict(Counter(one.rung for one in answers)),
        "calls_by_outcome": dict(Counter(call.outcome for one in answers for call in one.calls)),
        "calls_by_reason": dict(Counter(call.why for one in answers for call in one.calls)),
        "generator_lag_p99_ms": round(quantile(sorted(one.lag_ms for one in answers), 0.99), 1),
    }


async def watch_breakers(pool: "Pool", turns: list[Turn]) -> None:
    """Note each change of a breaker until cancelled."""
    began = time.perf_counter()
    known = {one.name: one.state for one in pool.figures()}
    while True:
        await asyncio.sleep(_WATCH_SECONDS)
        for one in pool.figures():
            if known[one.name] != one.state:
                known[one.name] = one.state
                turns.append(Turn(one.name, one.state, time.perf_counter() - began, one.calls))


async def run(
    zeros: Sequence["Zero"], engine: Engine, options: argparse.Namespace, provider: Provider | None
) -> dict[str, Any]:
    """Let the requests arrive and return the figures."""
    for zero in zeros:  # the first of each compiles its patterns
        await engine.ask(zero)
    chance = Random(options.seed)
    instants = poisson(rate=options.rate, seconds=options.seconds, seed=options.seed)
    chosen = [chance.choice(zeros) for _ in instants]
    turns: list[Turn] = []
    outage = [share * options.seconds for share in OUTAGE]
    if options.stress and provider:
        wanted = {"profile": STRESSES[options.stress], "from_seconds": outage[0], "to_seconds": outage[1]}
        await asyncio.to_thread(provider.change, target=2, outage=wanted)
    watcher = asyncio.create_task(watch_breakers(engine.pool, turns))
    with Progress("engine", len(instants), is_quiet=options.json) as advance:
        answers = await open_loop(instants, lambda number, lag: engine.ask(chosen[number], lag), on_done=advance)
    watcher.cancel()
    result = figures(answers)
    if options.stress and provider:
        during = [one for one, at in zip(answers, instants, strict=True) if outage[0] <= at < outage[1]]
        shown = ("share", "_ms", "request")
        result |= {"stress": options.stress, **breaker_figures(turns, outage)}
        result["during_outage"] = {
            name: value for name, value in (figures(during) if during else {}).items() if name.endswith(shown)
        }
    return result


def breaker_figures(turns: Sequence[Turn], outage: Sequence[float]) -> dict[str, Any]:
    """Return how soon the failing target's breaker opened and closed again; None when it did not."""
    mine = [turn for turn in turns if turn.target == "target 2"]
    opened = next((turn for turn in mine if turn.state == "open" and turn.at >= outage[0]), None)
    closed = next((turn for turn in mine if turn.state == "closed" and turn.at >= outage[1]), None)
    return {
        "breaker_open_s": round(opened.at - outage[0], 2) if opened else None,
        "breaker_close_s": round(closed.at - outage[1], 2) if closed else None,
        "breaker_turns": [{"state": turn.state, "at_s": round(turn.at, 2)} for turn in mine],
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="./jarvish bench engine", description=__doc__)
    parser.add_argument(
        "--targets", default="", help="base URLs of OpenAI-compatible endpoints; key in JARVISH_MODEL_KEY"
    )
    parser.add_argument("--model", default="fake-strong", help="the model asked for at every target")
    parser.add_argument("--rate", type=float, default=1000 / 60, help="requests a second (default: 1,000 a minute)")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--profile", default="heavy", help="of the fake targets, one or one each")
    parser.add_argument(
        "--faults", default="", help="spoilt replies of the fake targets, such as wrong=0.02,forbidden=0.01"
    )
    parser.add_argument("--stress", choices=sorted(STRESSES), help="how the second fake target fails")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.targets and options.stress:
        parser.error("--stress needs the fake targets: leave out --targets")

    import django  # after the arguments, so that a wrong one is told at once

    django.setup()
    from benchmarks.jobs import bench_jobs

    jobs = bench_jobs()
    with ExitStack() as stack:
        provider = None
        urls = [url for url in options.targets.split(",") if url]
        if not urls:
            provider = stack.enter_context(
                Provider(profile=options.profile, targets=2, seed=options.seed, faults=options.faults)
            )
            urls = list(provider.urls)
        key = os.environ.get("JARVISH_MODEL_KEY", "bench")
        engine = stack.enter_context(Engine(urls, key=key, model=options.model, seed=options.seed))
        result = asyncio.run(run(jobs.zeros, engine, options, provider))
    result |= {
        "rate": round(options.rate, 3),
        "seconds": options.seconds,
        "profile": options.profile if provider else "given targets",
        "faults": options.faults,
        "jobs": {
            "drafts_rejected": jobs.rejected,
            "settled_by_rules": jobs.settled_by_rules,
            "need_a_model": len(jobs.zeros),
            "left_out_no_valid_reply": list(jobs.without_valid_reply),
        },
        "commit": commit(),
        "seed": options.seed,
        "machine": machine(),
    }
    show(result, as_json=options.json)


if __name__ == "__main__":
    main()
