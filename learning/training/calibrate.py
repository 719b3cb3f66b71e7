"""What turns scores of unread writers into answers: shares, sharpness, thresholds, the gap of the sure, the dropdown.

All of it is fitted on scores that each message was given by heads that had not read its writer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from feedback.analysis.heads import KERNEL_TASKS, TASKS, log_softmax, mixed, with_kernel
from jarvish_regen.content.taxonomy import taxonomy
from learning.training.corpus import Message, gold_of, primary_of

Numbers = npt.NDArray[np.float32]
# A task's scores by the encoder's head, the n-gram head and the kernel.
Scores = Mapping[str, tuple[Numbers, Numbers, Numbers]]

# The language of which the encoder's head is right about half as often as the n-grams'.
BADLY_READ: Final = "hinglish"
SHARES: Final = (0.1, 0.2, 0.3, 0.4, 0.5)
KERNEL_WEIGHTS: Final = {"codes": (0.0, 0.2, 0.4), "sentiment": (0.0, 2.0, 4.0)}
SHARPNESSES: Final = tuple(np.round(np.arange(0.5, 5.05, 0.1), 2).tolist())
THRESHOLDS: Final = tuple(np.round(np.arange(0.12, 0.62, 0.02), 2).tolist())
# The share of messages the gap is set to be sure of.
SURE: Final = 0.8
# How often a person picks the right category; real picks replace it when there are verdicts to count.
PICKS_RIGHT: Final = 0.75
# A pick is never proof: however rarely two categories are mixed up, it happens.
FLOOR: Final = 0.004
# Categories people mix up (the doubtful pairs of the corpus' labelling rules).
NEIGHBOURS: Final = (
    ("length_issue", "formatting_error"),
    ("length_issue", "relevance_low"),
    ("technical_issue", "formatting_error"),
    ("technical_issue", "compliance_violation"),
    ("tone_inappropriate", "target_mismatch"),
    ("tone_inappropriate", "brand_violation"),
    ("compliance_violation", "factual_error"),
    ("compliance_violation", "brand_violation"),
    ("language_quality", "target_mismatch"),
    ("language_quality", "technical_issue"),
    ("factual_error", "relevance_low"),
    ("factual_error", "technical_issue"),
    ("target_mismatch", "relevance_low"),
)


@dataclass(frozen=True)
class Calibration:
    """The settings of the heads; shapes as in ``feedback.analysis.heads.Heads`` and ``decide.Decider``."""

    shares: Numbers
    sharpness: Numbers
    thresholds: Numbers
    gap: float
    gap_with_pick: float
    picks: Numbers
    text_power: float
    kernel_weights: Numbers


def combined(
    scores: Scores, languages: Sequence[str], shares: Numbers, sharpness: Numbers, kernel_weights: Numbers
) -> dict[str, Numbers]:
    """Return calibrated log-probabilities of categories and every further task, as the heads do."""
    at = np.array([taxonomy().languages.index(language) for language in languages])
    found: dict[str, Numbers] = {}
    for number, task in enumerate(TASKS):
        heard = _answers(scores[task], shares[at, number], task, float(kernel_weights[number]))
        found["categories" if task == "codes" else task] = log_softmax(sharpness[number] * heard)
    return found


def calibrate(messages: Sequence[Message], scores: Scores) -> Calibration:
    """Choose all settings on messages and the scores unread heads gave them."""
    languages = np.array([message.language for message in messages])
    gold = {"codes": gold_of(messages)}
    for task in TASKS[1:]:
        known = {"sentiment": taxonomy().sentiments, "emotion": taxonomy().emotions, "urgency": taxonomy().urgencies}
        gold[task] = np.array([[each == getattr(message, task) for each in known[task]] for message in messages])
    shares = np.zeros((len(taxonomy().languages), len(TASKS)), np.float32)
    sharpness = np.ones((2, len(TASKS)), np.float32)
    weights = np.zeros(len(TASKS), np.float32)
    badly = languages == BADLY_READ
    for number, task in enumerate(TASKS):
        for at, language in enumerate(taxonomy().languages):
            # What the encoder reads well it reads alike: a choice for each language follows chance.
            own = badly if language == BADLY_READ else ~badly
            shares[at, number] = _best_share(scores[task], gold[task], own, task)
        every = shares[[taxonomy().languages.index(language) for language in languages], number]
        if task in KERNEL_TASKS:
            weights[number] = _best_weight(scores[task], every, gold[task], task)
        heard = _answers(scores[task], every, task, float(weights[number]))
        sharpness[0, number] = _best_sharpness(heard, gold[task])
        sharpness[1, number] = _best_sharpness(_answers(scores[task], every * 0, task, 0.0), gold[task])
    categories = combined(scores, languages.tolist(), shares, sharpness[0], weights)["categories"]
    primary = primary_of(messages)
    picks = picks_of(np.exp(categories), primary)
    power = max(
        (0.6, 0.8, 1.0, 1.2, 1.5), key=lambda power: _right_with_pick(categories, picks, power, gold["codes"], primary)
    )
    posterior, weight = with_picks(categories, picks, power, primary)
    return Calibration(
        shares=shares,
        sharpness=sharpness,
        thresholds=_thresholds(np.exp(categories), gold["codes"]),
        gap=float(np.quantile(gap_of(np.exp(categories)), 1 - SURE)),
        gap_with_pick=weighted_quantile(gap_of(posterior.reshape(-1, posterior.shape[-1])), weight.ravel(), 1 - SURE),
        picks=picks,
        text_power=power,
        kernel_weights=weights,
    )


def _answers(scores: tuple[Numbers, Numbers, Numbers], share: Numbers, task: str, weight: float) -> Numbers:
    return with_kernel(task, mixed(scores[0], scores[1], share), scores[2], weight)


def _best_weight(
    scores: tuple[Numbers, Numbers, Numbers], share: Numbers, gold: npt.NDArray[np.bool_], task: str
) -> float:
    """Return the weight of the kernel with the most right answers."""
    return max(KERNEL_WEIGHTS[task], key=lambda weight: _worth(_answers(scores, share, task, weight), gold))


def _worth(answers: Numbers, gold: npt.NDArray[np.bool_]) -> float:
    hits = gold[np.arange(len(gold)), answers.argmax(axis=1)]
    # The share of right answers alone jumps from value to value; what they are thought to be worth does not.
    return float(hits.mean()) + 0.2 * float(np.exp(log_softmax(answers)[gold]).mean())


def _best_share(
    scores: tuple[Numbers, Numbers, Numbers], gold: npt.NDArray[np.bool_], own: npt.NDArray[Any], task: str
) -> float:
    """Return the share with the most right answers; a language of which little is there takes that of all."""
    rows = np.flatnonzero(own) if own.sum() >= 100 else np.arange(len(own))
    mine = (scores[0][rows], scores[1][rows], scores[2][rows])
    return max(
        SHARES,
        key=lambda share: _worth(_answers(mine, np.full(len(rows), share, np.float32), task, 0.0), gold[rows]),
    )


def _best_sharpness(answers: Numbers, gold: npt.NDArray[np.bool_]) -> float:
    """Return the sharpness at which the probability of the first answer is worth what it says (log loss)."""
    hits = gold[np.arange(len(gold)), answers.argmax(axis=1)]

    def loss(sharpness: float) -> float:
        first = np.clip(np.exp(log_softmax(np.float32(sharpness) * answers)).max(axis=1), 1e-4, 1 - 1e-4)
        return -float(np.where(hits, np.log(first), np.log(1 - first)).mean())

    return float(min(SHARPNESSES, key=loss))


def _thresholds(likely: Numbers, gold: npt.NDArray[np.bool_]) -> Numbers:
    first = np.eye(likely.shape[1], dtype=bool)[likely.argmax(axis=1)]
    found = []
    for column in range(likely.shape[1]):
        truth = gold[:, column]

        def f1(threshold: float, column: int = column, truth: npt.NDArray[np.bool_] = truth) -> float:
            said = first[:, column] | (likely[:, column] >= threshold)
            return 2 * float((said & truth).sum()) / max(float(said.sum() + truth.sum()), 1.0)

        found.append(max(THRESHOLDS, key=f1))
    return np.array(found, np.float32)


def gap_of(likely: Numbers) -> Numbers:
    """Return by how much the first answer leads the second: (n,)."""
    best = np.sort(likely, axis=-1)
    lead: Numbers = best[..., -1] - best[..., -2]
    return lead


def picks_of(likely: Numbers, primary: npt.NDArray[np.int64]) -> Numbers:
    """Return P(pick | category), (10, 10): right three times in four, else as the text model and people mix up."""
    codes = list(taxonomy().categories)
    size = len(codes)
    confused = np.zeros((size, size))
    np.add.at(confused, primary, likely)
    near = np.zeros((size, size))
    for left, right in NEIGHBOURS:
        near[codes.index(left), codes.index(right)] = near[codes.index(right), codes.index(left)] = 1.0
    for matrix in (confused, near):
        np.fill_diagonal(matrix, 0.0)
        matrix += 1e-6
        matrix /= matrix.sum(axis=1, keepdims=True)
    wrong = 0.5 * confused + 0.5 * near
    np.fill_diagonal(wrong, 0.0)
    wrong /= wrong.sum(axis=1, keepdims=True)
    picks = PICKS_RIGHT * np.eye(size) + (1 - PICKS_RIGHT) * wrong
    picks = np.maximum(picks, FLOOR)
    found: Numbers = (picks / picks.sum(axis=1, keepdims=True)).astype(np.float32)
    return found


def posterior_of(categories: Numbers, picks: Numbers, power: float) -> Numbers:
    """Return P(category | text, pick) for every possible pick: (n, picks, categories)."""
    scores = np.float32(power) * categories[:, None, :] + np.log(picks.T)[None]
    found: Numbers = np.exp(log_softmax(scores))
    return found


def with_picks(
    categories: Numbers, picks: Numbers, power: float, primary: npt.NDArray[np.int64]
) -> tuple[Numbers, Numbers]:
    """Return the posterior for every pick and how likely people make it: (n, 10, 10) and (n, 10)."""
    return posterior_of(categories, picks, power), picks[primary]


def _right_with_pick(
    categories: Numbers, picks: Numbers, power: float, gold: npt.NDArray[np.bool_], primary: npt.NDArray[np.int64]
) -> float:
    posterior, weight = with_picks(categories, picks, power, primary)
    hits = np.take_along_axis(gold, posterior.argmax(axis=2), axis=1)
    return float((hits * weight).sum() / weight.sum())


def weighted_quantile(values: Numbers, weights: Numbers, share: float) -> float:
    """Return the value below which ``share`` of the weight lies."""
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, share * total[-1])])
