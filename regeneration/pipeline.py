"""Answer one rejected text: the proven repair at once, else the first valid text of a model, else the best there is.

Nothing here touches a database; time comes from the deadline, the network from the targets that are handed in.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from django.utils.translation import gettext as _

from jarvish_regen.content.compliance.repair import repair
from jarvish_regen.llm.base import CallRecord, StreamingTarget
from jarvish_regen.llm.deadline import Deadline
from jarvish_regen.llm.race import ModelLeg, first_valid
from regeneration.edits import (
    ReplyError,
    anchor_edits,
    concerns_whole_text,
    parse_reply,
    rest_is_untouched,
    splice,
)
from regeneration.job import CandidateText, Edit, Job, JudgedCandidate, Outcome, StageTime, Verdict
from regeneration.local_repair import with_known_texts
from regeneration.prompts import Prompt, write_prompt
from regeneration.resolution.comparison import edits_between, mark_of, touches
from regeneration.validate import report_on, validate

# At or before the P50 of a usual provider (PERFORMANCE.md, "What buys the most").
HEDGE_AFTER_SECONDS = 0.3
MAX_LEGS = 3


async def answer(
    job: Job,
    *,
    candidate_zero: CandidateText,
    zero_verdict: Verdict,
    targets: Sequence[StreamingTarget],
    deadline: Deadline,
    on_stage: Callable[[str], None],
    nonce: str | None = None,
    hedge_after_seconds: float = HEDGE_AFTER_SECONDS,
    max_legs: int = MAX_LEGS,
) -> Outcome:
    """Return the best answer to ``job`` that exists by the deadline.

    A candidate 0 that is valid and proven is the answer at once. Otherwise the targets are raced, and the
    first valid text
    wins; when none comes, the best valid one, else the best admissible one by score, else no answer.
    ``on_stage`` hears each of
    ``STAGES`` as it begins. ``nonce`` guards the prompt's data and is drawn afresh when not given.
    """
    ledger = _Ledger(deadline=deadline, on_stage=on_stage)
    ledger.begin("repairing")
    ledger.keep(candidate_zero, zero_verdict)
    if zero_verdict.is_proven:
        return ledger.finish(_("Rule repair settles every issue, and each is checked."))
    if not targets:
        return ledger.finish(_("No model is connected; this is what rules alone can do."))
    if deadline.passed:
        return ledger.finish(_("The time was over before a model could be asked."))

    ledger.begin("drafting")
    prompt = _prompt_for(job, nonce or secrets.token_hex(8))
    accept = _Accept(job=job, prompt=prompt, ledger=ledger)
    result = await first_valid(
        [ModelLeg(target, prompt.request()) for target in targets],
        accept=accept,
        deadline=deadline,
        hedge_after_seconds=hedge_after_seconds,
        max_legs=max_legs,
    )
    ledger.calls = result.records
    return ledger.finish(_after_the_race(ledger))


@dataclass(frozen=True, slots=True)
class Draft:
    """Hold what became of a model's reply: a candidate, or in words why there is none."""

    candidate: CandidateText | None
    reason: str = ""


def draft_from(job: Job, prompt: Prompt, raw: str) -> Draft:
    """Turn a model's reply into a candidate: parse, unmask, anchor, splice, prove, put in the mandated texts."""
    try:
        reply = prompt.unmasked(parse_reply(raw))
    except ReplyError as error:
        return Draft(None, _("The model's reply was unusable: %(reason)s.") % {"reason": str(error)})
    may_rewrite = job.tactic == "whole_text" or concerns_whole_text(job.feedback)
    edits: tuple[Edit, ...] = ()
    refused = 0
    if reply.full_text is not None and may_rewrite:
        text = reply.full_text.strip()
    elif not reply.edits and reply.full_text is not None:
        return Draft(None, _("The model wrote the whole text anew, which was not asked for."))
    else:
        marks = [mark for issue in job.feedback.issues if (mark := mark_of(job, issue))]
        anchored = anchor_edits(job.rejected_text, reply.edits, marked=marks)
        if reply.edits and not anchored.edits:
            return Draft(None, _("None of the model's edits could be placed in the text."))
        text, edits, refused = splice(job.rejected_text, anchored.edits), anchored.edits, len(anchored.refused)
        if not rest_is_untouched(job.rejected_text, edits, text):
            return Draft(None, _("The edits would have changed other words too."))
        forbidden = _forbidden_in(job, text, edits)
        if forbidden:
            # Rule repair would take it out again and leave a hole where the model was asked for words.
            return Draft(None, _("The model wrote what the rules forbid: %(what)s") % {"what": forbidden})
    repaired = with_known_texts(job, text)
    says = _("Written by a model and checked by rules.")
    if refused:
        says += " " + _("%(count)d of its edits could not be placed.") % {"count": refused}
    return Draft(
        CandidateText(
            rung="model",
            text=repaired,
            edits=edits if repaired == text and edits else _edits_with_codes(job, repaired, edits),
            explanation=says,
        )
    )


def _forbidden_in(job: Job, text: str, edits: Sequence[Edit]) -> str:
    """Return the first rule that the new words themselves break, in words, or nothing."""
    spans: list[tuple[int, int]] = []
    shift = 0
    for edit in edits:
        spans.append((edit.start + shift, edit.start + shift + len(edit.new)))
        shift += len(edit.new) - len(edit.old)
    for finding in report_on(text, job.context).findings:
        if finding.severity != "minor" and any(touches(finding, span) for span in spans):
            return finding.message
    return ""


def _edits_with_codes(job: Job, text: str, edits: tuple[Edit, ...]) -> tuple[Edit, ...]:
    """Return the edits that lead to ``text`` after rule repair, with the codes of the model's edits they overlap."""
    found = edits_between(job.rejected_text, text)
    return tuple(
        replace(
            one,
            fixes=tuple(
                dict.fromkeys(
                    code for edit in edits if edit.start <= one.end and one.start <= edit.end for code in edit.fixes
                )
            ),
        )
        for one in found
    )


def _prompt_for(job: Job, nonce: str) -> Prompt:
    return write_prompt(
        job,
        repair=repair(job.rejected_text, job.context),
        before=report_on(job.rejected_text, job.context),
        nonce=nonce,
    )


@dataclass(eq=False, slots=True)
class _Accept:
    """Judge each whole reply as it comes; only a valid text ends the race."""

    job: Job
    prompt: Prompt
    ledger: _Ledger

    def __call__(self, raw: str) -> bool:
        self.ledger.begin("checking")
        draft = draft_from(self.job, self.prompt, raw)
        if draft.candidate is None:
            self.ledger.mishaps.append(draft.reason)
            return False
        verdict = validate(self.job, draft.candidate)
        is_new = all(candidate.text != draft.candidate.text for candidate, _verdict in self.ledger.judged)
        self.ledger.keep(draft.candidate, verdict)
        return verdict.is_valid and is_new


@dataclass(eq=False)
class _Ledger:
    """Keep what happened on the way to an outcome."""

    deadline: Deadline
    on_stage: Callable[[str], None]
    judged: list[tuple[CandidateText, Verdict]] = field(default_factory=list)
    mishaps: list[str] = field(default_factory=list)
    calls: tuple[CallRecord, ...] = ()
    begun: list[tuple[str, float]] = field(default_factory=list)

    def begin(self, stage: str) -> None:
        """Announce a stage and take its time; a second reply being checked is no new stage."""
        if any(name == stage for name, _at in self.begun):
            return
        self.begun.append((stage, self.deadline.clock()))
        self.on_stage(stage)

    def keep(self, candidate: CandidateText, verdict: Verdict) -> None:
        """Keep a candidate, whatever it is worth."""
        self.judged.append((candidate, verdict))

    def finish(self, reason: str) -> Outcome:
        """Choose the winner, say why each other lost and close the stages."""
        best = self._best()
        self.begin("ready")
        candidates = tuple(
            JudgedCandidate(candidate, verdict, "" if index == best else self._why_lost(index, best))
            for index, (candidate, verdict) in enumerate(self.judged)
        )
        if best is None:
            said = " ".join([reason, _("No admissible text could be made.")])
            return Outcome("no_answer", None, None, candidates, self.calls, self._stages(), said)
        winner, verdict = self.judged[best]
        return Outcome("answered", winner, verdict, candidates, self.calls, self._stages(), reason)

    def _best(self) -> int | None:
        admissible = [index for index, (_c, verdict) in enumerate(self.judged) if verdict.is_admissible]
        if not admissible:
            return None

        def worth(index: int) -> tuple[bool, bool, float]:
            candidate, verdict = self.judged[index]
            # Of two valid texts the model's is a rewriting where the repair may be a removal.
            return verdict.is_valid, verdict.is_valid and candidate.rung == "model" and is_own(index), verdict.score

        def is_own(index: int) -> bool:
            earlier = [candidate.text for candidate, _verdict in self.judged[:index]]
            return self.judged[index][0].text not in earlier

        return max(admissible, key=worth)

    def _why_lost(self, index: int, best: int | None) -> str:
        verdict = self.judged[index][1]
        if verdict.objections:
            return verdict.objections[0]
        unresolved = [settled for settled in verdict.resolutions if not settled.is_resolved]
        if unresolved:
            return f"{unresolved[0].code}: {unresolved[0].says}"
        if best is not None and self.judged[best][0].text == self.judged[index][0].text:
            return _("Another candidate has the same text.")
        return _("A better candidate won.")

    def _stages(self) -> tuple[StageTime, ...]:
        ends = [at for _name, at in self.begun[1:]] + [self.deadline.clock()]
        return tuple(StageTime(name, (end - at) * 1000) for (name, at), end in zip(self.begun, ends, strict=True))


def _after_the_race(ledger: _Ledger) -> str:
    if any(candidate.rung == "model" and verdict.is_valid for candidate, verdict in ledger.judged):
        return _("A model's text passes every check.")
    failed = [record for record in ledger.calls if record.outcome != "ok"]
    if ledger.mishaps:
        return ledger.mishaps[0]
    if any(candidate.rung == "model" for candidate, _verdict in ledger.judged):
        return _("No text of a model passed every check; this is the best that may be shown.")
    if failed and failed[0].outcome == "timeout":
        return _("The model did not answer in time.")
    if failed:
        return _("The model could not be reached or broke off: %(what)s.") % {"what": failed[0].outcome}
    return _("No model answered in time.")
