"""Answer a claimed attempt: models on the engine's loop, look-ups meanwhile in this thread, one board for all."""

import logging
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from django.conf import settings
from django.db import close_old_connections
from django.utils import timezone
from django.utils.translation import gettext as _

from jarvish_regen.content.compliance.pack import current_pack
from jarvish_regen.journal.live import hint, item_group
from jarvish_regen.llm.base import DeadlinePassedError
from jarvish_regen.llm.deadline import Deadline
from jarvish_regen.llm.loop import EngineLoop
from regeneration import pipeline
from regeneration.adoption import still_answers
from regeneration.board import Board, barred
from regeneration.cache import CacheScope, answer_cache, fingerprint
from regeneration.claims import Claim
from regeneration.fallbacks import load_shelf, order_for, recently_used, shelf_candidates
from regeneration.job import SHELF_RUNGS, CandidateText, Job, JudgedCandidate, Outcome, Verdict
from regeneration.jobs import Zero, job_of
from regeneration.local_repair import candidate_zero
from regeneration.models import FailureReason, Regeneration, RegenerationState, Stage
from regeneration.prompts import prompt_version
from regeneration.resolution.comparison import edits_between
from regeneration.similar import similar_approved
from regeneration.targets import active_targets, pool_for, warm_targets
from regeneration.validate import validate

logger = logging.getLogger(__name__)

# What is left for writing the answer once the engine has it; measured by `./jarvish bench answer` as the finish stage.
FINISH_SECONDS: Final = 0.06

# Most answers of a model are there by then (PERFORMANCE.md: P95 758 ms with edits and a hedge).
FLIGHT_WAIT_SECONDS: Final = 0.6
# Look-ups that bring another text than the person's own. They end no race, so they wait while a race may be won: a text
# they find costs a few milliseconds, and most answers need none.
OTHER_TEXTS: Final = ("similar", "shelf")
OTHER_TEXTS_AFTER_SECONDS: Final = 0.3
# A stage that is over sooner is told to nobody: before it could be read there is the next, or the answer.
STAGE_SHOWS_AFTER_SECONDS: Final = 0.15

# What a caller who asks for a further attempt may rule out: everything that is no model's answer to this feedback.
FALLBACK_RUNGS: Final = ("repair", "simple", *SHELF_RUNGS)

LookUp = Callable[[], Iterable[CandidateText]]

_engine = EngineLoop()
# What follows an answer goes one at a time: it has all the time in the world, and answers have the connections.
_afterwards = ThreadPoolExecutor(max_workers=1, thread_name_prefix="after answers")
_notes = ThreadPoolExecutor(max_workers=1, thread_name_prefix="stage notes")


@dataclass(frozen=True)
class Answered:
    """The outcome of a claimed attempt, and the board it was read from.

    ``late`` is there when calls ran on past the answer: it is done when the last of them has ended.
    """

    job: Job
    outcome: Outcome
    board: Board
    late: "Future[pipeline.Late] | None" = None


def regenerate(taken: Claim) -> Answered:
    """Answer a claimed attempt within what is left of the answer clock."""
    regeneration = taken.regeneration
    allowed_seconds = settings.REGENERATION_DEADLINE_SECONDS
    if regeneration.deadline_ms is not None:
        allowed_seconds = min(allowed_seconds, regeneration.deadline_ms / 1000)
    # Counted from the claim, so that loading the job is part of it.
    deadline = Deadline(at=taken.taken_at + allowed_seconds - taken.waited_seconds - FINISH_SECONDS)
    run_on = Deadline(at=taken.taken_at + pipeline.RUN_ON_SECONDS - taken.waited_seconds)
    job = job_of(regeneration, issues=taken.issues, recent_codes=taken.recent_codes)
    announce = _stage_announcer(regeneration, taken.fence, taken.waited_seconds, deadline.clock)
    board = Board(job, deadline, announce, orders=_orders(), bars=bars_of(regeneration))
    board.begin("repairing")
    board.offer(taken.zero)
    if not board.is_decided and any(issue.source == "analysis" for issue in taken.issues):
        # The stored repair was made before its note was understood.
        repaired = candidate_zero(job)
        if not board.has(repaired.text):
            board.offer(repaired)
    late: Future[pipeline.Late] = Future()
    if board.is_decided:
        return Answered(job, board.outcome(), board)
    scope, cache = scope_of(regeneration, job), answer_cache()
    # Of two who ask the very same at once, one asks the models; what it finds is there for the other.
    with cache.one_at_a_time(scope, job, wait_seconds=min(FLIGHT_WAIT_SECONDS, deadline.left() / 2)):
        outcome = _answer(board, look_ups=_look_ups(taken, job, scope), run_on=run_on, on_late=late.set_result)
        if outcome.winner is not None and outcome.verdict is not None:
            cache.keep(scope, job, outcome.winner, outcome.verdict, only_exact=True)
    return Answered(job, outcome, board, late if board.had_model else None)


def warm() -> None:
    """Read the shelf and open connections to the targets before the first person waits."""
    load_shelf()
    warm_targets(_engine)


def close() -> None:
    """End the engine of this process, before what it logs to is gone. Nothing can be asked after that."""
    _engine.close()


def remember(regeneration: Regeneration, answered: Answered) -> None:
    """Keep a stored answer for the next request like it, off the answer's path."""
    winner, verdict = answered.outcome.winner, answered.outcome.verdict
    if winner is not None and verdict is not None and verdict.is_valid:
        scope = scope_of(regeneration, answered.job)
        after_answers(lambda: answer_cache().keep(scope, answered.job, winner, verdict))


def after_answers(work: Callable[[], object]) -> Future[None]:
    """Do ``work`` after the answers given so far are taken care of, in the thread for that; failures are logged."""
    return _afterwards.submit(_quietly, work)


def _quietly(work: Callable[[], object]) -> None:
    try:
        work()
    except Exception:
        logger.exception("work after an answer failed")
    finally:
        close_old_connections()


def when_late(answered: Answered, improve: Callable[[pipeline.Late], object]) -> None:
    """Call ``improve`` once the calls that ran on past a stored answer have ended, in a thread of its own."""
    if answered.late is None:
        return
    answered.late.add_done_callback(lambda done: after_answers(lambda: improve(done.result())))


def answer(zero: Zero, *, deadline: Deadline, on_stage: Callable[[str], None]) -> Outcome:
    """Answer a job that no row stands for: models and shelf, no cache, nothing stored."""
    board = Board(zero.job, deadline, on_stage, orders=_orders())
    board.begin("repairing")
    board.keep(zero.candidate, zero.verdict)
    return _answer(board, look_ups={"shelf": lambda: _from_shelf(board.job, firm_id=None)})


def _answer(
    board: Board,
    *,
    look_ups: Mapping[str, LookUp],
    run_on: Deadline | None = None,
    on_late: Callable[[pipeline.Late], None] | None = None,
) -> Outcome:
    deadline = board.deadline
    began_at = deadline.clock()
    asked = None
    if not board.is_decided and "prepared" in look_ups:
        # Before any call: two texts are judged sooner than a call is begun, and an adopted one needs none.
        _put(board, "prepared", look_ups["prepared"])
    if not board.is_decided and not deadline.passed and active_targets():
        coroutine = pipeline.answer(
            board.job,
            board=board,
            pool=pool_for(_engine),
            deadline=deadline,
            run_on=run_on,
            on_late=on_late,
            hedge_after_seconds=settings.MODEL_HEDGE_AFTER_SECONDS,
        )
        asked = _engine.submit(coroutine, run_on or deadline)
    for name, look_up in look_ups.items():
        if board.is_decided or deadline.passed:
            break
        if name == "prepared":
            continue
        if name in OTHER_TEXTS:
            if asked is None and board.has_admissible:
                break  # without a model the person's own text, mended, goes before any other
            if asked is not None and _is_won(asked, board, deadline.clock() - began_at):
                break
        _put(board, name, look_up)
    if asked is not None:
        try:
            _engine.result(asked, deadline, leaves_it=run_on is not None)
        except DeadlinePassedError:
            # The board is read now; a loop that is a little late still books its calls, and may bring a better text.
            logger.info("engine overran its deadline", extra={"attempt": board.job.attempt})
            if on_late is not None:
                asked.add_done_callback(lambda _done: None if board.runs_on else on_late(pipeline.Late(board.calls)))
    return board.outcome()


def _is_won(asked: Future[Outcome], board: Board, since_seconds: float) -> bool:
    """Give a race its first moments and say whether it needs no other text; one that was lost is waited for no more."""
    left_seconds = min(OTHER_TEXTS_AFTER_SECONDS - since_seconds, board.deadline.left() / 4)
    wait([asked], timeout=max(0.0, left_seconds))
    return board.is_decided


def _put(board: Board, name: str, look_up: LookUp) -> None:
    """Put on the board what a look-up finds; one that fails costs only what it would have found."""
    try:
        for candidate in look_up():
            if board.is_decided:
                return
            if not board.has(candidate.text):
                board.offer(candidate)
    except Exception:
        logger.exception("look-up failed", extra={"look_up": name})


def scope_of(regeneration: Regeneration, job: Job) -> CacheScope:
    """Return for whom and under what an answer to this attempt may be kept and found again."""
    return CacheScope(
        firm_id=regeneration.item.firm_id,
        registrant_type=job.context.registrant_type,
        content_class=regeneration.version.content_class,
        channel=job.context.channel,
        language=job.context.language,
        prompt_version=prompt_version(),
        pack_sha256=current_pack().sha256,
        tier="fast",
    )


def _look_ups(taken: Claim, job: Job, scope: CacheScope) -> dict[str, LookUp]:
    """Return what is looked up beside the models, soonest and best first."""
    item = taken.regeneration.item
    return {
        "prepared": lambda: _from_prepared(taken, job),
        "cache": lambda: _from_cache(scope, job),
        "similar": lambda: similar_approved(
            job, firm_id=item.firm_id, advisor_id=item.advisor_id, version_id=taken.regeneration.version_id
        ),
        "shelf": lambda: _from_shelf(job, firm_id=item.firm_id, advisor_id=item.advisor_id),
    }


def _from_prepared(taken: Claim, job: Job) -> Iterable[CandidateText]:
    asked = fingerprint(job.feedback, job.constraints)
    # What was prepared for these very words first, else the newest: it may answer them all the same.
    for prepared in sorted(taken.prepared, key=lambda one: one.fingerprint != asked):
        candidate = CandidateText(
            rung="prepared",
            text=prepared.text,
            edits=edits_between(job.rejected_text, prepared.text),
            explanation=_("Prepared while you read the draft, checked now."),
            source=str(prepared.id),
        )
        is_asked = prepared.fingerprint == asked
        if is_asked or still_answers(job.feedback, validate(job, candidate), known=prepared.known):
            yield candidate


def _from_cache(scope: CacheScope, job: Job) -> Iterable[CandidateText]:
    return (replace(hit.candidate, source=hit.kind) for hit in answer_cache().look_up(scope, job))


def _from_shelf(job: Job, *, firm_id: uuid.UUID | None, advisor_id: uuid.UUID | None = None) -> Sequence[CandidateText]:
    shelf = load_shelf()
    used = recently_used(advisor_id=advisor_id, shelf=shelf) if advisor_id is not None else None
    return shelf_candidates(job, shelf, firm_id=firm_id, today=_today(), used=used)


def _today() -> date:
    return timezone.localdate()


def _orders() -> dict[str, Sequence[str]]:
    shelf = load_shelf()
    return {str(reason): order_for(reason, shelf) for reason in FailureReason.values}


def outcome_of_zero(zero: CandidateText, verdict: Verdict, *, reason: str) -> Outcome:
    """Return the outcome that candidate 0 alone makes."""
    judged = (JudgedCandidate(zero, verdict, "" if verdict.is_admissible else "not admissible"),)
    if verdict.is_admissible:
        return Outcome("answered", zero, verdict, judged, (), (), reason)
    return Outcome("no_answer", None, None, judged, (), (), reason)


def outcome_from_store(taken: Claim, *, reason: str) -> Outcome:
    """Return what the stored candidate 0 gives today, when nobody computed anything better in time."""
    job = job_of(taken.regeneration, issues=taken.issues)
    verdict = barred(validate(job, taken.zero), bars_of(taken.regeneration)(taken.zero))
    return outcome_of_zero(taken.zero, verdict, reason=reason)


def bars_of(regeneration: Regeneration) -> Callable[[CandidateText], str]:
    """Return what may not be the answer of an attempt: the answer the person has already, and what the caller ruled
    out. Expects the item with its current version to be loaded.
    """
    current = regeneration.item.current
    # While the rejected version is current there is no answer yet, and that one is judged by `validate`.
    shown = current.text if current is not None and current.id != regeneration.version_id else None
    allowed = regeneration.constraints.get("fallback_rungs")

    def why(candidate: CandidateText) -> str:
        if shown is not None and candidate.text == shown:
            return _("It is the version you have already.")
        if allowed is not None and candidate.rung in FALLBACK_RUNGS and candidate.rung not in allowed:
            return _("This kind of answer was ruled out when it was asked for.")
        return ""

    return why


def ask_side_by_side(boards: Sequence[Board], *, deadline: Deadline) -> None:
    """Ask models for each board's job at once and return when all have ended, at the latest at the deadline.

    What they bring is on the boards. Returns at once where no model is connected.
    """
    if not active_targets():
        return
    pool = pool_for(_engine)
    asked = [
        _engine.submit(pipeline.answer(board.job, board=board, pool=pool, deadline=deadline), deadline)
        for board in boards
    ]
    for one in asked:
        try:
            _engine.result(one, deadline)
        except DeadlinePassedError:
            logger.warning("engine overran its deadline", extra={"boards": len(boards)})


def _stage_announcer(
    regeneration: Regeneration, fence: int, waited_seconds: float, clock: Callable[[], float]
) -> Callable[[str], None]:
    began_at = clock() - waited_seconds
    group = item_group(regeneration.item_id)
    short_id = regeneration.short_id
    reached: list[str] = []

    def announce(stage: str) -> None:
        reached.append(stage)
        if stage == Stage.READY:
            return  # said by `finish`, after the commit: before that a reader would find nothing
        elapsed_ms = round((clock() - began_at) * 1000)
        _notes.submit(tell, stage, elapsed_ms, time.monotonic() + STAGE_SHOWS_AFTER_SECONDS)

    def tell(stage: str, elapsed_ms: int, due_at: float) -> None:
        # All wait equally long, so the one thread has them in the order in which they are due.
        time.sleep(max(0.0, due_at - time.monotonic()))
        if reached[-1] != stage:
            return
        hint(group, seq=None, kind="regeneration.stage", id=short_id, stage=stage, elapsed_ms=elapsed_ms)
        _note_stage(regeneration.id, fence, stage)

    return announce


def _note_stage(regeneration_id: uuid.UUID, fence: int, stage: str) -> None:
    # For pages that poll; a stage that comes too late changes nothing.
    try:
        Regeneration.objects.filter(id=regeneration_id, fence=fence, state=RegenerationState.RUNNING).update(
            stage=stage
        )
    finally:
        close_old_connections()
