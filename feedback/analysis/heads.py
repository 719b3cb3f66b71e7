"""Linear heads over what features.py gives: log-probabilities of 43 faults, sentiment, emotion and urgency.

Each task has a head on the encoder's vector and one on n-grams; their log-probabilities are averaged with a share
that depends on the language (the encoder reads Hinglish badly) and sharpened so that they mean what they say. Where
the encoder does not load, the n-gram head answers alone, with a sharpness of its own.

Categories and sentiment hear a third voice, kernel ridge regression on both at once: how like a message is to a
thousand messages and more (a Gaussian of the vectors) and which n-grams it has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from feedback.analysis.features import GRAMS, Features, Indices, Values
from jarvish_regen.content.taxonomy import taxonomy

Numbers = npt.NDArray[np.float32]

TASKS: Final = ("codes", "sentiment", "emotion", "urgency")
# Tasks the kernel speaks to; its columns are the codes, the categories and the sentiments, in this order.
KERNEL_TASKS: Final = ("codes", "sentiment")
# exp(2 (cosine - 1)); 1, 3 and 4 were no better on unread writers.
KERNEL_NARROWNESS: Final = 2.0
# Turn ridge scores, about 0 to 1, into log-probabilities (chosen once, among few, over all writers).
_CODE_SHARPNESS: Final = 12.0
_CATEGORY_SHARPNESS: Final = 10.0
DENSE_SCALE: Final = 3.0  # one penalty fits both heads when the vector is about as long as its use in them


class HeadsError(ValueError):
    """Arrays that are not the heads of this taxonomy."""


@cache
def classes_of(task: str) -> tuple[str, ...]:
    """Return the classes of a task in the order of its columns."""
    known = taxonomy()
    return {
        "codes": tuple(known.issues),
        "sentiment": known.sentiments,
        "emotion": known.emotions,
        "urgency": known.urgencies,
    }[task]


@cache
def columns_of(task: str) -> slice:
    """Return where the columns of a task stand among those of all tasks."""
    before = sum(len(classes_of(each)) for each in TASKS[: TASKS.index(task)])
    return slice(before, before + len(classes_of(task)))


@cache
def category_of_code() -> npt.NDArray[np.int64]:
    """Return for each code the index of its category."""
    categories = list(taxonomy().categories)
    return np.array([categories.index(issue.category) for issue in taxonomy().issues.values()], np.int64)


def log_softmax(scores: Numbers) -> Numbers:
    """Return log-probabilities of rows of scores."""
    lowered = scores - scores.max(axis=-1, keepdims=True)
    found: Numbers = lowered - np.log(np.exp(lowered).sum(axis=-1, keepdims=True))
    return found


def mixed(dense: Numbers, gram: Numbers, share: npt.NDArray[Any]) -> Numbers:
    """Return the geometric mean of two heads: scores (n, k) each, ``share`` (n,) of the first one."""
    part = share.astype(np.float32)[:, None]
    return log_softmax(part * log_softmax(dense) + (1 - part) * log_softmax(gram))


def categories_from_codes(codes: Numbers) -> Numbers:
    """Return log-probabilities of categories (n, 10) from those of codes (n, 43)."""
    summed = np.zeros((len(codes), int(category_of_code().max()) + 1), np.float32)
    np.add.at(summed.T, category_of_code(), np.exp(codes).T)
    found: Numbers = np.log(summed + 1e-9)
    return found


def kernel_columns(task: str) -> slice:
    """Return where the kernel's columns of a task stand; none of a task it does not speak to."""
    codes = len(classes_of("codes"))
    middle = codes + int(category_of_code().max()) + 1
    return {"codes": slice(0, middle), "sentiment": slice(middle, middle + len(classes_of("sentiment")))}.get(
        task, slice(0, 0)
    )


def likeness(vectors: Numbers, landmarks: Numbers) -> Numbers:
    """Return how like unit vectors (n, d) are to others (m, d): (n, m), 1 where they are the same."""
    found: Numbers = np.exp(np.float32(KERNEL_NARROWNESS) * (vectors @ landmarks.T - np.float32(1)))
    return found


def with_kernel(task: str, both: Numbers, kernel: Numbers, weight: float) -> Numbers:
    """Return scores of the classes of a task, of categories for ``codes``: the two heads and the kernel together.

    both: what ``mixed`` gives; kernel: the kernel's scores of the task, unused where ``weight`` is 0.
    """
    heard = categories_from_codes(both) if task == "codes" else both
    if not weight:
        return heard
    if task != "codes":
        return np.asarray(heard + np.float32(weight) * kernel, np.float32)
    codes = len(classes_of("codes"))
    summed = categories_from_codes(log_softmax(np.float32(_CODE_SHARPNESS) * kernel[:, :codes]))
    own = log_softmax(np.float32(_CATEGORY_SHARPNESS) * kernel[:, codes:])
    return np.asarray(heard + np.float32(weight) * (summed + own / 2), np.float32)


@dataclass(frozen=True)
class Heads:
    """Weights over V kept places and 384 numbers; K columns are the classes of all tasks, in order.

    gram: (V, K) int8 times ``gram_scale`` (K,); shares: (languages, tasks); sharpness: (2, tasks), of both heads and
    of the n-grams alone. landmarks: (m, 384), stored in eight bits; kernel_dense (m, C) and kernel_gram (V, C) int8,
    over the C columns of the kernel; kernel_weights: (tasks,).
    """

    places: Indices
    idf: Numbers
    gram: npt.NDArray[np.int8]
    kernel_gram: npt.NDArray[np.int8]
    gram_scale: Numbers
    gram_bias: Numbers
    dense: Numbers
    dense_bias: Numbers
    shares: Numbers
    sharpness: Numbers
    landmarks: Numbers
    kernel_dense: Numbers
    kernel_gram_scale: Numbers
    kernel_bias: Numbers
    kernel_weights: Numbers

    @classmethod
    def read(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Heads:
        """Return the heads stored in an artefact. Raises HeadsError for missing arrays or wrong shapes."""
        try:
            held = {name: np.asarray(arrays[name]) for name in STORED}
        except KeyError as error:
            raise HeadsError(f"no array {error}") from error
        width = columns_of(TASKS[-1]).stop
        if held["gram"].shape != (len(held["places"]), width) or held["dense"].shape[1:] != (width,):
            raise HeadsError(f"weights of shape {held['gram'].shape} do not fit {width} classes")
        wide = kernel_columns(KERNEL_TASKS[-1]).stop
        if held["kernel_gram"].shape != (len(held["places"]), wide) or held["kernel_dense"].shape[1:] != (wide,):
            raise HeadsError(f"a kernel of shape {held['kernel_gram'].shape} does not fit {wide} columns")
        return cls(
            places=held["places"].astype(np.int32),
            gram=held["gram"],
            kernel_gram=held["kernel_gram"],
            landmarks=held["landmarks"] * held["landmarks_scale"].astype(np.float32),
            **{name: held[name].astype(np.float32) for name in STORED[5:]},
        )

    def log_probabilities(self, features: Features, languages: Sequence[str], *, by_grams: bool) -> dict[str, Numbers]:
        """Return calibrated log-probabilities: of ``categories`` (n, 10), ``codes`` (n, 43) and every other task.

        ``by_grams`` leaves the encoder's vectors out.
        """
        spelled = [self.gram_values(*features.sparse.row(at)) for at in range(len(features))]
        gram = np.stack([_summed(self.gram, self.gram_scale, *row) for row in spelled]) + self.gram_bias
        kernel = np.zeros((len(features), len(self.kernel_bias)), np.float32)
        if not by_grams:
            kernel = np.stack([_summed(self.kernel_gram, self.kernel_gram_scale, *row) for row in spelled])
            kernel += likeness(features.dense, self.landmarks) @ self.kernel_dense + self.kernel_bias
        scaled: Numbers = features.dense * np.float32(DENSE_SCALE)
        dense: Numbers = gram if by_grams else np.asarray(scaled @ self.dense + self.dense_bias, np.float32)
        at = [taxonomy().languages.index(language) for language in languages]
        found: dict[str, Numbers] = {}
        for number, task in enumerate(TASKS):
            columns = columns_of(task)
            share = self.shares[at, number] * (0.0 if by_grams else 1.0)
            sharpness = self.sharpness[int(by_grams), number]
            both = mixed(dense[:, columns], gram[:, columns], share)
            weight = 0.0 if by_grams else float(self.kernel_weights[number])
            heard = with_kernel(task, both, kernel[:, kernel_columns(task)], weight)
            if task == "codes":
                found["codes"] = both
            found["categories" if task == "codes" else task] = log_softmax(sharpness * heard)
        return found

    def gram_values(self, indices: Indices, values: Values) -> tuple[npt.NDArray[np.int64], Numbers]:
        """Return the rows of ``gram`` a message uses and their values, each half of length sqrt(1/2)."""
        at = np.searchsorted(self.places, indices)
        at[at == len(self.places)] = 0
        known = self.places[at] == indices
        rows, kept = at[known], indices[known]
        weighted = values[known] * self.idf[rows]
        for half in (kept < GRAMS, kept >= GRAMS):
            length = float(np.sqrt(2 * np.square(weighted[half]).sum()))
            weighted[half] /= max(length, 1e-6)
        return rows, weighted


def _summed(weights: npt.NDArray[np.int8], scale: Numbers, rows: npt.NDArray[np.int64], values: Numbers) -> Numbers:
    scores: Numbers = (values @ weights[rows].astype(np.float32)) * scale
    return scores


STORED: Final = (
    *("places", "gram", "kernel_gram", "landmarks", "landmarks_scale"),
    *("idf", "gram_scale", "gram_bias", "dense", "dense_bias", "shares", "sharpness"),
    *("kernel_dense", "kernel_gram_scale", "kernel_bias", "kernel_weights"),
)
