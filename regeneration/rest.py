"""Decide which parts of a rejected text an answer may touch, and prove that it touched no other.

The rest is everything outside marked spans, spans of findings and mandated insertions (DECISIONS.md, Words); it must
be byte-identical. A mark or a finding frees the sentence it stands in, since the edit of a sentence is its replacement.
"""

from __future__ import annotations

from jarvish_regen.content.compliance.check import Report
from jarvish_regen.language.sentences import sentences
from regeneration.edits import WHOLE_TEXT_CODES
from regeneration.job import Job, NamedIssue, once_a_job
from regeneration.mandated import is_made_of_known_texts, known_texts
from regeneration.resolution import measures
from regeneration.resolution.comparison import mark_of

Span = tuple[int, int]

# Answered by putting something in, not by changing what is there.
INSERTED_CODES = frozenset({"missing_risk_disclaimer", "missing_registration", "wrong_signature"})
# A search for the rest that has not ended after so many tries has found a text of repeated lines; it is refused.
_MOST_TRIES = 2000


def is_whole_text_free(job: Job, before: Report) -> bool:
    """Say whether the answer may be another text altogether: the complaint is about all of it, or could be anywhere."""
    answered = _is_free(job)
    if id(before) not in answered:
        answered[id(before)] = before, _is_whole_text_free(job, before)
    return answered[id(before)][1]


@once_a_job
def _is_free(job: Job) -> dict[int, tuple[Report, bool]]:
    # By identity: the reports of one text under one pack are one. Kept beside the answer, so that none is reused.
    return {}


def _is_whole_text_free(job: Job, before: Report) -> bool:
    issues = job.feedback.issues
    if job.tactic == "whole_text" or not issues:
        return True
    if any(issue.code == "wrong_language" for issue in issues):
        return True
    return any(not _is_placed(job, issue, before) for issue in issues)


def free_spans(job: Job, before: Report) -> tuple[Span, ...]:
    """Return the spans of the rejected text that an answer may change, sorted and joined; whole sentences."""
    found = _free(job)
    if id(before) not in found:
        found[id(before)] = before, _free_spans(job, before)
    return found[id(before)][1]


@once_a_job
def _free(job: Job) -> dict[int, tuple[Report, tuple[Span, ...]]]:
    return {}


def _free_spans(job: Job, before: Report) -> tuple[Span, ...]:
    text = job.rejected_text
    spans: list[Span] = [
        (finding.start, finding.end)
        for finding in before.findings
        if finding.start is not None and finding.end is not None
    ]
    # A limit (emoji, hashtags, markup) is broken by all its signs together, though its finding shows one place.
    limits = {finding.code for finding in before.findings} & {"emoji_hashtag_misuse", "channel_format"}
    for code in sorted(limits):
        spans += local_spans(job, NamedIssue(code))
    for issue in job.feedback.issues:
        mark = mark_of(job, issue)
        spans += [mark] if mark else local_spans(job, issue)
    return _joined([measures.sentence_span(text, span) for span in spans])


def local_spans(job: Job, issue: NamedIssue) -> list[Span]:
    """Return the spans that an unmarked issue is about by its nature: the emoji, the copies, the cut tail."""
    text = job.rejected_text
    match issue.code:
        case "emoji_hashtag_misuse":
            return [*measures.emoji_spans(text), *measures.hashtag_spans(text)]
        case "broken_link_or_placeholder":
            return [*measures.placeholder_spans(text), *measures.link_spans(text)]
        case "garbled_text":
            return measures.mojibake_spans(text)
        case "duplicated_text":
            return measures.duplicate_spans(text)
        case "channel_format":
            return measures.markup_spans(text, job.context.channel)
        case "wrong_figure":
            return measures.figure_spans(text)
        case "truncated_output":
            tail = measures.cut_tail(text, closing_lines=known_texts(job))
            own = [one for one in sentences(text) if not is_made_of_known_texts(one.text, job)]
            return [tail] if tail else [(one.start, one.end) for one in own[-1:]]
        case "wrong_signature" | "missing_registration":
            lines = [one for one in sentences(text) if is_made_of_known_texts(one.text, job)]
            return [(one.start, one.end) for one in lines]
        case "wrong_entity" | "competitor_mention" | "wrong_variable" | "pii_exposure":
            return _sentences_named_in_note(job, issue)
        case "wrong_call_to_action":
            return [(one.start, one.end) for one in sentences(text)[-3:]]
        case _:
            return []


def _is_placed(job: Job, issue: NamedIssue, before: Report) -> bool:
    if mark_of(job, issue) is not None or local_spans(job, issue):
        return True
    if issue.code in WHOLE_TEXT_CODES:
        return False
    return issue.code in INSERTED_CODES or any(finding.code == issue.code for finding in before.findings)


def rest_is_intact(job: Job, candidate: str, free: tuple[Span, ...]) -> bool:
    """Prove that every sentence outside ``free`` stands in ``candidate``, byte for byte and in order.

    Between two of them that were neighbours there may be only what was there or known texts (mandated insertions).
    """
    pieces, ends_free = _rest_pieces(job.rejected_text, free)
    if not pieces:
        return True
    return _Search(job, candidate, pieces, ends_free=ends_free).fits(0, 0)


class _Search:
    """Find the pieces of the rest in a candidate, with a bound on the tries."""

    def __init__(self, job: Job, candidate: str, pieces: list[tuple[str, bool]], *, ends_free: bool) -> None:
        self.job = job
        self.candidate = candidate
        self.pieces = pieces
        self.ends_free = ends_free
        self.tries = 0

    def fits(self, index: int, at: int) -> bool:
        # A loop over the pieces that follow directly, recursion only where a free span gives a choice.
        while index < len(self.pieces):
            piece, is_after_free = self.pieces[index]
            if is_after_free:
                return self._fits_somewhere(index, at)
            place = self._place_next(piece, at)
            if place is None:
                return False
            at, index = place + len(piece), index + 1
        return self.ends_free or self._is_insertion(self.candidate[at:], is_last=True)

    def _fits_somewhere(self, index: int, at: int) -> bool:
        piece = self.pieces[index][0]
        place = self.candidate.find(piece, at)
        while place >= 0 and self.tries < _MOST_TRIES:
            self.tries += 1
            if self.fits(index + 1, place + len(piece)):
                return True
            place = self.candidate.find(piece, place + 1)
        return False

    def _place_next(self, piece: str, at: int) -> int | None:
        place = self.candidate.find(piece, at)
        while place >= 0 and self.tries < _MOST_TRIES:
            self.tries += 1
            gap = self.candidate[at:place]
            if self._is_insertion(gap, is_first=at == 0):
                return place
            if len(gap) > 2000:
                return None
            place = self.candidate.find(piece, place + 1)
        return None

    def _is_insertion(self, gap: str, *, is_first: bool = False, is_last: bool = False) -> bool:
        """Say whether ``gap`` is blank or a known text that stands apart from its neighbours."""
        if not gap.strip():
            return True
        stands_apart = (is_first or gap[0].isspace()) and (is_last or gap[-1].isspace())
        return stands_apart and is_made_of_known_texts(gap, self.job)


def _rest_pieces(text: str, free: tuple[Span, ...]) -> tuple[list[tuple[str, bool]], bool]:
    """Return the sentences outside ``free``, each with whether a free span lies directly before it; and
    whether one ends it.
    """
    pieces: list[tuple[str, bool]] = []
    after_free = False
    for one in sentences(text):
        if any(one.start < end and start < one.end for start, end in free):
            after_free = True
            continue
        pieces.append((text[one.start : one.end], after_free))
        after_free = False
    return pieces, after_free


def _sentences_named_in_note(job: Job, issue: NamedIssue) -> list[Span]:
    said = set(measures.content_words(" ".join((issue.note, job.feedback.note))))
    return [
        (one.start, one.end) for one in sentences(job.rejected_text) if said & set(measures.content_words(one.text))
    ]


def _joined(spans: list[Span]) -> tuple[Span, ...]:
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)
