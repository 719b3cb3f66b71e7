"""Compile the patterns of a pack: macros, boundaries, look-up literals."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import regex

from .document import Entry, PackError
from .literals import UnreadablePatternError, required_literals
from .normalise import fold_devanagari

# `{NAME}`, but not the braces of `\p{L}`.
_MACRO = regex.compile(r"(?<!\\[pP])\{([A-Z][A-Z0-9]*)\}")
_WORD_BOUNDARY = regex.compile(r"(?<!\\)(?:\\\\)*\\[bB]")


@dataclass(frozen=True, eq=False)
class Pattern:
    """A compiled pattern; any match contains a string of each set of ``literals``."""

    source: str
    regex: regex.Pattern[str]

    @cached_property
    def literals(self) -> tuple[tuple[str, ...], ...]:
        try:
            return required_literals(self.regex.pattern)
        except UnreadablePatternError:
            return ()

    def may_match(self, text: str) -> bool:
        """Say whether it is worth trying on ``text``."""
        return all(any(literal in text for literal in literals) for literals in self.literals)


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


@dataclass(frozen=True, eq=False)
class Prefilter:
    """Tell which of many patterns can match a text at all.

    Literals of three characters and more are found by their first three; ``owners`` are the patterns whose most
    telling literals hold one, ``also`` what else a pattern needs one of.
    """

    by_gram: dict[str, tuple[str, ...]]
    short: tuple[str, ...]
    owners: dict[str, tuple[int, ...]]
    always: frozenset[int]
    also: dict[int, tuple[frozenset[str], ...]]

    def candidates(self, text: str) -> set[int]:
        """Give the indices of the patterns worth trying on ``text``."""
        grams = {a + b + c for a, b, c in zip(text, text[1:], text[2:], strict=False)}
        held = {
            literal
            for gram in grams & self.by_gram.keys()
            for literal in self.by_gram[gram]
            if len(literal) == 3 or literal in text
        }
        held.update(literal for literal in self.short if literal in text)
        found = set(self.always)
        for literal in held & self.owners.keys():
            found.update(self.owners[literal])
        also = self.also
        return {
            index
            for index in found
            if index not in also or not any(held.isdisjoint(literals) for literals in also[index])
        }


def build_prefilter(patterns: Sequence[Pattern]) -> Prefilter:
    """Index ``patterns`` by the literals that their matches need."""
    owners: dict[str, list[int]] = {}
    always: set[int] = set()
    for index, pattern in enumerate(patterns):
        if not pattern.literals:
            always.add(index)
        for literal in pattern.literals[0] if pattern.literals else ():
            owners.setdefault(literal, []).append(index)
    every = sorted({literal for pattern in patterns for literals in pattern.literals for literal in literals})
    by_gram: dict[str, list[str]] = {}
    for literal in every:
        if len(literal) >= 3:
            by_gram.setdefault(literal[:3], []).append(literal)
    return Prefilter(
        {gram: tuple(literals) for gram, literals in by_gram.items()},
        tuple(literal for literal in every if len(literal) < 3),
        {literal: tuple(indices) for literal, indices in owners.items()},
        frozenset(always),
        {
            index: tuple(map(frozenset, pattern.literals[1:]))
            for index, pattern in enumerate(patterns)
            if len(pattern.literals) > 1
        },
    )


__all__ = ["PackError", "Pattern", "PatternCompiler", "Prefilter", "build_prefilter", "words_in_order"]
