import pytest
from hypothesis import given

from jarvish_regen.language.anchors import anchor_at, snap_to_graphemes
from jarvish_regen.language.sentences import sentences
from tests.language.texts import mixed_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Too long. Cut it!", ["Too long.", "Cut it!"]),
        ("It rose 4.5% in a day. Rs. 500 is enough.", ["It rose 4.5% in a day.", "Rs. 500 is enough."]),
        ("Rule No. 1 holds. I said no. Go on.", ["Rule No. 1 holds.", "I said no.", "Go on."]),
        ("Use debt, e.g. liquid funds. Now ₹1.5 lakh.", ["Use debt, e.g. liquid funds.", "Now ₹1.5 lakh."]),
        ("See https://example.in/a.b?x=1. Then call.", ["See https://example.in/a.b?x=1.", "Then call."]),
        ("Mail a.b@example.co.in today. Thanks.", ["Mail a.b@example.co.in today.", "Thanks."]),
        ("A. K. Sharma wrote it. Dr. Rao agreed.", ["A. K. Sharma wrote it.", "Dr. Rao agreed."]),
        ("1. First point\n2. Second point. More.", ["1. First point", "2. Second point.", "More."]),
        ("- one\n• two • three", ["- one", "• two", "• three"]),
        ("जोखिम है। पढ़ें।", ["जोखिम है।", "पढ़ें।"]),
        ("क्या हुआ?हाँ, सच।", ["क्या हुआ?", "हाँ, सच।"]),
        ("डॉ. जोशी आले. रु. 500 द्या.", ["डॉ. जोशी आले.", "रु. 500 द्या."]),
        ('He wrote "Buy now!" and left. "Go." Yes.', ['He wrote "Buy now!" and left.', '"Go."', "Yes."]),
        ('"भागो!" लिखा है। हटाओ', ['"भागो!" लिखा है।', "हटाओ"]),
        ("Wait... what? Really?! Yes", ["Wait... what?", "Really?!", "Yes"]),
        ("Great! 🎉", ["Great! 🎉"]),
        ("ABC Ltd. is fine. Paid to ABC Ltd. Next one.", ["ABC Ltd. is fine.", "Paid to ABC Ltd.", "Next one."]),
        ("Good year. 1️⃣ Start\r\n\r\n  Next  ", ["Good year.", "1️⃣ Start", "Next"]),
        ("(Done.) Next (one).", ["(Done.)", "Next (one)."]),
        ("wrong tone. change it", ["wrong tone.", "change it"]),
        ("", []),
        (" \n\t ", []),
        ("🎉", ["🎉"]),
    ],
)
def test_sentences_end_where_a_reader_would_end_them(text, expected):
    assert [sentence.text for sentence in sentences(text)] == expected


@given(mixed_text)
def test_sentences_cover_everything_but_whitespace_once_and_in_order(text):
    at = 0
    for sentence in sentences(text):
        assert text[at : sentence.start].strip() == ""
        assert sentence.text == text[sentence.start : sentence.end] != ""
        at = sentence.end
    assert text[at:].strip() == ""


@given(mixed_text)
def test_every_sentence_can_be_marked(text):
    for sentence in sentences(text):
        # A pair of lone halves is refused by an anchor on purpose; the cluster itself is never cut.
        assert snap_to_graphemes(text, sentence.start, sentence.end) == (sentence.start, sentence.end)


def test_a_tapped_sentence_becomes_an_anchor():
    text = "Good morning! क्‍षमा करें। 👨‍👩‍👧 Family first."

    assert [anchor_at(text, s.start, s.end).quote for s in sentences(text)] == [s.text for s in sentences(text)]
