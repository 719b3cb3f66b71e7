"""Hold every candidate of one attempt as it comes, from any thread, and know at each instant which one is the answer.

The anytime part of the engine: the deadline only decides when the board is read. Pure but for its lock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from django.utils.translation import gettext as _

from jarvish_regen.llm.base import CallRecord
from jarvish_regen.llm.deadline import Deadline
from regeneration.job import (
    DEFAULT_ORDER,
    MADE_RUNGS,
    SHELF_RUNGS,
    CandidateText,
    Job,
    JudgedCandidate,
    Outcome,
    StageTime,
    Verdict,
)
from regeneration.validate import validate

__all__ = ["DEFAULT_ORDER", "MADE_RUNGS", "SHELF_RUNGS", "Board", "positions"]

# In the words of regeneration.models.FailureReason.
NO_MODEL, TIMEOUT, API_ERROR, COMPLIANCE, QUALITY = "no_model", "timeout", "api_error", "compliance", "quality"


@dataclass(frozen=True, slots=True)
class _Entry:
    candidate: CandidateText
    verdict: Verdict
    ready_ms: float


@dataclass(eq=False)
class Board:
    """Judge and keep the candidates for one job; ``deadline`` gives the clock that stages are measured on.

    ``orders`` maps a reason of failure to rungs, best first; reasons it lacks use ``DEFAULT_ORDER``. ``bars`` says in
    words why a candidate may not be the answer of this attempt, whatever it is worth; nothing when it may.
    """

    job: Job
    deadline: Deadline
    on_stage: Callable[[str], None] = lambda _stage: None
    orders: Mapping[str, Sequence[str]] = field(default_factory=dict)
    bars: Callable[[CandidateText], str] = lambda _candidate: ""
    calls: tuple[CallRecord, ...] = ()
    mishaps: list[str] = field(default_factory=list)
    forbidden_count: int = 0
    had_model: bool = False
    runs_on: bool = False  # calls go on past the answer, and who waits for them will be told

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: list[_Entry] = []
        self._begun: list[tuple[str, float]] = []
        self._began_at = self.deadline.clock()
        self._listeners: list[Callable[[], object]] = []

    def begin(self, stage: str) -> None:
        """Announce a stage and take its time; a second reply being checked is no new stage."""
        with self._lock:
            if any(name == stage for name, _at in self._begun):
                return
            self._begun.append((stage, self.deadline.clock()))
        self.on_stage(stage)

    def offer(self, candidate: CandidateText) -> Verdict:
        """Judge a candidate by today's rules and keep it, whatever it is worth."""
        verdict = barred(validate(self.job, candidate), self.bars(candidate))
        self.keep(candidate, verdict)
        return verdict

    def keep(self, candidate: CandidateText, verdict: Verdict) -> None:
        """Keep a candidate that is judged already."""
        with self._lock:
            was_decided = self._is_decided()
            ready_ms = (self.deadline.clock() - self._began_at) * 1000
            self._entries.append(_Entry(candidate, verdict, ready_ms))
            listeners = () if was_decided or not self._is_decided() else tuple(self._listeners)
        for listener in listeners:
            listener()

    def when_decided(self, listener: Callable[[], object]) -> None:
        """Call ``listener`` once the answer is found; at once when it is. It may be called from any thread."""
        with self._lock:
            self._listeners.append(listener)
            is_decided = self._is_decided()
        if is_decided:
            listener()

    @property
    def is_decided(self) -> bool:
        """Say whether nothing better needs to be waited for: a proven repair, or a valid text from elsewhere."""
        with self._lock:
            return self._is_decided()

    @property
    def has_admissible(self) -> bool:
        """Say whether something may be shown."""
        with self._lock:
            return any(entry.verdict.is_admissible for entry in self._entries)

    def has(self, text: str) -> bool:
        """Say whether this very text is on the board."""
        with self._lock:
            return any(entry.candidate.text == text for entry in self._entries)

    def _is_decided(self) -> bool:
        return any(
            entry.verdict.is_proven
            if entry.candidate.rung == "repair"
            else entry.verdict.is_valid and entry.candidate.rung in MADE_RUNGS and self._is_first_of_its_text(number)
            for number, entry in enumerate(self._entries)
        )

    def _is_first_of_its_text(self, number: int) -> bool:
        text = self._entries[number].candidate.text
        return all(entry.candidate.text != text for entry in self._entries[:number])

    def failure(self) -> str:
        """Return why no model's text is valid, in the words of ``FailureReason``; empty when one is."""
        with self._lock:
            entries = list(self._entries)
        written = [entry for entry in entries if entry.candidate.rung in ("model", "simple")]
        if any(entry.verdict.is_valid for entry in written):
            return ""
        if not self.had_model:
            return NO_MODEL
        if any(entry.verdict.is_admissible for entry in written):
            return QUALITY
        if written or self.forbidden_count:
            return COMPLIANCE
        if self.mishaps:
            return QUALITY
        failed = [record.outcome for record in self.calls if record.outcome not in ("ok", "cancelled")]
        return API_ERROR if failed and any(outcome != "timeout" for outcome in failed) else TIMEOUT

    def outcome(self, reason: str = "") -> Outcome:
        """Choose the winner as things stand, say why each other lost and close the stages."""
        self.begin("ready")
        why = self.failure()
        with self._lock:
            entries, begun = list(self._entries), list(self._begun)
        best = _best(entries, self.orders.get(why, DEFAULT_ORDER))
        judged = tuple(
            JudgedCandidate(
                entry.candidate,
                entry.verdict,
                "" if number == best else _why_lost(entries, number, best),
                ready_ms=entry.ready_ms,
            )
            for number, entry in enumerate(entries)
        )
        stages = _stages(begun, self.deadline.clock())
        if best is None:
            said = " ".join([reason or self._says(why, None), _("No admissible text could be made.")])
            return Outcome("no_answer", None, None, judged, self.calls, stages, said, failure=why)
        winner = entries[best]
        return Outcome(
            "answered",
            winner.candidate,
            winner.verdict,
            judged,
            self.calls,
            stages,
            reason or self._says(why, winner),
            failure=why,
        )

    def _says(self, why: str, winner: _Entry | None) -> str:
        rung = winner.candidate.rung if winner else ""
        if winner and winner.verdict.is_valid and rung in _VALID_WORDS:
            return str(_VALID_WORDS[rung]())
        if winner and rung == "repair" and winner.verdict.is_proven:
            return _("Rule repair settles every issue, and each is checked.")
        said = self._failure_words(why)
        if rung in SHELF_RUNGS:
            said += " " + _("Your own text could not be mended; this one was approved beforehand.")
        return said

    def _failure_words(self, why: str) -> str:
        if why == NO_MODEL:
            return _("No model is connected; this is what rules alone can do.")
        if self.mishaps:
            return self.mishaps[0]
        if why in (COMPLIANCE, QUALITY):
            return _("No text of a model passed every check; this is the best that may be shown.")
        failed = [record for record in self.calls if record.outcome not in ("ok", "cancelled")]
        if failed and failed[0].outcome != "timeout":
            return _("The model could not be reached or broke off: %(what)s.") % {"what": failed[0].outcome}
        return _("The model did not answer in time.")


_VALID_WORDS: Final[Mapping[str, Callable[[], str]]] = {
    "model": lambda: _("A model's text passes every check."),
    "simple": lambda: _("A model's text, asked for in few words, passes every check."),
    "prepared": lambda: _("Prepared while you read the draft; it passes every check."),
    "cache": lambda: _("The same was mended before; it passes every check of today."),
}


def barred(verdict: Verdict, why: str) -> Verdict:
    """Return a verdict that lets nothing through because of ``why``; the verdict itself when that is empty."""
    if not why:
        return verdict
    return replace(verdict, is_admissible=False, is_valid=False, objections=(why, *verdict.objections))


def positions(order: Sequence[str]) -> dict[str, int]:
    """Return each rung's place in an order; rungs that mend the person's own text share one where they stand together.

    Inside a place the score decides. Rungs the order leaves out come last, as ``DEFAULT_ORDER`` has them.
    """
    places: dict[str, int] = {}
    last = ""
    for rung in (*order, *(rung for rung in DEFAULT_ORDER if rung not in order)):
        if rung in places:
            continue
        stands_together = rung in MADE_RUNGS and last in MADE_RUNGS
        places[rung] = places[last] if stands_together else len(places)
        last = rung
    return places


def _best(entries: Sequence[_Entry], order: Sequence[str]) -> int | None:
    admissible = [number for number, entry in enumerate(entries) if entry.verdict.is_admissible]
    if not admissible:
        return None
    places = positions(order)

    def worth(number: int) -> tuple[bool, bool, int, float]:
        entry = entries[number]
        rung = entry.candidate.rung
        is_new = all(entry.candidate.text != other.candidate.text for other in entries[:number])
        # Of two valid texts the model's is a rewriting where the repair may be a removal.
        is_written = entry.verdict.is_valid and rung in MADE_RUNGS and rung != "repair" and is_new
        place = 0 if entry.verdict.is_valid else -places.get(rung, len(places))
        return entry.verdict.is_valid, is_written, place, entry.verdict.score

    return max(admissible, key=worth)


def _why_lost(entries: Sequence[_Entry], number: int, best: int | None) -> str:
    verdict = entries[number].verdict
    if verdict.objections:
        return verdict.objections[0]
    unresolved = [settled for settled in verdict.resolutions if not settled.is_resolved]
    if unresolved:
        return f"{unresolved[0].code}: {unresolved[0].says}"
    if best is not None and entries[best].candidate.text == entries[number].candidate.text:
        return _("Another candidate has the same text.")
    return _("A better candidate won.")


def _stages(begun: Sequence[tuple[str, float]], now: float) -> tuple[StageTime, ...]:
    ends = [at for _name, at in begun[1:]] + [now]
    return tuple(StageTime(name, (end - at) * 1000) for (name, at), end in zip(begun, ends, strict=True))
