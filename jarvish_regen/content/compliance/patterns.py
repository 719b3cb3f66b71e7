"""Compile the patterns of a pack: macros, boundaries, look-up literals."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import regex

from .document import Entry, PackError
from .literals import DIGIT, Required, UnreadablePatternError, bare_literal, required
from .normalise import fold_devanagari

# `{NAME}`, but not the braces of `\p{L}`.
_MACRO = regex.compile(r"(?<!\\[pP])\{([A-Z][A-Z0-9]*)\}")
_LONGEST_BEGINNING = 4
_WORD_BOUNDARY = regex.compile(r"(?<!\\)(?:\\\\)*\\[bB]")


@dataclass(frozen=True, eq=False)
class Pattern:
    """A compiled pattern; any match contains a string of each set of ``needs``, and so of ``literals``, the same
    without the edges of words."""

    source: str
    regex: regex.Pattern[str]

    @cached_property
    def _required(self) -> Required:
        try:
            return required(self.regex.pattern)
        except UnreadablePatternError:
            return Required()

    @property
    def needs(self) -> tuple[tuple[str, ...], ...]:
        return self._required.literals

    @property
    def openings(self) -> tuple[str, ...]:
        """Strings of which one stands at the beginning of every match; none when that is not known."""
        return self._required.openings

    @cached_property
    def beginning(self) -> re.Pattern[str] | None:
        """What every match begins with, for patterns that may begin with a number, which the pattern itself finds
        slowly; ``None`` for others."""
        if DIGIT not in map(bare_literal, self.openings):
            return None
        # Digits that only one of the two libraries knows are beyond the basic plane.
        openings = sorted({bare_literal(opening)[:_LONGEST_BEGINNING] for opening in self.openings})
        return re.compile("|".join(re.escape(each).replace(DIGIT, r"[\d\U00010000-\U0010ffff]") for each in openings))

    @cached_property
    def literals(self) -> tuple[tuple[str, ...], ...]:
        return tuple(tuple(sorted(set(map(bare_literal, literals)))) for literals in self.needs)

    def may_match(self, text: str) -> bool:
        """Say whether it is worth trying on ``text``, which may be cut in the middle of a word."""
        for literals in self.literals:  # plain loops: asked so often that generators would cost more than they do
            for literal in literals:
                if literal in text:
                    break
            else:
                return False
        return True


class PatternCompiler:
    """Expand macros and compile, refusing what section 2 of the pack forbids."""

    def __init__(self, macros: Entry) -> None:
        self._macros: dict[str, str] = {}
        self._cache: dict[str, Pattern] = {}
        for name, entry in macros.mapping().items():
            self._macros[name] = self._expand(entry.text(), entry)

    def _expand(self, source: str, entry: Entry) -> str:
        if _WORD_BOUNDARY.search(source):
            raise entry.fail(r"\b does not work after Devanagari vowel signs; use {B} and {E}")

        def macro(match: regex.Match[str]) -> str:
            if match[1] not in self._macros:
                raise entry.fail(f"unknown macro {{{match[1]}}}")
            return self._macros[match[1]]

        return fold_devanagari(_MACRO.sub(macro, source))

    def compile(self, entry: Entry) -> Pattern:
        """Compile one pattern; the same pattern given twice is one object."""
        source = entry.text()
        expanded = self._expand(source, entry)
        if expanded not in self._cache:
            try:
                # No IGNORECASE: the views are casefolded and patterns are lower case, and folding twice costs half of
                # the speed.
                self._cache[expanded] = Pattern(source, regex.compile(expanded, regex.V1))
            except regex.error as error:
                raise entry.fail(f"bad pattern {source!r}: {error}") from error
        return self._cache[expanded]

    def compile_all(self, entries: Iterable[Entry]) -> tuple[Pattern, ...]:
        return tuple(self.compile(entry) for entry in entries)


def words_in_order(text: str) -> Pattern:
    """Build a pattern that finds the words of ``text`` in plain, whatever stands between them.

    Statutory sentences are accepted with other punctuation, hyphens or line breaks, but with no word added, dropped
    or changed.
    """
    words = regex.findall(r"[\p{L}\p{M}\p{N}]+", text)
    gap = r"[^\p{L}\p{M}\p{N}]{1,12}"
    return Pattern(
        text,
        regex.compile(
            r"(?<![\p{L}\p{M}\p{N}])" + gap.join(map(regex.escape, words)) + r"(?![\p{L}\p{M}\p{N}])", regex.V1
        ),
    )


__all__ = ["PackError", "Pattern", "PatternCompiler", "words_in_order"]
