"""How often kept answers are found, how fast, and whether they pass: a Zipf stream of feedback on the demo drafts.

Run by ./jarvish bench cache [--requests N] [--seed N] [--json]. Each request is a demo draft with its rejection, as it
was said or lightly edited: courtesy and case, a synonym, one more demand, or a draft that opens with another sentence.
What is found is validated; what is not found is answered by a stand-in for a model and kept.
"""

import argparse
import random
import time
import uuid
from collections import Counter
from dataclasses import dataclass, replace

import django

django.setup()

from django.core.cache import caches  # noqa: E402  Django must be set up first

from benchmarks.report import circumstances, quantiles, show  # noqa: E402
from benchmarks.rules import jobs  # noqa: E402
from jarvish_regen.language.anchors import resolve  # noqa: E402
from regeneration.cache import AnswerCache, CacheScope  # noqa: E402
from regeneration.job import CandidateText, Job, NamedIssue, Verdict  # noqa: E402
from regeneration.jobs import zero_of  # noqa: E402
from regeneration.validate import report_on, validate  # noqa: E402

KINDS = ("exact", "similar", "recipe")
FIRM = uuid.UUID(int=1)
ZIPF_EXPONENT = 1.0  # published streams of questions lie between 0.7 and 1.2
# How a repetition is said: as before, with courtesy, with a synonym, with another demand, on an edited draft.
HABITS = {"same": 0.45, "courtesy": 0.15, "synonym": 0.1, "other": 0.1, "draft": 0.2}
SYNONYMS = (
    ("remove", "delete"),
    ("hatao", "hata do"),
    ("galat", "wrong"),
    ("हटाओ", "हटा दो"),
    ("काढा", "काढून टाका"),
    ("fix", "repair"),
)
MEMORY_BYTES = 36 * 1024 * 1024


@dataclass(frozen=True)
class Asked:
    """One request of the stream: the job, how it was said, and which draft it is about."""

    job: Job
    habit: str
    draft: int


def scope_of(job: Job) -> CacheScope:
    """Return the scope of a demo job; all advisors here are of one firm."""
    report = report_on(job.rejected_text, job.context)
    return CacheScope(
        firm_id=FIRM,
        registrant_type=job.context.registrant_type,
        content_class=report.content_class,
        channel=job.context.channel,
        language=job.context.language,
        prompt_version="bench",
        pack_sha256=report.pack_sha256,
        tier="fast",
    )


def answerable() -> list[tuple[Job, CandidateText, Verdict]]:
    """Return the demo jobs that the stand-in answers, with its answer: the repair, named so that it is kept."""
    found = []
    for job in jobs():
        zero = zero_of(job)
        if zero.verdict.is_valid:
            found.append((job, replace(zero.candidate, rung="model"), zero.verdict))
    return found


def said_differently(job: Job, habit: str, chance: random.Random) -> Job:
    """Return the job with feedback or draft edited after one habit."""
    note = job.feedback.note
    if habit == "courtesy":
        note = chance.choice(
            [f"Please {note}", f"{note} please", note.upper() if note.isascii() else note + "!", f"  {note} "]
        )
    elif habit == "synonym":
        for one, other in SYNONYMS:
            if one in note:
                note = note.replace(one, other)
                break
        else:
            note = f"Kindly {note}"
    elif habit == "other":
        note = f"{note} {chance.choice(['Also mention the exit load.', 'Add the date.', 'Not more than five lines.'])}"
    elif habit == "draft":
        return _with_other_sentence(job)
    return replace(job, feedback=replace(job.feedback, note=note))


def _with_other_sentence(job: Job) -> Job:
    """Put a calm sentence in front of the draft; marks move with the words they are on."""
    opening = {
        "hi": "आपका दिन शुभ हो।",
        "mr": "आपला दिवस चांगला जावो.",
        "hinglish": "Aapka din shubh ho.",
    }.get(job.context.language, "Wishing you a good day.")
    text = f"{opening}\n{job.rejected_text}"
    issues = tuple(
        NamedIssue(issue.code, resolve(issue.anchor, text) if issue.anchor else None, issue.note)
        for issue in job.feedback.issues
    )
    return replace(job, rejected_text=text, feedback=replace(job.feedback, issues=issues))


def stream(count: int, drafts: list[Job], chance: random.Random) -> list[Asked]:
    """Return requests: drafts by Zipf's law, each time said after some habit."""
    order = list(range(len(drafts)))
    chance.shuffle(order)
    weights = [1 / (rank + 1) ** ZIPF_EXPONENT for rank in range(len(order))]
    asked = []
    for draft in chance.choices(order, weights, k=count):
        habit = chance.choices(list(HABITS), list(HABITS.values()))[0]
        asked.append(Asked(said_differently(drafts[draft], habit, chance), habit, draft))
    return asked


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    known = answerable()
    caches["answers"].clear()
    cache = AnswerCache(memory_max_bytes=MEMORY_BYTES)
    kinds: Counter[str] = Counter()
    by_habit: dict[str, Counter[str]] = {habit: Counter() for habit in HABITS}
    failed = wrong = unanswerable = 0
    spent_ms: dict[str, list[float]] = {kind: [] for kind in (*KINDS, "miss")}
    seen: set[tuple[int, str]] = set()
    for asked in stream(options.requests, [job for job, _c, _v in known], random.Random(options.seed)):
        scope = scope_of(asked.job)
        began = time.perf_counter()
        hits = cache.look_up(scope, asked.job)
        spent = (time.perf_counter() - began) * 1000
        taken = ""
        for hit in hits:
            if validate(asked.job, hit.candidate).is_valid:
                taken = hit.kind
                break
            failed += 1
        spent_ms[taken or "miss"].append(spent)
        by_habit[asked.habit][taken or "miss"] += 1
        if taken:
            kinds[taken] += 1
            # What asks for more than was asked before must not be answered as if it had been the same.
            wrong += asked.habit == "other" and taken != "" and not _was_asked(asked, seen)
        seen.add((asked.draft, asked.job.feedback.note.strip().casefold().rstrip(".!")))
        if not taken:
            zero = zero_of(asked.job)
            if zero.verdict.is_valid:
                cache.keep(scope, asked.job, replace(zero.candidate, rung="model"), zero.verdict)
            else:
                unanswerable += 1
    memory_bytes = cache.size_bytes
    job = known[0][0]
    cache.keep(scope_of(job), job, known[0][1], known[0][2])
    show(
        {
            "requests": options.requests,
            "drafts": len(known),
            "hit_rate": round(sum(kinds.values()) / options.requests, 4),
            "hits": {kind: round(kinds[kind] / options.requests, 4) for kind in KINDS},
            "by_habit": {habit: dict(counts) for habit, counts in by_habit.items()},
            "hits_that_fail_validation": failed,
            "wrong_hits": wrong,
            "not_answerable_by_the_stand_in": unanswerable,
            **{f"look_up_ms_{kind}": quantiles(spent) for kind, spent in spent_ms.items() if spent},
            "memory_ms": _tier_ms(cache, job, fresh=False),
            "valkey_ms": _tier_ms(cache, job, fresh=True),
            "memory_bytes": memory_bytes,
            "gptcache": "not run: see docs/cache.md",
            **circumstances(options.seed),
        },
        as_json=options.json,
    )


def _was_asked(asked: Asked, before: set[tuple[int, str]]) -> bool:
    return (asked.draft, asked.job.feedback.note.strip().casefold().rstrip(".!")) in before


def _tier_ms(cache: AnswerCache, job: Job, *, fresh: bool, rounds: int = 1000) -> dict[str, float]:
    """Return the quantiles of one tier alone: the value by its key, from memory or, with `fresh`, out of Valkey."""
    spent = []
    key = cache.exact_key(scope_of(job), job)
    for _ in range(rounds):
        if fresh:
            cache.forget_memory()
        began = time.perf_counter()
        found = cache.kept(key)
        # On a crowded machine Valkey may miss its 50 ms and is then left alone for two seconds: no hit, no figure.
        if found is not None:
            spent.append((time.perf_counter() - began) * 1000)
    if not spent:
        return {}
    return {name: round(value, 4) for name, value in quantiles(spent).items()}


if __name__ == "__main__":
    main()
