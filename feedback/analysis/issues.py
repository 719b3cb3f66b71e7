"""Issues of a message: which of the 43 codes, in which words, how sure, and where in the draft.

Two linear heads give a score a code: one reads the message as a whole (the encoder's vector and the n-grams), one the
clauses (n-grams alone: a clause's vector would cost 20 ms). A logistic layer turns both, what the category model
thinks and the lead of the strongest code into a probability. Needs numpy alone; learning/training/issues_fit.py fits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from feedback.analysis.clauses import clauses
from feedback.analysis.features import Features, Sparse, Token, fingerprint, places_by_token, sparse_of, tokens_of
from feedback.analysis.pointing import point_into
from jarvish_regen.content.taxonomy import taxonomy
from jarvish_regen.language.words import positions_inside_graphemes

Array = npt.NDArray[Any]
Scores = npt.NDArray[np.float32]

PREFIX: Final = "issues_"
# Score of a code in a message that has no clause: below all that ridge regression on 0 and 1 gives.
NO_CLAUSE: Final = -0.1
# A quotation is what is complained of: a window that touches one takes all of it.
_QUOTES: Final = frozenset("\"“”«»'‘’")


class IssueHeadsError(ValueError):
    """Arrays that are not the issue heads of this taxonomy, these n-grams or this encoder."""


@dataclass(frozen=True)
class FoundIssue:
    """One fault found in a message.

    ``span`` is ``text[start:end]`` (code points), the words that say so; ``probability`` is calibrated on writers the
    heads had not read; ``points_to`` is the place in the draft, None where the words name none.
    """

    code: str
    start: int
    end: int
    span: str
    probability: float
    points_to: tuple[int, int] | None


@dataclass(frozen=True)
class IssueHeads:
    """Weights of the issue heads; n codes, k kept places of n-grams, d numbers of the encoder.

    message and clause: (k, n); dense: (d, n); biases: (n,); mixing: (5,) weights of the five signals; offsets: (n,).
    """

    codes: tuple[str, ...]
    category_of: npt.NDArray[np.int64]
    places: npt.NDArray[np.int32]
    idf: Scores
    message: Scores
    dense: Scores
    message_bias: Scores
    clause: Scores
    clause_bias: Scores
    mixing: Scores
    offsets: Scores
    threshold: float
    floor: float

    @classmethod
    def read(cls, arrays: Mapping[str, Array]) -> IssueHeads:
        """Return the heads stored under ``issues_…`` in an artefact.

        Raises IssueHeadsError where one is missing or they were fitted for another taxonomy or other n-grams.
        """
        try:
            held = {name: np.asarray(arrays[PREFIX + name]) for name in STORED}
        except KeyError as error:
            raise IssueHeadsError(f"no array {error}") from error
        codes = tuple(str(code) for code in held["codes"])
        if codes != all_codes():
            raise IssueHeadsError("the heads know other issue codes than the taxonomy")
        if str(held["fingerprint"]) != fingerprint():
            raise IssueHeadsError("the heads were fitted on other n-grams")
        return cls(
            codes=codes,
            category_of=category_indices(),
            places=held["places"].astype(np.int32),
            idf=held["idf"].astype(np.float32),
            message=held["message"] * held["message_scale"].astype(np.float32),
            dense=held["dense"].astype(np.float32),
            message_bias=held["message_bias"].astype(np.float32),
            clause=held["clause"] * held["clause_scale"].astype(np.float32),
            clause_bias=held["clause_bias"].astype(np.float32),
            mixing=held["mixing"].astype(np.float32),
            offsets=held["offsets"].astype(np.float32),
            threshold=float(held["threshold"]),
            floor=float(held["floor"]),
        )


STORED: Final = (
    *("codes", "fingerprint", "places", "idf", "message", "message_scale", "dense", "message_bias"),
    *("clause", "clause_scale", "clause_bias", "mixing", "offsets", "threshold", "floor"),
)


def all_codes() -> tuple[str, ...]:
    """Return the issue codes of the taxonomy in its order, which is the order of every array here."""
    return tuple(issue.code for category in taxonomy().categories.values() for issue in category.issues)


def category_indices() -> npt.NDArray[np.int64]:
    """Return for each code the index of its category in the taxonomy's order."""
    return np.array(
        [at for at, category in enumerate(taxonomy().categories.values()) for _ in category.issues], np.int64
    )


def find_issues(
    text: str,
    *,
    heads: IssueHeads,
    features: Features,
    category_probabilities: npt.NDArray[np.floating[Any]],
    draft: str = "",
) -> tuple[FoundIssue, ...]:
    """Return the faults a message names, most probable first; empty when it names none.

    ``features`` holds this one message (``features_of([text])``), ``category_probabilities`` one number a category in
    the taxonomy's order. The strongest code is kept below the threshold too, unless it is below the floor: then only
    an area was named.
    """
    tokens = tokens_of(text)
    if not tokens:
        return ()
    places = clauses(text) or ((tokens[0].start, tokens[-1].end),)
    whole = message_scores(heads, features)[0]
    by_clause = clause_scores(heads, [text[start:end] for start, end in places])
    signals = signals_of(whole, by_clause.max(axis=0), np.asarray(category_probabilities), heads.category_of)
    probabilities = probabilities_of(signals, heads.mixing, heads.offsets)
    kept = chosen(probabilities, heads.threshold, heads.floor)
    order = sorted(np.flatnonzero(kept).tolist(), key=lambda code: -float(probabilities[code]))
    found: list[FoundIssue] = []
    for code in order:
        start, end = evidence_span(text, tokens, heads, code)
        pointed = point_into(text, draft, (start, end)) if draft else None
        found.append(FoundIssue(heads.codes[code], start, end, text[start:end], float(probabilities[code]), pointed))
    return tuple(found)


def message_scores(heads: IssueHeads, features: Features) -> Scores:
    """Return the message head's scores: (messages, codes)."""
    spelled = _spelled(heads, features.sparse, heads.message)
    scores: Scores = spelled + features.dense @ heads.dense + heads.message_bias
    return scores


def clause_scores(heads: IssueHeads, texts: Sequence[str]) -> Scores:
    """Return the clause head's scores: (clauses, codes)."""
    scores: Scores = _spelled(heads, sparse_of(texts), heads.clause) + heads.clause_bias
    return scores


def _spelled(heads: IssueHeads, sparse: Sparse, weights: Scores) -> Scores:
    scores = np.zeros((len(sparse), weights.shape[1]), np.float32)
    for row in range(len(sparse)):
        at, values = known_places(heads.places, heads.idf, *sparse.row(row))
        scores[row] = values @ weights[at]
    return scores


def known_places(
    places: npt.NDArray[np.int32], idf: Scores, indices: npt.NDArray[np.int32], values: Scores
) -> tuple[npt.NDArray[np.int64], Scores]:
    """Return the columns and unit-length weights of the n-grams of one text that the heads know."""
    at = np.searchsorted(places, indices).clip(max=len(places) - 1)
    known = places[at] == indices
    at, weighted = at[known], values[known] * idf[at[known]]
    length = float(np.linalg.norm(weighted))
    return at, (weighted / length if length else weighted).astype(np.float32)


def signals_of(
    whole: Scores,
    clause: Scores,
    category_probabilities: npt.NDArray[np.floating[Any]],
    category_of: npt.NDArray[np.int64],
) -> Scores:
    """Return the five signals of each code, (…, codes, 5): both heads, the category, the lead in both heads."""
    category = np.log(np.clip(category_probabilities, 1e-4, 1.0))[..., category_of]
    leads = [scores - scores.max(axis=-1, keepdims=True) for scores in (whole, clause)]
    stacked: Scores = np.stack([whole, clause, category, *leads], axis=-1).astype(np.float32)
    return stacked


def probabilities_of(signals: Scores, mixing: Scores, offsets: Scores) -> Scores:
    """Return the probability of each code: (…, codes)."""
    probabilities: Scores = 1.0 / (1.0 + np.exp(-(signals @ mixing + offsets)))
    return probabilities


def chosen(probabilities: Scores, threshold: float, floor: float) -> npt.NDArray[np.bool_]:
    """Return which codes are said to be there: those above the threshold, and the strongest above the floor."""
    strongest = probabilities == probabilities.max(axis=-1, keepdims=True)
    kept: npt.NDArray[np.bool_] = (probabilities > threshold) | (strongest & (probabilities > floor))
    return kept


def evidence_span(text: str, tokens: Sequence[Token], heads: IssueHeads, code: int) -> tuple[int, int]:
    """Return the part of a message that carries the evidence for a code, as code points of the text.

    The WINDOW words in a row that bring most, without those at its edges that bring none, and all of a quotation that
    is cut. Raises ValueError for a message without tokens.
    """
    evidence = _evidence(heads, tokens, code)
    sums = np.convolve(evidence, np.ones(min(WINDOW, len(tokens))), "valid")
    first = int(sums.argmax())
    last = min(first + WINDOW, len(tokens)) - 1
    while first < last and evidence[first] <= 0:
        first += 1
    while first < last and evidence[last] <= 0:
        last -= 1
    start, end = _with_quotation(text, tokens[first].start, tokens[last].end)
    edges = positions_inside_graphemes(text)
    while start in edges:
        start -= 1
    while end in edges:
        end += 1
    return start, end


# Words of a span. On writers not read, of the spans labelled: 4 words meet 71 %, 6 77 %, 8 82 %, the clause 74 %, with
# a shared part of .37, .42, .44 and .43 of both.
WINDOW: Final = 8
# A quotation longer than this is a pasted draft.
QUOTATION_CHARS: Final = 80


def _evidence(heads: IssueHeads, tokens: Sequence[Token], code: int) -> Scores:
    column, limit = heads.clause[:, code], len(heads.places) - 1
    found = np.zeros(len(tokens), np.float32)
    for at, held in enumerate(places_by_token(tokens)):
        columns = np.searchsorted(heads.places, held).clip(max=limit)
        known = heads.places[columns] == held
        found[at] = float((column[columns[known]] * heads.idf[columns[known]]).sum())
    return found


def _with_quotation(text: str, start: int, end: int) -> tuple[int, int]:
    marks = [at for at, mark in enumerate(text) if mark in _QUOTES and _is_quote(text, at)]
    for opening, closing in zip(marks[::2], marks[1::2], strict=False):
        if closing - opening <= QUOTATION_CHARS and opening < end and start <= closing:
            start, end = min(start, opening), max(end, closing + 1)
    return start, end


def _is_quote(text: str, at: int) -> bool:
    """Tell a quotation mark from the apostrophe of "don't"."""
    return not (0 < at < len(text) - 1 and text[at - 1].isalnum() and text[at + 1].isalnum())
