"""Find what the shelf has for one job: at most one template, one library text and one safe default. Pure."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.utils.translation import gettext as _

from jarvish_regen.language.identify import identify
from regeneration import mandated
from regeneration.fallbacks.rendering import finished, render
from regeneration.fallbacks.subjects import Match
from regeneration.fallbacks.values import Shelf, ShelfText
from regeneration.job import CandidateText, Job
from regeneration.resolution.goals import wanted_language
from regeneration.validate import report_on

# Below these a text is on another subject. Calibrated on the demo drafts (docs/fallbacks.md): one chance word in a
# draft reaches neither. A template speaks for the advisor on that very subject; a library text may be nearby.
TEMPLATE_SCORE_MIN: Final = 1.4
LIBRARY_SCORE_MIN: Final = 1.15
PHRASES_MIN: Final = 2
# One of the words must be the subject's own or nearly so: "festival" and "wishes" alone do not tell Diwali from Onam.
OWN_WORD_MIN: Final = 0.8
# A draft whose subject line speaks of something else is on this subject only if the text says so this often.
PHRASES_WITHOUT_TOPIC_MIN: Final = 4
# An advisor's readers get no text twice within a month; after two more it counts as new again.
LIBRARY_REST_DAYS: Final = 30
LIBRARY_FRESH_DAYS: Final = 90
# Each try costs one repair and one check (about 9 ms together); a third would break the 25 ms a rung may take.
TRIES: Final = 2
# Which shelf texts may answer a draft of this class: what only explains may stand in for what sells, never the reverse.
_CLASSES: Final[Mapping[str, tuple[str, ...]]] = {
    "advertisement": ("advertisement", "educational"),
    "educational": ("educational",),
    "service": ("service",),
    "greeting": ("greeting",),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Hold what a shelf text must be to answer a job."""

    language: str
    channel: str
    registrant_type: str
    content_class: str
    firm_id: uuid.UUID | None
    today: date


def shelf_candidates(
    job: Job,
    shelf: Shelf,
    *,
    firm_id: uuid.UUID | None,
    today: date,
    used: Mapping[str, datetime] | None = None,
) -> tuple[CandidateText, ...]:
    """Return what the shelf has for this job, at most one text a rung: ``template``, ``library``, ``default``.

    Each is admissible in the job's context as it stands; whether it answers the feedback is for ``validate`` to say.
    ``used`` maps codes of library texts to when this advisor last had them (``recently_used``).
    """
    found = (
        template_candidate(job, shelf, firm_id=firm_id, today=today),
        library_candidate(job, shelf, firm_id=firm_id, today=today, used=used),
        default_candidate(job, shelf),
    )
    return tuple(candidate for candidate in found if candidate is not None)


def wanted_by(job: Job, *, firm_id: uuid.UUID | None, today: date) -> Wanted:
    """Return what a shelf text must be to answer this job."""
    context = job.context
    said = "\n".join((job.feedback.note, job.feedback.suggestions, *(issue.note for issue in job.feedback.issues)))
    now = identify(mandated.without_known_texts(job.rejected_text, job))
    return Wanted(
        language=wanted_language(said, context.language, now),
        channel=context.channel,
        registrant_type=context.registrant_type,
        content_class=context.content_class or report_on(job.rejected_text, context).content_class,
        firm_id=firm_id,
        today=today,
    )


def template_candidate(job: Job, shelf: Shelf, *, firm_id: uuid.UUID | None, today: date) -> CandidateText | None:
    """Return the template on the draft's subject with its slots filled, or None when there is none."""
    wanted = wanted_by(job, firm_id=firm_id, today=today)
    matches = shelf.template_subjects.matches(_body_of(job), topic=job.situation.topic)
    entries = (
        shelf.templates.get((code, wanted.language))
        for code in _best(matches, TEMPLATE_SCORE_MIN, has_topic=bool(job.situation.topic))
    )
    says = _("From the template “%(title)s”: a text on this subject that was checked in every form it can take.")
    return _first(job, (entry for entry in entries if entry and _fits(entry, wanted)), wanted, says)


def library_candidate(
    job: Job,
    shelf: Shelf,
    *,
    firm_id: uuid.UUID | None,
    today: date,
    used: Mapping[str, datetime] | None = None,
) -> CandidateText | None:
    """Return the approved text that comes nearest to the draft's subject and that this advisor has not had lately."""
    wanted = wanted_by(job, firm_id=firm_id, today=today)
    matches = shelf.library_subjects.matches(_body_of(job), topic=job.situation.topic)
    entries = [
        entry
        for code in _best(matches, LIBRARY_SCORE_MIN, has_topic=bool(job.situation.topic))
        for entry in shelf.library.get((code, wanted.language), ())
        if _fits(entry, wanted) and _is_live(entry, today) and _freshness(entry, used, today) > 0
    ]

    def worth(entry: ShelfText) -> tuple[float, bool, int, str]:
        # The firm's own text before everybody's, the rarer before the common: readers compare notes.
        score = matches[entry.code].score * _freshness(entry, used, today)
        return score, entry.firm_id is not None, -entry.used_count, entry.code

    says = _("From the library: “%(title)s”, approved beforehand; only greeting, closing and date are yours to change.")
    return _first(job, sorted(entries, key=worth, reverse=True), wanted, says)


def default_candidate(job: Job, shelf: Shelf) -> CandidateText | None:
    """Return the signed text that is safe whatever happens, or None where no lawful text fits the platform."""
    wanted = wanted_by(job, firm_id=None, today=date.min)
    for language in dict.fromkeys((wanted.language, job.context.language, "en")):
        body = shelf.defaults.get((wanted.content_class, wanted.channel, wanted.registrant_type, language))
        made = finished(body, job) if body else None
        if made is not None:
            says = _("A signed text that is safe for this kind of message; it says little. Your draft needs a person.")
            return CandidateText("default", made.text, explanation=says, wording=made.wording)
    return None


def _body_of(job: Job) -> str:
    return mandated.without_known_texts(job.rejected_text, job)


def _best(matches: Mapping[str, Match], least: float, *, has_topic: bool) -> Iterator[str]:
    ranked = sorted(matches.items(), key=lambda pair: (-pair[1].score, pair[0]))
    return (code for code, match in ranked if match.score >= least and _is_on_subject(match, has_topic=has_topic))


def _is_on_subject(match: Match, *, has_topic: bool) -> bool:
    phrases_min = PHRASES_MIN if match.is_in_topic or not has_topic else PHRASES_WITHOUT_TOPIC_MIN
    return match.phrases_count >= phrases_min and match.strongest >= OWN_WORD_MIN


def _fits(entry: ShelfText, wanted: Wanted) -> bool:
    return (
        wanted.channel in entry.channels
        and wanted.registrant_type in entry.registrants
        and entry.content_class in _CLASSES.get(wanted.content_class, ())
        and entry.firm_id in (None, wanted.firm_id)
    )


def _is_live(entry: ShelfText, today: date) -> bool:
    return entry.expires_on is not None and today < entry.expires_on


def _freshness(entry: ShelfText, used: Mapping[str, datetime] | None, today: date) -> float:
    """Return 0.0 for a text this advisor had lately, 1.0 for one not had for long, between them in between."""
    last = (used or {}).get(entry.code)
    if last is None:
        return 1.0
    days = (today - last.date()).days
    if days < LIBRARY_REST_DAYS:
        return 0.0
    return min(1.0, days / LIBRARY_FRESH_DAYS)


def _first(job: Job, entries: Iterable[ShelfText], wanted: Wanted, says: str) -> CandidateText | None:
    for tried, entry in enumerate(entries):
        if tried == TRIES:
            return None
        made = render(entry, job, language=wanted.language, today=wanted.today)
        if made is not None:
            explanation = says % {"title": entry.title}
            return CandidateText(
                entry.rung, made.text, explanation=explanation, wording=made.wording, source=entry.code
            )
    return None
