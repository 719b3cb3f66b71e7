"""How long each rung of the shelf takes on the demo drafts, and for how many of them it has a text.

Run by ./jarvish bench ladder [--rounds N] [--json]. The shelf is the shipped one, read from its files. Each figure is
one rung by itself, repair and check included, in time and in processor time (which a busy machine leaves alone).
`offered` is the share of drafts for which a rung has a text, `admissible` that of them which `validate` lets pass.
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Final

from benchmarks.report import circumstances, quantiles, show
from benchmarks.rules import jobs
from jarvish_regen.content.compliance.check import forget_reports
from jarvish_regen.content.demo.loader import demo_drafts
from regeneration.fallbacks.candidates import default_candidate, library_candidate, template_candidate
from regeneration.fallbacks.files import shipped_shelf
from regeneration.job import CandidateText, Job, Situation
from regeneration.validate import report_before, validate

TODAY: Final = date(2026, 11, 23)  # the demo's today
GOAL_MS: Final = 25.0
NEEDS_NO_SERVERS = True

Rung = Callable[[Job], CandidateText | None]


def demo_jobs() -> list[Job]:
    """Return a job for every demo draft that has a rejection, with its subject line."""
    topics = [draft.get("topic") or "" for draft in demo_drafts() if "rejection" in draft]
    return [replace(job, situation=Situation(topic=topic)) for job, topic in zip(jobs(), topics, strict=True)]


def rungs() -> dict[str, Rung]:
    """Return the rungs of the shelf, each as a function of a job."""
    shelf = shipped_shelf()
    return {
        "template": lambda job: template_candidate(job, shelf, firm_id=None, today=TODAY),
        "library": lambda job: library_candidate(job, shelf, firm_id=None, today=TODAY),
        "default": lambda job: default_candidate(job, shelf),
    }


def measure(all_jobs: list[Job], rung: Rung, rounds: int) -> tuple[dict[str, float], dict[str, float]]:
    """Return the quantiles of one rung over all drafts, of its time and of its processor time.

    Nothing is remembered from one call to the next.
    """
    spent: list[float] = []
    worked: list[float] = []
    for _ in range(rounds):
        for same in all_jobs:
            forget_reports()
            job = replace(same)  # what was read of the other is not remembered
            # The board has looked at the rejected text before any rung is asked.
            report_before(job)
            began, began_work = time.perf_counter(), time.thread_time()
            rung(job)
            spent.append((time.perf_counter() - began) * 1000)
            worked.append((time.thread_time() - began_work) * 1000)
    return quantiles(spent), quantiles(worked)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    all_jobs = demo_jobs()
    figures: dict[str, object] = {"drafts": len(all_jobs), "goal_p99_ms": GOAL_MS}
    first: Counter[str] = Counter()
    answered: set[int] = set()
    for name, rung in rungs().items():
        found = {number: candidate for number, job in enumerate(all_jobs) if (candidate := rung(job)) is not None}
        passed = sum(validate(all_jobs[number], candidate).is_admissible for number, candidate in found.items())
        first[name] = len(set(found) - answered)
        answered |= set(found)
        figures[f"{name} ms"], figures[f"{name} cpu ms"] = measure(all_jobs, rung, options.rounds)
        figures[f"{name} offered"] = round(len(found) / len(all_jobs), 3)
        figures[f"{name} admissible"] = round(passed / len(found), 3) if found else 0.0
    figures["first to offer"] = dict(first) | {"none": len(all_jobs) - len(answered)}
    show(figures | circumstances(seed=0), as_json=options.json)


if __name__ == "__main__":
    main()
