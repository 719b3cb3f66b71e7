"""Identifiers: UUIDv7 inside (time-ordered, so indexes stay compact), short prefixed ids outside (`cnt_01h…`).

The outside form is a TypeID: prefix, underscore, the 128 bits in Crockford's base 32, lower case (typeid
specification 0.3).
"""

import uuid
from typing import Final

from uuid_utils.compat import uuid7

ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
SUFFIX_CHARS: Final = 26
_VALUES: Final = {letter: value for value, letter in enumerate(ALPHABET)}

PREFIXES: Final = {
    "item": "cnt",
    "version": "ver",
    "feedback": "rej",
    "regeneration": "rgn",
    "candidate": "cdt",
    "case": "cse",
    "firm": "frm",
    "user": "usr",
    "event": "evt",
    "endpoint": "whk",
    "delivery": "dlv",
    "dead_letter": "dlt",
    "invitation": "inv",
    "voice": "voc",
}


def new_id() -> uuid.UUID:
    """Return a UUID of version 7."""
    return uuid7()


def to_short(kind: str, value: uuid.UUID) -> str:
    """Return the outside form of an id, such as `cnt_01jd…`. `kind` is a key of PREFIXES."""
    number = value.int
    letters = []
    for _ in range(SUFFIX_CHARS):
        letters.append(ALPHABET[number & 31])
        number >>= 5
    return f"{PREFIXES[kind]}_{''.join(reversed(letters))}"


def from_short(kind: str, given: str) -> uuid.UUID:
    """Return the UUID behind an outside form.

    Raises:
        ValueError: the prefix is another kind's, or the rest is not 26 letters of the alphabet within 128 bits.
    """
    prefix, _, suffix = given.partition("_")
    if prefix != PREFIXES[kind] or len(suffix) != SUFFIX_CHARS:
        raise ValueError(f"not an id of the form {PREFIXES[kind]}_… with {SUFFIX_CHARS} letters: {given[:60]!r}")
    number = 0
    for letter in suffix:
        if letter not in _VALUES:
            raise ValueError(f"{letter!r} does not occur in ids: {given[:60]!r}")
        number = number << 5 | _VALUES[letter]
    if number >> 128:
        raise ValueError(f"not an id: {given[:60]!r}")
    return uuid.UUID(int=number)


class ShortIdConverter:
    """Path converter base: `<cnt:item_id>` in a URL is a UUID in the view; anything else does not match (404)."""

    kind: str
    regex: str

    def to_python(self, value: str) -> uuid.UUID:
        return from_short(self.kind, value)

    def to_url(self, value: uuid.UUID | str) -> str:
        return value if isinstance(value, str) else to_short(self.kind, value)


def converter_for(kind: str) -> type[ShortIdConverter]:
    """Return the path converter of one kind of id."""
    return type(
        f"{kind.title()}IdConverter",
        (ShortIdConverter,),
        {"kind": kind, "regex": f"{PREFIXES[kind]}_[{ALPHABET}]{{{SUFFIX_CHARS}}}"},
    )
