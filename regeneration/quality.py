"""Grade an answer from 0 to 100 by goals, each required or recommended, and say how sure the grade is. Pure.

The grade orders nothing and decides nothing: what may be shown is the verdict's business. It tells a reader at a glance
how much of what was wanted is there, and ``quality_report`` says how far it can be trusted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from math import sqrt
from typing import Any, Final, Literal

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jarvish_regen.language.identify import identify
from jarvish_regen.language.sentences import sentences
from regeneration import mandated
from regeneration.job import CandidateText, Job, Resolution, Verdict
from regeneration.resolution import lexicons, measures
from regeneration.rest import free_spans, is_whole_text_free, rest_is_intact
from regeneration.validate import language_before, report_before

Band = Literal["good", "fair", "poor"]
Known = Literal["checked", "estimated"]

# The bands people know from writing tools (FEATURES R43): above 79, 60 to 79, below 60.
FAIR_FROM: Final = 60
GOOD_FROM: Final = 80
# A required goal counts for three recommended ones; with one of them missed no answer is called good.
REQUIRED_WEIGHT: Final = 3.0
RECOMMENDED_WEIGHT: Final = 1.0
CAP_WITH_A_MISS: Final = GOOD_FROM - 1
CAP_NOT_ADMISSIBLE: Final = FAIR_FROM - 1

# How much of an issue is dealt with, and how far that may be off: by how it is known (DECISIONS.md, "Resolved").
_WORTH: Final = {
    "checked": (1.0, 0.0),
    "estimated": (0.85, 0.15),
    "changed": (0.6, 0.3),
    "unresolved": (0.0, 0.0),
}
# What a word list knows of a text, it knows roughly.
_LIST_HALF_WIDTH: Final = 0.2
_COUNT_HALF_WIDTH: Final = 0.1
# Words a sentence that is read on a phone bears, and one for readers who are new to the matter.
_SENTENCE_WORDS: Final = 20.0
_EASY_SENTENCE_WORDS: Final = 15.0
_NEW_READERS: Final = ("first", "new", "beginner", "beginners", "young", "senior", "retired", "shopkeeper", "farmer")
_PLAIN_VOICE: Final = ("warm", "plain", "friendly", "simple", "gentle", "clear", "everyday", "neighbour")
_CALM_VOICE: Final = ("calm", "exact", "respectful", "formal", "professional", "never", "gentle")

_NEXT_STEPS: Final = (*lexicons.CALL_TO_ACTION, "ask me", "ask us", "write", "पूछें", "विचारा", "poochhein", "puchhein")

GOAL_WORDS: Final = {
    "compliance": gettext_lazy("Keeps the rules"),
    "issues": gettext_lazy("Answers what you said"),
    "rest": gettext_lazy("Leaves the rest as it was"),
    "language": gettext_lazy("Stays in the language and script"),
    "facts": gettext_lazy("Keeps the figures"),
    "length": gettext_lazy("Fits the channel's length"),
    "format": gettext_lazy("Fits the channel's form"),
    "readability": gettext_lazy("Is easy to read for its audience"),
    "tone": gettext_lazy("Sounds like your voice"),
    "call_to_action": gettext_lazy("Has one clear next step"),
    "repetition": gettext_lazy("Repeats nothing"),
}


@dataclass(frozen=True, slots=True)
class Goal:
    """Hold one goal: whether it is required, how much of it is reached (``share``, 0.0 to 1.0), and in words why.

    ``half_width`` is how far the share may be off; ``known`` whether a check decides or an estimate.
    """

    code: str
    is_required: bool
    share: float
    is_met: bool
    known: Known
    says: str
    half_width: float = 0.0


@dataclass(frozen=True, slots=True)
class Quality:
    """Hold a grade from 0 to 100, the interval it may lie in by how its goals are known, and the goals."""

    score: int
    low: int
    high: int
    goals: tuple[Goal, ...]

    @property
    def band(self) -> Band:
        """Return the band of the score."""
        return band_of(self.score)

    def goals_as_json(self) -> list[dict[str, Any]]:
        """Return the goals as they are stored; ``quality_of`` reads them back."""
        return [asdict(goal) | {"share": round(goal.share, 3)} for goal in self.goals]


def band_of(score: int) -> Band:
    """Return the band of a grade."""
    return "good" if score >= GOOD_FROM else "fair" if score >= FAIR_FROM else "poor"


def grade(job: Job, candidate: CandidateText, verdict: Verdict) -> Quality:
    """Grade a judged candidate. Pure; takes about as long as a quarter of a verdict."""
    body = mandated.without_known_texts(candidate.text, job)
    return _weighed(tuple(_goals(job, candidate.text, body, verdict)), is_admissible=verdict.is_admissible)


def quality_of(goals: Sequence[Mapping[str, Any]], *, is_admissible: bool = True) -> Quality | None:
    """Return the grade behind goals as they were stored; None when nothing was graded."""
    if not goals:
        return None
    names = [field.name for field in fields(Goal)]
    return _weighed(tuple(Goal(**{name: goal[name] for name in names}) for goal in goals), is_admissible=is_admissible)


def _weighed(goals: tuple[Goal, ...], *, is_admissible: bool) -> Quality:
    weights = [REQUIRED_WEIGHT if goal.is_required else RECOMMENDED_WEIGHT for goal in goals]
    total = sum(weights)
    mean = sum(weight * goal.share for weight, goal in zip(weights, goals, strict=True)) / total
    # The goals are judged apart from each other, so their errors are added as squares.
    spread = sqrt(sum((weight * goal.half_width) ** 2 for weight, goal in zip(weights, goals, strict=True))) / total
    cap = 100
    if any(goal.is_required and not goal.is_met for goal in goals):
        cap = CAP_WITH_A_MISS
    if not is_admissible:
        cap = CAP_NOT_ADMISSIBLE
    score, low, high = (
        min(cap, round(100 * max(0.0, min(1.0, share)))) for share in (mean, mean - spread, mean + spread)
    )
    return Quality(score, low, high, goals)


def _goals(job: Job, text: str, body: str, verdict: Verdict) -> Iterator[Goal]:
    before = report_before(job)
    is_free = is_whole_text_free(job, before)
    yield _compliance(verdict)
    if verdict.resolutions:
        yield _issues(verdict.resolutions)
    if not is_free:
        is_intact = rest_is_intact(job, text, free_spans(job, before))
        says = _("Only what you objected to was changed.") if is_intact else _("Other words were changed too.")
        yield Goal("rest", True, float(is_intact), is_intact, "checked", says)
    yield _language(job, body)
    yield from _facts(job, text, is_required=not is_free)
    yield _length(job, body)
    yield _format(job, text, body, verdict)
    yield _readability(job, body)
    yield _tone(job, body)
    if (job.context.content_class or verdict.report.content_class) not in ("greeting", "service"):
        yield _call_to_action(body)
    yield _repetition(body)


def _compliance(verdict: Verdict) -> Goal:
    if not verdict.is_admissible:
        says = verdict.objections[0] if verdict.objections else _("A rule objects to it.")
        return Goal("compliance", True, 0.0, False, "checked", says)
    count = len(verdict.report.findings)
    if count == 0:
        return Goal("compliance", True, 1.0, True, "checked", _("No rule objects to it."))
    says = _("%(count)d small remarks of the rules are left.") % {"count": count}
    return Goal("compliance", True, max(0.6, 1 - 0.1 * count), True, "checked", says)


def _issues(resolutions: Sequence[Resolution]) -> Goal:
    worths = [_WORTH[one.status] for one in resolutions]
    share = sum(worth for worth, _half in worths) / len(worths)
    half_width = sum(half for _worth, half in worths) / len(worths)
    left = [one for one in resolutions if not one.is_resolved]
    checked = sum(one.status == "checked" for one in resolutions)
    if left:
        says = _("%(left)d of %(all)d problems are not fixed.") % {"left": len(left), "all": len(resolutions)}
    elif checked == len(resolutions):
        says = _("Every problem you named is fixed, and checked.")
    elif checked == 0:
        says = _("Dealt with as far as can be told; no check proves it.")
    else:
        says = _("%(checked)d of %(all)d problems are fixed and checked, the others as far as can be told.") % {
            "checked": checked,
            "all": len(resolutions),
        }
    return Goal(
        "issues", True, share, not left, "checked" if half_width == 0 else "estimated", says, half_width=half_width
    )


def _language(job: Job, body: str) -> Goal:
    is_named = any(issue.code in ("wrong_language", "poor_translation") for issue in job.feedback.issues)
    wanted = job.context.language if is_named else language_before(job)
    is_kept = identify(body) == wanted
    says = _("The language is the reader's.") if is_kept else _("It is written in another language.")
    return Goal("language", True, float(is_kept), is_kept, "checked", says)


def _facts(job: Job, text: str, *, is_required: bool) -> Iterator[Goal]:
    """Yield whether the figures that nobody objected to are still there; nothing where there was none."""
    before = report_before(job)
    objected = (
        free_spans(job, before)
        if is_required
        else tuple(
            (finding.start, finding.end)
            for finding in before.findings
            if finding.start is not None and finding.end is not None
        )
    )
    undisputed = list(job.rejected_text)
    for start, end in objected:
        undisputed[start:end] = " " * (end - start)
    rejected = mandated.without_known_texts("".join(undisputed), job)
    wanted = set(measures.figure_keys(rejected))
    if not wanted:
        return
    kept = wanted & set(measures.figure_keys(text))
    says = (
        _("Every figure that was right is still there.")
        if kept == wanted
        else _("%(count)d of %(all)d figures are gone.") % {"count": len(wanted - kept), "all": len(wanted)}
    )
    yield Goal("facts", is_required, len(kept) / len(wanted), kept == wanted, "checked", says)


def _length(job: Job, body: str) -> Goal:
    budget = job.constraints.max_length or measures.STYLE_BUDGET_CHARS.get(job.context.channel, 1000)
    is_met = len(body) <= budget
    says = _("%(count)d of at most %(most)d characters.") % {"count": len(body), "most": budget}
    return Goal("length", False, 1.0 if is_met else budget / len(body), is_met, "checked", says)


def _format(job: Job, text: str, body: str, verdict: Verdict) -> Goal:
    faults = []
    if measures.markup_spans(text, job.context.channel):
        faults.append(_("signs that this channel shows as they are"))
    if any(finding.code in ("emoji_hashtag_misuse", "channel_format") for finding in verdict.report.findings):
        faults.append(_("more emoji or hashtags than the channel bears"))
    if measures.longest_paragraph_chars(body) > measures.WALL_CHARS and job.context.channel not in ("blog", "email"):
        faults.append(_("a paragraph that is a wall on a phone"))
    if not faults:
        return Goal("format", False, 1.0, True, "checked", _("Nothing stands in the way on this channel."))
    return Goal("format", False, max(0.0, 1 - 0.5 * len(faults)), False, "checked", ", ".join(faults) + ".")


def _readability(job: Job, body: str) -> Goal:
    is_new_to_it = measures.count_phrases(job.voice.audience, _NEW_READERS) > 0
    most = _EASY_SENTENCE_WORDS if is_new_to_it else _SENTENCE_WORDS
    mean = measures.mean_sentence_words(body)
    jargon = measures.count_phrases(body, lexicons.JARGON)
    share = max(0.0, min(1.0, most / mean if mean else 1.0) - 0.15 * jargon)
    says = _("%(mean).0f words a sentence, %(jargon)d terms of the trade.") % {"mean": mean, "jargon": jargon}
    return Goal("readability", False, share, share >= 0.75, "estimated", says, half_width=_LIST_HALF_WIDTH)


def _tone(job: Job, body: str) -> Goal:
    unfit: tuple[str, ...] = (*lexicons.FEARFUL, *lexicons.SALESY)
    voice = job.voice.voice
    if measures.count_phrases(voice, _PLAIN_VOICE):
        unfit += lexicons.FORMAL
    if measures.count_phrases(voice, _CALM_VOICE):
        unfit += lexicons.CASUAL
    count = measures.count_phrases(body, unfit)
    if count == 0:
        says = _("No word that your voice would not use.")
    else:
        found = [phrase for phrase in unfit if measures.count_phrases(body, (phrase,))][:3]
        says = _("Does not sound like you: %(words)s.") % {"words": ", ".join(found)}
    return Goal("tone", False, 1 / (1 + count), count == 0, "estimated", says, half_width=_LIST_HALF_WIDTH)


def _call_to_action(body: str) -> Goal:
    count = sum(measures.count_phrases(one.text, _NEXT_STEPS) > 0 for one in sentences(body))
    share, says = {
        0: (0.0, _("It does not say what to do next.")),
        1: (1.0, _("One next step.")),
        2: (0.7, _("Two next steps; one would be clearer.")),
    }.get(count, (0.3, _("So many next steps that none stands out.")))
    return Goal("call_to_action", False, share, count == 1, "estimated", says, half_width=_COUNT_HALF_WIDTH)


def _repetition(body: str) -> Goal:
    count = len(measures.duplicate_spans(body))
    says = _("Nothing stands twice.") if count == 0 else _("%(count)d parts stand twice.") % {"count": count}
    return Goal("repetition", False, 1.0 if count == 0 else 0.3, count == 0, "checked", says)
