"""Twice the text costs about twice the work, also for texts made to hurt."""

import time

import pytest
import regex

from jarvish_regen.content.compliance.check import check, forget_reports
from jarvish_regen.content.compliance.layout import forget_layouts
from jarvish_regen.content.compliance.literals import DIGIT, EDGE, required
from jarvish_regen.content.compliance.normalise import plain_view
from jarvish_regen.content.compliance.pack import current_pack
from jarvish_regen.content.compliance.patterns import Pattern
from tests.content.compliance.helpers import distributor

PARAGRAPH = regex.compile(r"\n\s*\n")


def _cpu_seconds(text: str) -> float:
    """Give the least of several measurements of processor time, which other processes do not lengthen."""
    context = distributor(channel="blog", profile="strict", content_class="advertisement")
    best = float("inf")
    for _ in range(5):
        forget_reports()  # else only the first of them reads the text
        forget_layouts()
        start = time.process_time()
        check(text, context)
        best = min(best, time.process_time() - start)
    return best


@pytest.mark.parametrize(
    "piece",
    [
        "guaranteed return ",
        "not really a very ",
        "the fund will ",
        "12 34 5678 ",
        "a ",
        "g-",
        "[client ",
        '"hello ',
        "नहीं जोखिम ",
    ],
)
def test_work_grows_with_the_text(piece: str) -> None:
    small, large = piece * (5_000 // len(piece)), piece * (10_000 // len(piece))
    check("warm up", distributor())

    # A busy neighbour can spoil one comparison; work that grows faster than the text fails every time.
    assert any(_cpu_seconds(large) <= 3 * _cpu_seconds(small) for _ in range(5))


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("abc", (("abc",),)),
        ("(?:ab|cd)ef", (("abef", "cdef"),)),
        ("a?bcd", (("abcd", "bcd"),)),
        (r"\d+\s*(?:years?|saal)", (("saal", "year", "years"),)),
        (r"[a-z]+", ()),
        (r"(?<!x)risk\s+free", (("free",), ("risk",))),
        (r"x*", ()),
        (r"a|\d", ()),
    ],
)
def test_literals_are_what_a_match_needs(pattern: str, expected: tuple[tuple[str, ...], ...]) -> None:
    assert sorted(Pattern(pattern, regex.compile(pattern)).literals) == sorted(expected)


def test_a_literal_says_where_a_word_begins_and_ends() -> None:
    free = r"(?<![\p{L}\p{M}\p{N}])can(?![\p{L}\p{M}\p{N}])"

    assert required(free).literals == ((f"{EDGE}can{EDGE}",),)
    assert set(required(r"can\s+fall").literals) == {(f"{EDGE}fall",), (f"can{EDGE}",)}


@pytest.mark.parametrize(
    ("pattern", "openings"),
    [
        (r"(?:gains?|zero)\s+risk", ("gain", "gains", "zero")),
        (r"(?<![\p{L}\p{M}\p{N}])sure\s+shot", (f"{EDGE}sure",)),
        (r"(?:rs\s?)?\d+\s+crore", (DIGIT, "rs")),
        (r"\w+ fund", ()),
        (r"(?:fund)?", ()),
    ],
)
def test_openings_begin_every_match(pattern: str, openings: tuple[str, ...]) -> None:
    assert {*required(pattern).openings} == {*openings}


def test_prefilter_never_hides_a_match() -> None:
    pack = current_pack()
    examples = [plain_view(example.text).text for rule in pack.rules for example in rule.examples]
    together = ["\n \n".join(examples[at : at + 30]) for at in range(0, len(examples), 30)]
    matches = 0
    for text in (*examples, *together):
        candidates = pack.prefilter.candidates(text)
        for number, pattern in enumerate(pack.scanned):
            for match in pattern.regex.finditer(text):
                start, end = match.span()
                if start == end or PARAGRAPH.search(text, start, end):
                    continue  # words of two paragraphs are no phrase
                matches += 1
                assert candidates.anywhere >> number & 1, (pattern.source, text)
                assert any(
                    first <= start and end <= last and bits >> number & 1 for first, last, bits in candidates.pieces
                ), (pattern.source, text)
    assert matches > len(examples)
