"""Know the words a text must or may carry by law and by profile: statutory lines, registration, name and signature."""

from __future__ import annotations

from difflib import SequenceMatcher
from functools import lru_cache

import regex

from jarvish_regen.content.compliance.check import TextContext
from jarvish_regen.content.compliance.matching import Scan
from jarvish_regen.content.compliance.normalise import fold_devanagari
from jarvish_regen.content.compliance.pack import Pack, current_pack
from jarvish_regen.content.compliance.repair import registration_number
from jarvish_regen.language.words import normalise_for_comparison, word_set, words
from regeneration.job import Job, once_a_job

# What stands around a registration number in a signature line.
_LABELS = frozenset(
    [
        "arn",
        "euin",
        "sebi",
        "reg",
        "regn",
        "registration",
        "registered",
        "no",
        "number",
        "investment",
        "adviser",
        "advisor",
        "ria",
        "mfd",
        "amfi",
        "amfi-registered",
        "mutual",
        "fund",
        "distributor",
        "ph",
        "phone",
        "tel",
        "mobile",
        "mob",
        "call",
        "contact",
        "email",
        "by",
        "पंजीकृत",
        "पंजीकरण",
        "संख्या",
        "नोंदणीकृत",
        "नोंदणी",
        "क्रमांक",
        "संपर्क",
    ]
)
_CLAUSE = regex.compile(r"[^.,;:!?।॥\n()]+")
_LINE = regex.compile(r"[^\n]+")
_IN_A_NUMBER = regex.compile(r"[\s\-:\u2010-\u2015]")
# Shorter parts of an official text ("Registration granted by SEBI") are said for other reasons too.
_FEWEST_CLAUSE_WORDS = 6
# Words in common by the words of the longer: above the first, one text is the other with a word changed; above the
# second it must also say no where the other does not. "SIP investments are subject to market risks" has .75,
# "Past performance is not a guarantee of future returns" .5.
_SAME_TEXT, _SAME_BUT_NEGATED = 0.85, 0.7
# "do not read all …": so far before an official text a negation is taken to be about it.
_NEGATES_WITHIN = 4
_NEGATIONS = word_set(
    "no not never without nor neither hardly cannot can't don't doesn't isn't aren't won't needn't "
    "नहीं नही न ना मत नाही नाहीत नका नको बिना विना nahi nahin nhi na mat"
)


def statutory_texts(language: str | None = None) -> tuple[str, ...]:
    """Return the texts of today's rule pack, of one language or of all, the longest first."""
    return _statutory_texts(current_pack(), language)


def wordings(key: str) -> tuple[str, ...]:
    """Return one mandated text in every language it has."""
    return tuple(current_pack().texts[key].values())


def in_language(wordings: tuple[str, ...], language: str) -> str:
    """Return the wording of an official text in ``language``, in English where the pack has none."""
    by_language = next(texts for texts in current_pack().texts.values() if tuple(texts.values()) == wordings)
    return by_language.get(language) or by_language["en"]


def all_wordings() -> tuple[tuple[str, ...], ...]:
    """Return every official text, each as its wordings in all languages."""
    pack = current_pack()
    return tuple(tuple(pack.texts[key].values()) for key in sorted(pack.official_texts))


def warning_of(context: TextContext) -> str:
    """Return the standard warning of the registrant in the language of the content."""
    key = "ia_warning" if context.registrant_type == "RIA" else "mf_warning"
    return current_pack().text(key, context.language)


def known_texts(job: Job) -> tuple[str, ...]:
    """Return every text that the rules or the profile allow to be inserted."""
    return (*statutory_texts(), *profile_texts(job))


@once_a_job
def profile_texts(job: Job) -> tuple[str, ...]:
    """Return what the advisor's profile says of the advisor, empty values left out."""
    context, voice = job.context, job.voice
    values = (
        voice.signature,
        voice.registered_name,
        context.registrant_name,
        context.registration_no,
        registration_number(context),  # with the label that the repair by rules writes before it
        context.euin,
        voice.phone,
    )
    return tuple(dict.fromkeys(value for value in values if value and value.strip()))


def is_made_of_known_texts(chunk: str, job: Job) -> bool:
    """Say whether ``chunk`` holds nothing but known texts, the labels around them, punctuation and blanks."""
    left = _flat(chunk)
    for text in _flat_known_texts(job):
        if text in left:
            left = left.replace(text, " ")
    return all(word in _LABELS for word in words(left))


@once_a_job
def _flat_known_texts(job: Job) -> tuple[str, ...]:
    return _flat_by_length(known_texts(job))


def is_label(word: str) -> bool:
    """Say whether a word, in its normal form, only labels what stands beside it in a signature line."""
    return word in _LABELS


def without_known_texts(text: str, job: Job) -> str:
    """Return ``text`` without statutory texts and the signature: what a reader reads. For measuring, not
    for showing.
    """
    body = text
    for known in (*statutory_texts(), job.voice.signature):
        if known and known in body:
            body = body.replace(known, "")
    return body.strip()


def shows(text: str, wanted: str) -> bool:
    """Say whether ``wanted`` stands in ``text`` but for case, blanks and joiners."""
    return bool(wanted) and _flat(wanted) in _flat(text)


def shown(text: str, wanted: tuple[str, ...]) -> tuple[bool, ...]:
    """Say of each of ``wanted`` whether it stands in ``text``; quicker than asking one by one."""
    flat = _flat(text)
    return tuple(_flat_known(one) in flat for one in wanted)


def altered_statutory_texts(text: str, job: Job) -> tuple[str, ...]:
    """Return the parts of ``text`` that read like an official text and are none: a word changed, a "not" put in.

    What also stands in the rejected text is passed over, and so are the wordings that the rules accept as the official
    text.
    """
    known_words, known_lines = _known_of(job)
    # No clause reaches over a line's end, so those of a line that the rejected text has are in it.
    suspects = [
        clause
        for line in _LINE.finditer(text)
        if line.group() not in known_lines
        for clause in _CLAUSE.finditer(text, *line.span())
        if f" {' '.join(clause_words := _folded_words(clause.group()))} " not in known_words
        and _altered_in(clause_words)
    ]
    if not suspects:
        return ()
    pack = current_pack()
    accepted = [
        pattern
        for rule in pack.rules
        if rule.require_text in pack.official_texts
        for patterns in rule.require.values()
        for pattern in patterns
    ]
    spans = Scan(text, pack).plain_spans(accepted)
    return tuple(
        clause.group().strip()
        for clause in suspects
        if not any(
            start <= clause.start() + _indent(clause.group()) and clause.end() <= end + 1 for start, end in spans
        )
    )


@once_a_job
def _known_of(job: Job) -> tuple[str, frozenset[str]]:
    """Return the words of the rejected text between blanks, and its lines."""
    # Word by word: "market risk" is no part of "market risks".
    return f" {' '.join(_folded_words(job.rejected_text))} ", frozenset(job.rejected_text.split("\n"))


def _altered_in(clause: tuple[str, ...]) -> bool:
    """Say whether some words of a clause in a row are an official clause but for a few words or a negation."""
    there = set(clause)
    near = [
        official
        for official in _official_clauses(current_pack())
        if len(there.intersection(official)) >= _SAME_BUT_NEGATED * len(set(official))
    ]
    for official in near:
        for start in range(len(clause) - len(official) + 1):
            if clause[start : start + len(official)] == official:
                return any(word in _NEGATIONS for word in clause[max(0, start - _NEGATES_WITHIN) : start])
    return any(_is_altered(window, official) for official in near for window in _windows(clause, len(official)))


def _is_altered(window: tuple[str, ...], official: tuple[str, ...]) -> bool:
    blocks = SequenceMatcher(None, official, window, autojunk=False).get_matching_blocks()
    alike = sum(block.size for block in blocks) / max(len(official), len(window))
    if alike >= _SAME_TEXT:
        return True
    negations = [sum(word in _NEGATIONS for word in one) for one in (official, window)]
    return alike >= _SAME_BUT_NEGATED and negations[0] != negations[1]


def _windows(clause: tuple[str, ...], length: int) -> set[tuple[str, ...]]:
    """Return the runs of words of a clause that are about ``length`` long, or the whole where it is shorter."""
    return {
        clause[start : start + width]
        for width in range(length - 1, length + 4)
        for start in range(max(1, len(clause) - width + 1))
    }


def _folded_words(text: str) -> tuple[str, ...]:
    return tuple(words(fold_devanagari(_flat(text))))


def _indent(clause: str) -> int:
    return len(clause) - len(clause.lstrip())


@lru_cache(maxsize=8)
def _official_clauses(pack: Pack) -> tuple[tuple[str, ...], ...]:
    clauses = {
        _folded_words(clause)
        for key in sorted(pack.official_texts)
        for wording in pack.texts[key].values()
        for clause in _CLAUSE.findall(wording)
    }
    return tuple(sorted(clause for clause in clauses if len(clause) >= _FEWEST_CLAUSE_WORDS))


def shows_registration(text: str, registration_no: str) -> bool:
    """Say whether the registration number stands in ``text``, compared without blanks and hyphens."""
    wanted = _compact(registration_no)
    return bool(wanted) and wanted in _compact(text)


@lru_cache(maxsize=8)
def _statutory_texts(pack: Pack, language: str | None) -> tuple[str, ...]:
    found = {
        text
        for by_language in pack.texts.values()
        for one, text in by_language.items()
        if language is None or one == language
    }
    return tuple(sorted(found, key=lambda text: (-len(text), text)))


@lru_cache(maxsize=256)
def _flat_by_length(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({flat for text in texts if (flat := _flat(text))}, key=lambda flat: (-len(flat), flat)))


@lru_cache(maxsize=1024)
def _flat_known(text: str) -> str:
    return _flat(text)


def _flat(text: str) -> str:
    return normalise_for_comparison(text)


def _compact(text: str) -> str:
    digits = "".join(str(int(character)) if character.isdecimal() else character for character in text)
    return _IN_A_NUMBER.sub("", normalise_for_comparison(digits))
