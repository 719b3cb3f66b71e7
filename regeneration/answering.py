"""Answer a claimed attempt: models on the engine's loop, look-ups meanwhile in this thread, one board for all."""

import logging
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from django.conf import settings
from django.db import close_old_connections

from jarvish_regen.journal.live import hint, item_group
from jarvish_regen.llm.base import DeadlinePassedError
from jarvish_regen.llm.deadline import Deadline
from jarvish_regen.llm.loop import EngineLoop
from jarvish_regen.llm.pool import Pool
from regeneration import pipeline
from regeneration.board import Board
from regeneration.claims import Claim
from regeneration.job import CandidateText, JudgedCandidate, Outcome, Verdict
from regeneration.jobs import Zero, job_of
from regeneration.models import Regeneration, RegenerationState, Stage
from regeneration.targets import active_targets
from regeneration.validate import validate

logger = logging.getLogger(__name__)

# What is left for writing the answer once the engine has it; measured by `./jarvish bench answer` as the finish stage.
FINISH_SECONDS: Final = 0.06

_engine = EngineLoop()
_pool = Pool()
_notes = ThreadPoolExecutor(max_workers=1, thread_name_prefix="stage notes")


def regenerate(taken: Claim) -> Outcome:
    """Answer a claimed attempt within what is left of the answer clock. Asks no database."""
    regeneration = taken.regeneration
    # Counted from the claim, so that loading the job is part of it.
    left_seconds = settings.REGENERATION_DEADLINE_SECONDS - taken.waited_seconds - FINISH_SECONDS
    deadline = Deadline(at=taken.taken_at + left_seconds)
    job = job_of(regeneration, issues=taken.issues)
    zero = Zero(job, taken.zero, validate(job, taken.zero))
    announce = _stage_announcer(regeneration, taken.fence, taken.waited_seconds, deadline.clock)
    return answer(zero, deadline=deadline, on_stage=announce)


def answer(zero: Zero, *, deadline: Deadline, on_stage: Callable[[str], None]) -> Outcome:
    """Ask the configured models for something better than candidate 0 and return the best by the deadline."""
    board = Board(zero.job, deadline, on_stage)
    board.begin("repairing")
    board.keep(zero.candidate, zero.verdict)
    targets = active_targets()
    if not targets or board.is_decided:
        return board.outcome()
    _pool.use(_engine.client(target) for target in targets)
    try:
        return _engine.run(pipeline.answer(zero.job, board=board, pool=_pool, deadline=deadline), deadline)
    except DeadlinePassedError:
        logger.warning("engine overran its deadline", extra={"attempt": zero.job.attempt})
        return board.outcome()


def outcome_of_zero(zero: CandidateText, verdict: Verdict, *, reason: str) -> Outcome:
    """Return the outcome that candidate 0 alone makes."""
    judged = (JudgedCandidate(zero, verdict, "" if verdict.is_admissible else "not admissible"),)
    if verdict.is_admissible:
        return Outcome("answered", zero, verdict, judged, (), (), reason)
    return Outcome("no_answer", None, None, judged, (), (), reason)


def outcome_from_store(taken: Claim, *, reason: str) -> Outcome:
    """Return what the stored candidate 0 gives today, when nobody computed anything better in time."""
    job = job_of(taken.regeneration, issues=taken.issues)
    return outcome_of_zero(taken.zero, validate(job, taken.zero), reason=reason)


def _stage_announcer(
    regeneration: Regeneration, fence: int, waited_seconds: float, clock: Callable[[], float]
) -> Callable[[str], None]:
    began_at = clock() - waited_seconds
    group = item_group(regeneration.item_id)
    short_id = regeneration.short_id

    def announce(stage: str) -> None:
        if stage == Stage.READY:
            return  # said by `finish`, after the commit: before that a reader would find nothing
        hint(
            group,
            seq=None,
            kind="regeneration.stage",
            id=short_id,
            stage=stage,
            elapsed_ms=round((clock() - began_at) * 1000),
        )
        _notes.submit(_note_stage, regeneration.id, fence, stage)

    return announce


def _note_stage(regeneration_id: uuid.UUID, fence: int, stage: str) -> None:
    # For pages that poll; a stage that comes too late changes nothing.
    try:
        Regeneration.objects.filter(id=regeneration_id, fence=fence, state=RegenerationState.RUNNING).update(
            stage=stage
        )
    finally:
        close_old_connections()
