"""Notes that name a part of the draft point there, in the four languages; notes that leave a doubt point nowhere."""

import pytest

from feedback.analysis.pointing import point_into

DRAFT = (
    "Start your SIP today!\n"
    "Large caps returned 14.2% in 2023.\n"
    "\n"
    "Tax on long-term gains is 10% above ₹1 lakh.\n"
    "Large caps are the best choice for you.\n"
    "\n"
    "Call Ramesh on Monday."
)
HINDI = "आज ही निवेश करें।\nयह फंड 15% रिटर्न देता है।\nजोखिम की चिंता मत कीजिए।"
LINES = ["Start your SIP today!", "Large caps returned 14.2% in 2023.", "Tax on long-term gains is 10% above ₹1 lakh."]


def pointed(note: str, draft: str = DRAFT) -> str | None:
    place = point_into(note, draft)
    return None if place is None else draft[slice(*place)]


@pytest.mark.parametrize(
    ("note", "part"),
    [
        ("the first line is pushy", LINES[0]),
        ("Line 2 needs a source", LINES[1]),
        ("line no. 3 is wrong", LINES[2]),
        ("2nd line has no benchmark", LINES[1]),
        ("last line should carry my number", "Call Ramesh on Monday."),
        ("second last line is a superlative", "Large caps are the best choice for you."),
        ("the headline shouts", LINES[0]),
        ("First two lines are one big push", "Start your SIP today!\nLarge caps returned 14.2% in 2023."),
        (
            "second para is full of claims",
            "Tax on long-term gains is 10% above ₹1 lakh.\nLarge caps are the best choice for you.",
        ),
        ("पहली लाइन बहुत तेज़ है", LINES[0]),
        ("दूसरी लाइन का स्रोत कहाँ है?", LINES[1]),
        ("आखिरी पंक्ति हटाइए", "Call Ramesh on Monday."),
        ("शेवटची ओळ काढा", "Call Ramesh on Monday."),
        ("दुसऱ्या ओळीत पुरावा नाही", LINES[1]),
        ("तिसरी ओळ चुकीची आहे", LINES[2]),
        ("doosri line me source do", LINES[1]),
        ("pehli line bahut salesy hai", LINES[0]),
        ("aakhri line hata do", "Call Ramesh on Monday."),
        ("shevatchi ol nako", "Call Ramesh on Monday."),
        ("शेवटच्या परिच्छेदात नाव चुकलं", "Call Ramesh on Monday."),
        ("लाइन नंबर 2 का स्रोत दीजिए", LINES[1]),
        ("पहिल्या दोन ओळी काढा", "Start your SIP today!\nLarge caps returned 14.2% in 2023."),
        ("last para me naam galat hai", "Call Ramesh on Monday."),
    ],
)
def test_a_named_part_is_found(note: str, part: str) -> None:
    assert pointed(note) == part


def test_the_figure_of_a_named_line_is_found_alone() -> None:
    draft = "Rates rose.\nThe repo rate is 6.5 percent now.\nCall us."

    assert pointed("the figure in line 2 is wrong", draft) == "6.5 percent"
    assert pointed("line 2 is clumsy", draft) == "The repo rate is 6.5 percent now."


def test_a_figure_named_in_the_note_is_found_by_its_value() -> None:
    assert pointed("LTCG is 12.5% now, the draft says 10 percent") == "10%"
    assert pointed("15% किस आधार पर?", HINDI) == "15%"


def test_quoted_words_are_found_however_they_are_quoted() -> None:
    assert pointed('remove "the best choice"') == "the best choice"
    assert pointed("‘SIP today’ is pressure") == "SIP today"
    assert pointed("'चिंता मत कीजिए' हटाओ", HINDI) == "चिंता मत कीजिए"


def test_words_repeated_without_quotation_marks_are_found() -> None:
    assert pointed("you wrote large caps are the best choice that is not allowed") == "Large caps are the best choice"


def test_a_quotation_that_stands_twice_is_told_apart_by_the_line_named() -> None:
    assert pointed('"Large caps" sounds wrong') is None

    place = point_into('"Large caps" in the second line sounds wrong', DRAFT)

    assert place is not None
    assert (place[0], DRAFT[slice(*place)]) == (DRAFT.index("Large caps"), "Large caps")


@pytest.mark.parametrize(
    "note",
    ["too long", "line 9 is wrong", "give me one line", "77% kahan se aaya", "make it 2 lines", "फार लांब आहे", "", "!!"],
)
def test_what_names_no_part_of_the_draft_points_nowhere(note: str) -> None:
    assert point_into(note, DRAFT) is None


def test_an_empty_draft_is_pointed_into_nowhere() -> None:
    assert point_into("first line is wrong", " \n") is None


def test_the_words_of_one_fault_are_read_before_the_rest_of_the_note() -> None:
    note = "First line is pushy. The last line lacks my ARN."
    at = note.index("lacks my ARN")

    assert point_into(note, DRAFT, (at, at + 12)) == (DRAFT.index("Call"), len(DRAFT))
