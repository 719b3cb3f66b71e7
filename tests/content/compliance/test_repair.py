"""Repair mends by rule, touches nothing else, and never makes a text worse."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jarvish_regen.content.compliance.check import TextContext, check
from jarvish_regen.content.compliance.edits import apply_changes, change, compose
from jarvish_regen.content.compliance.repair import repair
from tests.content.compliance.helpers import IA_WARNING, MF_WARNING, adviser, distributor

_BODY = "A SIP buys units every month.\nPrices rise and fall, and so does what you own."


def _repaired(text: str, context: TextContext | None = None) -> str:
    return repair(text, context or distributor()).text


def test_flawless_text_comes_back_as_it_was() -> None:
    text = f"{_BODY}\n\n{MF_WARNING}\n\nAsha Rao, ARN-104233\n"

    result = repair(text, distributor())

    assert (result.text, result.changes, result.remaining, result.overflow_chars) == (text, (), (), 0)


def test_sentence_with_a_claim_goes_and_the_rest_stays() -> None:
    text = f"{_BODY} Guaranteed 20% returns! Speak to us about your goal.\n\n{MF_WARNING}\nARN-104233"

    assert _repaired(text) == text.replace(" Guaranteed 20% returns!", "")


def test_bullet_goes_with_its_line_break() -> None:
    text = f"Why start a SIP:\n• It is simple\n• Sure-shot profits\n• It spreads purchases\n\n{MF_WARNING}\nARN-104233"

    assert _repaired(text) == text.replace("• Sure-shot profits\n", "")


def test_paragraph_goes_with_one_blank_line() -> None:
    text = f"{_BODY}\n\nHurry! Limited time offer.\n\nSpeak to us.\n\n{MF_WARNING}\nARN-104233"

    assert _repaired(text) == text.replace("Hurry! Limited time offer.\n\n", "")


def test_words_are_replaced_in_the_language_of_the_text() -> None:
    text = f"{_BODY} Enjoy assured returns from this plan.\n{MF_WARNING}\nARN-104233"

    assert _repaired(text) == text.replace("assured returns", "market-linked returns")


def test_missing_texts_are_put_in_byte_by_byte_before_the_signature() -> None:
    text = f"{_BODY}\n\nAsha Rao\nARN-104233"

    assert _repaired(text, distributor(registrant_name="Asha Rao")) == (
        f"{_BODY}\n\n{MF_WARNING}\n\nAsha Rao\nARN-104233"
    )


def test_missing_number_closes_the_text() -> None:
    assert _repaired(_BODY) == f"{_BODY}\n\n{MF_WARNING}\n\nARN-104233"
    assert _repaired("Start your SIP with our team today, we listen to you first.", adviser()).endswith(
        f"{IA_WARNING}\n\nSEBI Reg. No. INA000104233"
    )


def test_hindi_text_gets_the_hindi_warning() -> None:
    result = _repaired("हमारे साथ बात करके हर महीने की SIP समझिए।\nARN-104233", distributor(language="hi"))

    assert "म्यूचुअल फंड निवेश बाजार जोखिमों के अधीन हैं, योजना संबंधी सभी दस्तावेजों को सावधानी से पढ़ें।" in result


def test_altered_warning_is_put_right_in_its_place() -> None:
    altered = "Mutual fund investments are subject to market risks. Please read all scheme-related documents carefully."
    text = f"{_BODY}\n{altered}\nARN-104233"

    assert _repaired(text) == f"{_BODY}\n{MF_WARNING}\nARN-104233"


def test_number_is_not_invented() -> None:
    result = repair(f"{_BODY}\n{MF_WARNING}", distributor(registration_no=None))

    assert result.text == f"{_BODY}\n{MF_WARNING}"
    assert [finding.rule for finding in result.remaining] == ["IDN-01"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dear {{first_name}}, happy new week to you all.\nARN-104233", "Dear, happy new week to you all.\nARN-104233"),
        ("Good morning to you and yours.\nARN-XXXXXX", "Good morning to you and yours.\nARN-104233"),
        (
            "Good morning to you and yours. [Your Name], ARN-104233",
            "Good morning to you and yours. Asha Rao, ARN-104233",
        ),
    ],
)
def test_placeholder_is_filled_or_dropped(text: str, expected: str) -> None:
    assert _repaired(text, distributor(registrant_name="Asha Rao", content_class="educational")) == expected


def test_sentence_with_an_unknown_placeholder_goes() -> None:
    text = "Prices rise each year, so plan for it. Pay [amount due] by Friday.\nARN-104233"

    assert _repaired(text) == "Prices rise each year, so plan for it.\nARN-104233"


def test_emoji_hashtags_markup_and_capitals_fit_the_channel() -> None:
    text = "**Costs** matter 🚀🚀🚀🚀\nREAD YOUR FACT SHEET AND ASKING helps #Costs #Funds #Plan\nARN-104233"

    result = _repaired(text, distributor(content_class="educational"))

    assert result == "*Costs* matter 🚀🚀🚀\nREAD your fact sheet AND asking helps #Costs #Funds\nARN-104233"


def test_long_text_is_cut_at_a_sentence_and_keeps_warning_and_signature() -> None:
    body = " ".join(f"Sentence number {n} says something plain about planning." for n in range(30))
    text = f"Our fund talk. {body}\n\n{MF_WARNING}\n\nARN-104233"

    result = repair(text, distributor())

    assert len(result.text) <= 1024
    assert result.overflow_chars == 0
    assert result.text.endswith(f"planning.\n\n{MF_WARNING}\n\nARN-104233")


def test_mandated_texts_that_do_not_fit_are_refused_with_the_overflow() -> None:
    text = "Start your SIP with our team today. " + "Ask us how a plan is made and kept. " * 2

    result = repair(text, adviser(channel="x", profile="strict"))

    assert result.text == text
    assert result.changes == ()
    assert result.overflow_chars > 0


def test_what_needs_a_person_remains() -> None:
    text = f"Get better returns than your bank FD. {_BODY}\n{MF_WARNING}\nARN-104233"

    result = repair(text, distributor())

    assert result.text == text
    assert [finding.rule for finding in result.remaining] == ["CMP-03"]


def test_text_of_nothing_but_claims_is_not_emptied() -> None:
    text = "Guaranteed 20% returns, zero loss, double your money!"

    result = repair(text, distributor())

    assert result.text == text
    assert "PCL-01" in {finding.rule for finding in result.remaining}


def test_changes_say_rule_reason_and_place() -> None:
    text = f"{_BODY} Guaranteed returns!\n{MF_WARNING}\nARN-104233"

    (only,) = repair(text, distributor()).changes

    assert only.old == text[only.start : only.end] == " Guaranteed returns!"
    assert only.new == ""
    assert only.rule == "PCL-01"
    assert "Guarantee of returns" in only.reason


_PIECES = st.sampled_from(
    [
        "A SIP buys units every month.",
        "Prices rise and fall.",
        "Guaranteed 20% returns!",
        "This fund will give you 15% every year.",
        "पक्का मुनाफा मिलेगा।",
        "हर निवेश में जोखिम है।",
        "Hurry, last chance",
        "Invest now for your child's future!",
        "The fund gave 12% returns last year.",
        "5000 की SIP से 1 करोड़ बन सकते हैं।",
        "Our client says: this changed my life.",
        "Get better returns than your bank FD.",
        "Asha Rao, Wealth Advisor",
        "Dear {{first_name}},",
        "Pay [amount] today",
        "ARN-XXXXXX",
        "ARN-104233",
        "Asha Rao, ARN-104233",
        "Regards,",
        MF_WARNING,
        IA_WARNING,
        "Mutual funds are subject to market risk.",
        "*bold* and **strong** _words_",
        "# Heading",
        "PERFECT TIME TO INVEST",
        "🚀💰🔥👨‍👩‍👧🇮🇳",
        "1️⃣ first",
        "#SIP #Wealth #Goals #Plan",
        "[guide](https://example.org/a)",
        "• a point",
        "SEBI-approved fund",
        "Amazing secret formula",
        "no loss",
        "a.b.c... ?!",
        "गारं\u200bटी",
    ]
)
_TEXTS = st.lists(st.tuples(_PIECES, st.sampled_from([" ", "\n", "\n\n", " \n", ""])), max_size=9).map(
    lambda parts: "".join(piece + gap for piece, gap in parts)
)
_CONTEXTS = st.builds(
    lambda channel, language, profile, make, name: make(
        channel=channel, language=language, profile=profile, registrant_name=name
    ),
    st.sampled_from(["whatsapp", "linkedin", "x", "sms", "email"]),
    st.sampled_from(["en", "hi", "mr", "hinglish"]),
    st.sampled_from(["core", "strict"]),
    st.sampled_from([distributor, adviser]),
    st.sampled_from([None, "Asha Rao"]),
)


@given(text=st.one_of(_TEXTS, st.text(st.characters(exclude_categories=["Cs"]), max_size=80)), context=_CONTEXTS)
@settings(max_examples=120, deadline=None)
def test_repair_is_idempotent_and_never_makes_worse(text: str, context: TextContext) -> None:
    before = check(text, context)

    result = repair(text, context)

    after = check(result.text, context)
    assert result.remaining == after.findings
    assert {f.rule for f in after.findings if f.severity != "minor"} <= {
        f.rule for f in before.findings if f.severity != "minor"
    }
    assert repair(result.text, context).text == result.text
    # Nothing but the changes differs, they are in order, and they say truly what stood there.
    assert apply_changes(text, result.changes) == result.text
    assert all(text[c.start : c.end] == c.old for c in result.changes)
    assert all(a.end <= b.start for a, b in zip(result.changes, result.changes[1:], strict=False))


@st.composite
def _edits(draw: st.DrawFn, length: int) -> list[tuple[int, int, str]]:
    cuts = sorted(draw(st.sets(st.integers(0, length), max_size=6)))
    spans = list(zip(cuts[::2], cuts[1::2], strict=False))
    return [(a, b, draw(st.sampled_from(["", "X", "YZ"]))) for a, b in spans]


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_composed_changes_lead_to_the_same_text(data: st.DataObject) -> None:
    text = data.draw(st.text("abcdef", max_size=20))
    first = [change(text, a, b, new, "R1", "one") for a, b, new in data.draw(_edits(len(text)))]
    between = apply_changes(text, first)
    second = [change(between, a, b, new, "R2", "two") for a, b, new in data.draw(_edits(len(between)))]

    assert apply_changes(text, compose(text, first, second)) == apply_changes(between, second)
