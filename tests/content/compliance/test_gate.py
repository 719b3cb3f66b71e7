"""Only the gate hands out a text as ready."""

from dataclasses import replace
from datetime import date

import pytest

from jarvish_regen.content.compliance.check import check
from jarvish_regen.content.compliance.gate import ReadyText, Withheld, release
from jarvish_regen.content.compliance.pack import RULES_PATH, parse_pack
from tests.content.compliance.helpers import IA_WARNING, MF_WARNING, adviser, distributor

_GOOD = f"A SIP buys units every month.\n{MF_WARNING}\nARN-104233"


def test_admissible_text_is_released_as_it_is() -> None:
    ready = release(_GOOD, distributor())

    assert isinstance(ready, ReadyText)
    assert (ready.text, ready.notes) == (_GOOD, ())


def test_breach_is_withheld_with_the_reason() -> None:
    withheld = release(f"Guaranteed returns. {_GOOD}", distributor())

    assert isinstance(withheld, Withheld)
    assert any("Guaranteed" in reason for reason in withheld.reasons)


def test_unfilled_placeholder_is_withheld() -> None:
    assert isinstance(release(f"Dear {{{{first_name}}}}, {_GOOD}", distributor()), Withheld)


def test_minor_findings_do_not_withhold() -> None:
    ready = release(_GOOD + " 🚀🚀🚀🚀", distributor())

    assert isinstance(ready, ReadyText)
    assert [finding.rule for finding in ready.report.findings] == ["CHF-02"]


def test_rejected_text_is_withheld_even_with_other_blanks() -> None:
    assert isinstance(release(_GOOD, distributor(), rejected_text=_GOOD.replace("\n", "  \n") + "\n"), Withheld)
    assert isinstance(release(_GOOD, distributor(), rejected_text=_GOOD + " More."), ReadyText)


def test_empty_text_is_withheld() -> None:
    assert isinstance(release(" \n", distributor(content_class="greeting")), Withheld)


def test_adviser_advertisement_needs_approval_before_use() -> None:
    text = f"Book a call with us about your plan today.\n{IA_WARNING}\nSEBI Reg. No. INA000104233"
    context = adviser(content_class="advertisement", today=date(2026, 11, 23))

    ready = release(text, context)
    approved = release(
        text, replace(context, approval_ref="BASL/ADV/2026/0417", approval_valid_until=date(2027, 3, 31))
    )

    assert isinstance(ready, ReadyText)
    assert ready.notes == ("Needs supervisory approval before use.",)
    assert isinstance(approved, ReadyText)
    assert approved.notes == ()


def test_ready_text_cannot_be_made_elsewhere() -> None:
    with pytest.raises(TypeError, match="gate"):
        ReadyText("Guaranteed", check("Guaranteed", distributor()), ())


def test_changed_rules_apply_to_a_text_released_before() -> None:
    assert isinstance(release(_GOOD, distributor()), ReadyText)
    stricter = RULES_PATH.read_text(encoding="utf-8").replace("results?\\s+assured", "buys\\s+units")

    assert isinstance(release(_GOOD, distributor(), pack=parse_pack(stricter.encode())), Withheld)
