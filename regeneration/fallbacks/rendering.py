"""Put a shelf text into one advisor's mouth: slots, signature, mandated texts; and prove that it came through whole."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from jarvish_regen.content.compliance.pack import Pack, current_pack
from regeneration import mandated
from regeneration.fallbacks import slots
from regeneration.fallbacks.values import ShelfText
from regeneration.job import Constraints, Job
from regeneration.local_repair import with_known_texts
from regeneration.resolution import measures
from regeneration.validate import report_on


@dataclass(frozen=True, slots=True)
class Rendered:
    """Hold a text that may be shown; ``wording`` is the approved text in it, slots filled, nothing added."""

    text: str
    wording: str


def render(entry: ShelfText, job: Job, *, language: str, today: date) -> Rendered | None:
    """Return a shelf text filled for this job, or None when a slot has no value or no lawful form fits the platform."""
    names = slots.slot_names(entry.body)
    values = slots.values_for(names, entry.slots, job, language=language, today=today)
    if values is None:
        return None
    body = slots.filled(entry.body, values).strip()
    is_signed = any(slots.type_of(name, entry.slots) == "signature" for name in names)
    return finished(body, job, is_signed=is_signed)


def finished(body: str, job: Job, *, is_signed: bool = False) -> Rendered | None:
    """Return a filled body with signature and mandated texts, or None when the whole is not admissible here.

    The whole signature is tried first, then name and number, then what the rules add by themselves.
    """
    if not body or len(body) > hard_limit(job.context.channel):
        return None
    whole, brief = slots.signature_of(job), slots.short_signature_of(job)
    for signature in ("",) if is_signed else tuple(dict.fromkeys((whole, brief, ""))):
        signed = f"{body}\n\n{signature}" if signature and not mandated.shows(body, signature) else body
        if len(signed) > hard_limit(job.context.channel):
            continue
        text = with_known_texts(job, signed)
        if is_whole(body, text) and report_on(text, job.context).is_admissible:
            return Rendered(text, body) if keeps(job.constraints, text, job) else None
    return None


def is_whole(body: str, text: str) -> bool:
    """Say whether repair left every line of the body in its place, in order; markup and emoji are not words.

    Mandated lines go between the message and its signature, so lines need not follow each other at once.
    """
    words, place = " ".join(measures.word_keys(text)), 0
    for line in body.splitlines():
        wanted = " ".join(measures.word_keys(line))
        found = words.find(wanted, place)
        if found < 0:
            return False
        place = found + len(wanted)
    return True


def keeps(constraints: Constraints, text: str, job: Job) -> bool:
    """Say whether a text does what the caller demanded; a tone cannot be proven and is not asked of the shelf."""
    if constraints == Constraints():
        return True
    most = constraints.max_length
    if most is not None and len(mandated.without_known_texts(text, job)) > most:
        return False
    return all(mandated.shows(text, one) for one in constraints.include_elements) and not any(
        mandated.shows(text, one) for one in constraints.exclude_terms
    )


def hard_limit(channel: str) -> int:
    """Return the most characters the platform takes, mandated texts included (rule pack, CHF-01)."""
    return _hard_limit(current_pack(), channel)


@lru_cache(maxsize=64)
def _hard_limit(pack: Pack, channel: str) -> int:
    limits = [
        limit
        for rule in pack.rules
        if rule.measure == "chars" and (limit := rule.hard_max_by_channel.get(channel)) is not None
    ]
    return min(limits, default=20_000)
