import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jarvish_regen.language.richtext import TAGS, from_plain, sanitise, to_text
from tests.language.texts import mixed_text


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('<p onclick="x()">a</p>', "<p>a</p>"),
        ("<script>alert(1)</script>b", "b"),
        ("<style>p{}</style>b", "b"),
        ('<img src="x" onerror="y">c', "c"),
        ('<p style="color:red">d</p>', "<p>d</p>"),
        ('<a href="javascript:alert(1)">e</a>', '<a rel="noopener">e</a>'),
        ('<a href="JaVaScRiPt&#58;alert(1)">e</a>', '<a rel="noopener">e</a>'),
        ('<a href="data:text/html,x">e</a>', '<a rel="noopener">e</a>'),
        ('<a href="/admin/">f</a>', '<a rel="noopener">f</a>'),
        ('<a href="//evil.example">f</a>', '<a rel="noopener">f</a>'),
        ('<a href="https://a.in" target="_top">g</a>', '<a href="https://a.in" rel="noopener">g</a>'),
        ('<a href="mailto:a@b.in">h</a>', '<a href="mailto:a@b.in" rel="noopener">h</a>'),
        ("<svg><script>1</script></svg>i<!-- no -->", "i"),
        ("<ul><li><strong>k</strong></li></ul><br>", "<ul><li><strong>k</strong></li></ul><br>"),
        ("a\x00b\ud83d", "a\ufffdb\ufffd"),
    ],
)
def test_only_the_allowed_survives(source, expected):
    assert sanitise(source) == expected


@given(st.text() | mixed_text)
def test_sanitised_html_stays_as_it_is_and_has_only_allowed_tags(source):
    once = sanitise(source)

    assert sanitise(once) == once
    assert set(re.findall(r"</?([a-z0-9]+)", once)) <= TAGS


def test_a_plain_note_becomes_paragraphs_bold_words_and_a_list():
    note = "This is **wrong**:\nsee below\n\n- first <b>\n- **second**\nend & out"

    assert from_plain(note) == (
        "<p>This is <strong>wrong</strong>:<br>see below</p>"
        "<ul><li>first &lt;b&gt;</li><li><strong>second</strong></li></ul><p>end &amp; out</p>"
    )


def test_html_reads_as_plain_text_with_lists_and_breaks():
    source = "<p>One <em>two</em><br>three &amp; four</p><ul><li>a</li><li>b</li></ul><ol><li>c</li><li>d</li></ol>"

    assert to_text(source) == "One two\nthree & four\n\n- a\n- b\n\n1. c\n2. d"


def test_list_points_that_hold_paragraphs_or_lists_stay_on_their_lines():
    source = (
        "<ul><li><p>a</p></li><li><p>b</p><ol><li><p>c</p></li></ol></li></ul><p>d</p><blockquote><p>e</p></blockquote>"
    )

    assert to_text(source) == "- a\n- b\n1. c\n\nd\n\ne"


@given(mixed_text)
def test_a_plain_note_says_the_same_after_the_round_trip(note):
    def letters(text):
        return [ch for ch in text if ch.isalnum() and not "\ud800" <= ch <= "\udfff"]

    assert letters(to_text(from_plain(note))) == letters(note)
    assert html.unescape(from_plain(note)).count("<script") == note.count("<script")
