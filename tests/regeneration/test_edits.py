"""A model's reply is read strictly, placed with care and spliced in without moving another byte."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regeneration.edits import (
    AnchoredEdits,
    ProposedEdit,
    ReplyNotJSONError,
    ReplyWrongShapeError,
    anchor_edits,
    concerns_whole_text,
    is_complete_reply,
    parse_reply,
    rest_is_untouched,
    splice,
)
from regeneration.job import Edit, FeedbackBrief, NamedIssue


def placed(text: str, find: str, replace: str = "X", marked: tuple[tuple[int, int], ...] = ()) -> AnchoredEdits:
    return anchor_edits(text, [ProposedEdit(find, replace)], marked=marked)


def reason(text: str, find: str, replace: str = "X", marked: tuple[tuple[int, int], ...] = ()) -> str:
    (refused,) = placed(text, find, replace, marked).refused
    return refused.reason


@pytest.mark.parametrize(
    "raw",
    [
        '{"edits": [{"find": "a", "replace": "b", "fixes": ["too_long"]}], "full_text": null}',
        '```json\n{"edits": [{"find": "a", "replace": "b", "fixes": ["too_long"]}]}\n```',
        'Sure! {"edits": [{"find": "a", "replace": "b", "fixes": "too_long"}]} Hope it helps.',
    ],
)
def test_a_reply_is_read_through_fences_and_chatter(raw: str) -> None:
    reply = parse_reply(raw)

    assert reply.edits == (ProposedEdit("a", "b", ("too_long",)),)
    assert reply.full_text is None


@pytest.mark.parametrize("raw", ["", "I cannot do that.", '{"edits": [', '{"edits": [],}', "[1, 2]", "{" * 5000])
def test_what_is_no_json_object_is_refused(raw: str) -> None:
    with pytest.raises(ReplyNotJSONError):
        parse_reply(raw)


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"edits": "none"},
        {"edits": ["a"]},
        {"edits": [{"find": "a"}]},
        {"edits": [{"find": 1, "replace": "b"}]},
        {"edits": [{"find": "a", "replace": "b", "fixes": [1]}]},
        {"edits": [], "full_text": 5},
        {"edits": [], "note": "hello"},
        {"edits": [{"find": "a", "replace": "b"}] * 41},
        {"edits": [{"find": "a", "replace": "\x00"}]},
        {"edits": [], "full_text": "\ud800"},
    ],
)
def test_another_shape_is_refused(value: object) -> None:
    with pytest.raises(ReplyWrongShapeError):
        parse_reply(json.dumps(value))


def test_a_streamed_reply_is_complete_once_its_object_has_closed() -> None:
    whole = '{"edits": [{"find": "a}", "replace": "b"}]}'

    assert [is_complete_reply(whole[:end]) for end in (1, 18, len(whole) - 1, len(whole))] == [
        False,
        False,
        False,
        True,
    ]


def test_a_unique_place_is_found() -> None:
    assert placed("One fund. One plan.", "plan").edits == (Edit(14, 18, "plan", "X"),)


@pytest.mark.parametrize(
    ("text", "find", "old"),
    [
        ("It’s  simple\nto begin", "It's simple to begin", "It’s  simple\nto begin"),
        ("a “good” plan", 'a "good" plan', "a “good” plan"),
        ("ten – twenty", "ten - twenty", "ten – twenty"),
        ("cafe\u0301 talk", "caf\u00e9 talk", "cafe\u0301 talk"),
        ("फ\u093cंड अच्छा है", "फ़ंड अच्छा है", "फ\u093cंड अच्छा है"),
        ("zero\u200bwidth here", "zerowidth here", "zero\u200bwidth here"),
    ],
)
def test_blanks_quotes_dashes_and_composition_are_folded(text: str, find: str, old: str) -> None:
    (edit,) = placed(text, find).edits

    assert edit.old == old


def test_of_several_places_the_one_nearest_to_a_mark_is_taken() -> None:
    text = "risk here, and risk there, and risk everywhere"
    mark = (text.index("there"), text.index("there") + 5)

    (edit,) = placed(text, "risk", marked=(mark,)).edits

    assert edit.start == 15


@pytest.mark.parametrize(
    ("find", "marked", "why"),
    [
        ("risk", (), "ambiguous"),
        ("risk", ((0, 46),), "ambiguous"),
        ("promise", (), "not_found"),
        ("  ", (), "empty_find"),
    ],
)
def test_an_edit_without_a_certain_place_is_refused(find: str, marked: tuple[tuple[int, int], ...], why: str) -> None:
    assert reason("risk here, and risk there, and risk everywhere", find, marked=marked) == why


def test_a_place_inside_a_letter_is_refused() -> None:
    assert reason("नमस्ते कि", "क") == "cuts_a_letter"
    assert reason("family 👨‍👩‍👧", "👨") == "cuts_a_letter"


def test_an_edit_that_changes_nothing_is_refused() -> None:
    assert reason("one plan", "plan", "plan") == "no_change"


def test_of_two_edits_that_overlap_the_first_stays() -> None:
    anchored = anchor_edits("one two three", [ProposedEdit("one two", "A"), ProposedEdit("two three", "B")])

    assert [edit.new for edit in anchored.edits] == ["A"]
    assert [refused.reason for refused in anchored.refused] == ["overlaps"]


def test_splicing_refuses_edits_of_another_text() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        splice("abc", [Edit(0, 1, "x", "y")])


@given(
    st.text(alphabet="ab कि🚀\n", max_size=40),
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 5), st.text(max_size=4)), max_size=5),
)
def test_what_is_spliced_leaves_the_rest_byte_identical(text: str, cuts: list[tuple[int, int, str]]) -> None:
    edits: list[Edit] = []
    at = 0
    for start, length, new in sorted(cuts):
        start, end = max(start, at), max(start, at) + length
        if end <= len(text):
            edits.append(Edit(start, end, text[start:end], new))
            at = end

    after = splice(text, edits)

    assert rest_is_untouched(text, edits, after)
    assert not rest_is_untouched(text, edits, after + "!")


def test_one_other_byte_in_the_rest_breaks_the_proof() -> None:
    edits = [Edit(4, 7, "two", "2")]

    assert rest_is_untouched("one two three", edits, "one 2 three")
    assert not rest_is_untouched("one two three", edits, "One 2 three")
    assert not rest_is_untouched("one two three", edits, "one 2 three.")


@pytest.mark.parametrize(
    ("category", "codes", "expected"),
    [
        ("tone_inappropriate", ("too_salesy",), True),
        ("language_quality", ("wrong_language",), True),
        ("factual_error", ("wrong_figure",), False),
        ("compliance_violation", ("missing_risk_disclaimer",), False),
        ("tone_inappropriate", (), True),
        ("compliance_violation", (), False),
    ],
)
def test_only_feedback_on_the_whole_text_allows_a_whole_text(
    category: str, codes: tuple[str, ...], expected: bool
) -> None:
    feedback = FeedbackBrief(category, "major", issues=tuple(NamedIssue(code) for code in codes))

    assert concerns_whole_text(feedback) is expected
