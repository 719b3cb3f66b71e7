"""Linear heads over what features.py gives: log-probabilities of 43 faults, sentiment, emotion and urgency.

Each task has a head on the encoder's vector and one on n-grams; their log-probabilities are averaged with a share
that depends on the language (the encoder reads Hinglish badly) and sharpened so that they mean what they say. Where
the encoder does not load, the n-gram head answers alone, with a sharpness of its own.
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


@dataclass(frozen=True)
class Heads:
    """Weights over V kept places and 384 numbers; K columns are the classes of all tasks, in order.

    gram: (V, K) int8 times ``gram_scale`` (K,); shares: (languages, tasks); sharpness: (2, tasks), of both heads and
    of the n-grams alone.
    """

    places: Indices
    idf: Numbers
    gram: npt.NDArray[np.int8]
    gram_scale: Numbers
    gram_bias: Numbers
    dense: Numbers
    dense_bias: Numbers
    shares: Numbers
    sharpness: Numbers

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
        return cls(
            places=held["places"].astype(np.int32),
            idf=held["idf"].astype(np.float32),
            gram=held["gram"],
            **{name: held[name].astype(np.float32) for name in STORED[3:]},
        )

    def log_probabilities(self, features: Features, languages: Sequence[str], *, by_grams: bool) -> dict[str, Numbers]:
        """Return calibrated log-probabilities: of ``categories`` (n, 10), ``codes`` (n, 43) and every other task.

        ``by_grams`` leaves the encoder's vectors out.
        """
        gram = np.stack([self._gram_scores(*features.sparse.row(at)) for at in range(len(features))])
        scaled: Numbers = features.dense * np.float32(DENSE_SCALE)
        dense: Numbers = gram if by_grams else np.asarray(scaled @ self.dense + self.dense_bias, np.float32)
        at = [taxonomy().languages.index(language) for language in languages]
        found: dict[str, Numbers] = {}
        for number, task in enumerate(TASKS):
            columns = columns_of(task)
            share = self.shares[at, number] * (0.0 if by_grams else 1.0)
            sharpness = self.sharpness[int(by_grams), number]
            both = mixed(dense[:, columns], gram[:, columns], share)
            if task == "codes":
                found["codes"] = both
                found["categories"] = log_softmax(sharpness * categories_from_codes(both))
            else:
                found[task] = log_softmax(sharpness * both)
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

    def _gram_scores(self, indices: Indices, values: Values) -> Numbers:
        rows, weighted = self.gram_values(indices, values)
        scores: Numbers = (weighted @ self.gram[rows].astype(np.float32)) * self.gram_scale + self.gram_bias
        return scores


STORED: Final = ("places", "idf", "gram", "gram_scale", "gram_bias", "dense", "dense_bias", "shares", "sharpness")
