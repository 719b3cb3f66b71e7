"""Forbidden words are found in disguise, and a disguise does not make a good text bad."""

import random

import pytest

from jarvish_regen.content.compliance.check import check
from jarvish_regen.content.compliance.pack import current_pack
from tests.content.compliance.disguises import DISGUISES, disguised
from tests.content.compliance.helpers import example_context

# Of all examples; others are held to .98. Short words in spaced letters can't be told from words of one syllable.
LEAST_RECALL = {"spaced letters": 0.70, "digits for letters": 0.95, "dotted letters": 0.97, "emoji between": 0.97}


def _recall_and_precision(name: str, *, one_in: int) -> tuple[float, float]:
    pack = current_pack()
    found = bad = alarms = 0
    number = 0
    for rule in pack.rules:
        if rule.kind != "forbid_pattern":
            continue
        for example in rule.examples:
            number += 1
            if number % one_in:
                continue
            context = example_context(rule, example, pack)
            report = check(example.text, context, pack, scope=rule.scope)
            spans = [
                (finding.start, finding.end)
                for finding in report.findings
                if finding.rule == rule.id and finding.start is not None and finding.end is not None
            ]
            text = disguised(
                name, example.text, spans or [(0, len(example.text))], random.Random(f"{rule.id} {example.text}")
            )
            if text is None:
                continue
            findings = check(text, context, pack, scope=rule.scope).findings
            is_found = rule.id in {finding.rule for finding in findings}
            if example.passes:
                alarms += is_found
            else:
                bad += 1
                # Disguised, a phrase may fall under a neighbouring rule; it is stopped all the same.
                found += is_found or any(f.start is not None and f.severity != "minor" for f in findings)
    return found / bad, found / max(1, found + alarms)


@pytest.mark.parametrize("name", DISGUISES)
def test_a_sample_of_disguised_examples_is_judged_as_the_plain_ones(name: str) -> None:
    recall, precision = _recall_and_precision(name, one_in=7)

    assert recall >= LEAST_RECALL.get(name, 0.98) - 0.06
    assert precision >= 0.85


@pytest.mark.slow
@pytest.mark.parametrize("name", DISGUISES)
def test_all_disguised_examples_are_judged_as_the_plain_ones(name: str) -> None:
    recall, precision = _recall_and_precision(name, one_in=1)

    assert recall >= LEAST_RECALL.get(name, 0.98)
    assert precision >= 0.95
