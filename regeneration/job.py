"""Name the values that travel through regeneration: what was asked, what was tried and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Final, Literal, TypeVar

from jarvish_regen.content.compliance.check import Report, TextContext
from jarvish_regen.language.anchors import Anchor
from jarvish_regen.llm.base import CallRecord

# In the order in which a case tries them; they differ in prompt bytes and have success rates of their own.
TACTICS: tuple[str, ...] = ("edits", "rewrite_marked_sentences", "whole_text")
STAGES: tuple[str, ...] = ("repairing", "drafting", "checking", "ready")

# The person's own text, mended.
MADE_RUNGS: Final = ("prepared", "cache", "model", "simple", "repair")
# Another text that was approved beforehand.
SHELF_RUNGS: Final = ("similar", "template", "library", "default")
# Both, as the fallback ladder has them unless a live order says otherwise.
DEFAULT_ORDER: Final = (*MADE_RUNGS, *SHELF_RUNGS)

ResolutionStatus = Literal["checked", "estimated", "changed", "unresolved"]


@dataclass(frozen=True, slots=True)
class NamedIssue:
    """Hold one fault a person named: a taxonomy code, the marked words if there are any, a word on it."""

    code: str
    anchor: Anchor | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class FeedbackBrief:
    """Hold what the person said, as plain text."""

    category: str
    severity: str
    note: str = ""
    suggestions: str = ""
    suggested_action: str = "regenerate"
    issues: tuple[NamedIssue, ...] = ()


@dataclass(frozen=True, slots=True)
class Voice:
    """Hold who speaks, as the advisor's profile has it."""

    registered_name: str = ""
    signature: str = ""
    voice: str = ""
    audience: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class Constraints:
    """Hold what a caller demands of the new text beside the feedback; empty demands nothing.

    ``max_length`` is in characters, mandated texts left out. Each of ``include_elements`` must be found in the text and
    none of ``exclude_terms`` may be, both compared without case and composition.
    """

    max_length: int | None = None
    tone: str = ""
    include_elements: tuple[str, ...] = ()
    exclude_terms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Situation:
    """Hold what else is known when a text is rewritten (FEATURES R41).

    ``topic`` is the draft's subject; ``recent_codes`` are the issue codes of this advisor's last rejections, newest
    first; ``client_names`` are names that must never leave the house.
    """

    topic: str = ""
    recent_codes: tuple[str, ...] = ()
    client_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """Hold one attempt at one rejected text; all that the pure core needs and nothing it would have to fetch.

    ``readings`` is what ``once_a_job`` remembers; it is no part of the value.
    """

    rejected_text: str
    context: TextContext
    feedback: FeedbackBrief
    voice: Voice = field(default_factory=Voice)
    approved_facts: tuple[str, ...] = ()
    attempt: int = 1
    tactic: str = "edits"
    constraints: Constraints = field(default_factory=Constraints)
    situation: Situation = field(default_factory=Situation)
    readings: dict[object, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.tactic not in TACTICS:
            raise ValueError(f"tactic must be one of {', '.join(TACTICS)}, not {self.tactic!r}")


Read = TypeVar("Read")


def once_a_job(read: Callable[[Job], Read]) -> Callable[[Job], Read]:
    """Let a pure function of a job be worked out once for it: every candidate and every prompt asks it again.

    The result lives as long as the job. Two threads that ask at once may both work it out.
    """

    @wraps(read)
    def remembered(job: Job) -> Read:
        try:
            found: Read = job.readings[read]
        except KeyError:
            found = job.readings[read] = read(job)
        return found

    return remembered


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace ``old``, the code points ``start:end`` of the rejected text, by ``new``; ``fixes`` names issue codes."""

    start: int
    end: int
    old: str
    new: str
    fixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CandidateText:
    """Hold one possible answer; ``edits`` lead from the rejected text to ``text``, ``explanation`` is for
    the advisor. ``wording`` is what was approved beforehand of a text from the shelf: its numbers and names may stand.
    """

    rung: str
    text: str
    edits: tuple[Edit, ...] = ()
    explanation: str = ""
    source: str = ""
    wording: str = ""


@dataclass(frozen=True, slots=True)
class Resolution:
    """Say what became of one named issue and how we know; ``changed`` means changed, not proven."""

    code: str
    quote: str | None
    status: ResolutionStatus
    says: str

    @property
    def is_resolved(self) -> bool:
        """Say whether the issue is dealt with, proven or not."""
        return self.status != "unresolved"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Judge one candidate.

    ``is_admissible``: it may be shown (rules pass, it is not the rejected text, it invents nothing). ``is_valid``:
    admissible, every named issue resolved and the rest untouched. ``objections`` say in words what stands against it.
    ``score`` orders admissible candidates, 0.0 to 1.0.
    """

    is_admissible: bool
    is_valid: bool
    report: Report
    resolutions: tuple[Resolution, ...]
    objections: tuple[str, ...]
    score: float

    @property
    def is_proven(self) -> bool:
        """Say whether it is valid and every issue is settled by a check rather than an estimate."""
        return self.is_valid and all(resolution.status == "checked" for resolution in self.resolutions)


@dataclass(frozen=True, slots=True)
class JudgedCandidate:
    """Keep a candidate with its verdict; ``why_lost`` is empty for the winner, ``ready_ms`` counts from the claim."""

    candidate: CandidateText
    verdict: Verdict
    why_lost: str = ""
    ready_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class StageTime:
    """Tell how long a stage took, in milliseconds on the deadline's clock."""

    name: str
    ms: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """Tell how an attempt ended: the winner if there is one, everything tried, every call made and the reason.

    ``failure`` is why no model's valid text is the answer (``FailureReason``), empty when one is.
    """

    state: Literal["answered", "no_answer"]
    winner: CandidateText | None
    verdict: Verdict | None
    candidates: tuple[JudgedCandidate, ...]
    calls: tuple[CallRecord, ...]
    stages: tuple[StageTime, ...]
    reason: str
    failure: str = ""
