"""Judge the heads on writers they have not read: each writer left out in turn, settings chosen among the others.

"Right" is a first answer among the categories a message names. With the dropdown, the expectation over what people
pick is taken exactly: right three times in four, else as people go wrong; no chance is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from feedback.analysis.heads import TASKS, classes_of, kernel_columns
from jarvish_regen.content.taxonomy import taxonomy
from learning.training.calibrate import PICKS_RIGHT, SURE, calibrate, combined, gap_of, picks_of, posterior_of
from learning.training.corpus import Message, gold_of, primary_of
from learning.training.fit import Fitted, Material, fit_heads
from learning.training.splits import pairs, rows_of, rows_without, writers_of

Numbers = npt.NDArray[np.float32]
Scores = dict[str, tuple[Numbers, Numbers, Numbers]]

BINS: Final = 10


@dataclass(frozen=True)
class Unread:
    """Answers of heads that had not read a message's writer: log-probabilities, settings chosen elsewhere."""

    answers: Mapping[str, Numbers]
    by_grams: Mapping[str, Numbers]
    with_pick: Numbers
    pick_weight: Numbers
    harsh_weight: Numbers


def unread_scores(
    messages: Sequence[Message], material: Material, progress: Callable[[str], None] | None = None
) -> Scores:
    """Return each message's scores by heads that read all writers but its own."""
    groups = [message.writer for message in messages]
    found = _empty(len(messages))
    for writer in writers_of(groups):
        if progress:
            progress(f"without {writer}")
        _put(found, fit_heads(material, rows_without(groups, [writer])), material, rows_of(groups, writer))
    return found


def _empty(count: int) -> Scores:
    sizes = {task: len(classes_of(task)) for task in TASKS}

    def parts(task: str, width: int) -> tuple[Numbers, Numbers, Numbers]:
        heads = np.zeros((2, count, width), np.float32)
        own = kernel_columns(task)
        return heads[0], heads[1], np.zeros((count, own.stop - own.start), np.float32)

    return {task: parts(task, width) for task, width in sizes.items()}


def _put(into: Scores, heads: Fitted, material: Material, rows: npt.NDArray[np.int64]) -> None:
    for task, found in heads.scores(material, rows).items():
        for kept, part in zip(into[task], found, strict=True):
            kept[rows] = part


def nested(
    messages: Sequence[Message],
    material: Material,
    scores: Scores,
    progress: Callable[[str], None] | None = None,
) -> Unread:
    """Answer each message by heads and settings that know nothing of its writer; fits heads for every two writers."""
    groups = [message.writer for message in messages]
    inner = {writer: _empty(len(messages)) for writer in writers_of(groups)}
    for first, second in pairs(groups):
        if progress:
            progress(f"without {first} and {second}")
        heads = fit_heads(material, rows_without(groups, [first, second]))
        _put(inner[first], heads, material, rows_of(groups, second))
        _put(inner[second], heads, material, rows_of(groups, first))
    names = ("categories", *TASKS[1:])
    sizes = {"categories": len(taxonomy().categories)} | {task: len(classes_of(task)) for task in TASKS[1:]}
    answers = {name: np.zeros((len(messages), sizes[name]), np.float32) for name in names}
    by_grams = {name: np.zeros_like(answers[name]) for name in names}
    size = sizes["categories"]
    with_pick = np.zeros((len(messages), size, size), np.float32)
    pick_weight, harsh_weight = np.zeros((2, len(messages), size), np.float32)
    primary = primary_of(messages)
    for writer in writers_of(groups):
        out, rest = rows_of(groups, writer), rows_without(groups, [writer])
        settings = calibrate([messages[at] for at in rest], _rows(inner[writer], rest))
        languages = [messages[at].language for at in out]
        given = _rows(scores, out)
        weights = settings.kernel_weights
        said = combined(given, languages, settings.shares, settings.sharpness[0], weights)
        spelled = combined(given, languages, settings.shares * 0, settings.sharpness[1], weights * 0)
        for name in names:
            answers[name][out], by_grams[name][out] = said[name], spelled[name]
        with_pick[out] = posterior_of(said["categories"], settings.picks, settings.text_power)
        # People go wrong as this writer's own texts mislead, which the settings have not seen.
        pick_weight[out] = picks_of(np.exp(said["categories"]), primary[out])[primary[out]]
        harsh_weight[out] = _misled(np.exp(said["categories"]), primary[out])
    return Unread(answers, by_grams, with_pick, pick_weight, harsh_weight)


def _rows(scores: Scores, rows: npt.NDArray[np.int64]) -> Scores:
    return {task: (dense[rows], gram[rows], kernel[rows]) for task, (dense, gram, kernel) in scores.items()}


def _misled(likely: Numbers, primary: npt.NDArray[np.int64]) -> Numbers:
    """Return picks that, where wrong, follow the model's own doubts about this very message: the worst case."""
    wrong = likely.copy()
    wrong[np.arange(len(wrong)), primary] = 0.0
    wrong *= (1 - PICKS_RIGHT) / np.maximum(wrong.sum(axis=1, keepdims=True), 1e-9)
    wrong[np.arange(len(wrong)), primary] = PICKS_RIGHT
    return wrong


def report_of(messages: Sequence[Message], unread: Unread) -> dict[str, Any]:
    """Return all figures: shares of right answers with Wilson intervals, by language, writer and category."""
    likely = np.exp(unread.answers["categories"])
    gold, primary = gold_of(messages), primary_of(messages)
    hits = gold[np.arange(len(gold)), likely.argmax(axis=1)]
    gap = gap_of(likely)
    order = np.argsort(-gap, kind="stable")[: int(SURE * len(gap))]
    sure = np.zeros(len(gap), np.bool_)
    sure[order] = True
    pick_hits = np.take_along_axis(gold, unread.with_pick.argmax(axis=2), axis=1)
    pick_right = (pick_hits * unread.pick_weight).sum(axis=1) / unread.pick_weight.sum(axis=1)
    harsh_right = (pick_hits * unread.harsh_weight).sum(axis=1)
    gram_hits = gold[np.arange(len(gold)), unread.by_grams["categories"].argmax(axis=1)]
    languages = np.array([message.language for message in messages])
    writers = np.array([message.writer for message in messages])
    codes = np.array(list(taxonomy().categories))

    def figures(own: npt.NDArray[np.bool_]) -> dict[str, Any]:
        return {
            "count": int(own.sum()),
            "text": _share(hits[own]),
            "text_surest_80": _share(hits[own & sure]),
            "covered": round(float(sure[own].mean()), 3),
            "with_dropdown": round(float(pick_right[own].mean()), 4),
            "with_dropdown_misled": round(float(harsh_right[own].mean()), 4),
            "ngrams_alone": round(float(gram_hits[own].mean()), 4),
        }

    confusion = np.zeros((len(codes), len(codes)), np.int64)
    np.add.at(confusion, (primary, likely.argmax(axis=1)), 1)
    every = np.ones(len(gold), np.bool_)
    return {
        "category": {
            "all": figures(every),
            "languages": {name: figures(languages == name) for name in taxonomy().languages},
            "writers": {name: figures(writers == name) for name in sorted(set(writers.tolist()))},
            "categories": {
                code: figures(primary == at) | _precision(likely, gold, at) for at, code in enumerate(codes.tolist())
            },
            "top_2": round(float(_among(likely, gold, 2).mean()), 4),
            "ece": round(ece(likely.max(axis=1), hits), 4),
            "confusion": confusion.tolist(),
        },
        **{task: _task_report(messages, unread, task, languages) for task in TASKS[1:]},
    }


def _task_report(messages: Sequence[Message], unread: Unread, task: str, languages: npt.NDArray[Any]) -> dict[str, Any]:
    known = classes_of(task)
    truth = np.array([known.index(getattr(message, task)) for message in messages])
    said = unread.answers[task].argmax(axis=1)
    return {
        "accuracy": _share(said == truth),
        "macro_f1": round(macro_f1(said, truth, len(known)), 4),
        "ece": round(ece(np.exp(unread.answers[task]).max(axis=1), said == truth), 4),
        "languages": {
            name: {
                "accuracy": round(float((said == truth)[languages == name].mean()), 4),
                "macro_f1": round(macro_f1(said[languages == name], truth[languages == name], len(known)), 4),
            }
            for name in taxonomy().languages
        },
    }


def _among(likely: Numbers, gold: npt.NDArray[np.bool_], count: int) -> npt.NDArray[np.bool_]:
    first = np.argsort(-likely, axis=1)[:, :count]
    return np.asarray(np.take_along_axis(gold, first, axis=1).any(axis=1), np.bool_)


def _precision(likely: Numbers, gold: npt.NDArray[np.bool_], at: int) -> dict[str, float]:
    said = likely.argmax(axis=1) == at
    return {"precision": round(float(gold[said, at].mean()), 4) if said.any() else 0.0}


def _share(hits: npt.NDArray[np.bool_]) -> dict[str, float]:
    low, high = wilson(int(hits.sum()), len(hits))
    return {"value": round(float(hits.mean()), 4) if len(hits) else 0.0, "low": round(low, 4), "high": round(high, 4)}


def wilson(right: int, count: int) -> tuple[float, float]:
    """Return the 95 % Wilson interval of a share; (0, 1) of nothing."""
    if not count:
        return 0.0, 1.0
    z = 1.959964
    share = right / count
    middle = share + z * z / (2 * count)
    spread = z * float(np.sqrt(share * (1 - share) / count + z * z / (4 * count * count)))
    return (middle - spread) / (1 + z * z / count), (middle + spread) / (1 + z * z / count)


def ece(sure: Numbers, hits: npt.NDArray[np.bool_]) -> float:
    """Return the expected calibration error over ten bins of equal width."""
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    return float(
        sum(
            (bins == each).mean() * abs(float(sure[bins == each].mean()) - float(hits[bins == each].mean()))
            for each in range(BINS)
            if (bins == each).any()
        )
    )


def macro_f1(said: npt.NDArray[Any], truth: npt.NDArray[Any], classes: int) -> float:
    """Return the mean over classes of F1; a class neither said nor there counts nothing."""
    found = []
    for each in range(classes):
        together = float(((said == each) & (truth == each)).sum())
        whole = float((said == each).sum() + (truth == each).sum())
        if whole:
            found.append(2 * together / whole)
    return float(np.mean(found)) if found else 0.0
