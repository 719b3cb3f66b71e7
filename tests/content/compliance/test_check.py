"""Findings have exact places, words and consequences."""

import unicodedata
from datetime import date

import pytest

from jarvish_regen.content.compliance.check import check
from jarvish_regen.content.compliance.normalise import plain_view
from jarvish_regen.content.compliance.pack import current_pack
from tests.content.compliance.helpers import IA_WARNING, MF_WARNING, adviser, distributor


def _rules(text: str, **context: object) -> set[str]:
    return {finding.rule for finding in check(text, distributor(**context)).findings}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("🚀 नया मौका: G u a r a n t e e d लाभ", "G u a r a n t e e d"),
        ("ज़्यादा लाभ की गारंटी।", "गारंटी"),
        ("👨‍👩‍👧 ab gua\u200branteed cd", "gua\u200branteed"),
        ("हमारे फंड में गारण्टी है", "गारण्टी"),
    ],
)
def test_span_is_exact_in_the_raw_text(text: str, words: str) -> None:
    finding = next(f for f in check(text, distributor()).findings if f.rule == "PCL-01")

    assert (finding.start, finding.end) == (text.index(words), text.index(words) + len(words))
    assert finding.span == words


def test_finding_speaks_in_words_with_its_source() -> None:
    finding = check("Guaranteed returns for you.", distributor()).findings[0]

    assert finding.rule == "PCL-01"
    assert "Guaranteed" in finding.message
    assert "Take this sentence out" in finding.message
    assert "SEBI" in finding.source


def test_two_places_are_two_findings_and_one_weight() -> None:
    report = check("A guaranteed plan.\nAnother guarantee.", distributor(content_class="service"))

    assert [f.rule for f in report.findings] == ["PCL-01", "PCL-01", "IDN-01"]
    assert report.risk_score == 40 + 25
    assert report.band == "amber"


def test_negation_and_warning_about_fraud_are_no_claims() -> None:
    text = "Returns are not guaranteed. Don't trust anyone who promises guaranteed returns. ARN-104233"

    assert _rules(text, content_class="educational") == set()


def test_excuse_does_not_hide_a_second_claim() -> None:
    assert "PCL-01" in _rules("Returns are not guaranteed elsewhere. Our fund is guaranteed.")


def test_disguised_negation_is_still_a_negation() -> None:
    assert "LIC-01" not in _rules("We don't recommend any flexi-cap fund here.")


def test_warning_is_accepted_in_other_punctuation_and_case() -> None:
    shouted = MF_WARNING.upper().replace(",", ".").replace("RELATED", "-RELATED")

    assert "MND-01" not in _rules(f"Start a SIP today.\n*{shouted}*\nARN-104233")


@pytest.mark.parametrize(
    "altered",
    [
        MF_WARNING.replace("read all", "please read all"),
        MF_WARNING.replace("market risks", "risks"),
        MF_WARNING.replace(" carefully", ""),
        MF_WARNING.replace("a", "а"),
    ],
)
def test_altered_warning_is_no_warning(altered: str) -> None:
    assert "MND-01" in _rules(f"Start a SIP today.\n{altered}\nARN-104233")


@pytest.mark.parametrize(
    ("shown", "is_found"),
    [
        ("ARN: 104233", True),
        ("ARN No. 104233", True),
        ("ARN: ARN-104233", True),
        ("arn १०४२३३", True),
        ("एआरएन 104233", False),
        ("ARN-1042331", False),
        ("ARN-104234", False),
        ("ADV_004", False),
    ],
)
def test_registration_number_is_looked_up_as_people_write_it(shown: str, is_found: bool) -> None:
    assert ("IDN-01" not in _rules(f"Start a SIP. {MF_WARNING} {shown}")) == is_found


def test_any_true_number_will_do_when_none_is_on_file() -> None:
    assert "IDN-01" not in _rules(f"Start a SIP. {MF_WARNING} ARN-77120", registration_no=None)
    assert "IDN-01" in _rules(f"Start a SIP. {MF_WARNING} ARN-000000", registration_no=None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Start your SIP with us today. Reply YES.", "advertisement"),
        ("Book partial profits in tech stocks now.", "advertisement"),
        ("Inflation lowers what money can buy. Keep six months of expenses in an emergency fund.", "educational"),
        ("शुभ दीपावली! आपका साल मंगलमय हो।", "greeting"),
        ("Your KYC is not complete; please update your e-mail address.", "service"),
        (f"Inflation is the rise of prices.\n{MF_WARNING}", "educational"),
        ("An index fund copies an index.", "advertisement"),
    ],
)
def test_class_is_derived_with_a_reason(text: str, expected: str) -> None:
    report = check(text, distributor())

    assert report.content_class == expected
    assert report.class_reason


def test_core_asks_the_warning_of_advertisements_only_and_strict_of_educational_pieces_too() -> None:
    text = "Inflation is the rise of prices. Asha Rao, AMFI-registered Mutual Fund Distributor, ARN-104233"

    assert check(text, distributor()).compliant
    assert "MND-01" in _rules(text, profile="strict", registrant_name="Asha Rao")


def test_formatting_does_not_make_a_text_non_compliant() -> None:
    report = check("Dear {{first_name}}, good morning 🚀🚀🚀🚀🚀. ARN-104233", distributor(content_class="educational"))

    assert {f.rule for f in report.findings} == {"CHF-02", "CHF-06"}
    assert report.compliant
    assert not report.is_admissible


def test_masks_are_names_and_no_placeholders() -> None:
    text = "Dear {{client_name}}, good morning. ARN-104233"

    assert "CHF-06" in _rules(text)
    assert "CHF-06" not in _rules(text, masks=frozenset({"{{client_name}}"}))


def test_adviser_warning_must_be_in_the_language_of_the_text() -> None:
    report = check(f"निवेश योजना के लिए हमारे साथ SIP शुरू करें। {IA_WARNING} INA000104233", adviser(language="hi"))

    assert "MND-03" in {f.rule for f in report.findings}


def test_distributor_warning_in_english_earns_a_note_in_a_hindi_text() -> None:
    report = check(f"हमारे साथ SIP शुरू करें। {MF_WARNING} ARN-104233", distributor(language="hi"))

    assert "MND-01" not in {f.rule for f in report.findings}
    assert len(report.notes) == 1


def test_platform_limit_blocks_and_house_limit_advises() -> None:
    text = "Prices rise a little each year. " * 40

    assert [f.severity for f in check(text, distributor()).findings if f.rule == "CHF-01"] == ["minor"]
    assert [f.severity for f in check(text, distributor(channel="x")).findings if f.rule == "CHF-01"] == ["major"]


def test_send_rules_wait_for_sending() -> None:
    context = adviser(content_class="advertisement", today=date(2026, 11, 23))

    assert "IDN-06" not in {f.rule for f in check("Hello", context).findings}
    assert "IDN-06" in {f.rule for f in check("Hello", context, scope="send").findings}


def test_words_of_two_paragraphs_are_no_phrase() -> None:
    assert "PRS-04" not in _rules("How to invest\n\nNow a word on costs.")
    assert "PRS-04" in _rules("Please invest\nnow in it.")


def test_unknown_class_counts_as_advertisement() -> None:
    assert check("Hello", distributor(content_class="poem")).content_class == "advertisement"


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
def test_pattern_rules_see_the_same_in_every_normal_form(form: str) -> None:
    pack = current_pack()
    for rule in pack.rules:
        for example in rule.examples if rule.kind == "forbid_pattern" else ():
            context = distributor(profile="strict", content_class="advertisement", language=example.language)
            other = unicodedata.normalize(form, example.text)  # type: ignore[arg-type]
            assert _pattern_rules(example.text, context) == _pattern_rules(other, context)


def test_pattern_rules_see_the_same_in_plain() -> None:
    context = distributor(profile="strict", content_class="advertisement")
    # Typographic quotes and danda are folded; markup and placeholders are left out because plain changes them.
    for text in ("“Gu@ranteed” 20% लाभ।", "पक्का मुनाफ़ा — आज ही", "Ｒｉｓｋ－ｆｒｅｅ plan"):
        assert _pattern_rules(plain_view(text).text, context) == _pattern_rules(text, context)


def _pattern_rules(text: str, context: object) -> set[str]:
    pack = current_pack()
    return {f.rule for f in check(text, context).findings if pack.rule(f.rule).kind == "forbid_pattern"}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("Equity funds giving 22% returns!", "PRF-03"),
        ("15 years = ₹40 lakhs", "MND-07"),
        ("Shift 20% of your money to pharma.", "LIC-01"),
        ("Meet Rohan, 34, an accountant from Pune.", "TST-01"),
        ("हा फंड नेहमी वरच राहतो.", "PCL-03"),
        ("This theme only goes up.", "PCL-03"),
        ("Confirmed 3% a month for members.", "PCL-02"),
        ("Hum hi number one hain.", "CMP-01"),
    ],
)
def test_promises_without_a_keyword_are_found(text: str, rule: str) -> None:
    assert rule in _rules(text, content_class="advertisement")


@pytest.mark.parametrize(
    "text",
    [
        "PPF earns 7.1% and is guaranteed by the Government of India.",
        "Before you sign a loan guarantee, ask when the guarantee ends.",
        "Buy cover of 10x your annual income.",
        "Clients ask me for the best fund. There is none.",
        "Market return fix nahi hota.",
        "Suppose it earns 8% returns; in a poor decade it may be less.",
    ],
)
def test_honest_words_raise_no_alarm(text: str) -> None:
    report = check(f"{text} ARN-104233", distributor(content_class="educational"))

    assert [f.rule for f in report.findings if f.severity != "minor"] == []
