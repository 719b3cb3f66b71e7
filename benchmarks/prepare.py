"""How long an advisor waits after sending a rejection when the answer was prepared while they typed.

Run by ./jarvish bench prepare [--count N] [--profile heavy] [--seed N] [--json]. Replays the demo's
rejections: category, marks and note come at human speed (times below), posts
as static/js/prepare.js sends them, and the same rejections
once more without preparing. Time passes in full only while a preparation is under way; idle pauses are skipped, which
changes nothing that is measured. "needs a model" leaves out what rules alone settle.
"""

import argparse
import math
import os
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Any

from benchmarks.provider import Provider
from benchmarks.report import circumstances, quantile, show

# As in static/js/prepare.js.
PAUSE_SECONDS, SETTLED_SECONDS = 0.4, 0.8
# Between two strokes: mean 0.239 s (Dhakal et al. 2018, 136 million keystrokes), log-normal as measured there.
STROKE_MEDIAN_SECONDS, STROKE_SIGMA = 0.21, 0.5
SENTENCE_END_MEDIAN_SECONDS = 0.7
# From the last stroke to the press of the button: hand to the mouse, pointing, click (keystroke-level model:
# 0.4 + 1.1 + 0.1 s), and from one mark to the next with thinking (1.35 s) in between.
SENDING_MEDIAN_SECONDS, MARKING_MEDIAN_SECONDS = 1.6, 2.5
_SPREAD = 0.35


@dataclass(frozen=True)
class Said:
    """What the form says at an instant, in seconds from its opening; the last one is what is sent."""

    at: float
    issues: int
    note: str


def typed(issues: int, note: str, chance: Random) -> Iterator[Said]:
    """Yield the form as it grows: category, marks, strokes, and the sending."""

    def around(median: float, sigma: float = _SPREAD) -> float:
        return chance.lognormvariate(math.log(median), sigma)

    at = 0.0
    yield Said(at, 0, "")
    for count in range(1, issues + 1):
        at += around(MARKING_MEDIAN_SECONDS)
        yield Said(at, count, "")
    at += around(MARKING_MEDIAN_SECONDS)
    for length in range(1, len(note) + 1):
        ended = length > 1 and note[length - 2] in ".!?।"
        at += around(SENTENCE_END_MEDIAN_SECONDS) if ended else around(STROKE_MEDIAN_SECONDS, STROKE_SIGMA)
        yield Said(at, issues, note[:length])
    yield Said(at + around(SENDING_MEDIAN_SECONDS), issues, note)


def posts(states: list[Said]) -> Iterator[tuple[float, Said, bool]]:
    """Yield when the page posts what, and whether the person has settled."""
    for now, following in pairwise(states):
        gap = following.at - now.at
        if now.issues == 0 and not now.note:
            yield now.at, now, False
            continue
        if gap > PAUSE_SECONDS:
            yield now.at + PAUSE_SECONDS, now, False
        if gap > SETTLED_SECONDS:
            yield now.at + SETTLED_SECONDS, now, True


@dataclass(frozen=True)
class Sent:
    """One rejection: the wait from sending to the stored answer, and what it cost."""

    wait_ms: float
    rung: str
    calls: int
    prepared_calls: int
    cost_inr: float
    needs_model: bool


class Replay:
    """Play rejections of demo drafts, one after another; preparations go on four threads, as in the worker."""

    def __init__(self, seed: int) -> None:
        self._chance = Random(seed)
        self._workers = ThreadPoolExecutor(max_workers=4)

    def play(self, entry: dict[str, Any], *, name: str, prepares: bool) -> Sent:
        """Fill in and send one form."""
        from escalation import services
        from feedback.services import Rejection, SaidIssue, check_rejection
        from jarvish_regen.access.models import User
        from jarvish_regen.access.policy import required_viewer
        from jarvish_regen.content.demo.loader import draft_of
        from jarvish_regen.content.services import get_item, receive_drafts
        from regeneration import answering
        from regeneration.cache import answer_cache
        from regeneration.jobs import prepare_zero
        from regeneration.models import PreparedAnswer, Regeneration
        from regeneration.prepare import ask, make_at_arrival, make_typed

        viewer = required_viewer(User.objects.get(email=entry["advisor"]))
        (arrival,) = receive_drafts(viewer=viewer, drafts=[draft_of(entry | {"external_id": name})])
        assert arrival.item is not None
        item = get_item(viewer=viewer, item_id=arrival.item.id)
        assert item.current is not None
        # Every draft is new to the product in life: what an earlier round kept must not help.
        answer_cache().forget_memory()
        answer_cache().purge(firm_id=item.firm_id)
        said = entry["rejection"]
        issues = [SaidIssue(code=issue["code"], quote=issue.get("quote", "")) for issue in said["issues"]]

        def rejection(state: Said) -> Rejection:
            return Rejection(
                category=said["category"],
                severity=said["severity"],
                issues=issues[: state.issues],
                note=state.note,
                source="page",
            )

        states = list(typed(len(issues), said["note"], self._chance))
        final = rejection(states[-1])
        zero = prepare_zero(
            item=item, version=item.current, checked=check_rejection(item=item, version=item.current, said=final)
        )
        running: list[Future[Any]] = []
        if prepares:
            make_at_arrival(version_id=item.current.id)
            at = 0.0
            for sequence, (when, state, is_settled) in enumerate(posts(states), start=1):
                self._pass(when - at, running)
                at = when
                row = ask(viewer=viewer, item=item, said=rejection(state), sequence=sequence, is_settled=is_settled)
                if row is not None:
                    running.append(self._workers.submit(_in_thread, make_typed, row.id))
            self._pass(states[-1].at - at, running)
        began = time.perf_counter()
        receipt = services.receive_rejection(viewer=viewer, item_id=item.id, said=final)
        assert receipt.regeneration is not None
        services.take_next_step(regeneration_id=receipt.regeneration.id)
        wait_ms = (time.perf_counter() - began) * 1000
        answering.after_answers(lambda: None).result()
        for one in running:
            one.result()
        row_of = Regeneration.objects.get(id=receipt.regeneration.id)
        made = list(PreparedAnswer.objects.filter(item=item))
        return Sent(
            wait_ms,
            row_of.rung or "person",
            len(row_of.ledger["calls"]),
            sum(one.calls_count for one in made),
            float(row_of.cost_inr) + float(sum(one.cost_inr for one in made)),
            not zero.verdict.is_proven,
        )

    def _pass(self, seconds: float, running: list[Future[Any]]) -> None:
        """Let time pass; no longer than something is under way."""
        ends_at = time.perf_counter() + seconds
        while time.perf_counter() < ends_at and any(not one.done() for one in running):
            time.sleep(0.005)


def _in_thread(make: Any, row_id: Any) -> None:
    from django.db import close_old_connections

    try:
        make(prepared_id=row_id)
    finally:
        close_old_connections()


def figures_of(sent: list[Sent]) -> dict[str, Any]:
    """Return the figures of some rejections; waits in milliseconds, calls and rupees a submit."""
    waits = sorted(one.wait_ms for one in sent)
    calls = sum(one.calls + one.prepared_calls for one in sent)
    prepared_calls = sum(one.prepared_calls for one in sent)
    wasted = sum(one.prepared_calls for one in sent if one.rung != "prepared")
    return {
        "submits": len(sent),
        "p50_ms": round(quantile(waits, 0.5), 1),
        "p99_ms": round(quantile(waits, 0.99), 1),
        "adopted_share": round(sum(one.rung == "prepared" for one in sent) / max(1, len(sent)), 3),
        "calls_per_submit": round(calls / max(1, len(sent)), 2),
        "prepared_calls_per_submit": round(prepared_calls / max(1, len(sent)), 2),
        "cost_inr_per_submit": round(sum(one.cost_inr for one in sent) / max(1, len(sent)), 4),
        "waste_ratio": round(wasted / prepared_calls, 3) if prepared_calls else 0.0,
    }


def main() -> None:
    """Replay and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", default="heavy", help="a profile of tests/fake_openai.py")
    parser.add_argument("--count", type=int, default=49)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--needs-model", action="store_true", help="only drafts whose category rules rarely settle")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with Provider(
        profile=options.profile, targets=2, seed=options.seed, respond="benchmarks.responder:respond"
    ) as provider:
        os.environ["JARVISH_MODEL_URL"] = ",".join(provider.urls)
        os.environ["JARVISH_MODEL_KEY"] = "bench"
        import django  # the provider's address must be in the environment first

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        from jarvish_regen.content.demo.loader import demo_drafts, load_demo

        load_demo()
        entries = [
            one
            for one in demo_drafts()
            if (one.get("rejection") or {}).get("suggested_action") not in (None, "escalate")
            and not (options.needs_model and one["rejection"]["category"] == "compliance_violation")
        ][: options.count]
        told: dict[str, Any] = {"profile": options.profile}
        for name, prepares in (("without", False), ("with", True)):
            replay = Replay(options.seed)
            sent = [
                replay.play(one, name=f"bench-{name}-{number}", prepares=prepares) for number, one in enumerate(entries)
            ]
            told[name] = figures_of(sent)
            told[f"{name}, needs a model"] = figures_of([one for one in sent if one.needs_model])
    show({**told, **circumstances(options.seed)}, as_json=options.json)


if __name__ == "__main__":
    main()
