"""What is read in fewer steps is read as if every step were taken."""

import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from jarvish_regen.content.compliance.matching import Scan, Span, merge_spans
from jarvish_regen.content.compliance.normalise import View, grapheme_span, is_invisible, plain_segment, plain_view
from jarvish_regen.content.compliance.pack import Pack, current_pack
from jarvish_regen.content.compliance.patterns import Pattern

REACH = 260
PARAGRAPH = regex.compile(r"\n\s*\n")
SEGMENT = regex.compile(r"\r\n|\P{M}\p{M}*|\p{M}+", regex.V1)

EXAMPLES = sorted({example.text for rule in current_pack().rules for example in rule.examples})
SIGNS = [
    *" \n\t.,-*_'%A1",
    *("\n\n", "\n \n", "\r\n", "\u00a0", "\u200b", "\u200d", "\ufe0f", "\u0301", "\u093c", "\u0901", "\u094d"),
    *("\u093f", "\u0964", "\u2019", "\u2014", "\u0967", "\u20b9", "\U0001f4ca", "\U0001f44d\U0001f3fd", "\u00c9"),
    *("\u0915", "\u0929", "\ufb01", "can", "fund", "riskkk", "gu@r@nt33d", "gu\u0430r\u0430nteed"),
    *("g-u-a-r-a-n-t-e-e-d", " 2,50,000 ", " 12 lakh ", " 15% "),
]
TEXTS = st.lists(st.one_of(st.sampled_from(EXAMPLES), st.sampled_from(SIGNS)), min_size=1, max_size=14).map("".join)


@given(TEXTS)
@settings(max_examples=200, deadline=None)
def test_runs_are_read_as_letter_by_letter(raw: str) -> None:
    view = plain_view(raw)

    assert (view.text, list(view.starts), list(view.ends)) == _letter_by_letter(raw)
    assert [view.starts[at] for at in range(len(view.text))] == list(view.starts)
    assert [view.ends[at] for at in range(len(view.text))] == list(view.ends)


@given(TEXTS)
@settings(max_examples=80, deadline=None)
def test_patterns_find_what_they_find_when_all_are_tried_everywhere(raw: str) -> None:
    pack = current_pack()
    scan = Scan(raw, pack)

    for rule in pack.rules:
        if rule.patterns:
            assert scan.hits(rule.patterns, rule.exceptions) == _hits(scan, pack, rule.patterns, rule.exceptions), (
                rule.id
            )
        for patterns in (*rule.require.values(), rule.altered):
            if patterns:
                found = any(pattern.regex.search(scan.plain.text) for pattern in patterns)
                assert scan.has(patterns) == found, rule.id


def _letter_by_letter(raw: str) -> tuple[str, list[int], list[int]]:
    """Read each base character with its marks by itself."""
    kept = [at for at in range(len(raw)) if not (raw[at] > "\x7f" and is_invisible(raw[at]))]
    text: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for match in SEGMENT.finditer("".join(raw[at] for at in kept)):
        start, end = kept[match.start()], kept[match.end() - 1] + 1
        for character in plain_segment(match[0]):
            if character == " " and text and text[-1] == " ":
                ends[-1] = end
                continue
            text.append(character)
            starts.append(start)
            ends.append(end)
    return "".join(text), starts, ends


def _hits(scan: Scan, pack: Pack, patterns: tuple[Pattern, ...], exceptions: tuple[Pattern, ...]) -> list[Span]:
    found: list[Span] = []
    excused: list[Span] = []
    views: list[View] = [scan.plain] if scan.shadow is scan.plain else [scan.plain, scan.shadow]
    for view in views:
        for pattern in sorted(set(patterns), key=pack.place.__getitem__):
            at = 0
            while (match := pattern.regex.search(view.text, at)) is not None:
                start, end = match.span()
                if start == end or PARAGRAPH.search(view.text, start, end):
                    at = start + 1
                    continue
                raw = view.raw_span(start, end)
                for exception in exceptions:
                    for near in exception.regex.finditer(
                        view.text, max(0, start - REACH), end + REACH, overlapped=True
                    ):
                        if near[0]:
                            excused.append(view.raw_span(*near.span()))
                if any(raw[0] < other[1] and other[0] < raw[1] for other in excused):
                    at = start + 1
                    continue
                found.append(raw)
                at = end
    return [grapheme_span(scan.raw, *span) for span in merge_spans(found)]
