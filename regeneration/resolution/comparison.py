"""Lay a candidate beside the rejected text: where each span went, how much changed, what the person said of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property, lru_cache
from itertools import pairwise

import regex

from jarvish_regen.content.compliance.check import Finding, Report
from jarvish_regen.language.anchors import locate_quote, resolve
from jarvish_regen.language.sentences import sentences
from jarvish_regen.language.worddiff import word_diff
from jarvish_regen.language.words import normalise_for_comparison
from regeneration.job import Edit, Job, NamedIssue, once_a_job
from regeneration.mandated import without_known_texts
from regeneration.resolution.measures import content_words, word_keys

Span = tuple[int, int]

_QUOTED = regex.compile(r"[\"“”«]([^\"“”»\n]{2,300})[\"”“»]|(?<![\p{L}\p{N}])['‘]([^'’\n]{2,300})['’](?![\p{L}\p{N}])")
# Of a marked phrase's words at most this share may stay where it stood, or the phrase is the same phrase.
KEPT_SHARE = 0.6


@dataclass(frozen=True, slots=True)
class Step:
    """One run of the difference, by position in both texts; ``is_same`` when the bytes are equal."""

    old: Span
    new: Span
    is_same: bool


@dataclass(frozen=True)
class Comparison:
    """Hold a job, a candidate's text and both reports; answers what the judges ask."""

    job: Job
    candidate: str
    before: Report
    after: Report

    @property
    def rejected(self) -> str:
        """Return the rejected text."""
        return self.job.rejected_text

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """Return the difference word by word; neighbouring deletions and insertions are one step."""
        return difference(self.rejected, self.candidate)

    def became(self, span: Span) -> str:
        """Return what stands in the candidate where ``span`` stood in the rejected text."""
        start, end = None, 0
        for step in self.steps:
            if step.old[1] > span[0] and step.old[0] < span[1]:
                if start is None:
                    start = step.new[0] + (span[0] - step.old[0] if step.is_same else 0)
                end = step.new[0] + (min(span[1], step.old[1]) - step.old[0]) if step.is_same else step.new[1]
        return "" if start is None else self.candidate[start:end]

    def is_touched(self, span: Span) -> bool:
        """Say whether any of ``span`` changed."""
        return any(
            not step.is_same and step.old[0] < span[1] and span[0] < max(step.old[1], step.old[0] + 1)
            for step in self.steps
        )

    def mark_of(self, issue: NamedIssue) -> Span | None:
        """Return the span of the rejected text an issue is about: the marked words, else words its note quotes."""
        return mark_of(self.job, issue)

    def kept_share(self, span: Span) -> float:
        """Return the share of the span's words that still stand in its place, 0.0 to 1.0."""
        quote = self.rejected[span[0] : span[1]]
        old = content_words(quote) or word_keys(quote)
        if not old:
            return 0.0 if self.is_touched(span) else 1.0
        now = Counter(word_keys(self.became(span)))
        return sum((Counter(old) & now).values()) / len(old)

    def findings_before(self, code: str, span: Span | None = None) -> tuple[Finding, ...]:
        """Return the rejected text's findings of an issue code, of those that touch ``span`` if one is given."""
        found = (finding for finding in self.before.findings if finding.code == code)
        if span is None:
            return tuple(found)
        return tuple(finding for finding in found if touches(finding, span))

    def findings_after(self, code: str) -> tuple[Finding, ...]:
        """Return the candidate's findings of an issue code."""
        return tuple(finding for finding in self.after.findings if finding.code == code)

    @cached_property
    def old_body(self) -> str:
        """Return the rejected text without statutory lines and signature."""
        return body_before(self.job)

    @cached_property
    def new_body(self) -> str:
        """Return the candidate without statutory lines and signature."""
        return without_known_texts(self.candidate, self.job)

    @cached_property
    def changed_share(self) -> float:
        """Return the share of the rejected body's content words that are no longer there."""
        old = Counter(content_words(self.old_body))
        total = sum(old.values())
        return (total - sum((old & Counter(content_words(self.new_body))).values())) / total if total else 0.0

    @cached_property
    def rewritten_sentences(self) -> int:
        """Count sentences of the rejected body of which at most half the words stayed in place."""
        body = self.old_body
        spans = [
            (one.start, one.end)
            for one in sentences(self.rejected)
            if one.text.strip() in body and len(word_keys(one.text)) >= 2
        ]
        return sum(self.is_touched(span) and self.kept_share(span) <= 0.5 for span in spans)

    def said(self, issue: NamedIssue) -> str:
        """Return all the person said about an issue: its own note, else the note and the suggestions."""
        feedback = self.job.feedback
        return "\n".join(part for part in (issue.note, feedback.note, feedback.suggestions) if part)

    def key_words(self, issue: NamedIssue) -> tuple[str, ...]:
        """Return the words of what was said that carry a point and are not in the rejected text."""
        there = set(word_keys(self.rejected))
        return tuple(dict.fromkeys(word for word in content_words(self.said(issue)) if word not in there))


@once_a_job
def body_before(job: Job) -> str:
    """Return the rejected text without statutory lines and signature."""
    return without_known_texts(job.rejected_text, job)


def touches(finding: Finding, span: Span) -> bool:
    """Say whether a finding lies in ``span``; what is missing from a text lies nowhere."""
    return finding.start is not None and finding.end is not None and finding.start < span[1] and span[0] < finding.end


# Repair, verdict and the edits shown ask for the same one.
@lru_cache(maxsize=32)
def difference(old: str, new: str) -> tuple[Step, ...]:
    """Return how ``old`` became ``new``, by position in both: sentences that stay first, then words between them."""
    steps: list[Step] = []

    def add(old_end: int, new_end: int, *, is_same: bool) -> None:
        at_old, at_new = (steps[-1].old[1], steps[-1].new[1]) if steps else (0, 0)
        if steps and steps[-1].is_same == is_same:
            steps[-1] = Step((steps[-1].old[0], old_end), (steps[-1].new[0], new_end), is_same)
        else:
            steps.append(Step((at_old, old_end), (at_new, new_end), is_same))

    old_cuts, new_cuts = _cuts(old), _cuts(new)
    old_pieces = [old[start:end] for start, end in pairwise(old_cuts)]
    new_pieces = [new[start:end] for start, end in pairwise(new_cuts)]
    blocks = SequenceMatcher(None, old_pieces, new_pieces, autojunk=False).get_opcodes()
    for tag, first_old, last_old, first_new, last_new in blocks:
        if tag == "equal":
            add(old_cuts[last_old], new_cuts[last_new], is_same=True)
            continue
        if tag != "replace":  # whole sentences went or came: no words to compare
            add(old_cuts[last_old], new_cuts[last_new], is_same=False)
            continue
        at_old, at_new = old_cuts[first_old], new_cuts[first_new]
        for piece in word_diff(old[at_old : old_cuts[last_old]], new[at_new : new_cuts[last_new]]):
            at_old += len(piece.text) if piece.kind != "ins" else 0
            at_new += len(piece.text) if piece.kind != "del" else 0
            add(at_old, at_new, is_same=piece.kind == "same")
    return tuple(steps)


def _cuts(text: str) -> list[int]:
    """Return where sentences begin and end, blanks between them apart, from 0 to the end of the text."""
    places = {0, len(text)}
    for one in sentences(text):
        places |= {one.start, one.end}
    return sorted(places)


def edits_between(old: str, new: str, *, fixes: tuple[str, ...] = ()) -> tuple[Edit, ...]:
    """Return the edits that lead from ``old`` to ``new``, word by word, in text order."""
    return tuple(
        Edit(step.old[0], step.old[1], old[slice(*step.old)], new[slice(*step.new)], fixes)
        for step in difference(old, new)
        if not step.is_same
    )


def mark_of(job: Job, issue: NamedIssue) -> Span | None:
    """Return the span of the rejected text an issue is about, or None when it names no words that can be found."""
    found = _marks(job)
    if issue not in found:
        found[issue] = _mark_of(job, issue)
    return found[issue]


@once_a_job
def _marks(job: Job) -> dict[NamedIssue, Span | None]:
    return {}


def _mark_of(job: Job, issue: NamedIssue) -> Span | None:
    text = job.rejected_text
    if issue.anchor is not None:
        anchor = issue.anchor
        if text[anchor.start : anchor.end] == anchor.quote:
            return anchor.start, anchor.end
        found = resolve(anchor, text)
        return None if found is None else (found.start, found.end)
    # With one issue the general note can only be about that one.
    said = issue.note or (job.feedback.note if len(job.feedback.issues) == 1 else "")
    for match in _QUOTED.finditer(said):
        found = locate_quote(text, next(part for part in match.groups() if part))
        if found is not None:
            return found.start, found.end
    return None


def same_words(one: str, other: str) -> bool:
    """Say whether two texts read the same."""
    return normalise_for_comparison(one) == normalise_for_comparison(other)
