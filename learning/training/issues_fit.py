"""Fit the issue heads: ridge regression on messages and on clauses, and the logistic layer above both.

The layer and its threshold are fitted on scores of writers whose messages the heads had not read, or they would trust
the heads too far. scipy and numpy only; one thread, about a minute.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import scipy.sparse as sparse

from feedback.analysis.clauses import clauses
from feedback.analysis.features import PLACES, Features, Sparse, fingerprint, sparse_of
from feedback.analysis.issues import (
    NO_CLAUSE,
    PREFIX,
    all_codes,
    category_indices,
    chosen,
    probabilities_of,
    signals_of,
)
from jarvish_regen.content.taxonomy import taxonomy

logger = logging.getLogger(__name__)

Array = npt.NDArray[Any]
Scores = npt.NDArray[np.float32]

# N-grams of fewer texts than this are one writer's spelling, and the artefact has 2 MB for these heads.
LEAST_TEXTS: Final = 4
MOST_PLACES: Final = 24_000
# Chosen leaving one writer out: share of the vector's cosine against the n-grams', and the ridge.
DENSE_SHARE: Final = 0.3
RIDGE: Final = 1.0
STEPS: Final = 40
# Turns ridge scores of categories, about 0 to 1, into probabilities (log loss on unread writers).
CATEGORY_SHARPNESS: Final = 6.0
OFFSET_RIDGE: Final = 8.0
THRESHOLDS: Final = tuple(np.arange(0.14, 0.52, 0.02).round(2).tolist())
FLOORS: Final = (0.0, 0.05, 0.1)


class Issue(Protocol):
    """A labelled fault."""

    @property
    def code(self) -> str:
        """Code of the taxonomy."""

    @property
    def span(self) -> str:
        """Exact words of the message."""


class Row(Protocol):
    """A labelled message."""

    @property
    def text(self) -> str:
        """The message."""

    @property
    def writer(self) -> str:
        """Who wrote it: what is left out together."""

    @property
    def primary_category(self) -> str:
        """Category code."""

    @property
    def issues(self) -> Sequence[Issue]:
        """Faults it names."""


@dataclass(frozen=True)
class Pieces:
    """The clauses and spans of all messages as n-grams, each with its codes and the message it is of."""

    clauses: sparse.csr_matrix
    clause_codes: Scores
    clause_of: npt.NDArray[np.int64]
    spans: sparse.csr_matrix
    span_codes: Scores
    span_of: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Material:
    """All that is fitted on, as numbers; ``writers`` and rows of every array are one a message."""

    dense: Scores
    spelled: sparse.csr_matrix
    pieces: Pieces
    codes: Scores
    categories: Scores
    writers: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Linear:
    """One head over the columns of the kept places: weights (columns, codes), dense (d, codes), bias (codes,)."""

    columns: npt.NDArray[np.int64]
    idf: Scores
    weights: Scores
    dense: Scores
    bias: Scores

    def scores(self, spelled: sparse.csr_matrix, dense: Scores | None = None) -> Scores:
        """Return scores (rows, codes)."""
        found: Scores = _weighted(spelled, self.columns, self.idf) @ self.weights + self.bias
        return found if dense is None else found + dense @ self.dense


@dataclass(frozen=True)
class Layer:
    """The logistic layer: what find_issues mixes scores by."""

    mixing: Scores
    offsets: Scores
    threshold: float
    floor: float


def fit_issues(rows: Sequence[Row], features: Features) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays of the issue heads by their names in the artefact, fitted on all rows.

    ``features`` are those of the rows' texts, in order. Raises ValueError for rows of a single writer.
    """
    material = material_of(rows, features)
    if len(set(material.writers.tolist())) < 2:
        raise ValueError("the issue heads need messages by two writers or more")
    whole, clause, categories = unread_scores(material, np.arange(len(rows)))
    layer = fit_layer(whole, clause, categories, material.codes)
    message_head, clause_head = fit_heads(material, np.arange(len(rows)))
    return arrays_of(message_head, clause_head, layer)


def arrays_of(message_head: Linear, clause_head: Linear, layer: Layer) -> dict[str, npt.NDArray[Any]]:
    """Return heads and layer as the arrays that IssueHeads.read reads, weights in eight bits."""
    n_codes = len(all_codes())
    message, message_scale = _eight_bits(message_head.weights[:, :n_codes])
    clauses_, clause_scale = _eight_bits(clause_head.weights)
    stored = {
        "codes": np.array(all_codes()),
        "fingerprint": np.array(fingerprint()),
        "places": message_head.columns.astype(np.int32),
        "idf": message_head.idf.astype(np.float16),
        "message": message,
        "message_scale": message_scale,
        "dense": message_head.dense[:, :n_codes].astype(np.float16),
        "message_bias": message_head.bias[:n_codes],
        "clause": clauses_,
        "clause_scale": clause_scale,
        "clause_bias": clause_head.bias,
        "mixing": layer.mixing,
        "offsets": layer.offsets,
        "threshold": np.array(layer.threshold),
        "floor": np.array(layer.floor),
    }
    return {PREFIX + name: array for name, array in stored.items()}


def material_of(rows: Sequence[Row], features: Features) -> Material:
    """Turn labelled messages into numbers."""
    at_code = {code: at for at, code in enumerate(all_codes())}
    at_category = {code: at for at, code in enumerate(taxonomy().categories)}
    codes = np.zeros((len(rows), len(at_code)), np.float32)
    categories = np.zeros((len(rows), len(at_category)), np.float32)
    for at, row in enumerate(rows):
        categories[at, at_category[row.primary_category]] = 1.0
        for issue in row.issues:
            codes[at, at_code[issue.code]] = 1.0
    _, writers = np.unique([row.writer for row in rows], return_inverse=True)
    return Material(features.dense, as_matrix(features.sparse), _pieces(rows, at_code), codes, categories, writers)


def _pieces(rows: Sequence[Row], at_code: dict[str, int]) -> Pieces:
    clause_texts: list[str] = []
    clause_codes: list[Scores] = []
    clause_of: list[int] = []
    span_texts: list[str] = []
    span_codes: list[Scores] = []
    span_of: list[int] = []
    for at, row in enumerate(rows):
        places = [(row.text.find(issue.span), len(issue.span), at_code[issue.code]) for issue in row.issues]
        for start, end in clauses(row.text):
            held = np.zeros(len(at_code), np.float32)
            for first, length, code in places:
                shared = min(end, first + length) - max(start, first)
                # Half of the words that show a fault, or half a clause of them: the clause speaks of it.
                if shared >= 0.5 * min(length, end - start):
                    held[code] = 1.0
            clause_texts.append(row.text[start:end])
            clause_codes.append(held)
            clause_of.append(at)
        for first, length, code in places:
            span_texts.append(row.text[first : first + length])
            span_codes.append(np.eye(len(at_code), dtype=np.float32)[code])
            span_of.append(at)
    return Pieces(
        as_matrix(sparse_of(clause_texts)),
        np.array(clause_codes),
        np.array(clause_of),
        as_matrix(sparse_of(span_texts)),
        np.array(span_codes),
        np.array(span_of),
    )


def as_matrix(rows: Sparse) -> sparse.csr_matrix:
    """Return hashed n-grams as a matrix (rows, PLACES)."""
    return sparse.csr_matrix((rows.values, rows.indices, rows.indptr), shape=(len(rows), PLACES))


def fit_heads(material: Material, read: npt.NDArray[np.int64]) -> tuple[Linear, Linear]:
    """Fit the message head (codes, then categories) and the clause head on the messages ``read`` (indices)."""
    spelled = material.spelled[read]
    columns, idf = _kept_columns(spelled)
    grams = _weighted(spelled, columns, idf)
    targets = np.hstack([material.codes[read], material.categories[read]])
    share = float(np.sqrt(DENSE_SHARE))
    both = sparse.hstack([grams * np.sqrt(1 - DENSE_SHARE), sparse.csr_matrix(material.dense[read] * share)]).tocsr()
    weights, bias = _ridge(both, targets)
    k = len(columns)
    message = Linear(
        columns, idf, weights[:k] * np.float32(np.sqrt(1 - DENSE_SHARE)), weights[k:] * np.float32(share), bias
    )

    pieces = material.pieces
    own_clauses, own_spans = np.isin(pieces.clause_of, read), np.isin(pieces.span_of, read)
    stacked = sparse.vstack(
        [
            _weighted(pieces.clauses[own_clauses], columns, idf),
            _weighted(pieces.spans[own_spans], columns, idf),
            grams,
        ]
    ).tocsr()
    held = np.vstack([pieces.clause_codes[own_clauses], pieces.span_codes[own_spans], material.codes[read]])
    clause_weights, clause_bias = _ridge(stacked, held)
    return message, Linear(columns, idf, clause_weights, np.zeros((0, held.shape[1]), np.float32), clause_bias)


def _kept_columns(spelled: sparse.csr_matrix) -> tuple[npt.NDArray[np.int64], Scores]:
    texts = np.bincount(spelled.indices, minlength=spelled.shape[1])
    columns = np.flatnonzero(texts >= LEAST_TEXTS)
    if len(columns) > MOST_PLACES:
        columns = np.sort(columns[np.argsort(-texts[columns], kind="stable")[:MOST_PLACES]])
    return columns, (np.log(spelled.shape[0] / texts[columns]) + 1.0).astype(np.float32)


def _weighted(spelled: sparse.csr_matrix, columns: npt.NDArray[np.int64], idf: Scores) -> sparse.csr_matrix:
    grams = (spelled[:, columns] @ sparse.diags(idf)).tocsr().astype(np.float32)
    lengths = np.sqrt(np.asarray(grams.multiply(grams).sum(axis=1)).ravel())
    return (sparse.diags((1.0 / np.maximum(lengths, 1e-6)).astype(np.float32)) @ grams).tocsr()


def _ridge(rows: sparse.csr_matrix, targets: Scores) -> tuple[Scores, Scores]:
    """Return weights and bias of ridge regression for all targets at once, by conjugate gradients on the rows."""
    mean = targets.mean(axis=0).astype(np.float32)
    turned = rows.T.tocsr()
    left = (targets - mean).astype(np.float32)
    found = np.zeros_like(left)
    way, size = left.copy(), (left * left).sum(axis=0)
    for _ in range(STEPS):
        seen = rows @ (turned @ way) + RIDGE * way
        step = size / np.maximum((way * seen).sum(axis=0), 1e-12)
        found += step * way
        left -= step * seen
        now = (left * left).sum(axis=0)
        way = left + now / np.maximum(size, 1e-12) * way
        size = now
    weights: Scores = np.asarray(turned @ found, dtype=np.float32)
    return weights, mean


def unread_scores(material: Material, among: npt.NDArray[np.int64]) -> tuple[Scores, Scores, Scores]:
    """Return scores of each message by heads that read nothing of its writer, only others ``among`` (indices).

    Message head, clause head (the strongest clause) and category probabilities, one row a message of ``among``.
    """
    n_codes = material.codes.shape[1]
    whole = np.zeros((len(among), n_codes), np.float32)
    clause = np.full((len(among), n_codes), NO_CLAUSE, np.float32)
    categories = np.zeros((len(among), material.categories.shape[1]), np.float32)
    for writer in np.unique(material.writers[among]):
        own = material.writers[among] == writer
        found = scores_of(material, fit_heads(material, among[~own]), among[own])
        whole[own], clause[own], categories[own] = found
        logger.info("issue heads fitted without one writer", extra={"writer": int(writer)})
    return whole, clause, categories


def scores_of(
    material: Material, heads: tuple[Linear, Linear], asked: npt.NDArray[np.int64]
) -> tuple[Scores, Scores, Scores]:
    """Return what the heads give for the messages ``asked``: whole, strongest clause, category probabilities."""
    n_codes = material.codes.shape[1]
    both = heads[0].scores(material.spelled[asked], material.dense[asked])
    clause = np.full((len(asked), n_codes), -np.inf, np.float32)
    own = np.isin(material.pieces.clause_of, asked)
    at = np.searchsorted(asked, material.pieces.clause_of[own])
    np.maximum.at(clause, at, heads[1].scores(material.pieces.clauses[own]))
    clause[~np.isfinite(clause)] = NO_CLAUSE
    sharp = np.exp(CATEGORY_SHARPNESS * (both[:, n_codes:] - both[:, n_codes:].max(axis=1, keepdims=True)))
    return both[:, :n_codes], clause, sharp / sharp.sum(axis=1, keepdims=True)


def fit_layer(whole: Scores, clause: Scores, categories: Scores, codes: Scores) -> Layer:
    """Fit the mixing weights, one shrunken offset a code, the threshold and the floor by micro-F1 of the code sets."""
    signals = signals_of(whole, clause, categories, category_indices())
    mixing, offsets = _logistic(signals, codes)
    probabilities = probabilities_of(signals, mixing, offsets)
    best = max(
        (micro_f1(chosen(probabilities, threshold, floor), codes), threshold, floor)
        for threshold in THRESHOLDS
        for floor in FLOORS
    )
    return Layer(mixing, offsets, best[1], best[2])


def _logistic(signals: Scores, codes: Scores) -> tuple[Scores, Scores]:
    """Newton's steps; offsets are drawn towards their mean, for a code has some eighty examples."""
    n_codes, n_signals = signals.shape[1:]
    one_hot = np.tile(np.eye(n_codes), (len(signals), 1))
    rows = np.hstack([signals.reshape(-1, n_signals), np.ones((len(one_hot), 1)), one_hot]).astype(np.float64)
    held = codes.ravel()
    drawn = np.array([1e-3] * (n_signals + 1) + [OFFSET_RIDGE] * n_codes)
    found = np.zeros(rows.shape[1])
    for _ in range(12):
        likely = 1.0 / (1.0 + np.exp(-np.clip(rows @ found, -30, 30)))
        slope = rows.T @ (likely - held) + drawn * found
        curve = (rows * (likely * (1 - likely))[:, None]).T @ rows + np.diag(drawn)
        found -= np.linalg.solve(curve, slope)
    return found[:n_signals].astype(np.float32), (found[n_signals] + found[n_signals + 1 :]).astype(np.float32)


def micro_f1(said: npt.NDArray[np.bool_], codes: Scores) -> float:
    """Return micro-F1 of code sets: (messages, codes) each."""
    right = float((said & (codes > 0)).sum())
    return 2 * right / max(float(said.sum() + codes.sum()), 1.0)


def _eight_bits(weights: Scores) -> tuple[npt.NDArray[np.int8], Scores]:
    scale = np.maximum(np.abs(weights).max(axis=0), 1e-9).astype(np.float32) / 127
    return np.rint(weights / scale).astype(np.int8), scale
