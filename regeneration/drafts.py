"""Turn a model's reply into a candidate: parse, unmask, anchor, splice, prove, put in the mandated texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _

from regeneration.edits import (
    ReplyError,
    anchor_edits,
    concerns_whole_text,
    parse_reply,
    rest_is_untouched,
    splice,
)
from regeneration.job import CandidateText, Edit, Job
from regeneration.local_repair import with_known_texts
from regeneration.prompts import Prompt
from regeneration.resolution.comparison import edits_between, mark_of, touches
from regeneration.resolution.measures import sentence_span
from regeneration.validate import report_before, report_on


@dataclass(frozen=True, slots=True)
class Draft:
    """Hold what became of a model's reply: a candidate, or in words why there is none."""

    candidate: CandidateText | None
    reason: str = ""
    is_forbidden: bool = False


def draft_from(job: Job, prompt: Prompt, raw: str, *, rung: str = "model") -> Draft:
    """Turn a model's reply into a candidate: parse, unmask, anchor, splice, prove, put in the mandated texts."""
    try:
        reply = prompt.unmasked(parse_reply(raw))
    except ReplyError as error:
        return Draft(None, _("The model's reply was unusable: %(reason)s.") % {"reason": str(error)})
    may_rewrite = job.tactic == "whole_text" or concerns_whole_text(job.feedback)
    edits: tuple[Edit, ...] = ()
    refused = reply.left_out
    if reply.full_text is not None and may_rewrite:
        text = reply.full_text.strip()
    elif not reply.edits and reply.full_text is not None:
        return Draft(None, _("The model wrote the whole text anew, which was not asked for."))
    else:
        marks = [mark for issue in job.feedback.issues if (mark := mark_of(job, issue))]
        anchored = anchor_edits(job.rejected_text, reply.edits, marked=marks)
        if reply.edits and not anchored.edits:
            return Draft(None, _("None of the model's edits could be placed in the text."))
        edits = tuple(edit if edit.fixes else replace(edit, fixes=_codes_at(job, edit)) for edit in anchored.edits)
        text = splice(job.rejected_text, edits)
        refused += len(anchored.refused)
        if not rest_is_untouched(job.rejected_text, edits, text):
            return Draft(None, _("The edits would have changed other words too."))
        forbidden = _forbidden_in(job, text, edits)
        if forbidden:
            # Rule repair would take it out again and leave a hole where the model was asked for words.
            said = _("The model wrote what the rules forbid: %(what)s") % {"what": forbidden}
            return Draft(None, said, is_forbidden=True)
    repaired = with_known_texts(job, text)
    says = _("Written by a model and checked by rules.")
    if refused:
        says += " " + _("%(count)d of its edits could not be placed.") % {"count": refused}
    return Draft(
        CandidateText(
            rung=rung,
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


def _codes_at(job: Job, edit: Edit) -> tuple[str, ...]:
    """Return the named codes that an edit answers by its place: those marked or found there, else those of no place."""
    named = [(issue.code, mark_of(job, issue)) for issue in job.feedback.issues]
    span = (edit.start, max(edit.end, edit.start + 1))
    codes = {code for code, _mark in named}
    there = [
        code
        for code, mark in named
        if mark and (found := sentence_span(job.rejected_text, mark))[0] < span[1] and span[0] < found[1]
    ]
    there += [one.code for one in report_before(job).findings if one.code in codes and touches(one, span)]
    return tuple(dict.fromkeys(there or [code for code, mark in named if mark is None]))


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
