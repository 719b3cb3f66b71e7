"""Compare the engine with what others use: same arrivals, same fake targets, same drafts, one after another.

Run by ./jarvish bench rivals [--only NAMES] [--ask text|edits] [--rate R] [--seconds S] [--seed N] [--profile P]
[--json]. Needs no database and no Valkey. Asking for edits and splicing them in is part of the engine, so rivals are
asked for the whole text, as who uses them does; ``--ask edits`` hands them our prompts, whose replies are shorter but
not yet a text. What a rival brings is not checked, what the engine brings is. The rivals live in an environment of
their own (var/rivals), which ``--install`` makes from the extra ``rivals`` of pyproject.toml; one that is missing is
skipped and said so.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tomllib
import venv
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from benchmarks.arrivals import open_loop, poisson
from benchmarks.engine import ANSWER_SECONDS, GRACE_SECONDS, Answered, Engine
from benchmarks.provider import Provider
from benchmarks.report import commit, interval, machine, quantile, show

if TYPE_CHECKING:
    from regeneration.jobs import Zero

NEEDS_NO_SERVERS = True

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / "var" / "rivals"
RIVALS = {
    "openai_client": "openai",
    "litellm_router": "litellm",
    "litellm_fastest_of_2": "litellm",
    "tensorzero_embedded": "tensorzero",
}
_LIMIT_MS = (ANSWER_SECONDS + GRACE_SECONDS) * 1000


def install() -> None:
    """Make the rivals' environment."""
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["rivals"]
    venv.create(ENVIRONMENT, with_pip=True)
    subprocess.run([ENVIRONMENT / "bin" / "python", "-m", "pip", "install", "--quiet", *wanted], check=True)


def missing(python: Path) -> dict[str, str]:
    """Return why each rival that cannot run cannot."""
    if not python.exists():
        why = "there is no environment for rivals; make it with ./jarvish bench rivals --install"
        return dict.fromkeys(RIVALS, why)
    found = {}
    for rival, package in RIVALS.items():
        looked = subprocess.run(
            [python, "-c", f"import importlib.util as u, sys; sys.exit(u.find_spec({package!r}) is None)"], check=False
        )
        if looked.returncode:
            found[rival] = f"{package} is not installed there; ./jarvish bench rivals --install"
    return found


def run_rival(rival: str, python: Path, plan: dict[str, Any], before: Callable[[], None]) -> dict[str, Any]:
    """Run one rival in its environment and return what became of each request; ``before`` is called when it is warm."""
    environment = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(ROOT), "HOME": str(Path.home())}
    # Else LiteLLM fetches its price list at the import, and the openai package wants a key of its own.
    environment |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "OPENAI_API_KEY": "bench", "NO_PROXY": "*"}
    process = subprocess.Popen(
        [python, "-m", "benchmarks.rival_clients"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdin.write(json.dumps({**plan, "rival": rival}) + "\n")
    process.stdin.flush()
    line = process.stdout.readline()
    while line and line.strip() != "ready":
        line = process.stdout.readline()
    if line:
        before()
        process.stdin.write("go\n")
        process.stdin.flush()
        output, _said = process.communicate()
        lines = [line for line in output.splitlines() if line.startswith("{")]
        if lines:
            result: dict[str, Any] = json.loads(lines[-1])
            return result
    process.kill()
    _output, said = process.communicate()
    raise RuntimeError(f"{rival} ended: {said.strip().splitlines()[-1] if said.strip() else 'without a word'}")


async def run_engine(
    zeros: Sequence["Zero"], engine: Engine, instants: list[float], before: Callable[[], None]
) -> list[Answered]:
    """Run the engine on the same arrivals and return its answers; ``before`` is called when it is warm."""
    for zero in zeros[:16]:
        await engine.ask(zero)
    before()
    return await open_loop(instants, lambda number, lag: engine.ask(zeros[number], lag), on_done=lambda: None)


def row(ms: Sequence[float], good: Sequence[bool], calls: int, *, seed: int) -> dict[str, Any]:
    """Return the figures of one contestant; shares and P95 with 95 % bootstrap intervals."""
    in_time = [float(took <= _LIMIT_MS and is_good) for took, is_good in zip(ms, good, strict=True)]
    ordered = sorted(ms)

    def p95(values: Sequence[float]) -> float:
        return quantile(sorted(values), 0.95)

    return {
        "requests": len(ms),
        "good_in_time_share": round(sum(in_time) / len(in_time), 5),
        "good_in_time_interval": interval(in_time, lambda some: sum(some) / len(some), seed=seed),
        "p50_ms": round(quantile(ordered, 0.5), 1),
        "p95_ms": round(quantile(ordered, 0.95), 1),
        "p95_interval": interval(ms, p95, seed=seed),
        "p99_ms": round(quantile(ordered, 0.99), 1),
        "calls_per_request": round(calls / len(ms), 3),
    }


def _prompt(zero: "Zero", ask: str) -> list[dict[str, str]]:
    from regeneration.pipeline import Prompts

    job = zero.job if ask == "edits" else replace(zero.job, tactic="whole_text")
    return [dict(message) for message in Prompts(job, "0" * 16).of_call(0).prompt.request().messages]


def compare(options: Namespace, python: Path) -> dict[str, Any]:
    """Run all contestants and return their figures."""
    import django  # a benchmark of rivals alone still needs the prompts

    django.setup()
    from benchmarks.jobs import bench_jobs

    jobs = bench_jobs()
    instants = poisson(rate=options.rate, seconds=options.seconds, seed=options.seed)
    chance = Random(options.seed)
    zeros = [chance.choice(jobs.zeros) for _ in instants]
    asked = {id(zero): _prompt(zero, options.ask) for zero in jobs.zeros}
    prompts = [asked[id(zero)] for zero in zeros]
    absent = missing(python)
    wanted = options.only.split(",") if options.only else ["engine", *RIVALS]
    figures: dict[str, Any] = {}
    for name in wanted:
        if name in absent:
            print(f"{name}: skipped, {absent[name]}.", file=sys.stderr)
            figures[name] = {"skipped": absent[name]}
            continue
        print(f"{name}: {len(instants)} requests …", file=sys.stderr)
        with Provider(profile=options.profile, targets=2, seed=options.seed) as provider:
            counted = [0]

            def begin(provider: Provider = provider, counted: list[int] = counted) -> None:
                provider.change(seed=options.seed)
                counted[0] = sum(provider.asked())

            if name == "engine":
                with Engine(provider.urls, key="bench", model="fake-strong", seed=options.seed) as engine:
                    answers = asyncio.run(run_engine(zeros, engine, instants, begin))
                ms, good = [one.ms for one in answers], [one.is_from_model for one in answers]
                extra: dict[str, Any] = {
                    "answered_in_time_share": round(sum(one.is_answered for one in answers) / len(answers), 5)
                }
            else:
                plan = {"urls": provider.urls, "instants": instants, "prompts": prompts}
                try:
                    result = run_rival(name, python, plan, begin)
                except RuntimeError as error:
                    print(error, file=sys.stderr)
                    figures[name] = {"failed": str(error)}
                    continue
                ms, good, extra = result["ms"], result["whole"], {"errors": result["errors"]}
            figures[name] = row(ms, good, sum(provider.asked()) - counted[0], seed=options.seed) | extra
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="./jarvish bench rivals", description=__doc__)
    parser.add_argument("--install", action="store_true", help="make the rivals' environment, then stop")
    parser.add_argument(
        "--python", type=Path, default=ENVIRONMENT / "bin" / "python", help="another environment's Python"
    )
    parser.add_argument("--only", default="", help="names with commas: engine," + ",".join(RIVALS))
    parser.add_argument("--ask", choices=("text", "edits"), default="text", help="what rivals are asked for")
    parser.add_argument("--rate", type=float, default=1000 / 60, help="requests a second")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--profile", default="heavy", help="of the fake targets")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.install:
        install()
        return
    figures = compare(options, options.python)
    result: dict[str, Any] = {"profile": options.profile, "rate": round(options.rate, 3), "seconds": options.seconds}
    result["rivals_asked_for"] = options.ask
    result |= {"contestants": figures} if options.json else figures
    show(result | {"commit": commit(), "seed": options.seed, "machine": machine()}, as_json=options.json)


if __name__ == "__main__":
    main()
