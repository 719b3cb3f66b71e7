"""A draft as its channel shows it."""

import pytest

from jarvish_regen.content.rendering import Mark, first_lines, show_diff, show_draft, sms_parts, x_length
from jarvish_regen.language.worddiff import Piece


def test_whatsapp_signs_become_bold_and_italic_and_lone_stars_stay() -> None:
    shown = show_draft("*मोठी* _news_ 5 * 3 = 15 snake_case_name", "whatsapp")

    assert shown.body == "<strong>मोठी</strong> <em>news</em> 5 * 3 = 15 snake_case_name"


def test_text_is_escaped_whatever_it_holds() -> None:
    shown = show_draft('<script>alert("x")</script> & *<b>*', "whatsapp", [Mark(0, 8, "critical", 1, '"><img>')])

    assert "<script" not in shown.body
    assert "<img" not in shown.body
    assert "<strong>&lt;b&gt;</strong>" in shown.body


def test_a_mark_lies_on_its_words_after_emoji_and_devanagari_and_its_number_after_the_whole_word() -> None:
    text = "🎉👍🏽 आजच गुंतवणूक करा"
    start = text.index("गुंतव")

    shown = show_draft(text, "sms", [Mark(start, start + len("गुंतव"), "major", 2, "why")])

    number = '<a class="finding__number" href="#finding-2" aria-label="2: why">2</a>'
    assert shown.body == f'🎉👍🏽 आजच <mark class="finding finding--major">गुंतव</mark>णूक{number} करा'


def test_the_graver_of_two_marks_shows_and_both_keep_their_numbers() -> None:
    shown = show_draft("abcdef ghi", "sms", [Mark(0, 6, "minor", 1, "a"), Mark(2, 4, "critical", 2, "b")])

    assert '<mark class="finding finding--critical">cd</mark>' in shown.body
    assert shown.placed == {1, 2}
    assert 'href="#finding-1"' in shown.body
    assert 'href="#finding-2"' in shown.body


def test_a_mark_over_nearly_all_of_a_text_is_left_to_the_list() -> None:
    text = "word " * 40

    assert show_draft(text, "sms", [Mark(0, len(text), "major", 1)]).placed == frozenset()


@pytest.mark.parametrize("line", ["Subject: Your SIP", "विषय: Your SIP"])
def test_an_email_shows_its_subject_apart(line: str) -> None:
    shown = show_draft(f"{line}\n\nDear Meera,\nhello", "email")

    assert shown.subject == "Your SIP"
    assert shown.body == "Dear Meera,\nhello"


def test_x_counts_addresses_as_23_and_emoji_as_two() -> None:
    assert x_length("see https://example.com/a/very/long/path ok 👨‍👩‍👧") == len("see ") + 23 + len(" ok ") + 2


def test_devanagari_sms_has_shorter_parts() -> None:
    assert (sms_parts("a" * 160), sms_parts("a" * 161), sms_parts("अ" * 70), sms_parts("अ" * 71)) == (1, 2, 1, 2)


def test_the_diff_says_what_came_and_went_and_keeps_empty_lines_outside_its_signs() -> None:
    pieces = (Piece("same", "Buy "), Piece("del", "now"), Piece("ins", "later"), Piece("ins", ".\n\nARN-1\n"))

    assert show_diff(pieces) == "Buy <del>now</del><ins>later</ins><ins>.\n\nARN-1</ins>\n"
    assert show_diff(pieces, side="old") == "Buy <del>now</del>"
    assert show_diff((Piece("ins", "\n\n<b>"),)) == "\n\n<ins>&lt;b&gt;</ins>"


def test_the_first_lines_end_after_a_whole_word() -> None:
    assert first_lines("*Hello* there,\n\nmy friend", chars=14) == "Hello there,…"
