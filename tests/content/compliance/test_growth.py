"""Twice the text costs about twice the work, also for texts made to hurt."""

import time

import pytest

from jarvish_regen.content.compliance.check import check, forget_reports
from jarvish_regen.content.compliance.layout import forget_layouts
from jarvish_regen.content.compliance.literals import required_literals
from jarvish_regen.content.compliance.pack import current_pack
from tests.content.compliance.helpers import distributor


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
    assert tuple(sorted(required_literals(pattern))) == tuple(sorted(expected))


def test_prefilter_never_hides_a_match() -> None:
    pack = current_pack()
    for rule in pack.rules:
        for example in rule.examples:
            text = example.text.casefold()
            candidates = pack.prefilter.candidates(text)
            for number, pattern in enumerate(pack.scanned):
                assert number in candidates or not pattern.regex.search(text)
