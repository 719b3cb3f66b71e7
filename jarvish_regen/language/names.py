"""Names a candidate brings in that nobody gave it: people, fund houses, indices, addresses.

Built for few false alarms, so it misses some: a name that opens a sentence by itself ("Ramesh called."), a name in
lower case, a Devanagari name without an honorific or with one joined to it ("शर्माजी"), a fund house outside the
lexicon written alone in capitals, and a name made only of ordinary words ("Growth Capital" where both words occur in
lower case elsewhere).
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

import regex

from jarvish_regen.language.identify import hindi_over_marathi
from jarvish_regen.language.lexicon import ENTITIES, ORDINARY_CAPITALS
from jarvish_regen.language.sentences import sentences
from jarvish_regen.language.words import name_words, normal_words, normalise_for_comparison, word_set, words

_URL = regex.compile(
    r"(?:https?://|www\.)[^\s<>\"']{2,2000}"
    r"|(?<![\w@.-])(?:[a-z0-9-]{1,63}\.){1,4}(?:com|in|org|net|co|io|me|info|biz|app)(?![\w-])(?:/[^\s<>\"']{0,2000})?",
    regex.IGNORECASE,
)
_EMAIL = regex.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,4}")
_HANDLE = regex.compile(r"(?<![\w@.])@[A-Za-z][A-Za-z0-9_.]{2,29}")
_PHONE = regex.compile(r"(?<![\w,.])(?!\d{4}-\d\d-\d\d)\+?\d(?:[ \-()]{0,2}\d){9,13}(?![\w,]|\.\d)")
_PLACEHOLDER = regex.compile(r"\{\{[^{}\n]*\}\}|\[[A-Z][A-Za-z0-9 _-]{0,40}\]")
_CAPITALISED = regex.compile(r"(?<![\p{L}\p{M}\p{N}_@#.])\p{Lu}[\p{L}\p{M}]*(?:['’]\p{L}+)?(?:-\p{Lu}[\p{L}\p{M}]+)*")
_LETTERS = regex.compile(r"\p{Script=Devanagari}+|[\p{L}\p{M}]+")
_POSSESSIVE = regex.compile(r"['’]s?\Z")
_HONORIFIC = regex.compile(
    r"(?<![\p{L}\p{M}])(?:श्रीमती|श्रीमान|श्री|कुमारी|डॉ|डॉक्टर|सौ|प्रो|अ‍ॅड|ॲड)\.?[ ]+"
    r"(?P<after>[\p{Script=Devanagari}\u200c\u200d]+(?:[ ][\p{Script=Devanagari}\u200c\u200d]+)?)"
    r"|(?<![\p{L}\p{M}])(?P<before>[\p{Script=Devanagari}\u200c\u200d]{2,}) जी(?![\p{L}\p{M}])"
)
_IN_HONORIFICS = ("श्री", "कुमारी", "डॉ", "सौ", "प्रो", "ॅड", "ॲड", " जी")
# In Marathi "जी" is "which" behind any feminine noun ("गोष्ट जी आपण पाहिली"). Of a person it ends the phrase or is
# followed by a Hindi case or the respectful Marathi "his, her"; what else follows leaves it to the sentence.
_MAY_BE_WHICH = regex.compile(r"[ ]+(?!(?:यां[\p{L}\p{M}]+|ने|को|के|से|में)(?![\p{L}\p{M}]))[\p{L}\p{N}]")
# Forms of address that carry no name, and words that follow an honorific without being one.
_NO_NAME = word_set(
    """
    सर मैडम मॅडम साहब साहेब माता पिता गुरु गुरू गणेश राम कृष्ण स्वामी डॉक्टर भाई बहन काका काकू ने को का की के से
    और है हैं यांचा यांची यांचे यांना
    """
)
_ENTITY_BY_NAME = {normalise_for_comparison(name): group[0] for group in ENTITIES for name in group}
# The most words of an entity that begins with a word.
_LONGEST_FROM: dict[str, int] = {}
for _words in (name.split() for name in _ENTITY_BY_NAME):
    _LONGEST_FROM[_words[0]] = max(len(_words), _LONGEST_FROM.get(_words[0], 0))


def new_names(candidate: str, allowed: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the candidate that none of the allowed texts contains, in order, each once, as written.

    Looks for web and mail addresses, handles, phone numbers; fund houses, indices and regulators of the lexicon,
    whatever the script; capitalised words inside a sentence; Devanagari words behind an honorific. A capital at the
    start of a sentence, in a heading or in a word that also occurs in lower case is no name.
    """
    texts = [normalise_for_comparison(text) for text in allowed]
    everything = "\n".join(texts)
    visible = _PLACEHOLDER.sub(lambda match: " " * len(match.group()), candidate)
    found: list[tuple[int, str]] = []
    for pattern in (*((_URL,) if _may_hold_url(visible) else ()), *((_EMAIL, _HANDLE) if "@" in visible else ())):
        for match in pattern.finditer(visible):
            address = match.group().rstrip(".,;:!?)।")
            if normalise_for_comparison(address) not in everything:
                found.append((match.start(), address))
            visible = _blanked(visible, match.start(), match.end())
    for match in _PHONE.finditer(visible):
        if _NO_DIGIT.sub("", match.group())[-10:] not in _SEPARATORS.sub("", everything):
            found.append((match.start(), match.group()))
    named = _entities(visible)
    entities = {entity for text in texts for _, _, entity in _entities(text)} if named else set()
    for start, end, entity in named:
        if entity not in entities:
            found.append((start, candidate[start:end]))
            visible = _blanked(visible, start, end)
    known = frozenset().union(*map(_known_words, texts))
    found.extend(_capitalised(visible, known))
    found.extend(_behind_honorifics(visible, known))
    return tuple(dict.fromkeys(name for _, name in sorted(found)))


_NO_DIGIT = regex.compile(r"\D")
_SEPARATORS = regex.compile(r"[ \-()]")
_DOMAIN_END = regex.compile(r"\.(?:com|in|org|net|co|io|me|info|biz|app)", regex.IGNORECASE)


def _may_hold_url(text: str) -> bool:
    """Tell whether _URL may match: it looks at every letter, and few texts hold an address."""
    return "://" in text or "www." in text.lower() or _DOMAIN_END.search(text) is not None


# The allowed texts of a job are read again for each candidate.
@lru_cache(maxsize=64)
def _known_words(text: str) -> frozenset[str]:
    """Return the words of a normalised text, their parts, and its runs of letters ("london2025" says "london")."""
    found = set(words(text))
    joined = {word for word in found if "-" in word or "'" in word or "’" in word}
    known = found - joined
    known.update(part for word in joined for part in (_bare(word), *word.split("-")))
    known.update(_ASCII_LETTERS.findall(text) if text.isascii() else _LETTERS.findall(text))
    return frozenset(known)


_ASCII_LETTERS = re.compile(r"[A-Za-z]+")


# The allowed texts of a job are read again for each candidate.
@lru_cache(maxsize=64)
def _entities(text: str) -> tuple[tuple[int, int, str], ...]:
    """Return the entities of a text as (start, end, canonical name), the longest name at each place."""
    spans = name_words(text)
    tokens = normal_words([text[start:end] for start, end in spans])
    if _LONGEST_FROM.keys().isdisjoint(tokens):
        return ()
    found = []
    at = 0
    for first in (place for place, token in enumerate(tokens) if token in _LONGEST_FROM):
        if first < at:
            continue
        for length in range(min(_LONGEST_FROM[tokens[first]], len(tokens) - first), 0, -1):
            name = " ".join(tokens[first : first + length])
            if name in _ENTITY_BY_NAME:
                at = first + length
                found.append((spans[first][0], spans[at - 1][1], _ENTITY_BY_NAME[name]))
                break
    return tuple(found)


def _capitalised(text: str, known: frozenset[str]) -> Iterator[tuple[int, str]]:
    lower = {word for word in words(text) if word[0].islower()}
    for sentence in sentences(text):
        tokens = list(_CAPITALISED.finditer(sentence.text))
        if not tokens or _is_heading(sentence.text):
            continue
        for run in _runs(sentence.text, tokens):
            opens = _opens(sentence.text, run[0].start())
            named = [token for token in run[opens:] if _is_new(token.group(), known, lower)]
            if named:
                first, last = named[0], named[-1]
                yield sentence.start + first.start(), sentence.text[first.start() : last.end()]


def _runs(text: str, tokens: list[regex.Match[str]]) -> Iterator[list[regex.Match[str]]]:
    """Group capitalised words that stand side by side."""
    run = [tokens[0]]
    for token in tokens[1:]:
        between = text[run[-1].end() : token.start()]
        if between in {" ", ". ", " & "} and not _POSSESSIVE.search(run[-1].group()):
            run.append(token)
        else:
            yield run
            run = [token]
    yield run


def _opens(text: str, position: int) -> bool:
    """Tell whether a word opens its sentence, a quotation, or what follows a colon, dash, bullet or emoji."""
    before = text[:position].rstrip(" ")
    return not before or not (before[-1].isalnum() or before[-1] in ",;&'’)" or _is_mark(before[-1]))


def _is_mark(character: str) -> bool:
    return _MARK.match(character) is not None


_MARK = regex.compile(r"\p{M}(?<!\ufe0f)")


def _is_new(word: str, known: frozenset[str], lower: set[str]) -> bool:
    bare = _bare(normalise_for_comparison(word))
    if len(bare) < 3 or bare in known or bare in ORDINARY_CAPITALS or all(part in known for part in bare.split("-")):
        return False
    # Emphasis in capitals is not a name, and an acronym outside the lexicon tells too little.
    if word.isupper():
        return False
    singular = bare.removesuffix("s")
    return not ({bare, singular, singular + "s"} & lower or singular in known or singular in ORDINARY_CAPITALS)


def _is_heading(sentence: str) -> bool:
    """Tell whether nearly all longer words are capitalised: then capitals are layout."""
    longer = [word for word in words(sentence) if len(word) > 3 and word[0].isalpha() and word.isascii()]
    return len(longer) >= 3 and sum(word[0].islower() for word in longer) < 0.2 * len(longer)


def _behind_honorifics(text: str, known: frozenset[str]) -> Iterator[tuple[int, str]]:
    if not any(honorific in text for honorific in _IN_HONORIFICS):
        return
    for match in _HONORIFIC.finditer(text):
        group = "after" if match["after"] else "before"
        if group == "before" and _MAY_BE_WHICH.match(text, match.end()) and not _is_hindi_at(text, match):
            continue
        name = match[group]
        new = [word for word in name.split() if _bare(normalise_for_comparison(word)) not in known | _NO_NAME]
        # The second word may be anything ("श्री शर्मा कल आए"): only the first decides.
        if new and new[0] == name.split()[0]:
            yield match.start(group), new[0]


def _is_hindi_at(text: str, match: regex.Match[str]) -> bool:
    """Tell by the sentence around a match, the match left out; by the rest of the text where that does not tell."""
    start, end = match.span()
    around = next((one for one in sentences(text) if one.start <= start < one.end), None)
    first, last = (around.start, around.end) if around else (0, len(text))
    return (hindi_over_marathi(text[first:start] + text[end:last]) or hindi_over_marathi(text[:start] + text[end:])) > 0


def _bare(word: str) -> str:
    return _POSSESSIVE.sub("", word) if "'" in word or "’" in word else word


def _blanked(text: str, start: int, end: int) -> str:
    return text[:start] + " " * (end - start) + text[end:]
