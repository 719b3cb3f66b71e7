"""Refuse in a reply what no honest edit brings: links, markup, hidden signs and stand-ins that the data never held."""

from __future__ import annotations

from typing import get_args

import regex

from jarvish_regen.language.masking import Kind

# Nobody asks for another person's documents in an advertisement: these may stay where they stood, never be put in.
_NEVER_ADDED = frozenset({"PAN", "AADHAAR", "ACCOUNT", "IFSC", "FOLIO", "DEMAT", "CARD", "NAME"})

_KINDS = "|".join(kind.upper() for kind in get_args(Kind))
# What a model makes of a stand-in: other brackets, another dash, lower case, no number, no brackets.
_LIKE_STAND_IN = regex.compile(
    rf"[\[({{<«]{{1,2}}\s*(?i:{_KINDS})\s*[-–—_:#. ]?\s*\d{{1,6}}\s*[\])}}>»]{{1,2}}"
    rf"|[\[{{<]{{1,2}}\s*(?i:{_KINDS})\s*[\]}}>]{{1,2}}"
    rf"|(?<![\p{{L}}\p{{N}}\[])(?:{_KINDS})[-–—_]\d{{1,6}}(?![\p{{L}}\p{{N}}\]])"
)
_LINK = regex.compile(
    r"(?:[a-z][a-z0-9+.-]{1,12}:)?//[^\s<>()\"']+|www\.[^\s<>()\"']+|(?:javascript|data|vbscript|mailto|tel):[^\s]+"
    r"|(?<![\p{L}\p{N}@._-])[a-z0-9][a-z0-9-]{0,62}(?:\.[a-z0-9-]{1,63}){0,3}"
    r"\.(?:com|in|net|org|io|co|info|biz|me|ly|app|dev|ai|xyz|link|click|site|shop|top|online|example|test)"
    r"(?:/[^\s<>()\"']*)?(?![\p{L}\p{N}])"
    r"|\S{1,64}@[\p{L}\p{N}-]+\.[\p{L}\p{N}.-]+",
    regex.IGNORECASE,
)
_MARKUP = regex.compile(
    r"<[A-Za-z/!?][^>\n]{0,200}>?|\]\([^)\n]*\)|!\[|```|&(?:#\w{1,8}|[A-Za-z]{2,8});|\{\{|\}\}|\$\{"
)
# Tags, direction overrides and zero-width signs hide words from readers; joiners are letters of Hindi and of emoji.
_HIDDEN = regex.compile(r"[\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f\u00ad]")
# Drafts are written in Latin and Devanagari; a letter of another script is a disguise or another language.
_OTHER_SCRIPT = regex.compile(r"[\p{L}--[\p{Script=Latin}\p{Script=Devanagari}\p{Script=Common}]]+", regex.VERSION1)
# No word is that long but one that carries something encoded; a reader's eye sees 40 letters as noise.
_BLOB = regex.compile(r"[A-Za-z0-9+/=_-]{40,}|(?:\\x[0-9A-Fa-f]{2}){6,}|(?:[0-9A-Fa-f]{2}[ :]){10,}")


def foreign_in(new: str, *, sources: str, masked_text: str) -> str:
    """Name what ``new`` brings that the data never held, or return "".

    ``new`` is masked; ``sources`` is all that was sent, masked, and ``masked_text`` the rejected text of it.
    """
    used = _stand_ins(new)
    if used and used - _stand_ins(sources):
        return "a stand-in that was not given"
    if used and any(one.strip("[]").split("-")[0] in _NEVER_ADDED for one in used - _stand_ins(masked_text)):
        return "personal data that was not in the text"
    folded = ""
    for what, pattern in (
        ("a link that was not given", _LINK),
        ("markup", _MARKUP),
        ("hidden signs", _HIDDEN),
        ("another script", _OTHER_SCRIPT),
        ("something encoded", _BLOB),
    ):
        found = [match.group().rstrip(".,;:!?").casefold() for match in pattern.finditer(new)]
        if found:
            folded = folded or sources.casefold()
            if any(one not in folded for one in found):
                return what
    return ""


def _stand_ins(text: str) -> set[str]:
    return {match.group() for match in _LIKE_STAND_IN.finditer(text)}
