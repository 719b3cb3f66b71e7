"""Devanagari in Latin letters, roughly as people type it: enough for one word to look alike in both scripts.

Not for showing: vowel length, aspirated pairs of one sound and final short vowels are folded away.
"""

import unicodedata
from typing import Final

import regex

_LATIN_CONSONANTS: Final = "k kh g gh n ch ch j jh n t th d dh n t th d dh n p f b bh m y r l v sh sh s h l"
_LATIN_VOWELS: Final = "a a i i u u ri e e o o o e"
_CONSONANTS: Final = dict(zip("कखगघङचछजझञटठडढणतथदधनपफबभमयरलवशषसहळ", _LATIN_CONSONANTS.split(), strict=True))
_VOWELS: Final = dict(zip("अआइईउऊऋएऐओऔऑॲ", _LATIN_VOWELS.split(), strict=True))
_SIGNS: Final = dict(zip("ािीुूृेैोौॉॅ", _LATIN_VOWELS.split()[1:], strict=True))
_NASALS: Final = {"ं": "n", "ँ": "n", "ः": "h"}
_VIRAMA: Final = "्"
_NUKTA: Final = "़"
_WORD: Final = regex.compile(r"[\p{Devanagari}\u200c\u200d]+")


def romanised(text: str) -> str:
    """Return ``text`` in lower case with its Devanagari words in Latin letters; everything else stays."""
    if text.isascii():
        return text.lower()
    return _WORD.sub(lambda match: _word(match.group()), unicodedata.normalize("NFC", text)).lower()


def folded(word: str) -> str:
    """Return a romanised word without the spelling habits that differ by hand (aa/a, ee/i, oo/u, z/j, w/v)."""
    for pair, single in (("aa", "a"), ("ee", "i"), ("oo", "u"), ("z", "j"), ("w", "v"), ("ph", "f"), ("chh", "ch")):
        word = word.replace(pair, single)
    return _REPEATED.sub(r"\1", word)


_REPEATED: Final = regex.compile(r"(\p{L})\1+")


def _word(word: str) -> str:
    letters = [letter for letter in unicodedata.normalize("NFD", word) if letter not in ("\u200c", "\u200d", _NUKTA)]
    said: list[str] = []
    for at, letter in enumerate(letters):
        following = letters[at + 1] if at + 1 < len(letters) else ""
        if letter in _CONSONANTS:
            said.append(_CONSONANTS[letter])
            # The vowel a consonant carries is not said at the end of a word.
            if following and following != _VIRAMA and following not in _SIGNS:
                said.append("a")
        elif letter.isdecimal():
            said.append(str(int(letter)))
        else:
            said.append(_VOWELS.get(letter) or _SIGNS.get(letter) or _NASALS.get(letter) or "")
    return "".join(said)
