"""Estimate tokens, and shorten a text from the middle.

The estimate errs to dear: it is at least the true count (o200k_base, by bpe-openai) of every prompt of the demo drafts,
on average a third above it. Latin words of Hindi and letters of Devanagari cost most, so they are counted apart.
"""

from __future__ import annotations

import re

# Fitted on prompts, drafts and notes in en, hi, mr and Hinglish as the smallest sums that no true count of 60 and more
# tokens exceeds: a Latin word and each of its letters, a Devanagari word and each of its signs, anything else; in
# twentieths of a token, so that the sum is exact.
_TOKEN = 20
_LATIN_WORD, _LATIN_LETTER = 16, 4
_DEVANAGARI_WORD, _DEVANAGARI_SIGN = 16, 9
_OTHER_SIGN = 14
_OTHER_BYTE = 7
_DIGITS_A_TOKEN = 3
# Kind by kind and without a match object a run: prompts are counted several times on their way.
_LATIN = re.compile(r"[A-Za-z']+")
_DEVANAGARI = re.compile(r"[\u0900-\u097F\u200c\u200d]+")
# Devanagari digits stand among its signs.
_DIGITS = re.compile(r"(?:(?![\u0900-\u097F])\d)+")
_BLANKS = re.compile(r"\s+")
_OTHERS = re.compile(r"[^A-Za-z'\u0900-\u097F\u200c\u200d\d\s]+")


def estimated_tokens(text: str) -> int:
    """Return how many tokens ``text`` is at most, for any text of the usual length of a prompt."""
    latin: list[str] = _LATIN.findall(text)
    others = "".join(_OTHERS.findall(text))
    twentieths: int = (
        _LATIN_WORD * len(latin)
        + _LATIN_LETTER * len("".join(latin))
        + _TOKEN * sum(-(-len(run) // _DIGITS_A_TOKEN) for run in _DIGITS.findall(text))
        + _TOKEN * sum(run != " " for run in _BLANKS.findall(text))
    )
    if text.isascii():
        twentieths += _OTHER_SIGN * len(others)
    else:
        devanagari = _DEVANAGARI.findall(text)
        twentieths += _DEVANAGARI_WORD * len(devanagari) + _DEVANAGARI_SIGN * len("".join(devanagari))
        # A letter or sign of another script is about a token for two of its bytes.
        plain = sum(map(str.isascii, others))
        twentieths += _OTHER_SIGN * plain + _OTHER_BYTE * (len(others.encode("utf-8", "surrogatepass")) - plain)
    return -(-twentieths // _TOKEN) + 2


def shortened(text: str, most_tokens: int) -> str:
    """Return ``text`` or, where it is estimated longer, its first and last words around an ellipsis.

    Whole words only, so that no stand-in is cut; the beginning keeps two thirds.
    """
    words = text.split()
    if estimated_tokens(text) <= most_tokens:
        return text
    # No word is less than half a token.
    low, high = 0, min(len(words), 2 * most_tokens)
    while low < high:
        middle = (low + high + 1) // 2
        if estimated_tokens(_ends(words, middle)) <= most_tokens:
            low = middle
        else:
            high = middle - 1
    return _ends(words, low)


def _ends(words: list[str], count: int) -> str:
    if count >= len(words):
        return " ".join(words)
    head = -(-2 * count // 3)
    tail = count - head
    return " ".join([*words[:head], "…", *(words[-tail:] if tail else ())]) if count else ""
