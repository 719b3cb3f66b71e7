"""The rule pack as values: rules, texts, profiles, all checked and compiled."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import regex

from .normalise import Folding
from .patterns import Pattern
from .prefilter import Prefilter, build_prefilter


@dataclass(frozen=True)
class Fix:
    """How a rule is mended. ``wording`` is by language; ``text`` is a key of the pack's texts."""

    action: str
    wording: Mapping[str, str] = field(default_factory=dict)
    text: str | None = None
    position: str = "end"
    note: str = ""


@dataclass(frozen=True)
class Example:
    """A test of a rule: ``context`` is laid over the pack's example context."""

    text: str
    language: str
    passes: bool
    context: Mapping[str, str]
    line: int


@dataclass(frozen=True, eq=False)
class Rule:
    """One rule. Sets that are ``None`` mean "all"."""

    id: str
    title: str
    group: str
    severity: str
    kind: str
    scope: str
    issue_code: str
    risk_weight: int
    fix: Fix
    source: str
    line: int
    profiles: frozenset[str]
    is_compliance: bool
    named_profiles: frozenset[str]
    registrant_types: frozenset[str] | None
    channels: frozenset[str] | None
    languages: frozenset[str] | None
    content_classes: frozenset[str] | None
    classes_by_profile: Mapping[str, frozenset[str]]
    severity_by_class: Mapping[str, str]
    weight_by_class: Mapping[str, int]
    patterns: tuple[Pattern, ...]
    exceptions: tuple[Pattern, ...]
    when: tuple[Pattern, ...]
    require: Mapping[str, tuple[Pattern, ...]]
    require_text: str | None
    altered: tuple[Pattern, ...]
    match_language: str | None
    field: str | None
    must_appear: bool
    format: Mapping[str, regex.Pattern[str]]
    shown_format: Mapping[str, regex.Pattern[str]]
    valid_until_field: str | None
    measure: str | None
    max: int | None
    max_by_channel: Mapping[str, int]
    hard_max_by_channel: Mapping[str, int]
    ignore: frozenset[str]
    note: str
    gate_note: str
    examples: tuple[Example, ...]

    def limit_for(self, channel: str) -> int | None:
        return self.max_by_channel.get(channel, self.max)


@dataclass(frozen=True, eq=False)
class Placeholder:
    """What to do with an unfilled placeholder whose name fits ``pattern``: fill it from ``field`` or drop it."""

    pattern: regex.Pattern[str]
    field: str | None
    prefix: str


@dataclass(frozen=True, eq=False)
class Pack:
    """A loaded rule pack. ``sha256`` is the hash of its bytes and names its version."""

    version: str
    sha256: str
    rules: tuple[Rule, ...]
    profiles: tuple[str, ...]
    languages: tuple[str, ...]
    channels: tuple[str, ...]
    registrant_types: tuple[str, ...]
    content_classes: tuple[str, ...]
    bands: Mapping[str, tuple[int, int]]
    texts: Mapping[str, Mapping[str, str]]
    official_texts: frozenset[str]
    folding: Folding
    classification: Mapping[str, tuple[Pattern, ...]]
    placeholders: tuple[Placeholder, ...]
    example_context: Mapping[str, Mapping[str, str]]

    def text(self, key: str, language: str) -> str:
        """Give the text ``key`` in ``language``, in English where the language has none."""
        wordings = self.texts[key]
        return wordings.get(language) or wordings["en"]

    def rule(self, rule_id: str) -> Rule:
        return self._by_id[rule_id]

    def band(self, score: int) -> str:
        return next((name for name, (low, high) in self.bands.items() if low <= score <= high), "red")

    @cached_property
    def _by_id(self) -> dict[str, Rule]:
        return {rule.id: rule for rule in self.rules}

    @cached_property
    def scanned(self) -> tuple[Pattern, ...]:
        """All patterns that are looked for in a text, but for exceptions, which are looked for near a match only."""
        found = [pattern for rule in self.rules for pattern in (*rule.patterns, *rule.when)]
        found += [pattern for patterns in self.classification.values() for pattern in patterns]
        for rule in self.rules:
            found += [pattern for patterns in rule.require.values() for pattern in patterns]
            found += rule.altered
        return tuple(dict.fromkeys(found))

    @cached_property
    def place(self) -> Mapping[Pattern, int]:
        """The index of each pattern in ``scanned``."""
        return {pattern: index for index, pattern in enumerate(self.scanned)}

    @cached_property
    def applicable(self) -> dict[Hashable, tuple[tuple[Rule, int | None], ...]]:
        """What ``check`` found to apply, by what that depends on."""
        return {}

    @cached_property
    def _bits(self) -> dict[tuple[Pattern, ...], int]:
        return {}

    def bits_of(self, patterns: tuple[Pattern, ...]) -> int:
        """Give the places of ``patterns`` in ``scanned`` as bits. Raises ``KeyError`` for one that is not there."""
        found = self._bits.get(patterns)
        if found is None:
            found = 0
            for pattern in patterns:
                found |= 1 << self.place[pattern]
            self._bits[patterns] = found
        return found

    @cached_property
    def prefilter(self) -> Prefilter:
        return build_prefilter(self.scanned)

    @cached_property
    def mandated(self) -> tuple[Pattern, ...]:
        """Patterns that find each inserted text in the plain view, whichever language it is in."""
        return tuple(
            pattern
            for rule in self.rules
            if rule.require_text in self.official_texts
            for patterns in rule.require.values()
            for pattern in patterns
        )
