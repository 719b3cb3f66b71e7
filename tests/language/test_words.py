import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jarvish_regen.language import words as words_module
from jarvish_regen.language.words import (
    graphemes,
    is_inside_grapheme,
    normal_words,
    normalise_for_comparison,
    positions_inside_graphemes,
    problem_in,
    with_ascii_digits,
    words,
)
from tests.language.texts import mixed_text


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


def test_words_found_by_listed_characters_are_those_found_by_property():
    for code in range(0x110000):
        character = chr(code)
        if not words_module._UNFAMILIAR.search(character):
            for familiar, whole in (
                (words_module._FAMILIAR_WORD, words_module._WORD),
                (words_module._FAMILIAR_LETTER_RUN, words_module._LETTER_RUN),
                (words_module._FAMILIAR_NAME_WORD, words_module._NAME_WORD),
            ):
                assert (familiar.fullmatch(character) is None) == (whole.fullmatch(character) is None), hex(code)


@given(st.lists(mixed_text, max_size=8))
def test_words_normalised_together_are_those_normalised_one_by_one(texts):
    found = [word for text in texts for word in words(text)]

    assert normal_words(found) == [normalise_for_comparison(word) for word in found]


@given(mixed_text)
def test_a_position_is_inside_a_grapheme_when_it_is_one_of_all_such_positions(text):
    inside = {position for position in range(len(text) + 1) if is_inside_grapheme(text, position)}

    assert inside == positions_inside_graphemes(text)


# U+11F50 (Kawi, Unicode 15) and U+116DA (Myanmar Extended-C, Unicode 16) are newer than Python 3.11's tables.
@pytest.mark.parametrize(
    ("text", "expected"),
    [("५०%", "50%"), ("９", "9"), ("𝟘𝟡", "09"), ("\U00011f53\U00011f59", "39"), ("\U000116dc", "2"), ("²½", "²½")],
)
def test_digits_of_every_script_become_ascii_ones(text, expected):
    assert with_ascii_digits(text) == expected
