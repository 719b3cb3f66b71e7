"""Measure a text in the small ways that decide whether a named issue is gone. Pure; positions are code points."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

import regex

from jarvish_regen.language.sentences import sentences
from jarvish_regen.language.words import normalise_for_comparison, words
from regeneration.resolution.lexicons import MISSPELT, STOP_WORDS

Span = tuple[int, int]

# What reads well on a phone, mandated texts left out: about two screens of a WhatsApp bubble, the fold of a LinkedIn
# post with its first comment, and so on. A platform's hard limit is the rule pack's business (CHF-01).
STYLE_BUDGET_CHARS = {
    "whatsapp": 600,
    "linkedin": 1300,
    "instagram": 900,
    "facebook": 800,
    "x": 240,
    "sms": 300,
    "email": 2000,
    "blog": 6000,
}
# A complaint about length of a text that already keeps its budget asks for at least this much less, or more.
SHORTER_SHARE = 0.8
LONGER_SHARE = 1.25
# A paragraph past this is a wall on a phone: about twelve lines.
WALL_CHARS = 400

_EMOJI = regex.compile(
    r"(?:\p{Regional_Indicator}{2}|[0-9#*]\uFE0F?\u20E3|\p{Extended_Pictographic}(?:\uFE0F|\p{Emoji_Modifier})*"
    r"(?:\u200D\p{Extended_Pictographic}(?:\uFE0F|\p{Emoji_Modifier})*)*)"
)
# Signs that Unicode counts as pictographic and that prose uses as letters.
_NO_EMOJI = frozenset("©®™↔↕〰")
_HASHTAG = regex.compile(r"(?<![\p{L}\p{M}\p{N}&])#[\p{L}\p{M}\p{N}_]+")
_PLACEHOLDER = regex.compile(
    r"\{\{[^{}\n]{0,40}\}\}|\$\{[^}\n]{0,40}\}|(?<!\{)\{[\p{L}_][\p{L}\p{M}\p{N}_ .]{0,30}\}(?!\})"
    r"|\[(?:client|investor|first|last|your|advisor|adviser|firm|company|insert|date|amount|phone|link|name|arn|sebi|fund|url|email"
    r"|नाम|ग्राहक|राशि|तारीख|दिनांक|रक्कम|नाव)[^\]\n]{0,30}\](?!\()|<(?:name|client|amount|date|link|insert)[^>\n]{0,30}>"
    r"|(?<![\p{L}\p{M}\p{N}])(?:lorem\s+ipsum|tbd|tktk|xx{2,}|_{3,})(?![\p{L}\p{M}\p{N}])|%(?:s|d|name|client)%?(?![\p{L}\p{N}])",
    regex.IGNORECASE,
)
_URL = regex.compile(r"(?:https?://|www\.)[^\s<>()]+", regex.IGNORECASE)
_MOJIBAKE = regex.compile(
    r"(?:[\u00C2\u00C3][\u0080-\u00BF\u0152-\u0178\u2018-\u203A\u20AC\u2122]|\u00E2[\u0080-\u00BF\u0152-\u0178\u02C6\u02DC\u2013-\u203A\u20AC\u2122]{1,2}"
    r"|(?:\u00E0[\u00A4\u00A5][\s\S]?)+|\u00F0\u0178[\s\S]{1,2}|\uFFFD|\?{4,}|[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F\uE000-\uF8FF]"
    r"|&(?:amp|nbsp|quot|lt|gt|#\d{1,5});|\\u[0-9a-fA-F]{4})+"
)
_BOLD_STARS = regex.compile(r"\*\*(?=\S)([^*\n]+?)(?<=\S)\*\*")
_BOLD_LINES = regex.compile(r"__(?=\S)([^_\n]+?)(?<=\S)__")
_ONE_MARK = regex.compile(r"(?<![\p{L}\p{M}\p{N}*_])([*_~])(?=\S)([^*_~\n]+?)(?<=\S)\1(?![\p{L}\p{M}\p{N}*_])")
_HEADING = regex.compile(r"^[ \t]{0,3}#{1,6}[ \t]+", regex.MULTILINE)
_LINK = regex.compile(r"\[([^\[\]\n]{1,80})\]\(([^()\s]{1,200})\)")
_TAG = regex.compile(r"</?(?:b|i|u|p|br|strong|em|ul|ol|li|h[1-6]|div|span)\b[^<>\n]{0,60}>", regex.IGNORECASE)
_FENCE = regex.compile(r"`{1,3}([^`\n]+)`{1,3}")
_FIGURE = regex.compile(r"(?<![\p{L}\p{M}\p{N}])\p{Nd}[\p{Nd},]*(?:\.\p{Nd}+)?")
_ENDED = regex.compile(r"[.!?।॥…:;)\]\"'”’»|](?:[*_~])*\s*$")
_DOUBLED_WORD = regex.compile(
    r"(?<![\p{L}\p{M}\p{N}])(\p{L}[\p{L}\p{M}]+)(\s+\1)+(?![\p{L}\p{M}\p{N}])", regex.IGNORECASE
)
_SPACE_BEFORE_STOP = regex.compile(r"[\p{L}\p{M}\p{N}][ \t]+[,;.!?।](?!\.)")
_NO_SPACE_AFTER = regex.compile(r"\p{L}\p{M}*[,;!?।]\p{L}")
_LOWER_START = regex.compile(r"(?:^|[.!?]\s+)[a-z]")
_LOWER_I = regex.compile(r"(?<![\p{L}\p{N}'.])i(?![\p{L}\p{N}'.])")


def word_keys(text: str) -> list[str]:
    """Return the words of ``text`` in the form in which they are compared."""
    return list(_word_keys(text)) if len(text) <= _REMEMBERED_CHARS else words(normalise_for_comparison(text))


# The same few texts and sentences are measured in many ways; longer ones are too big to be remembered.
_REMEMBERED_CHARS = 4_000


@lru_cache(maxsize=512)
def _word_keys(text: str) -> tuple[str, ...]:
    # Normalised once as a whole: word by word costs ten times as much.
    return tuple(words(normalise_for_comparison(text)))


def content_words(text: str) -> list[str]:
    """Return the words that carry a point: no stop words, no single letters."""
    return [word for word in word_keys(text) if word not in STOP_WORDS and len(word) > 1]


def count_phrases(text: str, phrases: Iterable[str]) -> int:
    """Count how often words or phrases of a word list stand in ``text`` as whole words."""
    padded = _padded(text)
    return sum(_count(padded, key) for key in _keys(tuple(phrases)))


def emoji_spans(text: str) -> list[Span]:
    """Return the span of each emoji as a reader sees it; a flag, a skin tone or a family is one."""
    if text.isascii():
        return []
    return [match.span() for match in _EMOJI.finditer(text) if match.group()[0] not in _NO_EMOJI]


def hashtag_spans(text: str) -> list[Span]:
    """Return the span of each hashtag."""
    return [match.span() for match in _HASHTAG.finditer(text)]


def placeholder_spans(text: str) -> list[Span]:
    """Return the span of each placeholder that was left unfilled."""
    return [match.span() for match in _PLACEHOLDER.finditer(text)]


def link_spans(text: str) -> list[Span]:
    """Return the span of each web address."""
    return [match.span() for match in _URL.finditer(text)]


def mojibake_spans(text: str) -> list[Span]:
    """Return the runs of broken characters: wrong encoding, replacement signs, control characters, HTML entities."""
    return [match.span() for match in _MOJIBAKE.finditer(text)]


def figure_spans(text: str) -> list[Span]:
    """Return the span of each number."""
    return [match.span() for match in _FIGURE.finditer(text)]


def figure_keys(text: str) -> list[str]:
    """Return the numbers in ``text`` in plain digits, without grouping commas and idle zeros after the point."""
    keys = []
    for start, end in figure_spans(text):
        digits = "".join(str(unicodedata.digit(c)) if c.isdigit() else c for c in text[start:end]).replace(",", "")
        keys.append(digits.rstrip("0").rstrip(".") if "." in digits else digits)
    return keys


def duplicate_spans(text: str) -> list[Span]:
    """Return the later copies of sentences or lines that stand more than once, and doubled runs of three
    words or more.
    """
    seen: set[str] = set()
    spans: list[Span] = []
    for sentence in sentences(text):
        key = " ".join(word_keys(sentence.text))
        if len(key) < 8 or key.count(" ") < 1:
            continue
        if key in seen:
            spans.append((sentence.start, sentence.end))
        seen.add(key)
    return spans or _doubled_runs(text)


def markup_spans(text: str, channel: str) -> list[Span]:
    """Return the markup that ``channel`` would show as bare signs."""
    if channel in {"email", "blog"}:
        return []
    patterns = [_BOLD_STARS, _BOLD_LINES, _HEADING, _LINK, _TAG, _FENCE]
    if channel != "whatsapp":
        patterns.append(_ONE_MARK)
    return sorted({match.span() for pattern in patterns for match in pattern.finditer(text)})


def without_markup(text: str, channel: str) -> str:
    """Return ``text`` with markup turned into what the channel renders: WhatsApp *bold*, plain words elsewhere."""
    if channel in {"email", "blog"}:
        return text
    bold = r"*\1*" if channel == "whatsapp" else r"\1"
    changed = _BOLD_LINES.sub(bold, _BOLD_STARS.sub(bold, text))
    changed = _HEADING.sub("", _LINK.sub(r"\1: \2", _FENCE.sub(r"\1", changed)))
    changed = regex.sub(r"<br\s*/?>", "\n", changed, flags=regex.IGNORECASE)
    changed = _TAG.sub("", changed)
    return changed if channel == "whatsapp" else _ONE_MARK.sub(r"\2", changed)


def longest_paragraph_chars(text: str) -> int:
    """Return the length of the longest run of text without a line break."""
    return max((len(line.strip()) for line in text.splitlines()), default=0)


def mean_sentence_words(text: str) -> float:
    """Return the mean number of words in a sentence, 0.0 for a text without words."""
    lengths = [len(words(sentence.text)) for sentence in sentences(text)]
    counted = [length for length in lengths if length]
    return sum(counted) / len(counted) if counted else 0.0


def language_errors(text: str) -> int:
    """Count slips that need no grammar to see: doubled words, stray blanks, small starts, well-known misspellings."""
    slips = [_DOUBLED_WORD, _SPACE_BEFORE_STOP, _NO_SPACE_AFTER, _LOWER_START, _LOWER_I]
    bare = _URL.sub("", text)
    misspelt = sum(word in MISSPELT for word in word_keys(bare.replace("’", "'")))
    return misspelt + sum(sum(1 for _ in pattern.finditer(bare)) for pattern in slips)


def cut_tail(text: str, *, closing_lines: Sequence[str] = ()) -> Span | None:
    """Return the span of a last sentence that was cut off in the middle, or None.

    ``closing_lines`` (mandated texts, signature, registration number) may follow the cut; they are passed over, as are
    lines of hashtags, links and contact details, which end without a stop by custom.
    """
    closing = [" ".join(word_keys(line)) for line in closing_lines if line.strip()]
    for sentence in reversed(sentences(text)):
        raw = text[sentence.start : sentence.end].rstrip()
        key = " ".join(word_keys(raw))
        if not key or any(key in line or line in key for line in closing):
            continue
        if _HASHTAG.sub("", _URL.sub("", raw)).strip() == "" or ("|" in raw and "\n" not in raw):
            continue
        spans = emoji_spans(raw)
        is_ended = bool(_ENDED.search(raw)) or bool(spans and spans[-1][1] >= len(raw))
        if raw.endswith("...") or raw.endswith("…"):
            is_ended = False
        # A heading or a sign-off of a few words has no stop either; a cut leaves more, or a hanging sign.
        is_short = len(key.split()) < 4 and raw[-1] not in ",-–—("
        # A line of the list above it, or of a list mark, is an item and needs no stop.
        is_item = regex.match(r"[-•✓✔➤▪*\d]", raw) is not None
        return None if is_ended or is_short or is_item else (sentence.start, sentence.start + len(raw))
    return None


def sentence_span(text: str, span: Span) -> Span:
    """Return ``span`` widened to the whole sentences it touches."""
    touched = [one for one in sentences(text) if one.start < span[1] and span[0] < one.end]
    if not touched:
        return span
    return min(span[0], touched[0].start), max(span[1], touched[-1].end)


def _doubled_runs(text: str) -> list[Span]:
    places = [match.span() for match in regex.finditer(r"[\p{L}\p{M}\p{N}]+", text)]
    keys = [normalise_for_comparison(text[start:end]) for start, end in places]
    spans: list[Span] = []
    at = 0
    while at < len(keys):
        for length in range(min(12, (len(keys) - at) // 2), 2, -1):
            if keys[at : at + length] == keys[at + length : at + 2 * length]:
                spans.append((places[at + length][0], places[at + 2 * length - 1][1]))
                at += length
                break
        else:
            at += 1
    return spans


@lru_cache(maxsize=64)
def _padded(text: str) -> str:
    return f" {' '.join(word_keys(text))} "


def _count(padded: str, key: str) -> int:
    return padded.count(f" {key} ")


@lru_cache(maxsize=32)
def _keys(phrases: tuple[str, ...]) -> tuple[str, ...]:
    return tuple({" ".join(word_keys(phrase)) for phrase in phrases})
