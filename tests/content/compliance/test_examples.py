"""Every example of the pack is a test of its rule."""

import pytest

from jarvish_regen.content.compliance.check import check
from jarvish_regen.content.compliance.pack import Example, Rule, current_pack
from tests.content.compliance.helpers import example_context

_CASES = [(rule, example) for rule in current_pack().rules for example in rule.examples]


@pytest.mark.parametrize(("rule", "example"), _CASES, ids=[f"{rule.id}-line{example.line}" for rule, example in _CASES])
def test_example_is_judged_as_the_pack_says(rule: Rule, example: Example) -> None:
    pack = current_pack()

    report = check(example.text, example_context(rule, example, pack), pack, scope=rule.scope)

    assert (rule.id not in {finding.rule for finding in report.findings}) == example.passes


def test_pack_has_all_its_rules_and_examples() -> None:
    assert len(current_pack().rules) == 69
    assert len(_CASES) >= 590
