from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jarvish_regen.language.figures import figures, new_figures
from tests.language.texts import mixed_text

DEVANAGARI = str.maketrans("0123456789", "०१२३४५६७८९")


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("1,00,000", "100000", "count"),
        ("100,000", "100000", "count"),
        ("₹1,00,00,000", "10000000", "rupees"),
        ("Rs. 500", "500", "rupees"),
        ("₹500/-", "500", "rupees"),
        ("रु. ५००", "500", "rupees"),
        ("५०० रुपये", "500", "rupees"),
        ("₹1.5 lakh", "150000", "rupees"),
        ("1.5 लाख", "150000", "count"),
        ("2 करोड़", "20000000", "count"),
        ("2 करो\u095c", "20000000", "count"),
        ("३ कोटी", "30000000", "count"),
        ("₹85Cr", "850000000", "rupees"),
        ("₹1 lakh crore", "1000000000000", "rupees"),
        ("5k", "5000", "count"),
        ("$100,000", "100000", "dollars"),
        ("4.41%", "4.41", "percent"),
        ("-8.5 per cent", "8.5", "percent"),
        ("१२ टक्के", "12", "percent"),
        ("12 प्रतिशत", "12", "percent"),
        ("25 bps", "0.25", "percent"),
        ("31 March 2025", "20250331", "date"),
        ("March 31, 2025", "20250331", "date"),
        ("31/03/2025", "20250331", "date"),
        ("2025-03-31", "20250331", "date"),
        ("३१ मार्च २०२५", "20250331", "date"),
        ("March 2025", "20250300", "date"),
        ("5 pm", "1700", "time"),
        ("10:30", "1030", "time"),
        ("+91 98765-43210", "9876543210", "phone"),
        ("twenty-five", "25", "count"),
        ("two hundred and fifty", "250", "count"),
        ("one crore", "10000000", "count"),
        ("पाँच लाख", "500000", "count"),
        ("अडीच कोटी", "25000000", "count"),
        ("साढ़े तीन प्रतिशत", "3.5", "percent"),
        ("डेढ़ लाख", "150000", "count"),
    ],
)
def test_a_figure_has_its_value_and_unit(text, value, unit):
    (figure,) = figures(f"x {text} y")

    assert (figure.value, figure.unit, figure.text) == (Decimal(value), unit, text.removeprefix("-"))
    assert f"x {text} y"[figure.start : figure.end] == figure.text


@pytest.mark.parametrize("text", ["one of them", "यह कर दो", "lakhs of people", "सौ. जोशी", "", "no figures"])
def test_words_that_only_look_like_numbers_are_none(text):
    assert figures(text) == ()


def test_figures_come_in_order_and_list_numbers_are_ordinals():
    text = "1. Invest ₹500 for 10 years\n2️⃣ At 12% by 5 May"

    assert [(f.text, f.unit) for f in figures(text)] == [
        ("1.", "ordinal"), ("₹500", "rupees"), ("10", "count"), ("2️⃣", "ordinal"), ("12%", "percent"), ("5 May", "date"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("candidate", "allowed"),
    [
        ("₹1 lakh", "1,00,000"),
        ("१०", "10"),
        ("10 years, ₹500", "₹500 over ten years"),
        ("12 per cent", "12%"),
        ("in 2025", "on 31/03/2025"),
        ("by March 2025", "on 31 March 2025"),
        ("दो लाख", "₹2,00,000"),
        ("1. One\n2. Two things", "two things"),
        ("call 9876543210", "+91 98765 43210"),
        ("at 5:00 pm", "17:00"),
        ("at 5", "5 pm"),
        ("fell 8.5%", "-8.50%"),
    ],
)
def test_the_same_figure_in_another_dress_is_not_new(candidate, allowed):
    assert new_figures(candidate, ["other text", allowed]) == ()


@pytest.mark.parametrize(
    ("candidate", "new"),
    [
        ("₹2 lakh", "₹2 lakh"),
        ("13%", "13%"),
        ("₹12", "₹12"),
        ("1 April 2025", "1 April 2025"),
        ("seven", "seven"),
        ("८", "८"),
    ],
)
def test_another_value_unit_or_date_is_new(candidate, new):
    allowed = ["₹1 lakh, 12%, 31 March 2025, three"]

    assert [figure.text for figure in new_figures(candidate, allowed)] == [new]


def test_the_full_stop_of_a_sentence_is_no_part_of_a_figure():
    text = "About ₹11.6 lakh. By 31 Mar. At 5%. For 10."

    assert [figure.text for figure in figures(text)] == ["₹11.6 lakh", "31 Mar", "5%", "10"]


@given(st.integers(min_value=0, max_value=10**11), st.sampled_from(["", "%", " lakh", " करोड़", " रुपये"]))
def test_a_number_is_the_same_in_both_scripts_and_groupings(number, unit):
    digits = str(number)
    head, tail = digits[:-3], digits[-3:]
    pairs = [head[max(0, end - 2) : end] for end in range(len(head), 0, -2)][::-1]
    written = {
        f"{digits}{unit}",
        f"{','.join([*pairs, tail])}{unit}",
        f"{number:,}{unit}",
        f"{digits}{unit}".translate(DEVANAGARI),
    }
    # Ten digits with no grouping can be a telephone number; that reading is right too, and not compared here.
    values = {f.value for text in written for f in figures(f"x {text} y") if f.unit != "phone"}

    assert len(values) == 1


@given(mixed_text)
def test_a_text_brings_nothing_new_to_itself(text):
    assert new_figures(text, [text]) == ()
    at = 0
    for figure in figures(text):
        assert at <= figure.start < figure.end <= len(text)
        assert text[figure.start : figure.end] == figure.text
        at = figure.end


@pytest.mark.parametrize(
    "allowed",
    [
        "nonce 9b1f0c18d7e5a4836",
        "Hex order: 61 64 64 20 31 38 6e 6c 18",
        "see a18, b18c and 550e8400-e29b-41d4-a716-000000000018",
        "decode MTgl18YWRk",
    ],
)
def test_digits_inside_another_token_are_said_by_nobody(allowed):
    assert [figure.text for figure in new_figures("It gives 18%, or 18.", [allowed])] == ["18%", "18"]
    assert new_figures(allowed, [allowed]) == ()


def test_letters_beside_a_number_that_do_not_hide_it():
    allowed = ["FY25, 18k, 5lakh, 3yrs, 24x7, ARN-104233, Rs500, 3rd, 98 76 54 32 10, Q3"]

    assert new_figures("FY 25, 18,000, 5 lakh, 3 years, 24 hours, ARN 104233, ₹500, 3, 76", allowed) == ()
    assert new_figures("SEBI RIA INA000012345", ["ina000012345"]) == ()


def test_digits_newer_than_the_tables_of_python_are_read():
    assert [figure.value for figure in figures("\U00011f53\U00011f50 %")] == [Decimal(30)]
