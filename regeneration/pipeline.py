"""Answer one rejected text: the proven repair at once, else the first valid text of a model, else the best there is.

Nothing here touches a database; time comes from the deadline, the network from the pool that is handed in.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from jarvish_regen.content.compliance.repair import repair
from jarvish_regen.llm.base import CLOSING_SECONDS, CallRecord, Why
from jarvish_regen.llm.deadline import Deadline
from jarvish_regen.llm.legs import Leg, Legs, Pickers
from jarvish_regen.llm.race import HEDGE_AFTER_SECONDS, RaceResult, Watch, first_valid
from regeneration.board import Board
from regeneration.drafts import draft_from
from regeneration.job import Job, Outcome
from regeneration.prompts import Prompt, write_prompt, write_simple_prompt
from regeneration.rest import is_whole_text_free
from regeneration.validate import report_before

# Two hedges at most (PERFORMANCE.md, "What buys the most": a third call brings 0.4 points for 0.75 calls a request).
MAX_CALLS = 3
# A call that follows two others asks for less: fewer words to read, fewer to write.
SIMPLE_FROM_CALL = 2
# A text in time is worth waiting for, one that comes within this of the rejection still improves what is on the screen.
RUN_ON_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Late:
    """Tell how the calls ended that ran on past the answer; what they brought is on the board."""

    calls: tuple[CallRecord, ...]


async def answer(
    job: Job,
    *,
    board: Board,
    pool: Pickers | None,
    deadline: Deadline,
    nonce: str | None = None,
    run_on: Deadline | None = None,
    on_late: Callable[[Late], None] | None = None,
    hedge_after_seconds: float = HEDGE_AFTER_SECONDS,
) -> Outcome:
    """Return the best answer to ``job`` that is on the board by the deadline.

    ``board`` holds candidate 0; whoever looks things up meanwhile puts them on it too. A board that is decided is the
    answer at once; otherwise the pool is asked. With ``run_on`` calls that are under way at the deadline run on to it
    when the answer is not a model's; ``on_late`` hears of it once they have ended, on the loop's thread. ``nonce``
    guards the prompt's data and is drawn afresh when not given. ``hedge_after_seconds`` is for targets of which nothing
    is known yet.
    """
    if pool is not None and not deadline.passed and not board.is_decided:
        await _ask(job, board, pool, deadline, nonce or secrets.token_hex(8), run_on, on_late, hedge_after_seconds)
    return board.outcome()


async def _ask(
    job: Job,
    board: Board,
    pool: Pickers,
    deadline: Deadline,
    nonce: str,
    run_on: Deadline | None,
    on_late: Callable[[Late], None] | None,
    hedge_after_seconds: float,
) -> None:
    board.begin("drafting")
    board.had_model = True
    prompts = Prompts(job, nonce)
    watch = Watch()
    race = asyncio.create_task(
        first_valid(
            _UntilDeadline(pool.picker(lambda number: prompts.of_call(number).prompt.request()), deadline),
            accept=_Accept(job, prompts, board),
            deadline=run_on or deadline,
            max_legs=MAX_CALLS,
            hedge_after_seconds=hedge_after_seconds,
            watch=watch,
        ),
        name="race of models",
    )
    loop = asyncio.get_running_loop()
    decided = asyncio.Event()
    board.when_decided(lambda: loop.call_soon_threadsafe(decided.set))
    other = asyncio.create_task(decided.wait(), name="decided elsewhere")
    try:
        await asyncio.wait({race, other}, timeout=deadline.left(), return_when=asyncio.FIRST_COMPLETED)
    finally:
        other.cancel()
        if not race.done() and (run_on is None or board.is_decided):
            await _end(race)
        board.calls = watch.records()
    if race.done():
        if not race.cancelled():
            race.result()  # a bug in judging is nobody's failure but ours
        return
    board.runs_on = True
    _running_on.add(race)

    def ended(task: asyncio.Task[RaceResult[bool]]) -> None:
        _running_on.discard(task)
        if not task.cancelled() and task.exception() is None and on_late is not None:
            on_late(Late(task.result().records))

    race.add_done_callback(ended)


async def _end(race: asyncio.Task[RaceResult[bool]]) -> None:
    race.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.wait({race}, timeout=2 * CLOSING_SECONDS)


# A task nobody holds is collected while it runs.
_running_on: set[asyncio.Task[RaceResult[bool]]] = set()


@dataclass(frozen=True, slots=True)
class Asked:
    """Hold one prompt and the rung its answers stand on."""

    rung: str
    prompt: Prompt


class Prompts:
    """Give each call of a race its prompt: two in full, a simple one after that, written when it is first needed."""

    def __init__(self, job: Job, nonce: str) -> None:
        self._job = job
        self._nonce = nonce
        self._before = report_before(job)
        mended = repair(job.rejected_text, job.context)
        self._full = Asked("model", write_prompt(job, repair=mended, before=self._before, nonce=nonce))
        self._simple: Asked | None = None
        # The simple one sees single sentences only; where the whole text is at fault it has nothing to go by.
        self._has_simple = not is_whole_text_free(job, self._before)

    def of_call(self, number: int) -> Asked:
        """Return what call ``number`` of the race asks, counted from 0."""
        if number < SIMPLE_FROM_CALL or not self._has_simple:
            return self._full
        if self._simple is None:
            prompt = write_simple_prompt(self._job, before=self._before, nonce=self._nonce)
            self._simple = Asked("simple", prompt)
        return self._simple


class _UntilDeadline:
    """Let a race that runs on past the answer start no further call."""

    def __init__(self, legs: Legs, deadline: Deadline) -> None:
        self._legs = legs
        self._deadline = deadline
        self.patience = legs.patience
        self.ended = legs.ended
        self.judged = legs.judged

    def take(self, why: Why, left_seconds: float) -> Leg | None:
        return None if self._deadline.passed else self._legs.take(why, min(left_seconds, self._deadline.left()))

    def opens_in(self, why: Why, left_seconds: float) -> float:
        left_seconds = min(left_seconds, self._deadline.left())
        return float("inf") if self._deadline.passed else self._legs.opens_in(why, left_seconds)


@dataclass(eq=False, slots=True)
class _Accept:
    """Judge each whole reply as it comes; only a valid text that is not there yet ends the race."""

    job: Job
    prompts: Prompts
    board: Board

    def __call__(self, raw: str, call_number: int) -> bool:
        self.board.begin("checking")
        asked = self.prompts.of_call(call_number)
        draft = draft_from(self.job, asked.prompt, raw, rung=asked.rung)
        if draft.candidate is None:
            self.board.mishaps.append(draft.reason)
            self.board.forbidden_count += draft.is_forbidden
            return False
        is_new = not self.board.has(draft.candidate.text)
        return self.board.offer(draft.candidate).is_valid and is_new
