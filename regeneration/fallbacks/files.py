"""Read the shipped shelf from its YAML files. Pure but for the files; a wrong seal or a missing key does not load."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from itertools import product
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

import yaml

from regeneration.fallbacks.subjects import SubjectIndex, index_of
from regeneration.fallbacks.values import EMPTY_SHELF, Shelf, ShelfText

FOLDER: Final = Path(__file__).parent


class ShelfFileError(ValueError):
    """A shipped file is not as it was signed; the message names the entry."""


@dataclass(frozen=True, slots=True)
class ShippedText:
    """Hold one template or library text as the file has it, in one language. Dates are those of library texts."""

    code: str
    language: str
    title: str
    topic_words: tuple[str, ...]
    channels: tuple[str, ...]
    registrants: tuple[str, ...]
    content_class: str
    text: str
    slots: tuple[tuple[str, str], ...] = ()
    approved_by: str = ""
    approved_on: date | None = None
    expires_on: date | None = None


@dataclass(frozen=True, slots=True)
class ShippedDefault:
    """Hold one safe default, or the reason why there is none; ``sha256`` seals this text in this place."""

    content_class: str
    channel: str
    registrant_type: str
    language: str
    text: str
    unavailable: str
    sha256: str
    signed_by: str
    signed_on: date


def seal_of(texts: Mapping[str, str]) -> str:
    """Return the SHA-256 of texts as canonical JSON in UTF-8: what a signer of ``defaults.yaml`` signs."""
    canonical = json.dumps(dict(texts), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def row_seal(content_class: str, channel: str, registrant_type: str, language: str, text: str) -> str:
    """Return the seal of one stored default: its text bound to its place."""
    place = "/".join((content_class, channel, registrant_type, language))
    return seal_of({place: text})


@cache
def shipped_templates() -> tuple[ShippedText, ...]:
    """Return the templates of templates.yaml, one value a language."""
    return tuple(_texts(_read("templates.yaml")["templates"], "bodies"))


@cache
def shipped_library() -> tuple[ShippedText, ...]:
    """Return the texts of library.yaml, one value a language."""
    return tuple(_texts(_read("library.yaml")["library"], "texts"))


@cache
def shipped_defaults() -> tuple[ShippedDefault, ...]:
    """Return a default for each class, channel, registrant and language. Raises ShelfFileError for a broken seal."""
    return tuple(defaults_in(_read("defaults.yaml")))


def defaults_in(content: Mapping[str, Any]) -> Iterator[ShippedDefault]:
    """Yield the defaults of a file's content. Raises ShelfFileError for an entry that was altered after signing."""
    for entry in content["defaults"]:
        texts: Mapping[str, str] = entry.get("texts") or {}
        name = f"{entry['classes']} on {entry['channels']} for {entry['registrants']}"
        if seal_of(texts) != entry["sha256"]:
            raise ShelfFileError(f"the default {name} is not what {entry['signed_by']} signed")
        languages = texts or entry.get("languages") or ("en", "hi", "mr", "hinglish")
        for content_class, channel, registrant, language in product(
            entry["classes"], entry["channels"], entry["registrants"], languages
        ):
            text = texts.get(language, "").strip()
            yield ShippedDefault(
                content_class=content_class,
                channel=channel,
                registrant_type=registrant,
                language=language,
                text=text,
                unavailable="" if text else str(entry["unavailable"]),
                sha256=row_seal(content_class, channel, registrant, language, text),
                signed_by=entry["signed_by"],
                signed_on=entry["signed_on"],
            )


def _texts(entries: list[dict[str, Any]], body_key: str) -> Iterator[ShippedText]:
    for entry in entries:
        for language, text in entry[body_key].items():
            yield ShippedText(
                code=entry["code"],
                language=language,
                title=entry["title"],
                topic_words=tuple(dict.fromkeys(map(str, entry["topic_words"].get(language, ())))),
                channels=tuple(entry["channels"]),
                registrants=tuple(entry["registrants"]),
                content_class=entry["content_class"],
                text=text.strip(),
                slots=tuple(sorted((entry.get("slots") or {}).items())),
                approved_by=entry.get("approved_by", ""),
                approved_on=entry.get("approved_on"),
                expires_on=entry.get("expires_on"),
            )


def _read(name: str) -> dict[str, Any]:
    # The C parser: 450 kB take 0.15 s with it and two seconds without.
    content: dict[str, Any] = yaml.load((FOLDER / name).read_bytes(), Loader=yaml.CSafeLoader)
    return content


@cache
def shipped_shelf() -> Shelf:
    """Return the shelf as it is before anybody changed it, without a database: for benchmarks and tests."""
    templates, library = shipped_templates(), shipped_library()
    return replace(
        EMPTY_SHELF,
        templates=MappingProxyType({(one.code, one.language): _value(one, "template") for one in templates}),
        library=MappingProxyType({(one.code, one.language): (_value(one, "library"),) for one in library}),
        defaults=MappingProxyType(
            {
                (one.content_class, one.channel, one.registrant_type, one.language): one.text
                for one in shipped_defaults()
                if one.text
            }
        ),
        template_subjects=subjects_of((one.code, one.topic_words) for one in templates),
        library_subjects=subjects_of((one.code, one.topic_words) for one in library),
    )


def subjects_of(rows: Iterable[tuple[str, Iterable[str]]]) -> SubjectIndex:
    """Return the index of texts given as code and topic words.

    All languages of a code go together: Hindi drafts say "SIP", and their subject line is often English.
    """
    words_of: dict[str, list[str]] = {}
    for code, topic_words in rows:
        words_of.setdefault(code, []).extend(topic_words)
    return index_of(words_of)


def _value(text: ShippedText, rung: str) -> ShelfText:
    return ShelfText(
        rung=rung,
        id=uuid5(NAMESPACE_URL, f"{rung}/{text.code}/{text.language}"),
        code=text.code,
        language=text.language,
        title=text.title,
        content_class=text.content_class,
        channels=frozenset(text.channels),
        registrants=frozenset(text.registrants),
        body=text.text,
        slots=MappingProxyType(dict(text.slots)),
        approved_on=text.approved_on,
        expires_on=text.expires_on,
    )
