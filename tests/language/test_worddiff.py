from itertools import pairwise

import pytest
from hypothesis import given

from jarvish_regen.language.anchors import snap_to_graphemes
from jarvish_regen.language.worddiff import Piece, word_diff
from tests.language.texts import mixed_text


def test_a_changed_word_is_one_deletion_and_one_insertion():
    assert word_diff("assured returns here", "likely returns here") == (
        Piece("del", "assured"),
        Piece("ins", "likely"),
        Piece("same", " returns here"),
    )


def test_a_changed_matra_changes_the_whole_word():
    assert word_diff("यह की है", "यह कि है") == (
        Piece("same", "यह "), Piece("del", "की"), Piece("ins", "कि"), Piece("same", " है"),
    )  # fmt: skip


@pytest.mark.parametrize(("old", "new"), [("👨‍👩‍👧", "👨‍👩‍👦"), ("🇮🇳", "🇮🇹"), ("👍🏽", "👍🏿"), ("1️⃣", "2️⃣")])
def test_an_emoji_is_exchanged_as_a_whole(old, new):
    assert word_diff(f"a {old}", f"a {new}") == (Piece("same", "a "), Piece("del", old), Piece("ins", new))


@pytest.mark.parametrize(
    ("old", "new", "pieces"),
    [("", "", ()), ("a", "a", (Piece("same", "a"),)), ("", "b", (Piece("ins", "b"),)), ("b", "", (Piece("del", "b"),))],
)
def test_the_empty_cases(old, new, pieces):
    assert word_diff(old, new) == pieces


@given(mixed_text, mixed_text)
def test_the_pieces_joined_are_both_texts_and_cut_no_character(old, new):
    pieces = word_diff(old, new)

    for text, kinds in ((old, {"same", "del"}), (new, {"same", "ins"})):
        own = [piece.text for piece in pieces if piece.kind in kinds]
        assert "".join(own) == text
        at = 0
        for part in own:
            assert snap_to_graphemes(text, at, at + len(part)) == (at, at + len(part))
            at += len(part)
    assert all(one.kind != other.kind for one, other in pairwise(pieces))
    assert all(piece.text for piece in pieces)
