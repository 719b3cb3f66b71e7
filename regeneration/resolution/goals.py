"""Read from what was said how long a text should be and in which language."""

from __future__ import annotations

import regex

from regeneration.resolution import measures

_LIMIT = regex.compile(
    r"(\d{2,5})\s*(characters?|chars?|letters?|words?|अक्षर\p{M}*|शब्द\p{M}*|lines?|lafz|shabd)", regex.IGNORECASE
)
_LANGUAGE_NAMES = {
    "mr": ("marathi", "मराठी", "मराठीत"),
    "hi": ("hindi", "हिंदी", "हिन्दी", "हिंदीत"),
    "en": ("english", "अंग्रेजी", "अंग्रेज़ी", "इंग्रजी", "इंग्लिश"),
    "hinglish": ("hinglish", "हिंग्लिश"),
}


def requested_limit(said: str) -> tuple[int, str] | None:
    """Return the length a person asked for and its unit (``characters`` or ``words``), or None."""
    match = _LIMIT.search(said)
    if match is None:
        return None
    unit = match.group(2).lower()
    if unit.startswith(("line",)):
        return None
    return int(match.group(1)), "words" if unit.startswith(("word", "शब्द", "lafz", "shabd")) else "characters"


def length_goal(channel: str, body_chars: int) -> int:
    """Return the most characters of body that answer "too long": the channel's budget, or a fifth less than now."""
    budget = measures.STYLE_BUDGET_CHARS.get(channel, 1000)
    return budget if body_chars > budget else int(body_chars * measures.SHORTER_SHARE)


def wanted_language(said: str, language: str, now: str) -> str:
    """Return the language the reader should get: the one other language the note names, else the content's."""
    there = set(measures.word_keys(said))
    named = {code for code, names in _LANGUAGE_NAMES.items() if there & set(map(key_of, names))}
    if language in named or len(named - {now}) != 1:
        return language
    return (named - {now}).pop()


def key_of(word: str) -> str:
    """Return words in the form in which they are compared."""
    return " ".join(measures.word_keys(word))
