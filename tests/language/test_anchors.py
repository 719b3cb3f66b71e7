import pytest
from hypothesis import assume, given, settings

from jarvish_regen.language.anchors import (
    AnchorError,
    anchor_at,
    code_points_to_utf16,
    locate_quote,
    resolve,
    snap_to_graphemes,
    utf16_to_code_points,
)
from tests.language.texts import CHARACTERS, mixed_text

DRAFT = (
    "Dear investor, the fund gives assured returns every year. 😀 Start a SIP today.\n"
    "म्यूचुअल फंड में जोखिम है। Start a SIP today with Rs. 500."
)


def span_of(text, quote, nth=0):
    at = -1
    for _ in range(nth + 1):
        at = text.index(quote, at + 1)
    return at, at + len(quote)


def test_an_anchor_carries_quote_and_32_characters_of_context():
    anchor = anchor_at(DRAFT, *span_of(DRAFT, "assured returns"))

    assert anchor.quote == "assured returns"
    assert anchor.prefix == DRAFT[: anchor.start][-32:]
    assert anchor.suffix == DRAFT[anchor.end :][:32]


@pytest.mark.parametrize(
    ("start", "end", "reason", "allowed"),
    [
        (-1, 3, "outside", (0, 10)),
        (0, 99, "outside", (0, 10)),
        (4, 2, "reversed", (2, 4)),
        (2, 2, "empty", (0, 10)),
        (0, 1, "cuts_character", (0, 3)),
        (4, 6, "cuts_character", (3, 6)),
    ],
)
def test_an_impossible_span_is_refused_with_what_would_be_allowed(start, end, reason, allowed):
    text = "क्ष👨‍👩 abc"
    text = text[:10]
    assert len(text) == 10

    with pytest.raises(AnchorError) as refusal:
        anchor_at(text, start, end)

    assert (refusal.value.reason, refusal.value.given, refusal.value.allowed) == (reason, (start, end), allowed)


def test_a_span_between_the_halves_of_a_surrogate_pair_is_refused():
    with pytest.raises(AnchorError) as refusal:
        anchor_at("a\ud83d\ude00b", 0, 2)

    assert (refusal.value.reason, refusal.value.allowed) == ("cuts_surrogate", (0, 3))


@pytest.mark.parametrize("character", CHARACTERS)
def test_a_character_is_never_cut(character):
    text = f"अ {character} z"
    whole = (2, 2 + len(character))

    for inside in range(1, len(character)):
        assert snap_to_graphemes(text, 2 + inside, 2 + inside) == whole
        with pytest.raises(AnchorError):
            anchor_at(text, 0, 2 + inside)
    assert anchor_at(text, *whole).quote == character


@given(mixed_text)
def test_utf16_offsets_go_there_and_back(text):
    for position in range(len(text) + 1):
        assert utf16_to_code_points(text, code_points_to_utf16(text, position)) == position
    assert code_points_to_utf16(text, len(text)) == len(text.encode("utf-16-le", "surrogatepass")) // 2


@pytest.mark.parametrize("offset", [-1, 2, 5])
def test_an_offset_that_no_code_point_has_is_refused(offset):
    with pytest.raises(ValueError, match="allowed"):
        utf16_to_code_points("a😀b", offset)


@given(before=mixed_text, quote=mixed_text, after=mixed_text, inserted=mixed_text)
def test_a_mark_is_found_again_after_an_insertion_before_it(before, quote, after, inserted):
    # A letter on each side keeps the quote's characters whole whatever the neighbours are.
    before, after = before + "x ", " y" + after
    text = before + quote + after
    assume(quote.strip() and text.count(quote) == 1 and (inserted + "\n" + text).count(quote) == 1)
    assume(snap_to_graphemes(text, len(before), len(before) + len(quote)) == (len(before), len(before) + len(quote)))

    found = resolve(anchor_at(text, len(before), len(before) + len(quote)), inserted + "\n" + text)

    assert found is not None
    assert (found.start, found.quote) == (len(inserted) + 1 + len(before), quote)


def test_a_repeated_quote_is_told_apart_by_its_context():
    anchor = anchor_at(DRAFT, *span_of(DRAFT, "Start a SIP today", nth=1))
    changed = "A new first line.\n" + DRAFT

    found = resolve(anchor, changed)

    assert found is not None
    assert found.start == span_of(changed, "Start a SIP today", nth=1)[0]


def test_a_moved_twin_at_the_old_position_does_not_take_the_mark():
    text = "Our advice is: buy now, before March.\nTheir advice is: buy now, or never.\n"
    anchor = anchor_at(text, *span_of(text, "buy now"))
    swapped = "Some advice is: buy now, or never.\nOur advice is: buy now, before March.\n"[1:]

    found = resolve(anchor, swapped)

    assert swapped[anchor.start : anchor.end] == "buy now"
    assert found is not None
    assert found.start == span_of(swapped, "buy now", nth=1)[0]


def test_a_slightly_changed_quote_is_found_between_its_neighbours():
    anchor = anchor_at(DRAFT, *span_of(DRAFT, "assured returns every year"))

    found = resolve(anchor, "Hello!\n" + DRAFT.replace("assured returns every year", "assured return every year"))

    assert found is not None
    assert found.quote == "assured return every year"


def test_a_slightly_changed_quote_is_found_when_its_context_changed_a_little_too():
    anchor = anchor_at(DRAFT, *span_of(DRAFT, "assured returns every year"))
    changed = DRAFT.replace("assured returns every year", "assured return every year").replace("the fund", "this fund")

    found = resolve(anchor, changed)

    assert found is not None
    assert found.quote == "assured return every year"


@pytest.mark.parametrize(
    "changed",
    [
        DRAFT.replace("assured returns every year", "growth that may vary with markets"),
        DRAFT.replace("assured returns every year", ""),
        "Something else altogether.",
        "",
    ],
)
def test_a_mark_whose_words_are_gone_is_orphaned(changed):
    assert resolve(anchor_at(DRAFT, *span_of(DRAFT, "assured returns every year")), changed) is None


def test_a_mark_among_equal_twins_elsewhere_is_orphaned():
    anchor = anchor_at("yes. Buy now. no", 5, 12)

    assert resolve(anchor, "abc Buy now def Buy now ghi") is None


def test_part_of_a_conjunct_is_no_occurrence():
    anchor = anchor_at("क है", 0, 1)

    assert resolve(anchor, "क्ष कि") is None


@pytest.mark.parametrize(
    ("text", "quote", "found"),
    [
        (DRAFT, "assured returns", "assured returns"),
        ("वह क्‍षमा है", "क्षमा", "क्‍षमा"),
        ("बाज\u093cार गिरा", "बाज़ार", "बाज\u093cार"),
        ("two  words\nhere", "words here", "words\nhere"),
        ("he said “buy – now”", '"buy - now"', "“buy – now”"),
        ("love ❤️ it", "❤ it", "❤️ it"),
    ],
)
def test_a_quote_without_position_is_found_when_it_is_unique(text, quote, found):
    anchor = locate_quote(text, quote)

    assert anchor is not None
    assert anchor.quote == found
    assert text[anchor.start : anchor.end] == found


@pytest.mark.parametrize(
    ("text", "quote"),
    [(DRAFT, "Start a SIP today"), (DRAFT, "not in it"), (DRAFT, "  "), ("कि की", "क"), ("a  b a\nb", "a b")],
)
def test_a_quote_that_is_absent_or_ambiguous_is_not_guessed(text, quote):
    assert locate_quote(text, quote) is None


@settings(max_examples=60)
@given(mixed_text, mixed_text)
def test_whatever_is_located_is_a_markable_span(text, quote):
    anchor = locate_quote(text, quote)

    assert anchor is None or anchor_at(text, anchor.start, anchor.end) == anchor
