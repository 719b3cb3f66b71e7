"""Answer a job before anybody asks: the ordinary engine, without haste, within a number of calls."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import wait
from typing import Final

from jarvish_regen.llm.base import DeadlinePassedError
from jarvish_regen.llm.deadline import Deadline
from jarvish_regen.llm.loop import EngineLoop
from regeneration import pipeline
from regeneration.board import Board
from regeneration.cache import CacheScope, answer_cache
from regeneration.job import Outcome
from regeneration.jobs import Zero
from regeneration.prepare.patient import PatientPool, Stop, until_stopped
from regeneration.targets import active_targets, pool_for

logger = logging.getLogger(__name__)

# How often a running preparation is asked whether it is still wanted.
LOOK_SECONDS: Final = 0.1

_engine = EngineLoop()


def answer_ahead(
    zero: Zero, *, scope: CacheScope, deadline: Deadline, calls_max: int, goes_on: Callable[[], bool]
) -> Outcome:
    """Return the best answer to a job that may be asked for: what is kept, else a model's.

    ``goes_on`` is asked before the first call and every tenth of a second; once it says no, the calls are ended. What
    they cost is in the outcome all the same. Texts of the shelf are left out: they are as quickly found when asked for.
    """
    board = Board(zero.job, deadline)
    board.begin("repairing")
    board.keep(zero.candidate, zero.verdict)
    if not board.is_decided:
        for hit in answer_cache().look_up(scope, zero.job):
            board.offer(hit.candidate)
    if board.is_decided or calls_max < 1 or not active_targets() or not goes_on():
        return board.outcome()
    stop = Stop()
    pool = PatientPool(pool_for(_engine), calls_max=calls_max, stop=stop)
    work = pipeline.answer(zero.job, board=board, pool=pool, deadline=deadline)
    asked = _engine.submit(until_stopped(work, stop), deadline)
    while not wait([asked], timeout=LOOK_SECONDS).done and not deadline.passed:
        if not stop.is_set and not goes_on():
            stop.set()
    try:
        _engine.result(asked, deadline)
    except DeadlinePassedError:
        logger.warning("preparing overran its deadline")
    return board.outcome()
