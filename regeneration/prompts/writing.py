"""Put a prompt together: the stable layers first, then what changes with channel, language and advisor, then the data.

Everything people wrote is one line of JSON between two lines that carry a nonce. docs/engine.md has the format.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jarvish_regen.content.compliance.check import Report
from jarvish_regen.content.compliance.repair import Repair
from jarvish_regen.language.masking import mask
from jarvish_regen.language.sentences import sentences
from regeneration.edits import ReplyKind
from regeneration.job import Job
from regeneration.mandated import is_made_of_known_texts, statutory_texts
from regeneration.prompts.budget import estimated_tokens
from regeneration.prompts.data import Demands, IssueData, RequestData, within_budget
from regeneration.prompts.layers import COMPLIANCE, DEFAULT_LAYERS, Layers, learned_lines
from regeneration.prompts.prompt import Prompt
from regeneration.resolution import goals, measures
from regeneration.resolution.comparison import mark_of
from regeneration.rest import free_spans, is_whole_text_free

LANGUAGE_NAMES: Mapping[str, str] = {
    "en": "English",
    "hi": "Hindi in Devanagari",
    "mr": "Marathi in Devanagari",
    "hinglish": "Hindi in Latin letters (Hinglish)",
}
_FULL_TEXT_ALLOWED = 'The feedback is on the whole text: {"full_text": "..."} in place of edits is fine too.'
_DEMANDS = 'Meet "demands" too, within the compliance rules.'
_LEARNED_HEAD = "From earlier rejections:"
_REPLY = "Reply with JSON only."
# Our lines that no layer holds.
FIXED_LINES = (_FULL_TEXT_ALLOWED, _DEMANDS, _LEARNED_HEAD, _REPLY)

# A full reply to a 1,500 character text in Devanagari is about 1,500 tokens; edits are a fifth of that.
_EDIT_TOKENS = 700
_FULL_TEXT_TOKENS = 2200
# The frame of a short reply, and what the words quoted and the new ones need.
_SIMPLE_FRAME_TOKENS = 120


def write_prompt(job: Job, *, repair: Repair, before: Report, nonce: str, layers: Layers = DEFAULT_LAYERS) -> Prompt:
    """Return the prompt for ``job``.

    ``repair`` is what rule repair did to the rejected text, told to the model as facts; ``before`` its report.
    ``nonce`` must be unpredictable to whoever wrote the feedback, else the end of the data could be forged.
    """
    is_free = is_whole_text_free(job, before)
    data, _, mapping = _masked(job, _data_of(job, before, repair))
    return _prompt(
        job,
        data,
        sent=within_budget(data),
        mapping=mapping,
        nonce=nonce,
        layers=layers,
        task=job.tactic,
        allows_full_text=is_free and job.tactic != "whole_text",
        max_output_tokens=_FULL_TEXT_TOKENS if is_free else _EDIT_TOKENS,
    )


def write_simple_prompt(job: Job, *, before: Report, nonce: str, layers: Layers = DEFAULT_LAYERS) -> Prompt:
    """Return a shorter prompt for ``job``: only the sentences at fault and the bare issues, for a shorter reply.

    The reply has the same format and its edits are placed in the whole rejected text.
    """
    spans = free_spans(job, before)
    own = [one for one in sentences(job.rejected_text) if not is_made_of_known_texts(one.text, job)]
    at_fault = [one for one in own if any(one.start < end and start < one.end for start, end in spans)]
    data, lines, mapping = _masked(job, _data_of(job, before), [one.text for one in at_fault or own])
    sent = RequestData(
        text="\n".join(lines),
        issues=tuple(IssueData(issue.code, issue.words) for issue in data.issues),
        limits=data.limits,
    )
    return _prompt(
        job,
        data,
        sent=within_budget(sent),
        mapping=mapping,
        nonce=nonce,
        layers=layers,
        task="simple",
        allows_full_text=False,
        max_output_tokens=min(_EDIT_TOKENS, _SIMPLE_FRAME_TOKENS + 2 * estimated_tokens(sent.text)),
    )


def instructions(job: Job, layers: Layers = DEFAULT_LAYERS) -> str:
    """Return what of the prompt is ours, all but the data, at its longest for ``job``. For counting tokens."""
    head = _head(job, layers, task=job.tactic, allows_full_text=True)
    return "\n".join((layers.system_message, *head, *_frame("", ""), *_tail()))


def _prompt(
    job: Job,
    data: RequestData,
    *,
    sent: RequestData,
    mapping: Mapping[str, str],
    nonce: str,
    layers: Layers,
    task: str,
    allows_full_text: bool,
    max_output_tokens: int,
) -> Prompt:
    head = _head(job, layers, task=task, allows_full_text=allows_full_text)
    user = "\n".join((*head, *_frame(nonce, sent.line()), *_tail()))
    return Prompt(
        messages=({"role": "system", "content": layers.system_message}, {"role": "user", "content": user}),
        mapping=mapping,
        max_output_tokens=max_output_tokens,
        reply=_reply_of(task, allows_full_text=allows_full_text),
        version=layers.version,
        sources="\n".join(_texts_of(data)),
        masked_text=data.text,
    )


def _reply_of(task: str, *, allows_full_text: bool) -> ReplyKind:
    if task == "whole_text":
        return "text"
    return "edits_or_text" if allows_full_text else "edits"


def _head(job: Job, layers: Layers, *, task: str, allows_full_text: bool) -> list[str]:
    """Return our lines before the data, from what many requests share to what few do."""
    named = [issue.code for issue in job.feedback.issues]
    learned = learned_lines(layers, job.situation.recent_codes, named=named)
    asset = layers.assets.get(job.context.content_class or "")
    return [
        layers.tasks[task],
        *([_FULL_TEXT_ALLOWED] if allows_full_text else []),
        layers.channels.get(job.context.channel, "Channel: plain text."),
        *([asset] if asset else []),
        f"Language: {LANGUAGE_NAMES.get(_language_of_answer(job), 'the language of the text')}.",
        *([_LEARNED_HEAD, *(f"- {line}" for line in learned)] if learned else []),
        *([_DEMANDS] if task != "simple" and _demands_of(job).as_json() else []),
    ]


def _frame(nonce: str, line: str) -> tuple[str, str, str]:
    return f'<data nonce="{nonce}">', line, f'</data nonce="{nonce}">'


def _tail() -> tuple[str, str]:
    return _REPLY, COMPLIANCE


def _data_of(job: Job, before: Report, repair: Repair | None = None) -> RequestData:
    text, feedback, voice = job.rejected_text, job.feedback, job.voice
    marks = [mark_of(job, issue) for issue in feedback.issues]
    changes = repair.changes if repair else ()
    return RequestData(
        text=text,
        issues=tuple(
            IssueData(
                code=issue.code,
                words=text[slice(*mark)] if mark else "",
                sentence=text[slice(*measures.sentence_span(text, mark))] if mark else "",
                note=issue.note,
            )
            for issue, mark in zip(feedback.issues, marks, strict=True)
        ),
        category=feedback.category,
        note=feedback.note,
        suggestions=feedback.suggestions,
        remove=tuple((change.old, change.new) for change in changes if change.old.strip()),
        inserted_by_us=tuple(change.new.strip() for change in changes if not change.old.strip() and change.new.strip()),
        keep_exactly=tuple(one for one in statutory_texts() if one in text),
        limits=_limits(job, before),
        demands=_demands_of(job),
        style=voice.voice,
        audience=voice.audience,
        topic=job.situation.topic,
        facts=job.approved_facts,
    )


def _demands_of(job: Job) -> Demands:
    asked = job.constraints
    return Demands(asked.max_length, asked.tone, asked.include_elements, asked.exclude_terms)


def _masked(
    job: Job, data: RequestData, lines: Sequence[str] = ()
) -> tuple[RequestData, Sequence[str], Mapping[str, str]]:
    """Return ``data`` and ``lines`` with personal data masked alike in every field, and the map back."""
    raw = [*lines, *_texts_of(data)]
    # A line none of them holds, which also keeps patterns from reaching from one text into the next.
    between = "\n\x1e\n"
    while between.join(raw).split(between) != raw:
        between = f"\x1e{between}"
    masked = mask(between.join(raw), names=job.situation.client_names)
    texts = masked.text.split(between)
    return _with_texts(data, texts[len(lines) :]), texts[: len(lines)], masked.mapping


def _texts_of(data: RequestData) -> list[str]:
    """Return every text of ``data`` that people may have written, in a fixed order."""
    return [
        data.text,
        data.category,
        data.note,
        data.suggestions,
        *(text for issue in data.issues for text in (issue.words, issue.sentence, issue.note)),
        *(text for pair in data.remove for text in pair),
        *data.inserted_by_us,
        *data.keep_exactly,
        data.demands.tone,
        *data.demands.include,
        *data.demands.exclude,
        data.style,
        data.audience,
        data.topic,
        *data.facts,
    ]


def _with_texts(data: RequestData, texts: Sequence[str]) -> RequestData:
    """Return ``data`` with other texts in the order of ``_texts_of``."""
    parts = iter(texts)

    def take(count: int) -> tuple[str, ...]:
        return tuple(next(parts) for _ in range(count))

    text, category, note, suggestions = take(4)
    issues = tuple(IssueData(issue.code, *take(3)) for issue in data.issues)
    remove = tuple((next(parts), next(parts)) for _ in data.remove)
    inserted, kept = take(len(data.inserted_by_us)), take(len(data.keep_exactly))
    (tone,) = take(1)
    demands = Demands(data.demands.max_length, tone, take(len(data.demands.include)), take(len(data.demands.exclude)))
    style, audience, topic = take(3)
    return RequestData(
        text=text,
        issues=issues,
        category=category,
        note=note,
        suggestions=suggestions,
        remove=remove,
        inserted_by_us=inserted,
        keep_exactly=kept,
        limits=data.limits,
        demands=demands,
        style=style,
        audience=audience,
        topic=topic,
        facts=take(len(data.facts)),
    )


def _limits(job: Job, before: Report) -> tuple[tuple[str, int], ...]:
    codes = {issue.code for issue in job.feedback.issues} | {finding.code for finding in before.findings}
    limits: list[tuple[str, int]] = []
    if "too_long" in codes:
        limits.append(("most_characters", goals.length_goal(job.context.channel, len(job.rejected_text))))
    if "too_short" in codes:
        least = int(len(measures.word_keys(job.rejected_text)) * measures.LONGER_SHARE) + 6
        limits.append(("least_words", least))
    return tuple(limits)


def _language_of_answer(job: Job) -> str:
    if not any(issue.code == "wrong_language" for issue in job.feedback.issues):
        return job.context.language
    said = "\n".join((job.feedback.note, job.feedback.suggestions, *(issue.note for issue in job.feedback.issues)))
    return goals.wanted_language(said, job.context.language, "")
