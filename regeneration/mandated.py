"""Know the words a text must or may carry by law and by profile: statutory lines, registration, name and signature."""

from __future__ import annotations

from functools import lru_cache

import regex

from jarvish_regen.content.compliance.check import TextContext
from jarvish_regen.content.compliance.pack import Pack, current_pack
from jarvish_regen.content.compliance.repair import registration_number
from jarvish_regen.language.words import normalise_for_comparison, words
from regeneration.job import Job

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
_BLANKS = regex.compile(r"\s+")


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
    for text in _flat_by_length(known_texts(job)):
        if text in left:
            left = left.replace(text, " ")
    return all(word in _LABELS for word in words(left))


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
    return regex.sub(r"[\s\-:\u2010-\u2015]", "", normalise_for_comparison(digits))
