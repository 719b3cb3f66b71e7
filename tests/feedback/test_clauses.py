"""Clauses part what was said in one breath, in any script, and stay inside the text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedback.analysis.clauses import LONG_WORDS, MOST, clauses
from jarvish_regen.language.words import positions_inside_graphemes


def said(text: str) -> list[str]:
    return [text[start:end] for start, end in clauses(text)]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("GRAMMAR is pathetic, and ARN is mistyped", ["GRAMMAR is pathetic,", "and ARN is mistyped"]),
        ("tone theek hai lekin bahut lamba hai", ["tone theek hai", "lekin bahut lamba hai"]),
        ("यह गलत है। और लंबा भी", ["यह गलत है।", "और लंबा भी"]),
        ("चांगलं आहे पण फार लांब", ["चांगलं आहे", "पण फार लांब"]),
        ("rate is 4.5% at 10:30, see a.b", ["rate is 4.5% at 10:30,", "see a.b"]),
        ("ok\nbut short", ["ok", "but short"]),
        ("fine — too long", ["fine —", "too long"]),
        ("well-known funds", ["well-known funds"]),
        ("!!", []),
        ("", []),
    ],
)
def test_marks_and_joining_words_part_clauses(text: str, parts: list[str]) -> None:
    assert said(text) == parts


def test_running_speech_is_read_through_windows_that_leave_no_word_out() -> None:
    words = [f"w{number}" for number in range(33)]

    found = said(" ".join(words))

    assert max(len(part.split()) for part in found) < LONG_WORDS
    assert {word for part in found for word in part.split()} == set(words)


def test_a_pasted_page_gives_no_more_than_the_most() -> None:
    assert len(clauses("too long, " * 500)) == MOST


@given(st.text(alphabet='ab .,!"और।\n-—कि👨‍👩‍👧', max_size=80))
def test_every_clause_lies_in_the_text_and_cuts_no_character(text: str) -> None:
    inside = positions_inside_graphemes(text)

    for start, end in clauses(text):
        assert 0 <= start < end <= len(text)
        assert not inside & {start, end}
        assert text[start:end].strip() == text[start:end]
