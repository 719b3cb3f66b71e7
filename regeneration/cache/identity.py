"""Take an advisor's and a client's identity out of a text before it is kept, and put today's in when it is used.

A slot is written ``⟦name⟧``, or ``⟦name:u⟧`` where the value stood in capitals. A text that still shows a piece of
identity after slotting, or that holds the brackets itself, is not kept at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import regex

from jarvish_regen.language.lexicon import ORDINARY_CAPITALS
from jarvish_regen.language.masking import mask
from jarvish_regen.language.words import normalise_for_comparison, words
from regeneration.job import FeedbackBrief, Job, once_a_job
from regeneration.mandated import is_label

_OPEN, _CLOSE = "⟦", "⟧"
_SLOT = regex.compile(r"⟦(?P<slot>[a-zA-Z]+(?:[.\-]\d+)*)(?::(?P<form>[ult]))?⟧")
_SEPARATORS = regex.compile(r"[|\n\r,;·•/()]+")
_NO_LETTER_BEFORE = r"(?<![\p{L}\p{M}\p{N}])"
# A Devanagari name takes its case ending without a blank ("रमेशला"), hence only Latin letters are barred behind it.
_NO_LETTER_AFTER = r"(?![a-zA-Z\p{N}])"
# Shorter words, and words every text uses, are a name only as they are written in the profile.
_SHORTEST_NAME = 3
_FEWEST_DIGITS = 5


@dataclass(frozen=True)
class Identity:
    """Hold one job's identity as (slot, value) pairs, the longest value first. It is personal data: never store it."""

    values: tuple[tuple[str, str], ...]

    def slotted(self, text: str) -> str | None:
        """Return ``text`` with every value replaced by its slot, or None when identity would remain in it."""
        if _OPEN in text or _CLOSE in text:
            return None
        pieces: list[str] = []
        at = 0
        for match in self._pattern.finditer(text) if self._pattern else ():
            slot = self._slot_of(match.group())
            if slot is None:
                return None
            pieces += [text[at : match.start()], slot]
            at = match.end()
        slotted = "".join([*pieces, text[at:]])
        return None if self.shows_in(slotted) else slotted

    def put_in(self, slotted: str) -> str | None:
        """Return a kept text with this identity in its slots, or None when it has no value for one of them."""
        by_slot = dict(self.values)
        missing = False

        def value(match: regex.Match[str]) -> str:
            nonlocal missing
            found = by_slot.get(match["slot"])
            missing = missing or found is None
            form = {"u": str.upper, "l": str.lower, "t": str.title}.get(match["form"] or "", str)
            return form(found or "")

        text = _SLOT.sub(value, slotted)
        return None if missing or _OPEN in text else text

    def shows_in(self, slotted: str) -> bool:
        """Say whether any of the identity, or any personal data at all, is left in a slotted text."""
        bare = _SLOT.sub(" ", slotted)
        if mask(bare).found:
            return True
        flat = normalise_for_comparison(bare)
        digits = regex.sub(r"(?<=\d)[\s\-]+(?=\d)", "", flat)
        return bool(self._trace and (self._trace.search(flat) or self._trace.search(digits)))

    @cached_property
    def _pattern(self) -> regex.Pattern[str] | None:
        parts = [
            f"{regex.escape(value)}" if _is_plain(value) else f"(?i:{regex.escape(value)})"
            for _slot, value in self.values
        ]
        if not parts:
            return None
        return regex.compile(f"{_NO_LETTER_BEFORE}(?:{'|'.join(parts)}){_NO_LETTER_AFTER}")

    @cached_property
    def _trace(self) -> regex.Pattern[str] | None:
        flat = {normalise_for_comparison(value) for _slot, value in self.values if not _is_plain(value)}
        parts = "|".join(regex.escape(value) for value in sorted(flat) if value)
        return regex.compile(f"{_NO_LETTER_BEFORE}(?:{parts}){_NO_LETTER_AFTER}") if parts else None

    def _slot_of(self, found: str) -> str | None:
        """Return the slot of the words found; None when they are written in a way no slot can give back."""
        for slot, value in self.values:
            if found == value:
                return f"{_OPEN}{slot}{_CLOSE}"
        for slot, value in self.values:
            if found.casefold() == value.casefold():
                for form, written in (("u", value.upper()), ("l", value.lower()), ("t", value.title())):
                    if found == written:
                        return f"{_OPEN}{slot}:{form}{_CLOSE}"
        return None


@once_a_job
def identity_of(job: Job) -> Identity:
    """Return the identity in a job: profile, signature, registration, client names and personal data in its texts."""
    seen: dict[str, str] = {}
    for slot, value in _values(job):
        value = value.strip()
        if value and value not in seen:
            seen[value] = slot
    return Identity(tuple(sorted(((slot, value) for value, slot in seen.items()), key=lambda p: (-len(p[1]), p))))


def slotted_brief(job: Job, identity: Identity) -> FeedbackBrief | None:
    """Return what the person said with identity slotted out, or None when some would remain.

    A quote is told from the same words elsewhere by its number among them, in ``prefix``: what really stands around it
    may cut a name in two.
    """
    brief = job.feedback
    note, suggestions = identity.slotted(brief.note), identity.slotted(brief.suggestions)
    if note is None or suggestions is None:
        return None
    issues = []
    for issue in brief.issues:
        said, anchor = identity.slotted(issue.note), issue.anchor
        if said is None:
            return None
        if anchor is not None:
            quote = identity.slotted(anchor.quote)
            if quote is None:
                return None
            number = job.rejected_text.count(anchor.quote, 0, anchor.start)
            anchor = replace(anchor, start=0, end=0, quote=quote, prefix=f"#{number}", suffix="")
        issues.append(replace(issue, note=said, anchor=anchor))
    return replace(brief, note=note, suggestions=suggestions, issues=tuple(issues))


def _values(job: Job) -> Iterator[tuple[str, str]]:
    context, voice = job.context, job.voice
    yield "signature", voice.signature
    yield "registration", context.registration_no or ""
    yield "euin", context.euin or ""
    yield "phone", voice.phone
    for slot, name in (("name", voice.registered_name), ("registrant", context.registrant_name or "")):
        yield slot, name
        yield from _parts(slot, name)
    for number, part in enumerate(_SEPARATORS.split(voice.signature), start=1):
        if not all(is_label(word) for word in words(normalise_for_comparison(part))):
            yield f"signature.{number}", part
            yield from _parts(f"signature.{number}", part)
    for slot, given in (("registration", context.registration_no), ("euin", context.euin), ("phone", voice.phone)):
        digits = regex.sub(r"\D", "", given or "")
        if len(digits) >= _FEWEST_DIGITS:
            yield f"{slot}.1", digits
            yield f"{slot}.2", digits[-10:]
    for number, name in enumerate(job.situation.client_names, start=1):
        yield f"client.{number}", name
        yield from _parts(f"client.{number}", name)
    yield from _personal_data(
        (job.rejected_text, job.feedback.note, job.feedback.suggestions, *(i.note for i in job.feedback.issues)),
    )


def _parts(slot: str, name: str) -> Iterator[tuple[str, str]]:
    for number, word in enumerate(words(name), start=1):
        if len(word) > 1 and not is_label(normalise_for_comparison(word)):
            yield f"{slot}.{number}", word


def _personal_data(texts: Iterable[str]) -> Iterator[tuple[str, str]]:
    # All texts at once, so that a number has one place in the order wherever it is said.
    for found in (masked := mask("\n\n".join(texts))).found:
        yield found.placeholder.strip("[]"), masked.mapping[found.placeholder]


def _is_plain(value: str) -> bool:
    """Say whether a value counts as identity only in exactly its own writing."""
    if " " in value.strip() or any(character.isdigit() for character in value):
        return False
    flat = normalise_for_comparison(value)
    return len(value) < _SHORTEST_NAME or flat in ORDINARY_CAPITALS
