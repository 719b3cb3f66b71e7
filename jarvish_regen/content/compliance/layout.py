"""Where things stand in a message: sentences, mandated texts, signature."""

from dataclasses import dataclass

from .check import TextContext
from .matching import Span, scan_of
from .memory import Memory
from .pack import Pack
from .sentences import Line, lines_of, signature_span, words_in


@dataclass(frozen=True, eq=False)
class Layout:
    """Where things stand in a text: lines and sentences, mandated texts, signature."""

    raw: str
    lines: list[Line]
    mandated: list[Span]
    signature: Span | None

    def is_protected(self, span: Span) -> bool:
        return any(start < span[1] and span[0] < end for start, end in self.mandated)

    def sentence_at(self, start: int, end: int) -> list[Span]:
        return [s for line in self.lines for s in line.sentences if s[0] < max(end, start + 1) and start < s[1]]

    def body_words(self) -> int:
        """Count the author's words: neither mandated texts nor the signature."""
        signed = self.signature or (0, 0)
        return sum(
            words_in(self.raw[a:b])
            for line in self.lines
            for a, b in line.sentences
            if not self.is_protected((a, b)) and not (signed[0] <= a < signed[1])
        )


def layout_of(raw: str, context: TextContext, pack: Pack) -> Layout:
    """Return where things stand in a text, remembered: repair asks at each of its steps."""
    return _layouts.of(raw, (pack, context), lambda: _layout(raw, context, pack))


_layouts: Memory[Layout] = Memory(entries=64, chars=200_000)


def forget_layouts() -> None:
    """Forget the layouts of texts."""
    _layouts.forget()


def _layout(raw: str, context: TextContext, pack: Pack) -> Layout:
    mandated = scan_of(raw, pack, context.masks).plain_spans(pack.mandated)
    lines = lines_of(raw, mandated)
    return Layout(raw, lines, mandated, signature_span(raw, lines, mandated, context.registrant_name))
