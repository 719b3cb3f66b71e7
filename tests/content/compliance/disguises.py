"""Ways in which people hide a forbidden word from a filter, applied to the key word of a text."""

import random
from collections.abc import Callable, Sequence

import regex

Span = tuple[int, int]
_CLUSTER = regex.compile(r"\p{L}\p{M}*(?:\u094d\p{L}\p{M}*)*", regex.V1)
_WORD = regex.compile(r"[\p{L}\p{M}]{4,}", regex.V1)
_LOOK_ALIKES = {"a": "а", "e": "е", "o": "о", "p": "р", "c": "с", "i": "і", "s": "ѕ", "x": "х", "y": "у"}
_LEET = {"a": "@", "e": "3", "o": "0", "i": "1", "s": "5"}
_DEVANAGARI_DIGITS = {ord(str(digit)): chr(0x0966 + digit) for digit in range(10)}
# Letters that sound alike in the other script.
_OTHER_SCRIPT = {"g": "ग", "k": "क", "t": "ट", "d": "ड", "n": "न", "r": "र", "m": "म", "p": "प", "l": "ल", "b": "ब"}


def _joined(word: str, separator: str) -> str:
    return separator.join(_CLUSTER.findall(word))


def _swapped(word: str, table: dict[str, str]) -> str:
    return "".join(table.get(letter, letter) for letter in word.lower())


def _repeated(word: str) -> str:
    middle = len(word) // 2
    vowel = next((at for at in range(middle, len(word)) if word[at].lower() in "aeiou"), None)
    return word if vowel is None else word[:vowel] + word[vowel] * 4 + word[vowel + 1 :]


def _one_in_the_other_script(word: str) -> str:
    inner = next((at for at in range(1, len(word) - 1) if word[at].lower() in _OTHER_SCRIPT), None)
    return word if inner is None else word[:inner] + _OTHER_SCRIPT[word[inner].lower()] + word[inner + 1 :]


DISGUISES: dict[str, Callable[[str], str]] = {
    "spaced letters": lambda word: _joined(word, " "),
    "mixed script": _one_in_the_other_script,
    "dotted letters": lambda word: _joined(word, "."),
    "zero-width": lambda word: _joined(word, "\u200b"),
    "look-alikes": lambda word: _swapped(word, _LOOK_ALIKES),
    "emoji between": lambda word: _joined(word, "\U0001f4b0"),
    "digits for letters": lambda word: _swapped(word, _LEET),
    "repeated letters": _repeated,
    "Devanagari digits": lambda word: word,
}


def disguised(name: str, text: str, spans: Sequence[Span], chance: random.Random) -> str | None:
    """Hide one word inside ``spans`` the way ``name`` says, or ``None`` where that changes nothing."""
    if name == "Devanagari digits":
        changed = text.translate(_DEVANAGARI_DIGITS)
        return changed if changed != text else None
    words = [match for start, end in spans for match in _WORD.finditer(text, start, end)]
    if not words:
        return None
    word = chance.choice(words)
    hidden = DISGUISES[name](word[0])
    changed = text[: word.start()] + hidden + text[word.end() :]
    return changed if hidden != word[0] and changed.lower() != text.lower() else None
