"""Know what a text is about by the words people use for it, whichever script they are written in.

Words are compared by a key: Devanagari is written in Latin letters, spellings of one sound are folded into one, and
the short "a" that Hindi writes or leaves out is dropped. So "निवेश" and "Nivesh" are one word, and "बाज़ारात" begins with
"bazaar". The key is for telling subjects apart, not for showing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType

import regex

from jarvish_regen.language.words import normalise_for_comparison, words

Phrase = tuple[str, ...]

# A key this short says too little once its vowels are gone ("सोना" would be "sn").
_SHORTEST_SKELETON = 3
# How much an ending may add to a word: Marathi case endings have up to four letters as keys (-ांपर्यंत aside).
_LONGEST_ENDING = 4
# A word in the draft's subject line says more about its subject than one in passing.
_TOPIC_LINE_WORTH = 1.5


def _table(letters: str, sounds: str) -> Mapping[str, str]:
    return MappingProxyType(dict(zip(letters, sounds.split(), strict=True)))


_CONSONANTS = _table(
    "कखगघङचछजझञटठडढणतथदधनपफबभमयरलळवशषसहऱ",
    "k kh g gh n ch chh j jh n t th d dh n t th d dh n p f b bh m y r l l v sh sh s h r",
)
_VOWELS = _table("अआइईउऊऋएऐओऔऑऍॲ", "a a i i u u ri e ai o au o e e")
_SIGNS = _table("ािीुूृेैोौॉॅ", "a i i u u ri e ai o au o e")
_NASALS = "ंँ"
_VIRAMA, _NUKTA = "्", "़"
_WITH_NUKTA = {"ज": "j", "फ": "f", "ड": "d", "ढ": "dh", "क": "k", "ख": "kh", "ग": "g"}
# Spellings of one sound, in the order in which they are folded.
_FOLDINGS = (
    ("aa", "a"),
    ("ee", "i"),
    ("ii", "i"),
    ("oo", "u"),
    ("uu", "u"),
    ("ph", "f"),
    ("ck", "k"),
    ("w", "v"),
    ("z", "j"),
    ("q", "k"),
    ("x", "ks"),
)
_DOUBLED = regex.compile(r"(.)\1+")
_DEVANAGARI = regex.compile(r"\p{Script=Devanagari}")


def romanised(word: str) -> str:
    """Return a Devanagari word in plain Latin letters, without the inherent vowel at its end; other signs stay."""
    out: list[str] = []
    letters = list(word)
    for at, sign in enumerate(letters):
        after = letters[at + 1] if at + 1 < len(letters) else ""
        if sign in _CONSONANTS:
            sound = _WITH_NUKTA.get(sign, _CONSONANTS[sign]) if after == _NUKTA else _CONSONANTS[sign]
            following = letters[at + 2] if after == _NUKTA and at + 2 < len(letters) else after
            is_last = not following or (after == _NUKTA and at + 2 >= len(letters))
            bare = following in _SIGNS or following == _VIRAMA or is_last
            out.append(sound if bare else f"{sound}a")
        elif sign in _SIGNS:
            out.append(_SIGNS[sign])
        elif sign in _VOWELS:
            out.append(_VOWELS[sign])
        elif sign in _NASALS:
            out.append("n")
        elif sign not in {_VIRAMA, _NUKTA}:
            out.append(sign)
    return "".join(out)


@lru_cache(maxsize=20_000)
def key_of(word: str) -> str:
    """Return the key of one word in its normal form."""
    latin = romanised(word) if _DEVANAGARI.search(word) else word
    latin = latin.replace("'", "").replace("’", "").replace("-", "")
    for spelling, sound in _FOLDINGS:
        latin = latin.replace(spelling, sound)
    latin = _DOUBLED.sub(r"\1", latin)
    skeleton = latin[:1] + latin[1:].replace("a", "")
    return skeleton if len(skeleton) >= _SHORTEST_SKELETON else latin


def keys_of(text: str) -> list[str]:
    """Return the keys of a text's words in order; a word with a hyphen counts as its parts as well."""
    found: list[str] = []
    for word in words(normalise_for_comparison(text)):
        found.append(key_of(word))
        if "-" in word:
            found.extend(key_of(part) for part in word.split("-"))
    return found


@dataclass(frozen=True)
class Match:
    """Say how much speaks for a subject: ``score`` orders subjects, ``phrases_count`` is on how many words it rests.

    ``strongest`` is the weight of the word that is most its own, 1.0 for one that no other subject has;
    ``is_in_topic`` says whether the subject line names it.
    """

    score: float
    phrases_count: int
    strongest: float
    is_in_topic: bool


@dataclass(frozen=True)
class SubjectIndex:
    """Hold which subjects are known by which words. Build it with ``index_of``."""

    by_first: Mapping[str, tuple[tuple[Phrase, frozenset[str]], ...]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    weights: Mapping[Phrase, float] = field(default_factory=lambda: MappingProxyType({}))

    def matches(self, text: str, *, topic: str = "") -> dict[str, Match]:
        """Return each subject the text speaks of, by code. Linear in the length of the text."""
        said = self._phrases(keys_of(text))
        in_topic = self._phrases(keys_of(topic)) if topic else Counter()
        scores: dict[str, float] = {}
        counts: Counter[str] = Counter()
        strongest: dict[str, float] = {}
        named = {code for _phrase, codes in in_topic for code in codes}
        for (phrase, codes), often in (said | in_topic).items():
            # The third mention of a word says little more than the second.
            worth = self.weights[phrase] * (min(often, 3) ** 0.5)
            if (phrase, codes) in in_topic:
                worth *= _TOPIC_LINE_WORTH
            for code in codes:
                scores[code] = scores.get(code, 0.0) + worth
                counts[code] += 1
                strongest[code] = max(strongest.get(code, 0.0), self.weights[phrase])
        return {code: Match(score, counts[code], strongest[code], code in named) for code, score in scores.items()}

    def _phrases(self, keys: list[str]) -> Counter[tuple[Phrase, frozenset[str]]]:
        found: Counter[tuple[Phrase, frozenset[str]]] = Counter()
        for at, key in enumerate(keys):
            for stem in _stems(key):
                for phrase, codes in self.by_first.get(stem, ()):
                    if self._continues(phrase, stem, keys, at):
                        found[(phrase, codes)] += 1
        return found

    @staticmethod
    def _continues(phrase: Phrase, stem: str, keys: list[str], at: int) -> bool:
        if len(phrase) == 1:
            return True
        rest = keys[at + 1 : at + len(phrase)]
        return len(rest) == len(phrase) - 1 and all(
            part in _stems(key) for part, key in zip(phrase[1:], rest, strict=True)
        )


def _stems(key: str) -> tuple[str, ...]:
    """Return the key and its beginnings that an ending may have been added to."""
    shortest = max(_SHORTEST_SKELETON + 1, len(key) - _LONGEST_ENDING)
    return (key, *(key[:length] for length in range(shortest, len(key))))


def index_of(subjects: Mapping[str, Iterable[str]]) -> SubjectIndex:
    """Return the index of subjects, given for each code the words it is known by, in all languages together.

    A word of one subject weighs 1; one of many tells them apart badly and weighs less, whatever the number of subjects:
    log(1 + subjects / subjects that have it), as a share of what a word of one subject would have.
    """
    codes_of: dict[Phrase, set[str]] = {}
    for code, topic_words in subjects.items():
        for topic_word in topic_words:
            phrase = tuple(key_of(word) for word in words(normalise_for_comparison(topic_word)))
            if phrase:
                codes_of.setdefault(phrase, set()).add(code)
    by_first: dict[str, list[tuple[Phrase, frozenset[str]]]] = {}
    for phrase, codes in codes_of.items():
        by_first.setdefault(phrase[0], []).append((phrase, frozenset(codes)))
    return SubjectIndex(
        by_first=MappingProxyType({first: tuple(found) for first, found in by_first.items()}),
        weights=MappingProxyType(
            {
                phrase: math.log(1 + len(subjects) / len(codes)) / math.log(1 + len(subjects))
                for phrase, codes in codes_of.items()
            }
        ),
    )
