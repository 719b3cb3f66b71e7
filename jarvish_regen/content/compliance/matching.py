"""Look for patterns in the views of a text, with exceptions, and give raw spans."""

from collections.abc import Iterable, Iterator
from functools import cached_property

import regex

from .memory import Memory
from .normalise import View, grapheme_span, plain_view, shadow_view
from .pack import Pack
from .patterns import Pattern

Span = tuple[int, int]


class Scan:
    """One text under examination; remembers what was already looked for."""

    def __init__(self, raw: str, pack: Pack, masks: frozenset[str] = frozenset()) -> None:
        self.raw = raw
        self.pack = pack
        self.plain: View = plain_view(raw, masks)

    @cached_property
    def shadow(self) -> View:
        return shadow_view(self.plain, self.pack.folding)

    @cached_property
    def _searched(self) -> list[tuple[View, set[int]]]:
        """The views that forbidden words are looked for in, each with the patterns worth trying."""
        views = [self.plain] if self.shadow is self.plain else [self.plain, self.shadow]
        return [(view, self.pack.prefilter.candidates(view.text)) for view in views]

    def hits(self, patterns: tuple[Pattern, ...], exceptions: tuple[Pattern, ...] = ()) -> list[Span]:
        """Give the raw spans of the matches that no exception excuses, merged and in order."""
        numbers = self.pack.numbers_of(patterns)
        found: list[Span] = []
        excused: list[Span] = []
        for view, candidates in self._searched:
            for number in sorted(numbers & candidates):
                pattern = self.pack.scanned[number]
                at = 0
                while (match := pattern.regex.search(view.text, at)) is not None:
                    start, end = match.span()
                    # Words of two paragraphs are no phrase; look on inside the first.
                    if start == end or _PARAGRAPH.search(view.text, start, end):
                        at = start + 1
                        continue
                    raw = view.raw_span(start, end)
                    if exceptions:
                        excused.extend(_spans(view, exceptions, max(0, start - _REACH), end + _REACH))
                    # A disguise does not void an excuse: what plain excuses stays excused in shadow.
                    if any(raw[0] < other[1] and other[0] < raw[1] for other in excused):
                        # What is dropped must not hide a later match that begins inside it.
                        at = start + 1
                        continue
                    found.append(raw)
                    at = end
        return [grapheme_span(self.raw, *span) for span in merge_spans(found)]

    def has(self, patterns: Iterable[Pattern]) -> bool:
        """Say whether any pattern is in plain."""
        text = self.plain.text
        return any(pattern.may_match(text) and pattern.regex.search(text) for pattern in patterns)

    def plain_spans(self, patterns: Iterable[Pattern]) -> list[Span]:
        """Give the raw spans of all matches in plain, merged and in order."""
        plain = self.plain
        tried = [pattern for pattern in patterns if pattern.may_match(plain.text)]
        spans = [
            plain.raw_span(*match.span())
            for pattern in tried
            for match in pattern.regex.finditer(plain.text)
            if match[0]
        ]
        return [grapheme_span(self.raw, *span) for span in merge_spans(spans)]


def scan_of(raw: str, pack: Pack, masks: frozenset[str]) -> Scan:
    """Return the examination of a text, remembered with all that was looked for in it so far."""
    return _scans.of(raw, (pack, masks), lambda: Scan(raw, pack, masks))


# A scan takes some 200 bytes for each character of its text.
_scans: Memory[Scan] = Memory(entries=64, chars=60_000)


def forget_scans() -> None:
    """Forget the examinations of texts."""
    _scans.forget()


_PARAGRAPH = regex.compile(r"\n\s*\n")

# No exception reaches further from the words it excuses than this.
_REACH = 260


def _spans(view: View, patterns: tuple[Pattern, ...], start: int, end: int) -> Iterator[Span]:
    near = view.text[start:end]
    for pattern in patterns:
        if not pattern.may_match(near):
            continue
        for match in pattern.regex.finditer(view.text, start, end, overlapped=True):
            if match[0]:
                yield view.raw_span(*match.span())


def merge_spans(spans: Iterable[Span]) -> list[Span]:
    """Join overlapping spans; the result is sorted."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
