"""Say which changes leave an approved text approved: greeting, closing and date, and who speaks. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

import regex

from jarvish_regen.language.figures import figures
from jarvish_regen.language.words import words
from regeneration import mandated
from regeneration.fallbacks.slots import FREE_TYPES, IDENTITY_TYPES, SLOT

# A greeting or a closing is a line of a few words; more is a message of its own.
GREETING_MAX_CHARS = 60
_SIGN_OFF = r"[^\n.!?।:;0-9]{1,60}[,!।]?"
_DATE = r"[^\n]{1,40}"
_BLANKS = regex.compile(r"[^\S\n]+")
_GAPS = regex.compile(r"\s*\n\s*")
_LINK = regex.compile(r"https?:|www\.|@|\p{L}\.\p{L}{2,}", regex.IGNORECASE)


def changes_allowed(item_text: str, new_text: str, *, known: Iterable[str] = ()) -> bool:
    """Say whether ``new_text`` is the approved ``item_text`` but for its greeting, closing and date.

    ``item_text`` has its slots; ``known`` are texts that may stand for the identity slots and follow at the end
    (``mandated.profile_texts``), beside the mandated texts of today's pack. Blanks do not count, every letter and mark
    elsewhere does. A greeting or closing is one short line without figures or links; a date is a date and nothing else.
    """
    identity = sorted({_flat(text) for text in known if text.strip()}, key=len, reverse=True)
    match = _pattern(item_text, identity).fullmatch(_flat(new_text))
    if match is None:
        return False
    for number, name in enumerate(SLOT.findall(item_text)):
        value = match.group(f"s{number}").strip()
        if name == "date" and not _is_date(value):
            return False
        if name in {"greeting", "closing"} and _LINK.search(value):
            return False
    return _is_known(match.group("tail"), identity)


def _pattern(item_text: str, identity: Iterable[str]) -> regex.Pattern[str]:
    either = "|".join(map(regex.escape, identity))
    parts = ["(?:)"]
    place, number = 0, 0
    for slot in SLOT.finditer(item_text):
        name = slot.group(1)
        parts.append(_fixed(item_text[place : slot.start()]))
        if name in FREE_TYPES:
            parts.append(f"(?P<s{number}>{_DATE if name == 'date' else _SIGN_OFF})")
        elif name in IDENTITY_TYPES and either:
            parts.append(f"(?P<s{number}>{either})")
        else:
            parts.append(f"(?P<s{number}>{regex.escape(slot.group())})")
        place, number = slot.end(), number + 1
    parts.append(_fixed(item_text[place:]))
    return regex.compile("".join(parts) + r"(?P<tail>[\s\S]*)")


def _fixed(piece: str) -> str:
    # Blanks beside a slot are layout: an advisor who moves the greeting to a line of its own changes no word.
    fixed = _flat(piece, strips=False).split()
    inner = r"\s+".join(map(regex.escape, fixed))
    return rf"\s*{inner}\s*" if fixed else r"\s*"


def _flat(text: str, *, strips: bool = True) -> str:
    flat = _GAPS.sub("\n", _BLANKS.sub(" ", unicodedata.normalize("NFC", text)))
    return flat.strip() if strips else flat


def _is_date(value: str) -> bool:
    found = figures(value)
    if len(found) != 1 or found[0].unit != "date":
        return False
    left = value[: found[0].start] + value[found[0].end :]
    return not regex.search(r"[\p{L}\p{N}]", left)


def _is_known(tail: str, identity: Iterable[str]) -> bool:
    """Say whether what follows the approved words is only what the law and the profile put there."""
    left = tail
    for text in (*mandated.statutory_texts(), *identity):
        left = left.replace(_flat(text), " ")
    return all(mandated.is_label(word) for word in words(left.casefold()))
