"""Mend the same faulty sentence the same way in another draft: recipes from a sentence and its fault to new words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jarvish_regen.language.sentences import sentences
from regeneration.edits import splice
from regeneration.job import CandidateText, Edit, Job, once_a_job
from regeneration.local_repair import with_known_texts
from regeneration.mandated import is_made_of_known_texts
from regeneration.removal import without
from regeneration.resolution.comparison import Comparison, Span, edits_between, mark_of
from regeneration.validate import report_before, report_on, validate


@dataclass(frozen=True, slots=True)
class Fault:
    """Hold one faulty sentence of the rejected text and the issue codes that are said of it, in order."""

    span: Span
    sentence: str
    codes: tuple[str, ...]


@once_a_job
def faults_of(job: Job) -> tuple[Fault, ...]:
    """Return the sentences a person marked, or a rule found for a named issue without marks; known texts left out."""
    text = job.rejected_text
    codes_at: list[tuple[Span, str]] = []
    for issue in job.feedback.issues:
        mark = mark_of(job, issue)
        if mark is not None:
            codes_at.append((mark, issue.code))
            continue
        codes_at += [
            ((finding.start, finding.end), issue.code)
            for finding in report_before(job).findings
            if finding.code == issue.code and finding.start is not None and finding.end is not None
        ]
    found = []
    for one in sentences(text):
        codes = sorted({code for (start, end), code in codes_at if one.start < end and start < one.end})
        if codes and not is_made_of_known_texts(one.text, job):
            found.append(Fault((one.start, one.end), one.text, tuple(codes)))
    return tuple(found)


def mendings_in(job: Job, candidate: CandidateText) -> tuple[tuple[Fault, str], ...]:
    """Return what became of each faulty sentence in a valid answer, if these mendings alone make a valid text again.

    Empty when they do not: then the answer needs words elsewhere, and a recipe would promise too much.
    """
    before = report_before(job)
    compared = Comparison(job, candidate.text, before, report_on(candidate.text, job.context))
    mended = tuple((fault, compared.became(fault.span).strip()) for fault in faults_of(job))
    mended = tuple((fault, words) for fault, words in mended if words != fault.sentence)
    if not mended:
        return ()
    again = text_with(job, mended)
    return mended if again == candidate.text or validate(job, CandidateText("cache", again)).is_valid else ()


def text_with(job: Job, mended: Sequence[tuple[Fault, str]]) -> str:
    """Return the rejected text with the faulty sentences mended and what the rules demand put in."""
    replaced = [Edit(*fault.span, job.rejected_text[slice(*fault.span)], words) for fault, words in mended if words]
    text = splice(job.rejected_text, replaced)
    return with_known_texts(job, without(text, _moved([fault.span for fault, words in mended if not words], replaced)))


def candidate_from(job: Job, known: Mapping[Fault, str]) -> CandidateText | None:
    """Return the candidate that known recipes make, or None when they know none of the faulty sentences."""
    if not known:
        return None
    text = text_with(job, tuple(known.items()))
    if text == job.rejected_text:
        return None
    edits = []
    for edit in edits_between(job.rejected_text, text):
        codes = [
            code for fault in known for code in fault.codes if fault.span[0] < edit.end and edit.start < fault.span[1]
        ]
        edits.append(Edit(edit.start, edit.end, edit.old, edit.new, tuple(dict.fromkeys(codes))))
    return CandidateText("cache", text, tuple(edits))


def _moved(spans: Sequence[Span], replaced: Sequence[Edit]) -> list[Span]:
    """Return where spans lie after replacements before them."""
    moved = []
    for start, end in spans:
        shift = sum(len(edit.new) - len(edit.old) for edit in replaced if edit.end <= start)
        moved.append((start + shift, end + shift))
    return moved
