import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jarvish_regen.language.words import (
    graphemes,
    normalise_for_comparison,
    positions_inside_graphemes,
    problem_in,
    words,
)


def test_words_keep_their_matras_joiners_and_apostrophes():
    assert words("म्यूचुअल फंड क्‍षमा, don't — long-term 1,00,000!") == [
        "म्यूचुअल", "फंड", "क्‍षमा", "don't", "long-term", "1", "00", "000",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("क्‍ष", "क्ष"),
        ("बाज़ार", "बाज\u093cार"),
        ("❤️ SIP", "❤ sip"),
        ("a\u00a0 b\n", " A b"),
        ("Straße", "STRASSE"),
        ("cafe\u0301", "CAFÉ"),
    ],
)
def test_what_reads_the_same_compares_equal(one, other):
    assert normalise_for_comparison(one) == normalise_for_comparison(other)


def test_a_different_matra_compares_different():
    assert normalise_for_comparison("की") != normalise_for_comparison("कि")


@given(st.text())
def test_normalising_twice_changes_nothing(text):
    once = normalise_for_comparison(text)

    assert normalise_for_comparison(once) == once
    assert unicodedata.is_normalized("NFC", once)


@given(st.text())
def test_graphemes_joined_are_the_text_and_agree_with_the_positions_inside(text):
    parts = graphemes(text)
    edges = {0}
    for part in parts:
        edges.add(max(edges) + len(part))

    assert "".join(parts) == text
    assert set(range(len(text) + 1)) - positions_inside_graphemes(text) == edges


@pytest.mark.parametrize(
    ("text", "problem"),
    [("plain 😀 क्ष", None), ("a\x00b", "NUL"), ("a\ud83d", "lone surrogate"), ("\udc00", "lone surrogate")],
)
def test_a_text_that_cannot_be_stored_is_named(text, problem):
    assert problem_in(text) == problem
