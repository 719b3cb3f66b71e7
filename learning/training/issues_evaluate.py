"""Measure issue codes and spans on writers nobody had read: ``python -m learning.training.issues_evaluate``.

Leave one writer out, seven times. Heads, mixing, offsets and thresholds are fitted inside the other six writers; with
``--strict`` the scores the thresholds are fitted on come from heads that had read neither the writer scored nor the one
held out (42 fits, ten minutes), without it from heads that may have read the one held out (7 fits).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import django
import numpy as np

from feedback.analysis.features import Features, sparse_of
from feedback.analysis.issues import FoundIssue, IssueHeads, find_issues
from learning.training.corpus import Message, features_with_cache, read_messages
from learning.training.issues_fit import (
    Layer,
    Material,
    arrays_of,
    fit_heads,
    fit_layer,
    material_of,
    scores_of,
    unread_scores,
)

RESAMPLES: Final = 1_000
BINS: Final = 10


@dataclass(frozen=True)
class Judged:
    """One message with what was found in it."""

    row: Message
    found: tuple[FoundIssue, ...]

    def counts(self) -> tuple[int, int, int, int]:
        """Return codes found and labelled, codes found, codes labelled, codes found with an overlapping span."""
        gold = {issue.code for issue in self.row.issues}
        said = {issue.code for issue in self.found}
        right = {issue.code for issue in self.found if any(share > 0 for share in _overlaps(self.row, issue))}
        return len(gold & said), len(said), len(gold), len(right)

    def closeness(self) -> list[float]:
        """Return for each rightly found code the best overlap of its span, shared over joint length."""
        gold = {issue.code for issue in self.row.issues}
        return [max(_overlaps(self.row, issue)) for issue in self.found if issue.code in gold]


def _overlaps(row: Message, found: FoundIssue) -> list[float]:
    shares: list[float] = []
    for issue in row.issues:
        if issue.code != found.code:
            continue
        # The label has no position: words that stand twice may be meant at either place.
        starts = [at for at in range(len(row.text)) if row.text.startswith(issue.span, at)]
        for first in starts:
            last = first + len(issue.span)
            shared = min(last, found.end) - max(first, found.start)
            shares.append(max(shared, 0) / (max(last, found.end) - min(first, found.start)))
    return shares


def judge(rows: Sequence[Message], features: Features, *, strict: bool) -> list[Judged]:
    """Return every message with what heads find in it that had read nothing of its writer."""
    material = material_of(rows, features)
    everyone = np.arange(len(rows))
    unread = None if strict else unread_scores(material, everyone)
    judged: list[Judged] = []
    for writer in np.unique(material.writers):
        own, others = everyone[material.writers == writer], everyone[material.writers != writer]
        scores = unread_scores(material, others) if unread is None else tuple(part[others] for part in unread)
        layer = fit_layer(scores[0], scores[1], scores[2], material.codes[others])
        judged += _judge_writer(rows, features, material, own, others, layer)
        print(f"{rows[int(own[0])].writer} done", file=sys.stderr, flush=True)
    return judged


def _judge_writer(
    rows: Sequence[Message],
    features: Features,
    material: Material,
    own: np.ndarray[tuple[int], np.dtype[np.int64]],
    others: np.ndarray[tuple[int], np.dtype[np.int64]],
    layer: Layer,
) -> list[Judged]:
    fitted = fit_heads(material, others)
    heads = IssueHeads.read(arrays_of(*fitted, layer))
    categories = scores_of(material, fitted, own)[2]
    judged: list[Judged] = []
    for at, probabilities in zip(own.tolist(), categories, strict=True):
        one = Features(features.dense[at : at + 1], sparse_of([rows[at].text]), features.encoder)
        found = find_issues(rows[at].text, heads=heads, features=one, category_probabilities=probabilities)
        judged.append(Judged(rows[at], found))
    return judged


@dataclass(frozen=True)
class Summary:
    """Micro-F1 of the code sets and of codes with an overlapping span, with 95 % bootstrap intervals over messages.

    ``closeness`` is the shared part of found and labelled span where the code is right; ``ece`` is of found codes.
    """

    messages: int
    codes_f1: float
    codes_interval: tuple[float, float]
    spans_f1: float
    spans_interval: tuple[float, float]
    precision: float
    recall: float
    closeness: float
    ece: float


def summary(judged: Sequence[Judged]) -> Summary:
    """Return the figures of some messages."""
    counts = np.array([one.counts() for one in judged], np.float64)
    picks = np.random.default_rng(4).integers(0, len(counts), (RESAMPLES, len(counts)))
    drawn = counts[picks].sum(axis=1)
    total = counts.sum(axis=0)
    closeness = [share for one in judged for share in one.closeness()]
    return Summary(
        messages=len(judged),
        codes_f1=_f1(total[0], total),
        codes_interval=_interval([_f1(row[0], row) for row in drawn]),
        spans_f1=_f1(total[3], total),
        spans_interval=_interval([_f1(row[3], row) for row in drawn]),
        precision=round(float(total[0] / max(total[1], 1)), 4),
        recall=round(float(total[0] / max(total[2], 1)), 4),
        closeness=round(float(np.mean(closeness)), 4) if closeness else 0.0,
        ece=_ece(judged),
    )


def _f1(right: float, total: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    return round(float(2 * right / max(total[1] + total[2], 1.0)), 4)


def _interval(values: list[float]) -> tuple[float, float]:
    low, high = np.percentile(values, [2.5, 97.5])
    return round(float(low), 4), round(float(high), 4)


def _ece(judged: Sequence[Judged]) -> float:
    said = [
        (issue.probability, issue.code in {label.code for label in one.row.issues})
        for one in judged
        for issue in one.found
    ]
    if not said:
        return 0.0
    probabilities, right = (np.array(column, np.float64) for column in zip(*said, strict=True))
    bins = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    gaps = [abs(probabilities[bins == at].sum() - right[bins == at].sum()) for at in range(BINS)]
    return round(float(sum(gaps) / len(said)), 4)


def table(judged: Sequence[Judged]) -> dict[str, Summary]:
    """Return the summary over all messages, per language and per writer."""
    parts: dict[str, list[Judged]] = {"all": list(judged)}
    for one in sorted(judged, key=lambda one: one.row.language):
        parts.setdefault(one.row.language, []).append(one)
    for one in judged:
        parts.setdefault(one.row.writer, []).append(one)
    return {name: summary(part) for name, part in parts.items()}


def per_code(judged: Sequence[Judged]) -> dict[str, tuple[float, int]]:
    """Return F1 and labelled messages of each code."""
    found: dict[str, list[int]] = {}
    for one in judged:
        gold, said = {label.code for label in one.row.issues}, {issue.code for issue in one.found}
        for code in gold | said:
            held = found.setdefault(code, [0, 0, 0])
            held[0] += code in gold and code in said
            held[1] += code in said
            held[2] += code in gold
    return {code: (round(2 * right / (said + gold), 3), gold) for code, (right, said, gold) in sorted(found.items())}


def main() -> int:
    """Print the table; with --json as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, epilog="Example: python -m learning.training.issues_evaluate")
    parser.add_argument("--cache", type=Path, default=Path("var/training"), help="where vectors are kept between runs")
    parser.add_argument("--strict", action="store_true", help="fit thresholds wholly inside the other writers")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    rows = read_messages()
    judged = judge(rows, features_with_cache([row.text for row in rows], options.cache), strict=options.strict)
    if options.json:
        print(
            json.dumps(
                {"parts": {name: asdict(part) for name, part in table(judged).items()}, "codes": per_code(judged)},
                indent=1,
            )
        )
        return 0
    print(f"{'part':14} {'n':>5} {'codes F1':>9} {'95 %':>15} {'spans F1':>9} {'95 %':>15} {'close':>6} {'ECE':>6}")
    for name, part in table(judged).items():
        codes, spans = (f"{low:.3f}–{high:.3f}" for low, high in (part.codes_interval, part.spans_interval))
        print(
            f"{name:14} {part.messages:5} {part.codes_f1:9.3f} {codes:>15} {part.spans_f1:9.3f} {spans:>15} "
            f"{part.closeness:6.2f} {part.ece:6.3f}"
        )
    print("\n".join(f"{code:30} {score:.2f} of {count}" for code, (score, count) in per_code(judged).items()))
    return 0


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jarvish_regen.settings")
    django.setup()
    sys.exit(main())
