"""Measure what limits speak of, on the raw text: length, emoji, hashtags, capitals, markup."""

import re
import unicodedata
from collections.abc import Callable

import regex

from .pack import Rule

Span = tuple[int, int]

# Flags are pairs; a base may carry a variation selector, a skin tone, a keycap or joined emoji. Digits, # and * count
# only as keycaps.
EMOJI = regex.compile(
    r"\p{RI}\p{RI}|[0-9#*]\ufe0f?\u20e3"
    r"|(?:\p{Emoji_Presentation}|\p{Extended_Pictographic})[\ufe0f\u20e3\p{EMod}]*(?:\u200d(?:\p{Emoji_Presentation}|\p{Extended_Pictographic})[\ufe0f\p{EMod}]*)*",
    regex.V1,
)
# Every emoji holds one of these: a copyright or trade mark, a keycap, or a sign from the general punctuation on (the
# rupee sign, which is in so many texts, is none).
_PICTURES = re.compile("[\u00a9\u00ae\u203c-\u20b8\u20ba-\U0010ffff]")
# These count as typography, not as emoji, unless a variation selector asks for the picture.
_TYPOGRAPHIC = frozenset("\u00a9\u00ae\u2122\u2139\u2194\u2195\u2714\u2716\u25aa\u25ab\u25b6\u2605\u2713\u203c\u2049")
HASHTAG = regex.compile(r"(?<![\p{L}\p{M}\p{N}_&#/])#(?=[\p{N}_]*\p{L})[\p{L}\p{M}\p{N}_]+", regex.V1)
# What stands before a number that was never filled in, as in "ARN: XXXXX".
REGISTRATION_LEAD = regex.compile(
    r"(?i)(?<![\p{L}\p{N}])(?:arn|(?:sebi\s+)?(?:reg\.?\s*no\.?\s*)?ina)[\s:#-]*(?:arn-?)?$", regex.V1
)
_CAPITAL_WORD = regex.compile(r"(?<![\p{L}\p{M}\p{N}])\p{Lu}{4,}(?![\p{L}\p{M}\p{N}-])", regex.V1)
_DOUBLE_STARS = regex.compile(r"\*\*(?=\S)([^*\n]{1,300}?)(?<=\S)\*\*", regex.V1)
_HEADING = regex.compile(r"(?m)^#{1,6}[ \t]+(?=\S)", regex.V1)
_LINK = regex.compile(r"\[([^\[\]\n]{1,200})\]\(([^()\s]{1,500})\)", regex.V1)
_STAR = regex.compile(
    r"(?<![\p{L}\p{M}\p{N}*])\*(?=[^\s*])([^*\n]{1,300}?)(?<=[^\s*])\*(?![\p{L}\p{M}\p{N}*])", regex.V1
)
_UNDERSCORE = regex.compile(
    r"(?<![\p{L}\p{M}\p{N}_/])_(?=[^\s_])([^_\n]{1,300}?)(?<=[^\s_])_(?![\p{L}\p{M}\p{N}_])", regex.V1
)


def emoji_spans(raw: str) -> list[Span]:
    """Give each emoji cluster; a flag, a skin-toned or a joined emoji is one."""
    if not _PICTURES.search(raw):
        return []
    return [
        match.span() for match in EMOJI.finditer(raw) if not (match[0][0] in _TYPOGRAPHIC and "\ufe0f" not in match[0])
    ]


def hashtag_spans(raw: str) -> list[Span]:
    return [match.span() for match in HASHTAG.finditer(raw)] if "#" in raw else []


def capital_spans(raw: str, ignore: frozenset[str]) -> list[Span]:
    return [match.span() for match in _CAPITAL_WORD.finditer(raw) if match[0] not in ignore]


def markup_edits(raw: str, channel: str) -> list[tuple[int, int, str]]:
    """Give the marks that ``channel`` would show as they are, each with what to put in its place."""
    edits: list[tuple[int, int, str]] = []
    whatsapp = channel == "whatsapp"
    # Few texts hold any of these marks; to look for the mark is much cheaper than to try the pattern.
    for match in _DOUBLE_STARS.finditer(raw) if "**" in raw else ():
        mark = "*" if whatsapp else ""
        edits += [(match.start(), match.start(1), mark), (match.end(1), match.end(), mark)]
    if "#" in raw:
        edits += [(match.start(), match.end(), "") for match in _HEADING.finditer(raw)]
    for match in _LINK.finditer(raw) if "](" in raw else ():
        edits += [
            (match.start(), match.start(1), ""),
            (match.end(1), match.start(2), " "),
            (match.end(2), match.end(), ""),
        ]
    if not whatsapp:
        for sign, pattern in (("*", _STAR), ("_", _UNDERSCORE)):
            for match in pattern.finditer(raw) if sign in raw else ():
                edits += [(match.start(), match.start(1), ""), (match.end(1), match.end(), "")]
    return _without_overlaps(edits)


def _without_overlaps(edits: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    kept: list[tuple[int, int, str]] = []
    for edit in sorted(edits):
        if not kept or edit[0] >= kept[-1][1]:
            kept.append(edit)
    return kept


def length_of(raw: str) -> int:
    """Count code points of the composed text."""
    return len(raw) if raw.isascii() else len(unicodedata.normalize("NFC", raw))


def excess(raw: str, rule: Rule, channel: str) -> tuple[int, int, Span | None] | None:
    """Say how much a limit is exceeded: (measured, allowed, first span too many), or ``None`` when it is kept."""
    allowed = rule.limit_for(channel)
    if allowed is None:
        return None
    if rule.measure == "chars":
        measured = length_of(raw)
        return (measured, allowed, None) if measured > allowed else None
    finders: dict[str, Callable[[], list[Span]]] = {
        "emoji": lambda: emoji_spans(raw),
        "hashtags": lambda: hashtag_spans(raw),
        "caps_words": lambda: capital_spans(raw, rule.ignore),
        "foreign_markup": lambda: [(start, end) for start, end, _ in markup_edits(raw, channel)],
    }
    spans = finders[rule.measure or ""]()
    return (len(spans), allowed, spans[allowed]) if len(spans) > allowed else None
