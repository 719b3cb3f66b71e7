"""A model's reply is read strictly, placed with care and spliced in without moving another byte."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Sequence
from types import FrameType

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from regeneration.edits import (
    REPLY_SCHEMAS,
    AnchoredEdits,
    ProposedEdit,
    ReplyKind,
    ReplyNotJSONError,
    ReplyWrongShapeError,
    anchor_edits,
    concerns_whole_text,
    is_complete_reply,
    parse_reply,
    rest_is_untouched,
    splice,
)
from regeneration.edits.typos import distances
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


SENTENCES = (
    "Wealth is made slowly, with patience and a plan.",
    "A systematic plan puts ₹5,000 to work on the 7th of each month.",
    "Markets can fall by 12.5% in a quarter and stay there!",
    "Ask us before you stop your instalments.",
    "“Diversify” means that no single holding can hurt you much.",
    "हर महीने ₹5,000 की एसआईपी से अनुशासन बनता है।",
    "बाज़ार गिरने पर घबराकर पैसा न निकालें।",
    "दीर्घकाळात संयम ठेवणाऱ्या गुंतवणूकदाराला फायदा होऊ शकतो.",
    "Paisa kahan lagana hai, yeh soch samajh kar tay karein.",
    "Family ke saath baith kar 2026 ke goals likh lijiye 👨‍👩‍👧.",
)


@pytest.mark.parametrize(
    ("text", "find", "old"),
    [
        ("One. Start your plan today! Two.", "START YOUR PLAN TODAY", "Start your plan today"),
        ("One. Start your plan today! Two.", "Start your plan today.", "Start your plan today!"),
        ("One. Start your plan today! Two.", "*“Start your plan today”*", "Start your plan today"),
        (
            "Our scheme is the bestest in the land.",
            "scheme is the besttest in the land",
            "scheme is the bestest in the land",
        ),
        ("हर महीने बचत करने की आदत डालें।", "हर महिने बचत करने की आदत डालें", "हर महीने बचत करने की आदत डालें"),
        (
            "It is late. We will make your money grow faster than any bank in town. Call.",
            "We will make … any bank in town.",
            "We will make your money grow faster than any bank in town.",
        ),
        ("Funds, fund of funds. A fund", "A fund", "A fund"),
        ("refund the fund", "fund", "fund"),
    ],
)
def test_slips_case_dropped_marks_and_an_ellipsis_find_their_place(text: str, find: str, old: str) -> None:
    (edit,) = placed(text, find).edits

    assert edit.old == old


@pytest.mark.parametrize(
    ("text", "find", "replace", "why"),
    [
        ("It returned 16.2% in the last year.", "It returned 15.2% in the last year.", "X", "not_found"),
        ("It returned 15.25% in the last year.", "It returned 15.2% in the last year.", "X", "not_found"),
        ("Pay $500 in the first month.", "Pay ₹500 in the first month.", "X", "not_found"),
        ("It gave 15.5% last year.", "15", "X", "cuts_a_number"),
        ("It gave 1,500 a year.", "500 a year", "X", "cuts_a_number"),
        ("We grow your money quickly. We grow your honey quickly.", "We grow your doney quickly", "X", "ambiguous"),
        ("We grow your money with great care.", "We grow your...", "X", "not_found"),
        ("We grow your money with great care.", "We grow ... great care.", "We mind ... great care.", "not_found"),
        ("We grow it. You sleep.\n\nIt is with great care.", "We grow ... great care", "X", "not_found"),
        ("We are kind. We are firm. We are late.", "We are ... We are late", "X", "ambiguous"),
        ("We grow your money.", "Completely different words", "X", "not_found"),
        ("Short one", "Shart one", "X", "not_found"),
    ],
)
def test_what_might_be_another_place_is_refused(text: str, find: str, replace: str, why: str) -> None:
    assert reason(text, find, replace) == why


@st.composite
def quoted_badly(draw: st.DrawFn) -> tuple[str, str, int, int, str]:
    """Return a text of distinct sentences, a quotation of one as a model might give it, and its true place."""
    chosen = draw(st.lists(st.sampled_from(SENTENCES), min_size=2, max_size=6, unique=True))
    text = draw(st.sampled_from((" ", "\n", "\n\n"))).join(chosen)
    sentence = draw(st.sampled_from(chosen))
    start = text.index(sentence)
    find = sentence
    for _ in range(draw(st.integers(0, 3))):
        way = draw(st.sampled_from(("slip", "drop", "double", "case", "end", "blank", "ellipsis", "part", "digit")))
        at = draw(st.integers(0, max(0, len(find) - 1)))
        words = find.split(" ")
        if way == "slip":
            find = find[:at] + draw(st.sampled_from("xqzक")) + find[at + 1 :]
        elif way == "drop":
            find = find[:at] + find[at + 1 :]
        elif way == "double":
            find = find[:at] + find[at : at + 1] + find[at:]
        elif way == "case":
            find = find.upper()
        elif way == "end":
            find = find.rstrip(".!।")
        elif way == "blank":
            find = find.replace(" ", "  ")
        elif way == "ellipsis" and len(words) > 6:
            find = " ".join([*words[:3], "…", *words[-2:]])
        elif way == "part":
            find = " ".join(words[: max(3, len(words) // 2)])
        elif way == "digit":
            find = find.replace("5", "6", 1)
    return text, find, start, start + len(sentence), draw(st.text(max_size=20))


@given(quoted_badly())
@example(("One plan. A systematic plan puts money to work.", "AAA systematic plan puts money to work.", 10, 47, ""))
@settings(max_examples=400)
def test_an_edit_lands_where_it_belongs_or_nowhere_and_the_rest_keeps_its_bytes(
    example: tuple[str, str, int, int, str],
) -> None:
    text, find, start, end, replace = example

    anchored = placed(text, find, replace)
    after = splice(text, anchored.edits)

    assert rest_is_untouched(text, anchored.edits, after)
    for edit in anchored.edits:
        assert start <= edit.start < edit.end <= end
        assert after == text[: edit.start] + replace + text[edit.end :]
        assert numbers(edit.old) == numbers(find) or "…" in find


def numbers(text: str) -> list[str]:
    return re.findall(r"\d+(?:[.,]\d+)*", text)


@given(st.text("abc ", max_size=12), st.text("abc ", max_size=14))
def test_the_measure_of_slips_is_the_edit_distance(pattern: str, text: str) -> None:
    rows = list(range(len(pattern) + 1))
    expected = []
    for column, character in enumerate(text, 1):
        above = [column]
        for index, own in enumerate(pattern, 1):
            above.append(min(rows[index] + 1, above[-1] + 1, rows[index - 1] + (own != character)))
        rows = above
        expected.append(rows[-1])

    assert not pattern or list(distances(pattern, text)) == expected


def lines_run(text: str, proposed: Sequence[ProposedEdit]) -> int:
    """Count the lines of our code that run while the edits are placed."""
    count = 0

    def trace(frame: FrameType, event: str, _arg: object) -> Callable[..., object] | None:
        nonlocal count
        if "regeneration/edits" not in frame.f_code.co_filename:
            return None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        anchor_edits(text, proposed)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize(
    "find",
    [
        "Markets can fal by 12.5% in a quater and stay there",
        "MARKETS CAN FALL BY 12.5% IN A QUARTER AND STAY THERE",
        "Markets can … stay there",
        "nothing like it stands anywhere in that text",
        "a a a a a a a a a a b",
    ],
)
def test_twice_the_text_is_at_most_thrice_the_work(find: str) -> None:
    filling = " ".join(f"Line {number} says a a a a a a a a a a word of its own." for number in range(60))
    proposed = [ProposedEdit(find, "X")] * 3

    once = lines_run(f"{filling} {SENTENCES[2]}", proposed)
    twice = lines_run(f"{filling} {filling} {SENTENCES[2]}", proposed)

    assert once > 0
    assert twice <= 3 * once


def test_the_longest_reply_against_the_longest_text_is_bounded_work() -> None:
    paragraph = "".join(chr(97 + (number * number) % 23) if number % 6 else " " for number in range(390)).strip()
    text = "\n".join(f"{paragraph} {word}" for word in ("one", "two", "six", "ten"))
    proposed = [ProposedEdit(paragraph[:50] + "#" + paragraph[51:100] + "#" + paragraph[101:], "X")] * 40

    one, forty = lines_run(text, proposed[:1]), lines_run(text, proposed)

    assert forty <= 9 * one


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        ("edits", '{"edits": [{"find": "a", "replace": "b"}]}'),
        ("text", '{"full_text": "c"}'),
        ("edits_or_text", '{"edits": [{"find": "a", "replace": "b"}], "full_text": "c"}'),
    ],
)
def test_the_schema_names_the_fields_that_are_read(kind: ReplyKind, raw: str) -> None:
    value, schema = json.loads(raw), REPLY_SCHEMAS[kind]

    reply = parse_reply(raw)

    assert list(value) == schema["required"] == list(schema["properties"])  # type: ignore[call-overload]
    assert reply.full_text == value.get("full_text")
    assert reply.edits == ((ProposedEdit("a", "b"),) if "edits" in value else ())
    if "edits" in value:
        assert list(value["edits"][0]) == schema["properties"]["edits"]["items"]["required"]  # type: ignore[index]


@pytest.mark.parametrize(
    "find", ["“One two three … nine ten.”", "“ONE two three … nine ten.”", "“One two three...nine ten.”"]
)
def test_words_quoted_by_their_ends_take_the_marks_around_them_along(find: str) -> None:
    text = "She said: “One two three four five six seven eight nine ten.” Then she left."

    (edit,) = placed(text, find, "Nothing.").edits

    assert edit.old == "“One two three four five six seven eight nine ten.”"
