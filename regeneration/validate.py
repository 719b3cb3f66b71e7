"""Judge one candidate: may it be shown, and does it answer what was said."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from django.utils.translation import gettext as _

from jarvish_regen.content.compliance.check import Report, TextContext, report_of
from jarvish_regen.content.compliance.pack import current_pack
from jarvish_regen.language.figures import Figure, figures, new_figures
from jarvish_regen.language.foreign import foreign_language
from jarvish_regen.language.identify import identify
from jarvish_regen.language.names import new_names
from jarvish_regen.language.sentences import sentences
from jarvish_regen.language.words import normalise_for_comparison
from regeneration import mandated
from regeneration.job import CandidateText, Constraints, Job, Resolution, Verdict, once_a_job
from regeneration.prompts import DEFAULT_LAYERS, FIXED_LINES, SYSTEM
from regeneration.resolution import measures, resolutions
from regeneration.resolution.comparison import body_before
from regeneration.rest import free_spans, is_whole_text_free, rest_is_intact

# So many words in a row from our instructions are no coincidence (RELIABILITY.md, LLM07).
LEAK_WORDS = 12
# A shorter line of ours is told by its whole, where a sentence begins with it; of fewer words it may be anyone's.
FEWEST_LINE_WORDS = 5
# A text this short says nothing any more, whatever the rules think of it.
FEWEST_BODY_WORDS = 3


def validate(job: Job, candidate: CandidateText) -> Verdict:
    """Return the verdict on ``candidate``.

    Admissible means: no critical or major finding, not the rejected text, and nothing a reader could be
    misled by (no new
    number or name, statutory texts intact, no placeholder, none of our instructions, something left to
    read). Valid means
    admissible, every named issue resolved, the rest untouched and the language kept.
    """
    before = report_before(job)
    report = report_on(candidate.text, job.context)
    settled = resolutions(job, candidate.text, before=before, after=report)
    barring = _barring_objections(job, candidate, report)
    lesser = [*_lesser_objections(job, candidate.text, before), *_unmet_demands(job, candidate.text)]
    is_admissible = not barring
    unresolved = tuple(
        f"{resolution.code}: {resolution.says}" for resolution in settled if resolution.status == "unresolved"
    )
    return Verdict(
        is_admissible=is_admissible,
        is_valid=is_admissible and not lesser and not unresolved,
        report=report,
        resolutions=settled,
        objections=(*barring, *lesser),
        score=_score(report, settled, is_admissible=is_admissible, lesser=len(lesser)),
    )


def report_on(text: str, context: TextContext) -> Report:
    """Return the compliance report of a text; an attempt asks for the same few again and again."""
    return report_of(text, context)


def report_before(job: Job) -> Report:
    """Return the compliance report of the rejected text by today's rules."""
    by_pack = _reports_before(job)
    version = current_pack().sha256
    if version not in by_pack:
        by_pack[version] = report_on(job.rejected_text, job.context)
    return by_pack[version]


@once_a_job
def _reports_before(job: Job) -> dict[str, Report]:
    return {}


def is_rejected_text(job: Job, text: str) -> bool:
    """Say whether ``text`` reads as the rejected text; other paragraphs make another text only where they
    were the fault.
    """
    if any(issue.code == "poor_structure" for issue in job.feedback.issues):
        return _read_lines(text) == _read_lines(job.rejected_text)
    return normalise_for_comparison(text) == normalise_for_comparison(job.rejected_text)


def _read_lines(text: str) -> list[str]:
    return [line for line in map(normalise_for_comparison, text.splitlines()) if line]


def _own_sources(job: Job) -> tuple[str, ...]:
    """Return every text of the job from which a number or a name may come."""
    feedback, voice = job.feedback, job.voice
    return (
        job.rejected_text,
        feedback.note,
        feedback.suggestions,
        *(issue.note for issue in feedback.issues),
        voice.voice,
        voice.audience,
        *mandated.profile_texts(job),
        *job.approved_facts,
        *job.constraints.include_elements,
    )


def _barring_objections(job: Job, candidate: CandidateText, report: Report) -> tuple[str, ...]:
    text = candidate.text
    objections = [finding.message for finding in report.findings if finding.severity != "minor"]
    if is_rejected_text(job, text):
        objections.append(_("It is the rejected text."))
    if len(measures.word_keys(mandated.without_known_texts(text, job))) < FEWEST_BODY_WORDS:
        objections.append(_("Nothing is left to read but mandated lines."))
    for figure in _figures_of_nobody(job, candidate):
        objections.append(_("The number %(number)s was given by nobody.") % {"number": figure.text})
    for name in _names_of_nobody(job, candidate):
        objections.append(_("The name %(name)s was given by nobody.") % {"name": name})
    objections += _statutory_objections(job, text)
    objections += _foreign_objections(job, text)
    masks = job.context.masks
    if any(text[start:end] not in masks for start, end in measures.placeholder_spans(text)):
        objections.append(_("A placeholder is visible."))
    if leaks_instructions(text, known=job.rejected_text):
        objections.append(_("It repeats our own instructions."))
    return tuple(objections)


def _figures_of_nobody(job: Job, candidate: CandidateText) -> tuple[Figure, ...]:
    """Return the figures that no source holds; their positions are nobody's business.

    Only lines that no source has as a whole are read: no figure reaches from one line into the next, so the figures of
    a line depend on nothing but the line, and what a source says the candidate may say.
    """
    everybodys, own = _everybodys(job).text, _joined((_own(job).text, candidate.wording))
    known_lines = {*_everybodys(job).lines, *_own(job).lines, *candidate.wording.split("\n")}
    new_lines = "\n".join(line for line in candidate.text.split("\n") if line not in known_lines)
    if not figures(new_lines) or not new_figures(new_lines, (own,)):
        return ()
    return new_figures(new_lines, (own, everybodys))


def _names_of_nobody(job: Job, candidate: CandidateText) -> tuple[str, ...]:
    """Return the names that no source holds; a text all of whose words were given brings none."""
    new_words = set(measures.word_keys(candidate.text)) - _own(job).words - _everybodys(job).words
    if not new_words or new_words.issubset(measures.word_keys(candidate.wording)):
        return ()
    # One text is read quicker than forty; a blank line keeps a name from running into the next source.
    return new_names(candidate.text, (_joined((_own(job).text, _everybodys(job).text, candidate.wording)),))


@dataclass(frozen=True, slots=True)
class _Source:
    """Hold what a candidate may repeat: the texts a blank line apart, their lines, their words as compared."""

    text: str
    lines: frozenset[str]
    words: frozenset[str]


def _joined(texts: Iterable[str]) -> str:
    return "\n\n".join(text for text in texts if text)


def _source_of(texts: Iterable[str]) -> _Source:
    text = _joined(texts)
    return _Source(text, frozenset(text.split("\n")), frozenset(measures.word_keys(text)))


@once_a_job
def _own(job: Job) -> _Source:
    return _source_of(_own_sources(job))


def _everybodys(job: Job) -> _Source:
    return _everybodys_source(mandated.statutory_texts(job.context.language))


@lru_cache(maxsize=16)
def _everybodys_source(texts: tuple[str, ...]) -> _Source:
    return _source_of(texts)


def _statutory_objections(job: Job, text: str) -> list[str]:
    """Object where a statutory text that stood in the rejected text is no longer there in any language, and where
    one is written with other words.
    """
    objections = []
    every = mandated.all_wordings()
    for wordings in every:
        if any(mandated.shown(job.rejected_text, wordings)) and not any(mandated.shown(text, wordings)):
            objections.append(_("A statutory text was removed or altered: %(text)s") % {"text": wordings[0]})
    for words in mandated.altered_statutory_texts(text, job):
        objections.append(_("It alters a statutory text: “%(words)s”.") % {"words": words})
    return objections


def _foreign_objections(job: Job, text: str) -> list[str]:
    """Object to new sentences in another language of Latin letters, unless the rejected text was in it too."""
    were = {one.text for one in sentences(job.rejected_text)}
    others = [one.text for one in sentences(text) if one.text not in were]
    given = normalise_for_comparison("\n".join((job.rejected_text, *job.approved_facts))) if others else ""
    new = [one for one in others if normalise_for_comparison(one) not in given]
    found = [(name, one) for one in new if (name := foreign_language(one))]
    if not found:
        return []
    was = {foreign_language(one.text) for one in sentences(job.rejected_text)}
    return [_("It brings another language: “%(words)s”.") % {"words": one} for name, one in found if name not in was]


def _lesser_objections(job: Job, text: str, before: Report) -> tuple[str, ...]:
    objections = []
    if not is_whole_text_free(job, before) and not rest_is_intact(job, text, free_spans(job, before)):
        objections.append(_("It changes words that nobody objected to."))
    if not any(issue.code in {"wrong_language", "poor_translation"} for issue in job.feedback.issues):
        was = language_before(job)
        now = identify(mandated.without_known_texts(text, job))
        if was != now:
            objections.append(_("It is written in another language than the rejected text."))
    return tuple(objections)


@once_a_job
def language_before(job: Job) -> str:
    """Return the language the rejected text is written in, mandated texts left out."""
    return identify(body_before(job))


def _unmet_demands(job: Job, text: str) -> list[str]:
    """Object to what the caller demanded beside the feedback and did not get."""
    wanted = job.constraints
    if wanted == Constraints():
        return []
    objections = []
    own = mandated.without_known_texts(text, job).strip()
    if wanted.max_length is not None and len(own) > wanted.max_length:
        objections.append(
            _("It has %(count)d characters; at most %(most)d were asked for.")
            % {"count": len(own), "most": wanted.max_length}
        )
    read = normalise_for_comparison(text)
    for element in wanted.include_elements:
        if normalise_for_comparison(element) not in read:
            objections.append(_("It leaves out “%(what)s”, which was asked for.") % {"what": element})
    for term in wanted.exclude_terms:
        if normalise_for_comparison(term) in read:
            objections.append(_("It says “%(what)s”, which was to be left out.") % {"what": term})
    return objections


def leaks_instructions(text: str, *, known: str = "") -> bool:
    """Say whether twelve words in a row of our instructions stand in ``text``, or one of our shorter lines, that
    ``known``, the rejected text, does not hold.
    """
    runs = _runs_of_ours(text)
    if runs and runs - _runs_of_ours(known):
        return True
    lines = _instruction_lines()
    begins = [
        measures.word_keys(text[one.start : one.start + _LINE_REACH])
        for one in sentences(text)
        if _may_begin_a_line(text[one.start : one.start + _LOOK_CHARS])
    ]
    told = {line for length, listed in lines for words in begins if (line := tuple(words[:length])) in listed}
    return bool(told) and not told <= _lines_in(known, lines)


# No line of ours is that many characters long.
_LINE_REACH = 200
# Enough to see the first word of most sentences.
_LOOK_CHARS = 32


def _may_begin_a_line(beginning: str) -> bool:
    found = measures.word_keys(beginning)
    # Of a single word it is not known whether it is whole.
    return len(found) < 2 or found[0] in _first_words_of_lines()


def _runs_of_ours(text: str) -> set[tuple[str, ...]]:
    words = measures.word_keys(text)
    runs, first = _instruction_runs(), _first_words_of_runs()
    return {
        run
        for at in range(len(words) - LEAK_WORDS + 1)
        if words[at] in first and (run := tuple(words[at : at + LEAK_WORDS])) in runs
    }


def _lines_in(text: str, lines: tuple[tuple[int, frozenset[tuple[str, ...]]], ...]) -> set[tuple[str, ...]]:
    words = measures.word_keys(text)
    return {
        line
        for length, listed in lines
        for at in range(len(words))
        if (line := tuple(words[at : at + length])) in listed
    }


def _our_lines() -> tuple[str, ...]:
    """Return every fixed line of a prompt: the tasks, channels, kinds, advice and what no layer holds."""
    layers = (DEFAULT_LAYERS.tasks, DEFAULT_LAYERS.channels, DEFAULT_LAYERS.assets, DEFAULT_LAYERS.learned)
    return (*FIXED_LINES, *(line for lines in layers for line in lines.values()))


@lru_cache(maxsize=1)
def _instruction_runs() -> frozenset[tuple[str, ...]]:
    told = [measures.word_keys(part) for part in (SYSTEM, *_our_lines())]
    return frozenset(tuple(words[at : at + LEAK_WORDS]) for words in told for at in range(len(words) - LEAK_WORDS + 1))


@lru_cache(maxsize=1)
def _first_words_of_runs() -> frozenset[str]:
    return frozenset(run[0] for run in _instruction_runs())


@lru_cache(maxsize=1)
def _first_words_of_lines() -> frozenset[str]:
    return frozenset(line[0] for _length, listed in _instruction_lines() for line in listed)


@lru_cache(maxsize=1)
def _instruction_lines() -> tuple[tuple[int, frozenset[tuple[str, ...]]], ...]:
    """Return the lines too short for a run, as their words, by how many they are."""
    by_length: dict[int, set[tuple[str, ...]]] = {}
    for line in _our_lines():
        words = tuple(measures.word_keys(line))
        if len(words) >= FEWEST_LINE_WORDS:
            by_length.setdefault(len(words), set()).add(words)
    return tuple((length, frozenset(listed)) for length, listed in sorted(by_length.items()))


def _score(report: Report, settled: tuple[Resolution, ...], *, is_admissible: bool, lesser: int) -> float:
    worth = {"checked": 1.0, "estimated": 0.85, "changed": 0.7, "unresolved": 0.0}
    resolved = sum(worth[resolution.status] for resolution in settled) / len(settled) if settled else 1.0
    calm = 1.0 - min(report.risk_score, 100) / 100
    minor = min(len(report.findings), 5) / 5
    score = 0.65 * resolved + 0.2 * calm + 0.15 * (1.0 - minor) - 0.25 * lesser
    return round(max(0.0, min(1.0, score)) * (1.0 if is_admissible else 0.25), 4)
