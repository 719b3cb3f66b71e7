"""A draft as its reader will meet it: the channel's own markup, marks over the words, counts that the channel makes.

Pure: text in, safe HTML out. Positions are code points into the raw text.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import regex
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from jarvish_regen.language.worddiff import Piece

# X counts these as one and everything else as two; an address counts 23 (developer.x.com, "Counting characters", 2023).
_X_SINGLE: Final = ((0, 4351), (8192, 8205), (8208, 8223), (8242, 8247))
_X_ADDRESS_LENGTH: Final = 23
X_LIMIT: Final = 280
# 3GPP TS 23.038: 7-bit alphabet 160 in one message, 153 in each of several; UCS-2 70 and 67.
_GSM: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_DOUBLE: Final = frozenset("^{}\\[~]|€\f")

# WhatsApp's own rules: the sign touches the words, and no letter or digit touches it from outside.
_WHATSAPP: Final = (
    ("strong", regex.compile(r"(?<![\p{L}\p{N}\p{M}*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\p{L}\p{N}\p{M}*])")),
    ("em", regex.compile(r"(?<![\p{L}\p{N}\p{M}_])_(?=\S)([^_\n]+?)(?<=\S)_(?![\p{L}\p{N}\p{M}_])")),
    ("s", regex.compile(r"(?<![\p{L}\p{N}\p{M}~])~(?=\S)([^~\n]+?)(?<=\S)~(?![\p{L}\p{N}\p{M}~])")),
)
_ARTICLE: Final = (
    ("strong", regex.compile(r"\*\*(?=\S)([^*\n]+?)(?<=\S)\*\*")),
    ("strong", regex.compile(r"(?m)^#{1,4}[ \t]+([^\n]+)$")),
)
_MARKUP: Final = {"whatsapp": _WHATSAPP, "blog": _ARTICLE, "email": _ARTICLE}
_HASHTAG: Final = regex.compile(
    r"(?<![\p{L}\p{N}\p{M}&/])#[\p{L}\p{M}\p{N}_]*[\p{L}\p{M}_][\p{L}\p{M}\p{N}_]*"
    r"|(?<!\S)@[\w.]+|https?://\S+|www\.\S+"
)
_SUBJECT: Final = regex.compile(r"\A\s*(?:subject|विषय)\s*:[ \t]*([^\n]*)\n+", regex.IGNORECASE)
_WORD_CHARACTER: Final = regex.compile(r"[\p{L}\p{M}\p{N}\u200c\u200d]")
# A mark over most of the text says nothing about where; the reason below the draft says it.
_WIDEST_MARK: Final = 0.6


@dataclass(frozen=True)
class Mark:
    """Words that a finding is about: span, how grave, and the number that leads to the reason."""

    start: int
    end: int
    severity: str
    number: int
    reason: str = ""


@dataclass(frozen=True)
class Shown:
    """A draft ready for its channel's template."""

    channel: str
    subject: SafeString
    body: SafeString
    length: int
    limit: int | None
    parts: int
    placed: frozenset[int]


def show_draft(text: str, channel: str, marks: Iterable[Mark] = ()) -> Shown:
    """Render a draft for its channel, with numbered marks.

    `placed` are the numbers of the marks that are visible in it.
    """
    widest = max(1, int(len(text) * _WIDEST_MARK)) if len(text) > 80 else len(text)
    shown = [mark for mark in marks if 0 <= mark.start < mark.end <= len(text) and mark.end - mark.start <= widest]
    subject_span, body_start = _split_subject(text) if channel == "email" else ((0, 0), 0)
    return Shown(
        channel=channel,
        subject=_render(text, subject_span[0], subject_span[1], channel, shown),
        body=_render(text, body_start, len(text), channel, shown),
        length=x_length(text) if channel == "x" else len(text),
        limit=X_LIMIT if channel == "x" else None,
        parts=sms_parts(text) if channel == "sms" else 0,
        placed=frozenset(mark.number for mark in shown),
    )


def _split_subject(text: str) -> tuple[tuple[int, int], int]:
    found = _SUBJECT.match(text)
    return (found.span(1), found.end()) if found else ((0, 0), 0)


def _render(text: str, start: int, end: int, channel: str, marks: Sequence[Mark]) -> SafeString:
    styles: list[tuple[str, ...]] = [()] * len(text)
    hidden = bytearray(len(text))
    for tag, pattern in _MARKUP.get(channel, ()):
        for found in pattern.finditer(text):
            inner_start, inner_end = found.span(1)
            for at in range(inner_start, inner_end):
                styles[at] = (*styles[at], tag)
            for at in (*range(found.start(), inner_start), *range(inner_end, found.end())):
                hidden[at] = 1
    if channel not in {"sms", "whatsapp"}:
        for found in _HASHTAG.finditer(text):
            for at in range(found.start(), found.end()):
                styles[at] = (*styles[at], "hashtag")
    # Where marks overlap the graver one shows; its number stands at its end.
    over: list[Mark | None] = [None] * len(text)
    rank = {"critical": 0, "major": 1, "minor": 2}
    for mark in sorted(marks, key=lambda mark: (-rank.get(mark.severity, 3), -mark.number)):
        for at in range(mark.start, mark.end):
            over[at] = mark
    numbers = _number_places(text, start, end, over)
    parts: list[SafeString] = []
    group = -1
    keys = []
    for at in range(start, end):
        keys.append((over[at], styles[at], bool(hidden[at]), group))
        # A number stands between two runs, so a run ends where one is due.
        group = at if at in numbers else group
    for key, run in groupby(range(start, end), key=lambda at: keys[at - start]):
        places = list(run)
        covering, style, is_hidden, _group = key
        words = _styled(text[places[0] : places[-1] + 1], style, is_hidden)
        if covering:
            words = format_html('<mark class="finding finding--{}">{}</mark>', covering.severity, words)
        parts.append(words)
        parts.extend(_number(due) for due in numbers.get(places[-1], ()))
    return mark_safe("".join(parts))  # noqa: S308  # every part came out of format_html


def _number_places(text: str, start: int, end: int, over: Sequence[Mark | None]) -> dict[int, list[Mark]]:
    """Return after which character each visible mark's number stands: the whole word's last, which a rule may cut."""
    places: dict[int, list[Mark]] = {}
    last = {mark.number: at for at in range(start, end) if (mark := over[at])}
    marks = {mark.number: mark for mark in over[start:end] if mark}
    for number, at in sorted(last.items()):
        while at + 1 < end and _WORD_CHARACTER.match(text[at]) and _WORD_CHARACTER.match(text[at + 1]):
            at += 1
        places.setdefault(at, []).append(marks[number])
    return places


def _styled(words: str, styles: tuple[str, ...], is_hidden: bool) -> SafeString:
    if is_hidden:
        return mark_safe("")
    shown = format_html("{}", words)
    for style in styles:
        pattern = '<span class="hashtag">{1}</span>' if style == "hashtag" else "<{0}>{1}</{0}>"
        shown = format_html(pattern, style, shown)
    return shown


def _number(mark: Mark) -> SafeString:
    link = '<a class="finding__number" href="#finding-{0}" aria-label="{0}: {1}">{0}</a>'
    return format_html(link, str(mark.number), mark.reason)


def show_diff(pieces: Iterable[Piece], *, side: str = "both") -> SafeString:
    """Render a word diff with `<ins>` and `<del>`; `side` "old" or "new" leaves the other one's words out."""
    left_out = {"old": "ins", "new": "del"}.get(side, "")
    shown = (_diff_piece(piece) for piece in pieces if piece.kind != left_out)
    return mark_safe("".join(shown))  # noqa: S308  # every part came out of format_html


def _diff_piece(piece: Piece) -> SafeString:
    words = piece.text.strip()
    if piece.kind == "same" or not words:
        return format_html("{}", piece.text)
    # Space at the rim stays outside the sign, or an added empty line would look like an added mark.
    before, _, after = piece.text.partition(words)
    return format_html("{1}<{0}>{2}</{0}>{3}", piece.kind, before, words, after)


def first_lines(text: str, *, chars: int = 160) -> str:
    """Return the beginning of a text on one line, without its channel's markup, cut after a whole word."""
    line = regex.sub(r"\s+", " ", regex.sub(r"[*_~#]+(?=\S)|(?<=\S)[*_~]+", "", text[: chars * 2])).strip()
    return line if len(line) <= chars else f"{line[:chars].rsplit(' ', 1)[0]}…"


def x_length(text: str) -> int:
    """Count a text as X does: addresses 23, emoji and most symbols beyond the common scripts two."""
    address = regex.compile(r"https?://\S+|www\.\S+")
    length = _X_ADDRESS_LENGTH * len(address.findall(text))
    for cluster in regex.findall(r"\X", address.sub("", text)):
        weights = [1 if any(low <= ord(ch) <= high for low, high in _X_SINGLE) else 2 for ch in cluster]
        length += 2 if 2 in weights else sum(weights)
    return length


def sms_parts(text: str) -> int:
    """Return how many messages the network makes of a text."""
    if all(ch in _GSM or ch in _GSM_DOUBLE for ch in text):
        units = sum(2 if ch in _GSM_DOUBLE else 1 for ch in text)
        single, several = 160, 153
    else:
        units = len(text.encode("utf-16-le")) // 2
        single, several = 70, 67
    return 1 if units <= single else -(-units // several)
