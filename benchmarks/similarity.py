"""How well similar requests are told from opposite ones: precision and recall on hand-written pairs.

Run by ./jarvish bench similarity [--json]. The threshold was set with the odd pairs in sight;
figures are of the even ones.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import django

django.setup()

import yaml  # noqa: E402  Django must be set up first

from benchmarks.report import circumstances, show  # noqa: E402
from jarvish_regen.language.embedder import Embedder, NgramEmbedder, embedder  # noqa: E402
from regeneration.cache.gate import say_the_same  # noqa: E402
from regeneration.cache.nearby import threshold_of  # noqa: E402

PAIRS = Path(__file__).resolve().parent.parent / "tests" / "regeneration" / "near_opposites.yaml"


def measured(pairs: Sequence[Sequence[str]], encoder: Embedder) -> list[tuple[bool, float]]:
    """Return for each pair whether the gate lets it through, and its cosine."""
    vectors = encoder.embed([text for pair in pairs for text in pair])
    return [(say_the_same(*pair), float(vectors[2 * at] @ vectors[2 * at + 1])) for at, pair in enumerate(pairs)]


def figures_of(encoder: Embedder, sets: dict[str, dict[str, list[list[str]]]]) -> dict[str, Any]:
    """Return threshold, precision and recall of one encoder, by language and in all."""
    found = {(kind, language): measured(sets[kind][language], encoder) for kind in sets for language in sets[kind]}
    passed_same = [row for (kind, _l), rows in found.items() if kind == "same" for row in rows[::2] if row[0]]
    opposites = [row for (kind, _l), rows in found.items() if kind == "opposites" for row in rows]
    odd = sorted(cosine for _passes, cosine in passed_same)
    calibrated = odd[0]
    least = threshold_of(encoder.name)
    by_language: dict[str, Any] = {}
    totals = [0, 0, 0]
    for language in sets["same"]:
        true = sum(passes and cosine >= least for passes, cosine in found["same", language][1::2])
        false = sum(passes and cosine >= least for passes, cosine in found["opposites", language][1::2])
        count = len(found["same", language][1::2])
        by_language[language] = {"recall": round(true / count, 3), "false_hits": false}
        totals = [totals[0] + true, totals[1] + false, totals[2] + count]
    return {
        "encoder": encoder.name,
        "threshold": least,
        "smallest_of_the_odd_pairs": round(calibrated, 3),
        "precision": round(totals[0] / max(1, totals[0] + totals[1]), 4),
        "recall": round(totals[0] / totals[2], 4),
        "false_hits_in_all_opposites": sum(passes and cosine >= least for passes, cosine in opposites),
        "false_hits_without_the_gate": sum(cosine >= least for _passes, cosine in opposites),
        "opposites": len(opposites),
        "by_language": by_language,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    sets = yaml.safe_load(PAIRS.read_text(encoding="utf-8"))
    for encoder in (embedder(), NgramEmbedder()):
        show({**figures_of(encoder, sets), **circumstances(seed=0)}, as_json=options.json)


if __name__ == "__main__":
    main()
