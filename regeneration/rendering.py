"""Say in a reader's words how good an answer is, where it comes from, where its time went and what it cost.

Pure: rows and values in, words out. Nobody has to know what a rung or a hedge is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from regeneration.job import SHELF_RUNGS
from regeneration.models import Candidate, Regeneration, Stage
from regeneration.quality import GOAL_WORDS, Quality, band_of

RUNG_WORDS: Final = {
    "model": gettext_lazy("Written by a model, checked by rules"),
    "simple": gettext_lazy("Written by a model that saw only the sentences at fault, checked by rules"),
    "prepared": gettext_lazy("Prepared while you read the draft, checked when you sent it"),
    "cache": gettext_lazy("Mended in the same way before, checked again today"),
    "repair": gettext_lazy("Repaired by rules, without a model"),
    "similar": gettext_lazy("A text on the same matter that was approved before"),
    "template": gettext_lazy("Put together from an approved template"),
    "library": gettext_lazy("From the library of approved texts"),
    "default": gettext_lazy("The safe text that is always ready"),
}
CACHE_WORDS: Final = {
    "exact": gettext_lazy("the same request, answered before"),
    "recipe": gettext_lazy("the same edits, made before"),
    "prepared": gettext_lazy("prepared while you read or typed"),
    "similar": gettext_lazy("a similar request, answered before"),
}
_STAGE_WORDS: Final = {
    "waited": gettext_lazy("Waited for a worker"),
    Stage.REPAIRING.value: gettext_lazy("Rules and look-ups"),
    Stage.DRAFTING.value: gettext_lazy("A model wrote"),
    Stage.CHECKING.value: gettext_lazy("Checked"),
    Stage.READY.value: gettext_lazy("Written down"),
}
_OUTCOME_WORDS: Final = {
    "ok": gettext_lazy("answered"),
    "timeout": gettext_lazy("too late"),
    "refused": gettext_lazy("not reached"),
    "http_429": gettext_lazy("too busy"),
    "http_5xx": gettext_lazy("failed"),
    "cut": gettext_lazy("broke off"),
    "stalled": gettext_lazy("fell silent"),
    "malformed": gettext_lazy("unusable reply"),
    "cancelled": gettext_lazy("no longer needed"),
    "auth": gettext_lazy("refused our key"),
}
_BAND_WORDS: Final = {
    "good": gettext_lazy("Good"),
    "fair": gettext_lazy("Fair: read it with care"),
    "poor": gettext_lazy("Weak: better ask for another"),
}


@dataclass(frozen=True)
class ShownGoal:
    """One goal in words."""

    title: str
    says: str
    is_met: bool
    is_required: bool


@dataclass(frozen=True)
class ShownQuality:
    """A grade in words. `band` is good, fair or poor; `range` says how sure it is, empty where it is."""

    score: int
    band: str
    words: str
    range: str
    met: tuple[ShownGoal, ...]
    missed: tuple[ShownGoal, ...]


@dataclass(frozen=True)
class ShownStage:
    """A piece of the bar: `start` and `width` as shares of 100."""

    number: int
    label: str
    ms: str
    start: str
    width: str


@dataclass(frozen=True)
class ShownCall:
    """One call to a model."""

    target: str
    outcome: str
    is_hedge: bool
    took: str
    tokens: str
    cost: str


@dataclass(frozen=True)
class ShownTried:
    """One text that was weighed and did not become the answer."""

    words: str
    why: str


@dataclass(frozen=True)
class ShownLedger:
    """Where the time went and what it cost."""

    total_ms: str
    stages: tuple[ShownStage, ...]
    calls: tuple[ShownCall, ...]
    tokens: str
    cost: str
    cache: str
    tried: tuple[ShownTried, ...]


def rung_words(rung: str) -> str:
    """Return where a text comes from, in words."""
    return str(RUNG_WORDS.get(rung, rung))


def is_from_shelf(rung: str) -> bool:
    """Say whether a text is another one than the person's own."""
    return rung in SHELF_RUNGS


def grouped(number: int) -> str:
    """Return a whole number in Indian grouping: 1,00,000."""
    digits = str(abs(number))
    head, tail = digits[:-3], digits[-3:]
    groups: list[str] = []
    while head:
        groups.insert(0, head[-2:])
        head = head[:-2]
    return ("-" if number < 0 else "") + ",".join([*groups, tail])


def rupees(amount: Decimal | float) -> str:
    """Return an amount of rupees as people read it: ₹1,00,000.00; less than a paisa is said to be."""
    exact = Decimal(str(amount))
    if exact == 0:
        return "₹0"
    if 0 < exact < Decimal("0.01"):
        return _("under ₹0.01")
    rounded = exact.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
    whole, paise = str(rounded).split(".")
    return f"₹{grouped(int(whole))}.{paise}"


def show_quality(score: int | None, grade: Quality | None) -> ShownQuality | None:
    """Return a grade in words; None for an answer that was not graded."""
    if score is None:
        return None
    goals = [
        ShownGoal(str(GOAL_WORDS.get(goal.code, goal.code)), goal.says, goal.is_met, goal.is_required)
        for goal in (grade.goals if grade else ())
    ]
    band = band_of(score)
    is_sure = grade is None or grade.high - grade.low <= 1
    return ShownQuality(
        score=score,
        band=band,
        words=str(_BAND_WORDS[band]),
        range="" if is_sure or grade is None else _("%(low)d and %(high)d") % {"low": grade.low, "high": grade.high},
        met=tuple(goal for goal in goals if goal.is_met),
        missed=tuple(sorted((goal for goal in goals if not goal.is_met), key=lambda goal: not goal.is_required)),
    )


def show_ledger(attempt: Regeneration, candidates: Sequence[Candidate]) -> ShownLedger | None:
    """Return an attempt's ledger in words; None while there is none. `candidates` in the order of their numbers."""
    ledger = attempt.ledger
    if "stages" not in ledger:
        return None
    spent = [("waited", float(ledger.get("waited_ms", 0)))]
    spent += [(stage["name"], float(stage["ms"])) for stage in ledger["stages"]]
    total = attempt.answer_ms or round(sum(ms for _name, ms in spent))
    tokens = int(ledger.get("prompt_tokens", 0)) + int(ledger.get("completion_tokens", 0))
    return ShownLedger(
        total_ms=grouped(total),
        stages=tuple(_stages(spent)),
        calls=tuple(_call(call) for call in ledger.get("calls", ())),
        tokens=grouped(tokens) if tokens else "",
        cost=rupees(attempt.cost_inr),
        cache=str(CACHE_WORDS.get(attempt.cache_kind, "")),
        tried=tuple(
            ShownTried(rung_words(one.rung), one.why_lost) for one in candidates if one.why_lost and not one.is_variant
        ),
    )


def _stages(spent: Iterable[tuple[str, float]]) -> Iterable[ShownStage]:
    kept = [(name, ms) for name, ms in spent if ms >= 0.5]
    total = sum(ms for _name, ms in kept) or 1.0
    at = 0.0
    for number, (name, ms) in enumerate(kept, start=1):
        width = 100 * ms / total
        label = str(_STAGE_WORDS.get(name, name))
        yield ShownStage(number, label, grouped(round(ms)), f"{at:.2f}", f"{width:.2f}")
        at += width


def _call(call: dict[str, Any]) -> ShownCall:
    tokens = int(call.get("prompt_tokens", 0)) + int(call.get("completion_tokens", 0))
    took = max(0, round(float(call.get("ended_ms", 0)) - float(call.get("started_ms", 0))))
    return ShownCall(
        target=str(call.get("target", "")),
        outcome=str(_OUTCOME_WORDS.get(str(call.get("outcome", "")), call.get("outcome", ""))),
        is_hedge=bool(call.get("is_hedge")),
        took=grouped(took),
        tokens=grouped(tokens),
        cost=rupees(float(call.get("cost_usd", 0)) * settings.MODEL_RUPEES_A_DOLLAR),
    )
