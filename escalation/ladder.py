"""The escalation ladder: which level a case stands at, and why.

Pure: history and a frozen policy in, a decision out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

# Frozen into each case when it opens: editing it changes new cases only.
POLICY: Final[dict[str, Any]] = {
    "version": 1,
    "attempts_max": 3,  # FEATURES E1: three attempts with three different tactics
    "rounds_max": 3,  # the same draft rejected three times is a person's business (E11)
}

MACHINE_LEVEL: Final = 1
REVIEW_LEVEL: Final = 3
SENIOR_LEVEL: Final = 4


@dataclass(frozen=True)
class History:
    """What the ladder looks at."""

    round: int
    attempts: int
    has_answer: bool
    can_ask_model: bool
    wants_person: bool
    is_critical: bool


@dataclass(frozen=True)
class Decision:
    """Where the case goes, whether the machine tries once more, and why, in words for the case."""

    level: int
    tries_again: bool
    why: str


def choose_level(history: History, policy: Mapping[str, Any]) -> Decision:
    """Return what happens next. The first rule that fits decides."""
    if history.wants_person:
        return Decision(REVIEW_LEVEL, False, "The advisor asked for a person.")
    if history.has_answer:
        return Decision(MACHINE_LEVEL, False, "An admissible version is there; the advisor decides.")
    if history.round > policy["rounds_max"]:
        return Decision(
            REVIEW_LEVEL,
            False,
            f"Rejected {history.round} times; the machine has had its {policy['rounds_max']} rounds.",
        )
    if history.can_ask_model and history.attempts < policy["attempts_max"]:
        return Decision(
            MACHINE_LEVEL, True, f"Attempt {history.attempts} found nothing admissible; the next tactic is tried."
        )
    if history.is_critical:
        return Decision(
            SENIOR_LEVEL, False, "The machine found no admissible version of a text that breaks a critical rule."
        )
    return Decision(REVIEW_LEVEL, False, "The machine found no admissible version.")
