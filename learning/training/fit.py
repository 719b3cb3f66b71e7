"""Fit the heads: softmax regression on the encoder's vectors and on n-grams, by L-BFGS, and a kernel on both; scipy.

Words of a message that a person marked as showing a fault are rows of their own for the n-gram head: a message about
two faults tells less than its parts do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import linalg, sparse
from scipy.optimize import minimize

from feedback.analysis.features import GRAMS, PLACES, Features, Sparse, sparse_of
from feedback.analysis.heads import DENSE_SCALE, TASKS, category_of_code, classes_of, kernel_columns, likeness
from learning.training.corpus import Message, targets_of

Numbers = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

# In fewer messages than this an n-gram is one writer's slip, and the artefact has 3 MB for these heads.
LEAST_MESSAGES: Final = 3
# Chosen leaving one writer out among a few values; between neighbours accuracy moves by less than a point.
GRAM_PENALTY: Final = {"codes": 0.12, "sentiment": 0.3, "emotion": 0.3, "urgency": 0.3}
DENSE_PENALTY: Final = {"codes": 1.5, "sentiment": 1.0, "emotion": 1.0, "urgency": 1.0}
SPAN_WEIGHT: Final = 0.3
STEPS: Final = 35
# Kernel ridge regression, chosen among some ten over all writers: share of the vectors' likeness against the n-grams',
# the ridge, and how many messages stand for all (a thousand lose .002 of accuracy; the artefact has 5 MB).
KERNEL_SHARE: Final = 0.35
KERNEL_RIDGE: Final = 0.15
LANDMARKS: Final = 1_500
# Half of how frequent a sentiment is, is taken off its score: rare ones are heard.
PRIOR_OFF: Final = 0.5


@dataclass(frozen=True)
class Kernel:
    """The kernel's weights over C columns: ``landmarks`` (m, 384), ``dense`` (m, C), ``gram`` (V, C), ``bias`` (C,)."""

    landmarks: Numbers
    dense: Numbers
    gram: Numbers
    bias: Numbers


@dataclass(frozen=True)
class Material:
    """Messages as numbers: vectors (n, 384), n-grams (n, PLACES), targets a task, and the marked words as rows."""

    dense: Numbers
    grams: sparse.csr_matrix
    targets: Mapping[str, Numbers]
    span_grams: sparse.csr_matrix
    span_codes: Numbers
    span_of: Rows


@dataclass(frozen=True)
class Fitted:
    """Weights a task: ``gram`` (V + 1, k) over the kept ``places``, ``dense`` (385, k); the last row is the bias."""

    places: npt.NDArray[np.int32]
    idf: Numbers
    gram: Mapping[str, Numbers]
    dense: Mapping[str, Numbers]
    kernel: Kernel

    def scores(self, material: Material, asked: Rows) -> dict[str, tuple[Numbers, Numbers, Numbers]]:
        """Return for each task the scores of the encoder's head, of the n-gram head (rows, k) and of the kernel."""
        grams = weighted(material.grams[asked], self.places, self.idf)
        dense = material.dense[asked] * np.float32(DENSE_SCALE)
        by_kernel = likeness(material.dense[asked], self.kernel.landmarks) @ self.kernel.dense + self.kernel.bias
        by_kernel = np.asarray(by_kernel + grams @ self.kernel.gram, np.float32)
        return {
            task: (
                dense @ self.dense[task][:-1] + self.dense[task][-1],
                np.asarray(grams @ self.gram[task][:-1] + self.gram[task][-1]),
                by_kernel[:, kernel_columns(task)],
            )
            for task in TASKS
        }


def material_of(messages: Sequence[Message], features: Features) -> Material:
    """Turn messages into numbers; ``features`` are those of their texts, in order."""
    known = classes_of("codes")
    marked = [
        (each.span, known.index(each.code), at)
        for at, message in enumerate(messages)
        for each in message.issues
        # A span that is nearly the message would only count it twice.
        if len(each.span) < 0.8 * len(message.text)
    ]
    return Material(
        dense=features.dense,
        grams=as_matrix(features.sparse),
        targets=targets_of(messages),
        span_grams=as_matrix(sparse_of([span for span, _, _ in marked])),
        span_codes=np.eye(len(known), dtype=np.float32)[[code for _, code, _ in marked]],
        span_of=np.array([at for _, _, at in marked], np.int64),
    )


def as_matrix(rows: Sparse) -> sparse.csr_matrix:
    """Return hashed n-grams as a matrix (rows, PLACES)."""
    return sparse.csr_matrix((rows.values, rows.indices, rows.indptr), shape=(len(rows), PLACES))


def weighted(grams: sparse.csr_matrix, places: npt.NDArray[np.int32], idf: Numbers) -> sparse.csr_matrix:
    """Return the kept n-grams times their rarity, pieces of words and words each of length sqrt(1/2)."""
    kept = (grams[:, places] @ sparse.diags(idf)).tocsr().astype(np.float32)
    middle = int((places < GRAMS).sum())
    halves = []
    for half in (kept[:, :middle], kept[:, middle:]):
        lengths = np.sqrt(2 * np.asarray(half.multiply(half).sum(axis=1)).ravel())
        halves.append(sparse.diags((1.0 / np.maximum(lengths, 1e-6)).astype(np.float32)) @ half)
    return sparse.hstack(halves).tocsr()


def fit_heads(material: Material, read: Rows, *, steps: int = STEPS) -> Fitted:
    """Fit both heads of every task on the messages ``read`` (row numbers)."""
    counts = np.bincount(material.grams[read].indices, minlength=PLACES)
    places = np.flatnonzero(counts >= LEAST_MESSAGES).astype(np.int32)
    idf = (np.log((1 + len(read)) / (1 + counts[places])) + 1).astype(np.float32)
    grams = weighted(material.grams[read], places, idf)
    own = np.isin(material.span_of, read)
    stacked = sparse.vstack([grams, weighted(material.span_grams[own], places, idf)]).tocsr()
    dense = material.dense[read] * np.float32(DENSE_SCALE)
    gram_heads: dict[str, Numbers] = {}
    dense_heads: dict[str, Numbers] = {}
    for task in TASKS:
        targets = material.targets[task][read]
        weights = _balance(targets) if task != "codes" else np.ones(len(read), np.float32)
        dense_heads[task] = softmax_regression(dense, targets, weights, DENSE_PENALTY[task], 2 * steps)
        rows: Any = grams
        if task == "codes":
            rows = stacked
            targets = np.vstack([targets, material.span_codes[own]])
            weights = np.concatenate([weights, np.full(int(own.sum()), SPAN_WEIGHT, np.float32)])
        gram_heads[task] = softmax_regression(rows, targets, weights, GRAM_PENALTY[task], steps)
    return Fitted(places, idf, gram_heads, dense_heads, fit_kernel(material, read, grams))


def fit_kernel(material: Material, read: Rows, grams: sparse.csr_matrix) -> Kernel:
    """Fit the kernel on the messages ``read``, whose kept n-grams are ``grams``, row for row."""
    codes, sentiment = material.targets["codes"][read], material.targets["sentiment"][read]
    bundles = np.stack([codes[:, category_of_code() == at].sum(axis=1) for at in np.unique(category_of_code())], axis=1)
    targets = np.hstack([codes, bundles, sentiment]).astype(np.float32)
    mean = targets.mean(axis=0)
    picked = np.sort(np.random.default_rng(7).choice(read, min(LANDMARKS, len(read)), replace=False))
    # Rounded as they are stored: the weights are to fit what will be read.
    scale = np.float32(np.abs(material.dense[picked]).max() / 127)
    landmarks = (np.rint(material.dense[picked] / scale) * scale).astype(np.float32)
    values, vectors = linalg.eigh(likeness(landmarks, landmarks).astype(np.float64))
    # Nystroem: coordinates whose products are the likenesses; tiny eigenvalues would only blow up rounding.
    root = (vectors / np.sqrt(np.maximum(values, 0) + 1e-3)).astype(np.float32)
    placed = likeness(material.dense[read], landmarks) @ root
    both = np.float32(KERNEL_SHARE) * (placed @ placed.T)
    both += np.float32(1 - KERNEL_SHARE) * np.asarray((grams @ grams.T).todense(), np.float32)
    both[np.diag_indices_from(both)] += np.float32(KERNEL_RIDGE)
    found = linalg.solve(both, targets - mean, assume_a="pos", overwrite_a=True, check_finite=False)
    bias = mean.copy()
    bias[kernel_columns("sentiment")] *= 1 - PRIOR_OFF
    return Kernel(
        landmarks=landmarks,
        dense=np.float32(KERNEL_SHARE) * (root @ (placed.T @ found)),
        gram=np.asarray(np.float32(1 - KERNEL_SHARE) * (grams.T @ found), np.float32),
        bias=bias,
    )


def _balance(targets: Numbers) -> Numbers:
    # The square root: rare classes are heard without being called at every turn.
    weights = 1.0 / np.sqrt(targets.mean(axis=0) + 1e-3)
    each = targets @ weights
    balanced: Numbers = (each / each.mean()).astype(np.float32)
    return balanced


def softmax(scores: Numbers) -> Numbers:
    """Return probabilities of rows of scores."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Numbers = powers / powers.sum(axis=1, keepdims=True)
    return shares


def softmax_regression(rows: Any, targets: Numbers, weights: Numbers, penalty: float, steps: int) -> Numbers:
    """Return (d + 1, k) weights, bias last and not penalised; targets are shares, rows dense or sparse (n, d)."""
    size, k = rows.shape[1], targets.shape[1]
    turned = rows.T.tocsr() if sparse.issparse(rows) else rows.T

    def loss(flat: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        found = flat.reshape(size + 1, k).astype(np.float32)
        likely = softmax(np.asarray(rows @ found[:-1]) + found[-1])
        wrong = weights[:, None] * (likely - targets)
        value = -float((weights[:, None] * targets * np.log(likely + 1e-12)).sum(dtype=np.float64))
        value += penalty / 2 * float(np.square(found[:-1], dtype=np.float64).sum())
        slope = np.vstack([turned @ wrong + penalty * found[:-1], wrong.sum(axis=0)])
        return value, slope.ravel().astype(np.float64)

    end = minimize(loss, np.zeros((size + 1) * k), jac=True, method="L-BFGS-B", options={"maxiter": steps, "maxcor": 6})
    found: Numbers = end.x.reshape(size + 1, k).astype(np.float32)
    return found
