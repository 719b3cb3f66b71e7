"""Look for patterns in the views of a text, with exceptions, and give raw spans."""

from collections.abc import Iterable, Iterator
from functools import cached_property

import regex

from .disguise import shadow_view
from .memory import Memory
from .normalise import View, grapheme_span, plain_view
from .pack import Pack
from .patterns import Pattern
from .prefilter import Candidates, indices

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
    def _in_plain(self) -> Candidates:
        return self.pack.prefilter.candidates(self.plain.text)

    @cached_property
    def _searched(self) -> list[tuple[View, Candidates]]:
        """The views that forbidden words are looked for in, each with the patterns worth trying."""
        if self.shadow is self.plain:
            return [(self.plain, self._in_plain)]
        return [(self.plain, self._in_plain), (self.shadow, self.pack.prefilter.candidates(self.shadow.text))]

    @cached_property
    def alive(self) -> int:
        """The bits of the patterns that ``hits`` can find anything of."""
        found = 0
        for _, candidates in self._searched:
            found |= candidates.inside
        return found

    def hits(self, patterns: tuple[Pattern, ...], exceptions: tuple[Pattern, ...] = ()) -> list[Span]:
        """Give the raw spans of the matches that no exception excuses, merged and in order."""
        wanted = self.pack.bits_of(patterns)
        if not wanted & self.alive:
            return []
        found: list[Span] = []
        excused: list[Span] = []
        for view, candidates in self._searched:
            for number in indices(wanted & candidates.inside):
                self._search(view, number, candidates, exceptions, found, excused)
        return [grapheme_span(self.raw, *span) for span in merge_spans(found)]

    def _search(
        self,
        view: View,
        number: int,
        candidates: Candidates,
        exceptions: tuple[Pattern, ...],
        found: list[Span],
        excused: list[Span],
    ) -> None:
        """Add what one pattern finds in one view to ``found``, and the spans of exceptions near it to ``excused``."""
        pattern, beginning, text = self.pack.scanned[number].regex, self.pack.scanned[number].beginning, view.text
        at = 0
        starts = candidates.starts.get(number)
        if starts is not None:
            for place in starts:
                if place >= at and (match := pattern.match(text, place)) is not None:
                    at = self._weigh(view, match.span(), exceptions, found, excused)
            return
        for first, last, bits in candidates.pieces:
            if not bits >> number & 1:
                continue
            at = max(at, first)
            while at < last:
                if beginning is None:
                    match = pattern.search(text, at)
                elif (begun := beginning.search(text, at)) is None:
                    return
                elif begun.start() >= last:
                    break
                elif (match := pattern.match(text, begun.start())) is None:
                    at = begun.start() + 1
                    continue
                if match is None:
                    return
                if match.start() >= last:
                    break
                at = self._weigh(view, match.span(), exceptions, found, excused)

    def _weigh(
        self,
        view: View,
        span: Span,
        exceptions: tuple[Pattern, ...],
        found: list[Span],
        excused: list[Span],
    ) -> int:
        """Take a match, or leave it, and say from where to look on."""
        start, end = span
        text = view.text
        # Words of two paragraphs are no phrase; look on inside the first.
        if start == end or (text.find("\n", start, end) >= 0 and _PARAGRAPH.search(text, start, end)):
            return start + 1
        raw = view.raw_span(start, end)
        if exceptions:
            excused.extend(self._excuses(view, exceptions, max(0, start - _REACH), end + _REACH))
        # A disguise does not void an excuse: what plain excuses stays excused in shadow.
        if excused and any(raw[0] < other[1] and other[0] < raw[1] for other in excused):
            # What is dropped must not hide a later match that begins inside it.
            return start + 1
        found.append(raw)
        return end

    @cached_property
    def _excusing(self) -> dict[tuple[View, tuple[Pattern, ...]], list[Pattern]]:
        return {}

    def _excuses(self, view: View, exceptions: tuple[Pattern, ...], start: int, end: int) -> Iterator[Span]:
        tried = self._excusing.get((view, exceptions))
        if tried is None:
            # What is nowhere in the text is not near the words either.
            tried = [pattern for pattern in exceptions if pattern.may_match(view.text)]
            self._excusing[view, exceptions] = tried
        if not tried:
            return
        near = view.text[start:end]
        for pattern in tried:
            if not pattern.may_match(near):
                continue
            for match in pattern.regex.finditer(view.text, start, end, overlapped=True):
                if match[0]:
                    yield view.raw_span(*match.span())

    def has(self, patterns: tuple[Pattern, ...]) -> bool:
        """Say whether any pattern is in plain."""
        tried = indices(self.pack.bits_of(patterns) & self._in_plain.anywhere)
        return any(self.pack.scanned[number].regex.search(self.plain.text) for number in tried)

    def plain_spans(self, patterns: Iterable[Pattern]) -> list[Span]:
        """Give the raw spans of all matches in plain, merged and in order."""
        plain, place, anywhere = self.plain, self.pack.place, self._in_plain.anywhere
        spans = [
            plain.raw_span(*match.span())
            for pattern in patterns
            if (anywhere >> place[pattern] & 1 if pattern in place else pattern.may_match(plain.text))
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


def merge_spans(spans: Iterable[Span]) -> list[Span]:
    """Join overlapping spans; the result is sorted."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
