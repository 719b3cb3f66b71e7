"""How long the rules take on the demo drafts: check, repair, candidate 0.

Run by ./jarvish bench rules [--rounds N] [--json].
"""

import argparse
import time
from collections.abc import Callable

import django

django.setup()

from benchmarks.jobs import forget_texts  # noqa: E402  Django must be set up first
from benchmarks.report import circumstances, quantiles, show  # noqa: E402
from jarvish_regen.content.compliance.check import TextContext, check  # noqa: E402
from jarvish_regen.content.compliance.repair import repair  # noqa: E402
from jarvish_regen.content.demo.loader import demo_drafts, demo_firms  # noqa: E402
from jarvish_regen.language.anchors import locate_quote  # noqa: E402
from regeneration.job import FeedbackBrief, Job, NamedIssue, Voice  # noqa: E402
from regeneration.jobs import zero_of  # noqa: E402


def jobs() -> list[Job]:
    """Return a job for every demo draft that has a rejection."""
    profiles = {
        member["email"]: (member["profile"], firm["compliance_profile"])
        for firm in demo_firms()
        for member in firm["members"]
        if member.get("profile")
    }
    found = []
    for draft in demo_drafts():
        if "rejection" not in draft:
            continue
        profile, strictness = profiles[draft["advisor"]]
        context = TextContext(
            channel=draft["channel"],
            language=draft["language"],
            registrant_type=profile["registrant_type"],
            registration_no=profile["arn"] or profile["sebi_number"],
            registrant_name=profile["registered_name"],
            euin=profile["euin"],
            content_class=draft.get("content_class"),
            profile=strictness,
        )
        said = draft["rejection"]
        issues = tuple(
            NamedIssue(issue["code"], locate_quote(draft["text"], issue["quote"]) if "quote" in issue else None)
            for issue in said["issues"]
        )
        brief = FeedbackBrief(said["category"], said["severity"], said["note"], issues=issues)
        found.append(Job(draft["text"], context, brief, Voice(profile["registered_name"], profile["signature"])))
    return found


def timed(work: Callable[[Job], object], all_jobs: list[Job], rounds: int) -> dict[str, float]:
    """Return the quantiles of `work` over all jobs, each done `rounds` times as if never read before."""
    spent = []
    for _ in range(rounds):
        for job in all_jobs:
            forget_texts()
            began = time.perf_counter()
            work(job)
            spent.append((time.perf_counter() - began) * 1000)
    return quantiles(spent)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    all_jobs = jobs()
    for job in all_jobs:
        zero_of(job)  # what is computed once a process is not part of the figure
    show(
        {
            "check ms": timed(lambda job: check(job.rejected_text, job.context), all_jobs, options.rounds),
            "repair ms": timed(lambda job: repair(job.rejected_text, job.context), all_jobs, options.rounds),
            "candidate 0 + verdict ms": timed(zero_of, all_jobs, options.rounds),
            **circumstances(seed=0),
        },
        as_json=options.json,
    )


if __name__ == "__main__":
    main()
